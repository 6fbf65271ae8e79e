package inbox

import (
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// Swept is what Sweep took away.
type Swept struct {
	Addresses int // whose time is over
	Messages  int // of these
	Broken    int // files that do not read, moved to bad/
}

// abandoned is how long a file may belong to no address, or be under way.
const abandoned = time.Hour

// Sweep removes addresses whose time is over, with their mail, and what an earlier
// process left unfinished. What does not read is moved aside, not removed. It is to
// be called now and then by whoever serves the directory.
func (b *Boxes) Sweep() (Swept, error) {
	entries, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return Swept{}, fmt.Errorf("test mailbox: %w", err)
	}
	var done Swept
	var errs []error
	alive := make(map[string]bool)
	for _, e := range entries {
		if f := parseName(e.Name); f.kind == addressFile {
			alive[f.local] = b.sweepAddress(f, e.Name, &done, &errs)
		}
	}
	strays := make(map[string]time.Time)
	for _, e := range entries {
		f := parseName(e.Name)
		switch known, there := alive[f.local]; {
		case f.kind == foreignFile || f.kind == addressFile:
		case there && !known:
			if err := disk.Gone(b.fs.Remove(b.path(e.Name))); err != nil {
				errs = append(errs, err)
			} else if f.kind == mailFile {
				done.Messages++
			}
		case !there || f.kind == unfinished:
			b.stray(e.Name, strays, &errs)
		case f.kind == mailFile:
			b.sweepMail(f, e.Name, &done, &errs)
		}
	}
	b.mu.Lock()
	b.strays = strays
	b.mu.Unlock()
	return done, errors.Join(errs...)
}

// sweepAddress reports whether an address stays.
func (b *Boxes) sweepAddress(f file, name string, done *Swept, errs *[]error) bool {
	_, err := b.read(f.local)
	switch {
	case err == nil:
		return true
	case !errors.Is(err, ErrGone):
		b.setAside(name, err, done, errs)
		return true // its mail goes with the strays
	}
	if err := disk.Gone(b.fs.Remove(b.path(name))); err != nil {
		*errs = append(*errs, err)
		return true
	}
	done.Addresses++
	return false
}

func (b *Boxes) sweepMail(f file, name string, done *Swept, errs *[]error) {
	if _, err := b.readMail(f); err != nil && !errors.Is(err, fs.ErrNotExist) {
		b.setAside(name, err, done, errs)
	}
}

// setAside moves a file that does not read to bad/. One that cannot be read now,
// or is of another version, stays.
func (b *Boxes) setAside(name string, why error, done *Swept, errs *[]error) {
	var other versionError
	var path *fs.PathError
	if errors.As(why, &other) || errors.As(why, &path) {
		return
	}
	err := b.fs.Mkdir(b.path(badDir))
	if err == nil {
		err = b.fs.Rename(b.path(name), b.path(badDir+"/"+name))
	}
	if err != nil {
		*errs = append(*errs, err)
		return
	}
	done.Broken++
}

// stray removes a file that has belonged to nothing for a while: until then
// somebody may be at work on it.
func (b *Boxes) stray(name string, strays map[string]time.Time, errs *[]error) {
	b.mu.Lock()
	since, known := b.strays[name]
	b.mu.Unlock()
	if !known {
		since = b.now()
	}
	if b.now().Sub(since) < abandoned {
		strays[name] = since
		return
	}
	if err := disk.Gone(b.fs.Remove(b.path(name))); err != nil {
		*errs = append(*errs, err)
	}
}
