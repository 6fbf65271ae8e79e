package smtpd

import (
	"fmt"
	"io"
	"os"
	"sync"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// room is what the messages under way may take of memory and disk together.
type room struct {
	dir  string
	pool sync.Pool // *[]byte of firstBuffer octets

	mu     sync.Mutex
	memory int64
	disk   int64
}

const (
	firstBuffer = 16 << 10
	mostBuffer  = 128 << 10 // of a message; a bigger one goes to a file
)

func newRoom(l Limits, dir string) *room {
	return &room{dir: dir, memory: l.Memory, disk: l.Disk}
}

// take takes n octets from what is left, if they are there.
func (r *room) take(from *int64, n int64) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if *from < n {
		return false
	}
	*from -= n
	return true
}

func (r *room) give(to *int64, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	*to += n
}

// held is a message under way: in memory, or in a file that has no name.
type held struct {
	room  *room
	mem   []byte // cap is taken from room.memory, unless file is there
	file  *os.File
	named bool // the file has its name still
	size  int64
	err   error // the first; spool.ErrFull if there is no room
}

// write adds octets; after an error nothing.
func (h *held) write(p []byte) {
	if h.err != nil {
		return
	}
	if h.file == nil && len(h.mem)+len(p) > cap(h.mem) && !h.grow(len(h.mem)+len(p)) {
		h.err = h.spill()
	}
	switch {
	case h.err != nil:
	case h.file == nil:
		h.mem = append(h.mem, p...)
		h.size += int64(len(p))
	default:
		h.err = h.writeFile(p)
	}
}

// grow makes place for n octets in memory, if that many may be there.
func (h *held) grow(n int) bool {
	size := firstBuffer
	for size < n {
		size *= 2
	}
	if size > mostBuffer || !h.room.take(&h.room.memory, int64(size)) {
		return false
	}
	old := h.mem
	h.mem = append(h.room.buffer(size), old...)
	h.free(old)
	return true
}

// buffer is an empty one of that capacity.
func (r *room) buffer(size int) []byte {
	if size == firstBuffer {
		if pooled, ok := r.pool.Get().(*[]byte); ok {
			return (*pooled)[:0]
		}
	}
	return make([]byte, 0, size)
}

func (h *held) free(mem []byte) {
	if cap(mem) == 0 {
		return
	}
	h.room.give(&h.room.memory, int64(cap(mem)))
	if cap(mem) == firstBuffer {
		h.room.pool.Put(&mem)
	}
}

// spill moves the message to a file.
func (h *held) spill() error {
	file, err := os.CreateTemp(h.room.dir, "maildoctor-incoming-")
	if err != nil {
		return fmt.Errorf("%w: %w", spool.ErrFull, err)
	}
	h.file = file
	h.named = os.Remove(file.Name()) != nil // a file in use cannot go everywhere
	mem := h.mem
	h.mem, h.size = nil, 0
	defer h.free(mem)
	return h.writeFile(mem)
}

func (h *held) writeFile(p []byte) error {
	if !h.room.take(&h.room.disk, int64(len(p))) {
		return fmt.Errorf("%w: too much is under way", spool.ErrFull)
	}
	n, err := h.file.Write(p)
	if err != nil {
		h.room.give(&h.room.disk, int64(len(p)))
		return fmt.Errorf("%w: %w (after %d octets)", spool.ErrFull, err, n)
	}
	h.size += int64(n)
	return nil
}

// close gives back what the message took.
func (h *held) close() {
	h.free(h.mem)
	h.mem = nil
	if h.file != nil {
		h.room.give(&h.room.disk, h.size)
		_ = h.file.Close()
		if h.named {
			_ = os.Remove(h.file.Name())
		}
		h.file = nil
	}
}

// Size implements [Message].
func (h *held) Size() int64 { return h.size }

// ReadAt implements [Message].
func (h *held) ReadAt(p []byte, off int64) (int, error) {
	if h.file != nil {
		return h.file.ReadAt(p, off)
	}
	if off < 0 || off > int64(len(h.mem)) {
		return 0, io.EOF
	}
	n := copy(p, h.mem[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}
