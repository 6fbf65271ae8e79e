package keyfile

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// modeless is true where files have no modes that tell who may read them.
const modeless = runtime.GOOS == "windows" || runtime.GOOS == "plan9"

// Read reads a file of keys: a regular one, of MaxSize octets at most, and
// reached by no symbolic link, of which somebody else may say where it leads.
// The caller clears what it gives. The error does not name the file.
func Read(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Lstat(path)
	if err != nil {
		return nil, nil, plain(err)
	}
	switch mode := info.Mode(); {
	case mode&fs.ModeSymlink != 0:
		if target, err := filepath.EvalSymlinks(path); err == nil {
			return nil, nil, fmt.Errorf("is a symbolic link; name the file itself: %s", target)
		}
		return nil, nil, errors.New("is a symbolic link that leads nowhere")
	case mode.IsDir():
		return nil, nil, errors.New("is a directory; name a file in it")
	case !mode.IsRegular():
		return nil, nil, errors.New("is a device, a pipe or a socket, not a file")
	case info.Size() > MaxSize:
		return nil, nil, tooLarge(info.Size())
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, nil, plain(err)
	}
	defer f.Close()
	opened, err := f.Stat()
	if err != nil {
		return nil, nil, plain(err)
	}
	if !os.SameFile(info, opened) {
		return nil, nil, errors.New("was replaced while it was read; try again")
	}
	data, err := From(f)
	return data, opened, err
}

// From reads keys from a stream, MaxSize octets at most.
func From(r io.Reader) ([]byte, error) {
	data := make([]byte, 0, MaxSize+1) // so that no copy of it is left behind
	for len(data) <= MaxSize {
		n, err := r.Read(data[len(data):cap(data)])
		data = data[:len(data)+n]
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			clear(data)
			return nil, plain(err)
		}
	}
	if len(data) > MaxSize {
		clear(data)
		return nil, tooLarge(int64(len(data)))
	}
	return data, nil
}

func tooLarge(n int64) error {
	return fmt.Errorf("has %d octets or more; a file of keys has %d at most", n, MaxSize)
}

// plain is err without the operation and the path, which the caller names.
func plain(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}
