package disktest

import (
	"bytes"
	"errors"
	"io"
)

// A file of Mem that is being written.
type file struct {
	m    *Mem
	name string
	node *inode
}

func (f *file) Write(b []byte) (int, error) { return f.write(b, -1) }

func (f *file) WriteAt(b []byte, at int64) (int, error) { return f.write(b, int(at)) }

// write writes at an offset, or behind the end if that is negative. The octets there
// are never changed in place, as other worlds may have them.
func (f *file) write(b []byte, at int) (int, error) {
	_, err := f.m.begin("write", f.name)
	defer f.m.mu.Unlock()
	n := len(b)
	switch {
	case errors.Is(err, io.ErrShortWrite):
		n /= 2
	case err != nil:
		n = 0
	}
	if at < 0 {
		at = len(f.node.data)
	}
	data := make([]byte, max(len(f.node.data), at+n))
	copy(data, f.node.data)
	copy(data[at:], b[:n])
	f.node.data = data
	return n, err
}

func (f *file) Sync() error {
	_, err := f.m.begin("sync", f.name)
	defer f.m.mu.Unlock()
	if err == nil {
		f.node.synced = f.node.data
	}
	return err
}

func (f *file) Close() error {
	_, err := f.m.begin("close", f.name)
	defer f.m.mu.Unlock()
	return err
}

// A reader of what a file held when it was opened.
type reader struct {
	*bytes.Reader
	m    *Mem
	name string
}

func (r *reader) Read(b []byte) (int, error) {
	_, err := r.m.begin("read", r.name)
	defer r.m.mu.Unlock()
	if err != nil {
		return 0, err
	}
	return r.Reader.Read(b)
}

// WriteTo goes through Read, so that it can fail.
func (r *reader) WriteTo(w io.Writer) (int64, error) {
	return io.Copy(w, struct{ io.Reader }{r})
}

func (r *reader) Close() error { return nil }
