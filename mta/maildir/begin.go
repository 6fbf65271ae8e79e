package maildir

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// Begin has deliveries share their syncs by a journal in s.Dir, until End: a
// delivery costs a part of one sync instead of two, and is as safe. It first brings
// to the mailboxes what an earlier process, or a power cut, left in a journal, and
// returns how many messages that were. (A message that a reader removed in the last
// seconds before may be there again.)
//
// Where the system cannot sync all of a file system at once, or another process has
// the journal, each delivery syncs its own file as before, and that is no error.
func (s *Store) Begin() (recovered int, err error) {
	s.mu.Lock()
	begun := s.journal != nil
	s.mu.Unlock()
	if begun {
		return 0, nil
	}
	if err := s.fs().Mkdir(s.Dir); err != nil {
		return 0, err
	}
	lock, err := s.fs().Lock(filepath.Join(s.Dir, lockName))
	var locked *disk.LockedError
	if errors.As(err, &locked) {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	j, records, err := disk.OpenJournal(s.fs(), s.dirs(), s.Dir)
	if errors.Is(err, errors.ErrUnsupported) {
		return 0, lock.Close()
	}
	if err != nil {
		return 0, errors.Join(err, lock.Close())
	}
	j.Trouble, j.Size = s.Trouble, s.JournalSize
	if recovered, err = s.recover(records); err == nil {
		err = j.Start()
	}
	if err != nil {
		return recovered, errors.Join(err, j.Abandon(), lock.Close())
	}
	s.mu.Lock()
	s.journal, s.lock, s.made = j, lock, nil
	s.mu.Unlock()
	return recovered, nil
}

// End syncs what was delivered and gives up the journal. Deliveries go on without
// it. An error tells that some of them are safe in the journal only, until the next
// Begin.
func (s *Store) End() error {
	s.mu.Lock()
	j, lock := s.journal, s.lock
	s.journal, s.lock = nil, nil
	s.mu.Unlock()
	if j == nil {
		return nil
	}
	return errors.Join(j.Close(), lock.Close())
}

const lockName = ".journal.lock"

// journalFor is the journal for a mailbox; nil if it syncs its own files.
func (s *Store) journalFor(dir string) *disk.Journal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.made[dir]; m == nil || !m.journaled {
		return nil
	}
	return s.journal
}

// nameOf is how the journal calls a message.
func nameOf(box, folder, name string) string { return box + "/" + folder + "/" + name }

// recover brings what is in a journal to the mailboxes.
func (s *Store) recover(records []disk.Record) (n int, err error) {
	gone := map[string]bool{}
	for _, r := range records {
		if r.Gone {
			gone[r.Name] = true // for good: names do not come again
		}
	}
	found := mailboxes{s: s, list: map[string]map[string]place{}}
	for _, r := range records {
		parts := strings.Split(r.Name, "/")
		if gone[r.Name] || len(parts) != 3 {
			continue
		}
		written, err := found.settle(parts[0], parts[1], parts[2], r.Octets)
		if err != nil {
			return n, fmt.Errorf("journal: %s: %w", r.Name, err)
		}
		if written {
			n++
		}
	}
	return n, nil
}

// mailboxes is what lies in the mailboxes that records speak of.
type mailboxes struct {
	s    *Store
	list map[string]map[string]place // by directory and name of delivery
}

// A place is where a message lies, and how long it is.
type place struct {
	file string
	size int64
}

// settle has a message be in its mailbox, whole, and reports whether it had to be
// written.
func (m mailboxes) settle(box, folder, name string, octets []byte) (written bool, err error) {
	dir, err := m.s.folder(box, folder)
	if err == nil {
		_, err = m.s.path(box, Entry{Name: name})
	}
	if err != nil {
		return false, nil // not of ours
	}
	if err := m.s.make(dir, folder != ""); err != nil {
		return false, err
	}
	there, err := m.in(dir)
	if err != nil {
		return false, err
	}
	at, found := there[name]
	if found && at.size == int64(len(octets)) {
		now, err := disk.ReadFile(m.s.fs(), at.file, at.size)
		if err == nil && bytes.Equal(now, octets) {
			return false, nil
		}
	}
	if !found {
		at.file = filepath.Join(dir, "new", name)
	}
	temporary := filepath.Join(dir, "tmp", name)
	if err := disk.Gone(m.s.fs().Remove(temporary)); err != nil {
		return false, err
	}
	if err := disk.Write(m.s.fs(), temporary, octets); err != nil {
		return false, err
	}
	if err := m.s.fs().Rename(temporary, at.file); err != nil {
		return false, errors.Join(err, disk.Gone(m.s.fs().Remove(temporary)))
	}
	return true, m.s.dirs().Sync(filepath.Dir(at.file))
}

// in is what lies in new/ and cur/ of a directory.
func (m mailboxes) in(dir string) (map[string]place, error) {
	if there := m.list[dir]; there != nil {
		return there, nil
	}
	there := map[string]place{}
	for _, sub := range []string{"new", "cur"} {
		entries, err := m.s.fs().ReadDir(filepath.Join(dir, sub))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, err
		}
		for _, e := range entries {
			name, _, _ := strings.Cut(e.Name, ":") // readers add flags
			there[name] = place{filepath.Join(dir, sub, e.Name), e.Size}
		}
	}
	m.list[dir] = there
	return there, nil
}
