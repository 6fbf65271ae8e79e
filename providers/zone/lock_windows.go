package zone

import (
	"errors"
	"io/fs"
	"os"
	"syscall"
)

const (
	errSharingViolation syscall.Errno = 32
	deleteOnClose       uint32        = 0x04000000 // FILE_FLAG_DELETE_ON_CLOSE
)

// tryLock holds a file beside the zone file open for nobody else; the system
// deletes it with the last handle, whatever becomes of the process.
func tryLock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0) // is writing allowed?
	if err != nil {
		return nil, err
	}
	f.Close()
	name, err := syscall.UTF16PtrFromString(path + ".maildoctor-lock")
	if err != nil {
		return nil, err
	}
	handle, err := syscall.CreateFile(name, syscall.GENERIC_WRITE, 0, nil, syscall.OPEN_ALWAYS, syscall.FILE_ATTRIBUTE_NORMAL|deleteOnClose, 0)
	if errors.Is(err, errSharingViolation) {
		return nil, errBusy
	}
	if err != nil {
		return nil, err
	}
	return func() { _ = syscall.CloseHandle(handle) }, nil
}

// own leaves the new file to whoever runs this: access is that of the directory.
func own(*os.File, fs.FileInfo) error { return nil }
