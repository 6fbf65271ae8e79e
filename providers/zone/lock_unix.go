//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package zone

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"

	"github.com/maildoctor/maildoctor/providers"
)

// tryLock locks the file itself (flock): nothing is left behind, whatever becomes
// of the process. To open it for writing is to ask whether that is allowed: a
// rename would not.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			return nil, errBusy
		}
		return nil, err
	}
	mine, err := f.Stat()
	if now, statErr := os.Stat(path); err != nil || statErr != nil || !os.SameFile(mine, now) {
		f.Close() // it was replaced before the lock was there
		return nil, errBusy
	}
	return func() { f.Close() }, nil
}

// own gives a new file the owner and the group of another. Only root can give a
// file away; without, the file must at least stay readable for whom it was.
func own(f *os.File, like fs.FileInfo) error {
	was, ok := like.Sys().(*syscall.Stat_t)
	if !ok || f.Chown(int(was.Uid), int(was.Gid)) == nil {
		return nil
	}
	_ = f.Chown(-1, int(was.Gid)) // one of our groups, perhaps
	info, err := f.Stat()
	if err != nil {
		return err
	}
	is, ok := info.Sys().(*syscall.Stat_t)
	if everybody := like.Mode().Perm()&0o004 != 0; !ok || is.Gid == was.Gid || everybody {
		return nil
	}
	return fmt.Errorf("%w: the new file could not be given to the group %d, which may read the old one; run this as root, or as a member of that group", providers.ErrDenied, was.Gid)
}
