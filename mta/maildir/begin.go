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
	j := &journal{fs: s.fs(), dir: s.Dir, dirs: s.dirs(), lock: lock, most: segmentMost, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	if volumes, ok := j.fs.(disk.Volumes); ok {
		if j.vol, err = volumes.Volume(s.Dir); errors.Is(err, errors.ErrUnsupported) {
			j.vol, err = nil, nil
		}
	}
	if err == nil {
		recovered, err = s.recover(j)
	}
	if err != nil || j.vol == nil {
		if j.vol != nil {
			err = errors.Join(err, j.vol.Close())
		}
		return recovered, errors.Join(err, lock.Close())
	}
	s.mu.Lock()
	s.journal, s.made = j, nil
	s.mu.Unlock()
	go j.run()
	return recovered, nil
}

// End syncs what was delivered and gives up the journal. Deliveries go on without
// it. An error tells that some of them are safe in the journal only, until the next
// Begin.
func (s *Store) End() error {
	s.mu.Lock()
	j := s.journal
	s.journal = nil
	s.mu.Unlock()
	if j == nil {
		return nil
	}
	return j.close()
}

// journalFor is the journal for a mailbox; nil if it syncs its own files.
func (s *Store) journalFor(dir string) *journal {
	s.mu.Lock()
	defer s.mu.Unlock()
	if m := s.made[dir]; m == nil || !m.journaled {
		return nil
	}
	return s.journal
}

// recover brings what is in the segments of a journal to the mailboxes, and removes
// them.
func (s *Store) recover(j *journal) (n int, err error) {
	names, last, err := segments(j.fs, j.dir)
	if err != nil {
		return 0, err
	}
	j.number = last
	var all []record
	gone := map[string]bool{}
	for _, name := range names {
		octets, err := disk.ReadFile(j.fs, name, segmentMost+2*batchMost)
		if err != nil {
			return 0, fmt.Errorf("journal: %w", err)
		}
		for _, r := range parseRecords(octets) {
			if all = append(all, r); r.kind == removed {
				gone[r.path()] = true
			}
		}
	}
	found := mailboxes{s: s, list: map[string]map[string]place{}}
	for _, r := range all {
		if r.kind != delivered || gone[r.path()] {
			continue
		}
		written, err := found.settle(r, j.vol != nil)
		if err != nil {
			return n, fmt.Errorf("journal: %s: %w", r.path(), err)
		}
		if written {
			n++
		}
	}
	if len(names) > 0 && j.vol != nil { // what was there needed not be on the disk
		err = j.vol.Sync()
	}
	for _, name := range names {
		if err == nil {
			err = j.fs.Remove(name)
		}
	}
	if err == nil && len(names) > 0 {
		err = j.dirs.Sync(j.dir)
	}
	return n, err
}

func (r record) path() string { return filepath.Join(r.box, r.folder, r.name) }

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

// settle has the message of a record be in its mailbox, whole, and reports whether
// it had to be written. Where it is whole already it may not yet be on the disk: if
// nobody will see to that it is written again.
func (m mailboxes) settle(r record, synced bool) (written bool, err error) {
	dir, err := m.s.folder(r.box, r.folder)
	if err == nil {
		_, err = m.s.path(r.box, Entry{Name: r.name})
	}
	if err != nil {
		return false, nil // not of ours
	}
	if err := m.s.make(dir, r.folder != ""); err != nil {
		return false, err
	}
	there, err := m.in(dir)
	if err != nil {
		return false, err
	}
	at, found := there[r.name]
	if found && at.size == int64(len(r.octets)) && synced {
		octets, err := disk.ReadFile(m.s.fs(), at.file, at.size)
		if err == nil && bytes.Equal(octets, r.octets) {
			return false, nil
		}
	}
	if !found {
		at.file = filepath.Join(dir, "new", r.name)
	}
	temporary := filepath.Join(dir, "tmp", r.name)
	if err := disk.Gone(m.s.fs().Remove(temporary)); err != nil {
		return false, err
	}
	if err := disk.Write(m.s.fs(), temporary, r.octets); err != nil {
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
