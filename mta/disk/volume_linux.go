package disk

import (
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// Volume implements [Volumes].
func (OS) Volume(name string) (Volume, error) {
	dir, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	device, err := deviceOf(dir.Stat())
	if err != nil {
		return nil, errors.Join(err, dir.Close())
	}
	return volume{dir, device}, nil
}

// A volume is a directory: an error of the disk that comes after it was opened is
// told to it (syncfs(2), since Linux 5.8).
type volume struct {
	dir    *os.File
	device uint64
}

func (v volume) Sync() error {
	if err := unix.Syncfs(int(v.dir.Fd())); err != nil {
		return &os.PathError{Op: "syncfs", Path: v.dir.Name(), Err: err}
	}
	return nil
}

func (v volume) Holds(name string) (bool, error) {
	device, err := deviceOf(os.Stat(name))
	return device == v.device, err
}

func (v volume) Close() error { return v.dir.Close() }

func deviceOf(info os.FileInfo, err error) (uint64, error) {
	if err != nil {
		return 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, errors.ErrUnsupported
	}
	return stat.Dev, nil
}
