package inbox

import (
	"errors"
	"path/filepath"
	"strings"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// The files of a directory. That of an address, and the two of each message: the
// octets, and how they came. The latter is written last, and makes the message be
// there. With newExt a file is under way.
const (
	addressExt = ".address.json"
	textExt    = ".eml"
	mailExt    = ".json"
	newExt     = ".new"
	badDir     = "bad"
)

// Bounds of what is read, in octets.
const (
	maxAddress = 4 << 10
	maxMail    = 1 << 20
)

type fileKind int

const (
	foreignFile fileKind = iota // not ours
	addressFile
	textFile
	mailFile
	unfinished
)

// A file is what the name of one says.
type file struct {
	kind      fileKind
	local, id string
}

// parseName reads a name: "test-….address.json", "test-….ID.eml", "test-….ID.json".
func parseName(name string) file {
	base, fresh := strings.CutSuffix(name, newExt)
	local, rest, _ := strings.Cut(base, ".")
	f := file{local: local}
	if !isLocal(local) {
		return file{}
	}
	rest = "." + rest
	switch {
	case rest == addressExt:
		f.kind = addressFile
	case strings.HasSuffix(rest, textExt):
		f.kind, f.id = textFile, strings.TrimSuffix(rest[1:], textExt)
	case strings.HasSuffix(rest, mailExt):
		f.kind, f.id = mailFile, strings.TrimSuffix(rest[1:], mailExt)
	}
	switch {
	case f.kind == foreignFile, f.kind != addressFile && !isID(f.id):
		return file{}
	case fresh:
		f.kind = unfinished
	}
	return f
}

// isID reports whether s could be the ID of a message.
func isID(s string) bool {
	return s != "" && len(s) <= 64 && !strings.ContainsFunc(s, func(r rune) bool { return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' })
}

// write makes a file that is there whole or not at all, and outlives a power cut.
func (b *Boxes) write(name string, text []byte) error {
	fresh := b.path(name + newExt)
	err := disk.Write(b.fs, fresh, text)
	if err == nil {
		err = b.settle(name)
	}
	return err
}

// settle gives a file that is complete its name. When it fails there is none.
func (b *Boxes) settle(name string) error {
	fresh := b.path(name + newExt)
	err := b.adopt(fresh, b.dir)
	if err == nil {
		err = b.fs.Rename(fresh, b.path(name))
	}
	if err != nil {
		return errors.Join(err, disk.Gone(b.fs.Remove(fresh)))
	}
	if err := b.fs.SyncDir(b.dir); err != nil {
		return errors.Join(err, disk.Gone(b.fs.Remove(b.path(name))))
	}
	return nil
}

// adopt gives a file or directory the owner of another one. The superuser issues
// addresses too, and the server, which is somebody else, has to read them.
func (b *Boxes) adopt(name, like string) error {
	if !b.own {
		return nil
	}
	return giveTo(name, filepath.Clean(like))
}
