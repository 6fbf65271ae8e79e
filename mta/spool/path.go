package spool

import (
	"fmt"
	"path/filepath"
)

// BadDir is where what is broken in the spool in dir is moved to: the files of an
// entry, and beside them ID.note.txt that says why.
func BadDir(dir string) string { return filepath.Join(dir, badDir) }

// File is the path of the octets of a message in the spool in dir. It fails with
// ErrNone for what cannot be an ID; whether there is such a message it does not
// look.
func File(dir, id string) (string, error) {
	if !isID(id) {
		return "", fmt.Errorf("%q: %w", id, ErrNone)
	}
	return filepath.Join(dir, id+messageExt), nil
}
