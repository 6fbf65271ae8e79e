//go:build linux || darwin || freebsd

package disk

import (
	"errors"
	"os"
	"syscall"
)

const quotaExceeded = syscall.EDQUOT

// lock takes f, or tells that another process has it.
func lock(f *os.File) (taken bool, err error) {
	err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return true, nil
	}
	return false, err
}

func free(name string) (uint64, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(name, &s); err != nil {
		return 0, &os.PathError{Op: "statfs", Path: name, Err: err}
	}
	blocks := max(int64(s.Bavail), 0) // below zero where root has eaten into the reserve
	return uint64(blocks) * uint64(s.Bsize), nil
}
