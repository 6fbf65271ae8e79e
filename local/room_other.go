//go:build !(linux || darwin || freebsd)

package local

import "errors"

func room(string) (Disk, error) {
	return Disk{}, errors.New("not available on this system")
}
