//go:build linux || darwin || freebsd

package local

import "syscall"

func room(path string) (Disk, error) {
	var s syscall.Statfs_t
	if err := syscall.Statfs(path, &s); err != nil {
		return Disk{}, err
	}
	size := uint64(s.Bsize)
	return Disk{
		Free: positive(int64(s.Bavail)) * size, Total: uint64(s.Blocks) * size,
		Unused: positive(int64(s.Ffree)), Inodes: uint64(s.Files),
	}, nil
}

// positive is n, or 0: of a file system that is full, even of what is kept for
// root, less than nothing is free.
func positive(n int64) uint64 { return uint64(max(n, 0)) }
