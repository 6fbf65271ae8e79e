//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd || windows)

package zone

import (
	"errors"
	"io/fs"
	"os"
)

// tryLock makes a file beside the zone file that must not be there. After a crash
// it has to be removed by hand.
func tryLock(path string) (unlock func(), err error) {
	name := path + ".maildoctor-lock"
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil, errBusy
	}
	if err != nil {
		return nil, err
	}
	return func() { f.Close(); os.Remove(name) }, nil
}

// own leaves the new file to whoever runs this.
func own(*os.File, fs.FileInfo) error { return nil }
