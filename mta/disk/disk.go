// Package disk is the file system as the mail store needs it: few calls, each of
// which can fail, and none that hides what outlives a power cut.
//
// It knows files only. It is no general abstraction of file systems: there are no
// permissions to choose (everything is for the owner alone), no links, and only who
// made a file writes to it. Package disktest has one in memory that fails on demand.
package disk

import (
	"errors"
	"io"
	"io/fs"
	"syscall"
)

// A File is a new file that is being written.
type File interface {
	io.Writer
	io.WriterAt  // not used beside Write
	Sync() error // its octets outlive a power cut; its name only after SyncDir
	Close() error
}

// An Entry is a name in a directory.
type Entry struct {
	Name string
	Size int64 // octets; of a directory 0
	Dir  bool
}

// An FS is where mail is kept. Names are paths as the system has them. Errors
// wrap fs.ErrNotExist, fs.ErrExist and the errno of the system.
type FS interface {
	Create(name string) (File, error)            // a new file, mode 0600; fs.ErrExist if the name is taken
	Open(name string) (io.ReadSeekCloser, error) // for reading
	Rename(from, to string) error                // replaces to, at once
	Remove(name string) error                    // of a file
	Mkdir(name string) error                     // mode 0700, with what lies above; no error if it is there
	ReadDir(name string) ([]Entry, error)        // sorted by name
	SyncDir(name string) error                   // the names in it outlive a power cut
	Free(name string) (octets uint64, err error) // that may still be written there; math.MaxUint64 if the system cannot tell
	Lock(name string) (io.Closer, error)         // a file that one process holds; *LockedError if another does
}

// A LockedError says who holds a lock.
type LockedError struct {
	Name string
	PID  string // as its holder wrote it; empty if it could not be read
}

func (e *LockedError) Error() string {
	if e.PID == "" {
		return e.Name + " is held by another process"
	}
	return e.Name + " is held by process " + e.PID
}

// IsFull reports whether err says that there is no room: the disk is full, or the
// quota of its user.
func IsFull(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, quotaExceeded)
}

// Write makes a new file with that content, whose octets outlive a power cut. Its
// name does so only after SyncDir. When it fails there is no file.
func Write(d FS, name string, content []byte) error {
	f, err := d.Create(name)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return errors.Join(err, Gone(d.Remove(name)))
	}
	return nil
}

// ReadFile is the content of a file of at most that many octets.
func ReadFile(d FS, name string, most int64) ([]byte, error) {
	f, err := d.Open(name)
	if err != nil {
		return nil, err
	}
	content, err := io.ReadAll(io.LimitReader(f, most+1))
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	if int64(len(content)) > most {
		return nil, &fs.PathError{Op: "read", Path: name, Err: errors.New("larger than it may be")}
	}
	return content, nil
}

// Gone is the error of a removal, unless there was nothing to remove.
func Gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
