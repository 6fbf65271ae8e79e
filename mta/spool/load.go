package spool

import (
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// Found is what a spool held when it was opened.
type Found struct {
	Entries []Envelope // by ID, so the oldest comes first
	Broken  []Broken
	// Unfinished is the number of messages that were never accepted, as the process
	// or the machine ended before. Their senders have them still.
	Unfinished int
}

// A Broken entry cannot be delivered.
type Broken struct {
	ID  string
	Why string
	// Aside tells that it was moved to bad/. Otherwise it lies where it was: it is of
	// a newer version of maildoctor, or could not be read or moved.
	Aside bool
}

// maxEnvelope is the octets of the file of an envelope at most.
const maxEnvelope = 64 << 20

// A listing is the files of a spool, by entry.
type listing struct {
	messages  map[string]int64 // octets, by ID
	envelopes []string         // IDs
	fresh     []string         // files that never came to their name
}

func list(d disk.FS, dir string) (listing, error) {
	l := listing{messages: map[string]int64{}}
	entries, err := d.ReadDir(dir)
	for _, e := range entries {
		id, ext, _ := strings.Cut(e.Name, ".")
		if e.Dir || !isID(id) {
			continue // not ours
		}
		switch "." + ext {
		case messageExt:
			l.messages[id] = e.Size
		case envelopeExt:
			l.envelopes = append(l.envelopes, id)
		case messageExt + newExt, envelopeExt + newExt:
			l.fresh = append(l.fresh, e.Name)
		}
	}
	slices.Sort(l.envelopes)
	return l, err
}

// read reads the envelope of one entry.
func (l listing) read(d disk.FS, path func(string) string, id string) (Envelope, error) {
	text, err := disk.ReadFile(d, path(id+envelopeExt), maxEnvelope)
	if err != nil {
		return Envelope{}, err
	}
	e, err := decode(id, text)
	if err != nil {
		return Envelope{}, brokenError{"the envelope does not read: " + err.Error(), errors.Is(err, errNewer)}
	}
	size, there := l.messages[id]
	if !there {
		return Envelope{}, brokenError{"the message is missing", false}
	}
	if size != e.Size {
		return Envelope{}, brokenError{fmt.Sprintf("the message has %d octets, and had %d when it was accepted", size, e.Size), false}
	}
	return e, nil
}

// A brokenError is a fault of an entry itself, not of reading it now.
type brokenError struct {
	why   string
	newer bool
}

func (b brokenError) Error() string { return b.why }

// load reads all entries, and puts the spool in order.
func (s *Spool) load() (Found, error) {
	l, err := list(s.fs, s.dir)
	if err != nil {
		return Found{}, err
	}
	var found Found
	for _, id := range l.envelopes {
		e, err := l.read(s.fs, s.path, id)
		size := l.messages[id]
		delete(l.messages, id)
		if err != nil {
			broken := s.setAside(id, err)
			found.Broken = append(found.Broken, broken)
			if broken.Aside {
				continue
			}
		} else {
			found.Entries = append(found.Entries, e)
		}
		s.sizes[id] = size
		s.bytes += size
	}
	found.Unfinished = s.clear(l)
	return found, s.fs.SyncDir(s.dir)
}

// clear removes what was never accepted. What cannot be removed lies there until
// the next start.
func (s *Spool) clear(l listing) int {
	gone := map[string]bool{}
	for id := range l.messages { // those without an envelope
		gone[id] = true
		_ = s.fs.Remove(s.path(id + messageExt))
	}
	for _, name := range l.fresh {
		id, ext, _ := strings.Cut(name, ".")
		if "."+ext == messageExt+newExt {
			gone[id] = true
		}
		_ = s.fs.Remove(s.path(name))
	}
	return len(gone)
}

// setAside moves a broken entry to bad/ with a note that says why.
func (s *Spool) setAside(id string, why error) Broken {
	b := Broken{ID: id, Why: why.Error()}
	var broken brokenError
	if !errors.As(why, &broken) || broken.newer {
		return b
	}
	note := fmt.Sprintf("%s\n%s: %s\nThe files of this entry were moved here; nothing was delivered from them since.\n", time.Now().UTC().Format(time.RFC3339), id, b.Why)
	err := s.replace(s.path(badDir+"/"+id+noteExt), note)
	// The envelope goes last: while it stays, the entry is found again.
	for _, ext := range []string{messageExt, envelopeExt} {
		if err != nil {
			break
		}
		if err = s.fs.Rename(s.path(id+ext), s.path(badDir+"/"+id+ext)); errors.Is(err, fs.ErrNotExist) {
			err = nil
		}
	}
	if err == nil {
		err = s.fs.SyncDir(s.path(badDir))
	}
	if err != nil {
		b.Why += "; and it could not be moved aside: " + err.Error()
		return b
	}
	b.Aside = true
	return b
}

// replace writes a file over the one that an earlier try may have left.
func (s *Spool) replace(name, text string) error {
	if err := disk.Gone(s.fs.Remove(name)); err != nil {
		return err
	}
	return disk.Write(s.fs, name, []byte(text))
}

// List reads the entries of the spool in dir without opening it, for a look while
// another process has it. It changes nothing. Entries that come or go meanwhile may
// be missing.
func List(d disk.FS, dir string) (Found, error) {
	if d == nil {
		d = disk.OS{}
	}
	l, err := list(d, dir)
	if err != nil {
		return Found{}, fmt.Errorf("spool %s: %w", dir, err)
	}
	found := l.all(d, dir)
	if len(found.Broken) == 0 {
		return found, nil
	}
	// What came while the names were read may look as if it had come in half.
	if l, err = list(d, dir); err != nil {
		return Found{}, fmt.Errorf("spool %s: %w", dir, err)
	}
	return l.all(d, dir), nil
}

// all reads all entries of the spool in dir.
func (l listing) all(d disk.FS, dir string) Found {
	path := (&Spool{dir: dir}).path
	var found Found
	for _, id := range l.envelopes {
		e, err := l.read(d, path, id)
		switch {
		case err == nil:
			found.Entries = append(found.Entries, e)
		case !errors.Is(err, fs.ErrNotExist): // else it has gone meanwhile
			found.Broken = append(found.Broken, Broken{ID: id, Why: err.Error()})
		}
	}
	return found
}
