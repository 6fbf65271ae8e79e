//go:build !linux

package disk

import "os"

func create(name string) (File, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err // never a nil *os.File in an interface
	}
	return f, nil
}

func rename(from, to string) error { return os.Rename(from, to) }
