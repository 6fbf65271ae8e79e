package feedback

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxFiles bounds the files that are opened, and maxFolders how deep they lie.
const (
	maxFiles   = 1_000_000
	maxFolders = 16
)

// path reads a file or a folder that the user named.
func (w *walker) path(name string) {
	info, err := os.Stat(name)
	switch {
	case err != nil:
		w.emit(nil, refusal(name, err, 0))
	case info.IsDir():
		w.folder(name)
	default:
		w.file(name, true)
	}
}

// file reads one file. Of what is no regular one (a pipe) it reads what comes.
func (w *walker) file(name string, named bool) {
	if w.files++; w.files > maxFiles {
		w.emit(nil, &Refusal{Name: name, Reason: fmt.Sprintf("more than %d files", maxFiles), Next: "read them in several runs"})
		w.stopped = true
		return
	}
	f, err := os.Open(name)
	if err != nil {
		w.emit(nil, refusal(name, err, 0))
		return
	}
	defer f.Close()
	w.open(name, f, f, named)
}

// folder reads all files below a folder, in the order of their names. Of a Maildir
// what is being delivered is left alone, as are hidden files, but not the folders of
// Maildir++, which begin with a dot. Links to folders are not followed.
func (w *walker) folder(root string) {
	found := w.files
	err := filepath.WalkDir(root, func(name string, d fs.DirEntry, err error) error {
		switch {
		case w.stopped || w.ctx.Err() != nil:
			return fs.SkipAll
		case err != nil:
			w.emit(nil, refusal(name, err, 0))
			return nil
		case d.IsDir():
			below, _ := filepath.Rel(root, name)
			if isTmp(name) || strings.Count(below, string(filepath.Separator)) >= maxFolders {
				return fs.SkipDir
			}
			return nil
		case strings.HasPrefix(d.Name(), ".") || !regular(name, d) || kept(name):
			return nil
		}
		w.file(name, false)
		return nil
	})
	if err != nil {
		w.emit(nil, refusal(root, err, 0))
	}
	if w.ctx.Err() != nil {
		w.emit(nil, w.ctx.Err())
	} else if w.files == found && !w.stopped {
		w.emit(nil, &Refusal{Name: root, Reason: "there is no file in it", Next: "name the folder into which the reports are saved"})
	}
}

// isTmp reports whether a folder is that of a Maildir in which mails are being
// written.
func isTmp(name string) bool {
	if filepath.Base(name) != "tmp" {
		return false
	}
	_, err := os.Stat(filepath.Join(filepath.Dir(name), "cur"))
	return !errors.Is(err, fs.ErrNotExist)
}

// kept reports whether a file is one that a server keeps in a Maildir for itself.
func kept(name string) bool {
	base := filepath.Base(name)
	return strings.HasPrefix(base, "dovecot") || base == "maildirfolder" || base == "maildirsize" || base == "subscriptions"
}

func regular(name string, d fs.DirEntry) bool {
	if d.Type()&fs.ModeSymlink == 0 {
		return d.Type().IsRegular()
	}
	info, err := os.Stat(name)
	return err == nil && info.Mode().IsRegular()
}
