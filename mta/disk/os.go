package disk

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strconv"
	"strings"
)

// OS is the file system of the machine.
type OS struct{}

func (OS) Open(name string) (io.ReadSeekCloser, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	return f, nil
}

func (OS) Create(name string) (File, error) { return create(name) }
func (OS) Rename(from, to string) error     { return rename(from, to) }
func (OS) Remove(name string) error         { return os.Remove(name) }
func (OS) Mkdir(name string) error          { return os.MkdirAll(name, 0o700) }

func (OS) ReadDir(name string) ([]Entry, error) {
	found, err := os.ReadDir(name)
	if err != nil {
		return nil, err
	}
	entries := make([]Entry, 0, len(found))
	for _, e := range found {
		entry := Entry{Name: e.Name(), Dir: e.IsDir()}
		if !entry.Dir {
			info, err := e.Info()
			if errors.Is(err, fs.ErrNotExist) { // removed in the meantime
				continue
			}
			if err != nil {
				return nil, err
			}
			entry.Size = info.Size()
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func (OS) SyncDir(name string) error {
	if runtime.GOOS == "windows" { // which has no such call
		return nil
	}
	d, err := os.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

func (OS) Free(name string) (uint64, error) { return free(name) }

// Lock holds the file until it is closed or the process ends, however it ends.
// The file holds the number of the process for others to read.
func (OS) Lock(name string) (io.Closer, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	taken, err := lock(f)
	if err == nil && taken {
		var pid [20]byte
		n, _ := io.ReadFull(f, pid[:])
		err = &LockedError{Name: name, PID: digits(pid[:n])}
	}
	if err == nil {
		err = sign(f)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// sign writes the number of this process into f.
func sign(f *os.File) error {
	if err := f.Truncate(0); err != nil {
		return err
	}
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0)
	return err
}

func digits(b []byte) string {
	s := strings.TrimSpace(string(b))
	if _, err := strconv.ParseUint(s, 10, 63); err != nil {
		return ""
	}
	return s
}
