package disk

import (
	"errors"
	"io"
	"os"
	"syscall"
)

// A file is a number of the system. An os.File would ask on each opening whether it
// can be polled, which a file on a disk cannot, and have no fdatasync.
type file struct {
	number int
	name   string
}

func create(name string) (File, error) {
	for {
		n, err := syscall.Open(name, syscall.O_WRONLY|syscall.O_CREAT|syscall.O_EXCL|syscall.O_CLOEXEC, 0o600)
		if err == nil {
			return &file{n, name}, nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return nil, &os.PathError{Op: "open", Path: name, Err: err}
		}
	}
}

func (f *file) Write(b []byte) (int, error) {
	return f.all(b, func(b []byte, _ int) (int, error) { return syscall.Write(f.number, b) })
}

func (f *file) WriteAt(b []byte, at int64) (int, error) {
	return f.all(b, func(b []byte, done int) (int, error) { return syscall.Pwrite(f.number, b, at+int64(done)) })
}

// all writes until all is written.
func (f *file) all(b []byte, write func(b []byte, done int) (int, error)) (done int, err error) {
	for done < len(b) {
		n, err := write(b[done:], done)
		switch {
		case errors.Is(err, syscall.EINTR):
			continue
		case err == nil && n <= 0:
			err = io.ErrShortWrite
		}
		if err != nil {
			return done, &os.PathError{Op: "write", Path: f.name, Err: err}
		}
		done += n
	}
	return done, nil
}

// Sync is fdatasync(2): it brings the length to the disk if that has changed, and
// not the times, which alone would cost as much again.
func (f *file) Sync() error {
	for {
		err := syscall.Fdatasync(f.number)
		if err == nil {
			return nil
		}
		if !errors.Is(err, syscall.EINTR) {
			return &os.PathError{Op: "fdatasync", Path: f.name, Err: err}
		}
	}
}

// Close does not try again: the number is free even if there was an error, and may
// be another file's by now (close(2)).
func (f *file) Close() error {
	number := f.number
	if f.number = -1; number < 0 {
		return &os.PathError{Op: "close", Path: f.name, Err: os.ErrClosed}
	}
	if err := syscall.Close(number); err != nil && !errors.Is(err, syscall.EINTR) {
		return &os.PathError{Op: "close", Path: f.name, Err: err}
	}
	return nil
}

// rename is without the look at the new name that os.Rename takes before, in order
// to say more if that is a directory.
func rename(from, to string) error {
	if err := syscall.Rename(from, to); err != nil {
		return &os.LinkError{Op: "rename", Old: from, New: to, Err: err}
	}
	return nil
}
