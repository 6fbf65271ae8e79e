// Package ledger keeps what maildoctor has done to a zone: what was there before,
// and which records it made. It is a directory of files for the user alone, a
// folder a zone.
//
// It is no cache: who deletes it loses the way back, and the knowledge of which
// records may go without asking. It holds no secret.
package ledger

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Ledger is a directory, which is made when the first thing is kept in it.
type Ledger struct{ dir string }

// At is the ledger in dir.
func At(dir string) Ledger { return Ledger{dir} }

// Dir is where the ledger of the user stands, by the environment: MAILDOCTOR_STATE_DIR,
// else where the system has the state of programs (XDG_STATE_HOME,
// ~/.local/state; on macOS and Windows the folder of applications).
func Dir(env func(string) string) (string, error) {
	if dir := env("MAILDOCTOR_STATE_DIR"); dir != "" {
		return dir, nil
	}
	const name = "maildoctor"
	if dir := env("XDG_STATE_HOME"); filepath.IsAbs(dir) { // relative ones are ignored, as that specification says
		return filepath.Join(dir, name), nil
	}
	if dir := env("LocalAppData"); runtime.GOOS == "windows" && dir != "" {
		return filepath.Join(dir, name), nil
	}
	home := env("HOME")
	switch {
	case home == "":
		return "", errors.New("there is no home directory to keep what was there in; set MAILDOCTOR_STATE_DIR")
	case runtime.GOOS == "darwin":
		return filepath.Join(home, "Library", "Application Support", name), nil
	}
	return filepath.Join(home, ".local", "state", name), nil
}

// Path is the directory.
func (l Ledger) Path() string { return l.dir }

// of is the folder of a zone. A name may hold octets that no file name has.
func (l Ledger) of(zone string) string {
	var b strings.Builder
	for _, c := range []byte(record.Display(record.Canonical(zone))) {
		switch {
		case 'a' <= c && c <= 'z', '0' <= c && c <= '9', c == '-', c == '_', c == '.' && b.Len() > 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "%%%02x", c)
		}
	}
	return filepath.Join(l.dir, b.String())
}

// most is the octets of a file of the ledger at most.
const most = 64 << 20

// Load reads a file of a zone; fs.ErrNotExist if there is none.
func (l Ledger) Load(zone, name string) ([]byte, error) {
	f, err := os.Open(filepath.Join(l.of(zone), name))
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && len(text) > most {
		err = fmt.Errorf("%s is larger than %d MiB", f.Name(), most>>20)
	}
	return text, err
}

// Save writes a file of a zone in place of the one that was there, whole or not
// at all, for the user alone (mode 0600, in directories of mode 0700).
func (l Ledger) Save(zone, name string, text []byte) error {
	_, err := l.put(zone, name, text, os.Rename)
	return err
}

// put writes a file, and brings it to its name by place.
func (l Ledger) put(zone, name string, text []byte, place func(from, to string) error) (path string, err error) {
	dir := l.of(zone)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", err
	}
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return "", err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	path = filepath.Join(dir, name)
	if err == nil {
		err = place(f.Name(), path)
	}
	if err != nil {
		return "", errors.Join(err, gone(os.Remove(f.Name())))
	}
	return path, syncDir(dir)
}

// gone is the error of a removal, unless there was nothing to remove.
func gone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// syncDir has the names in a directory outlive a power cut, where the system can.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
