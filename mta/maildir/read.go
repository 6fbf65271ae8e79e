package maildir

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// An Entry is a message in a mailbox.
type Entry struct {
	Name   string    // in new/ or cur/, for Open and Remove
	Folder string    // empty: the inbox
	At     time.Time // of its delivery, to the second; zero if the name does not tell
	Size   int64     // octets
	Seen   bool      // a reader has taken it to cur/
}

// abandoned is how old a file in tmp/ is that nobody writes any more, by the
// convention of Maildir.
const abandoned = 36 * time.Hour

// List is the messages of a mailbox with its folders, the oldest first; none if
// there is no such mailbox.
func (s *Store) List(box string) ([]Entry, error) {
	folders, err := s.folders(box)
	if err != nil {
		return nil, err
	}
	var all []Entry
	for _, folder := range folders {
		for _, sub := range []string{"new", "cur"} {
			entries, err := s.entries(box, folder, sub)
			if err != nil {
				return nil, err
			}
			all = append(all, entries...)
		}
	}
	slices.SortStableFunc(all, func(a, b Entry) int {
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.Name, b.Name))
	})
	return all, nil
}

// folders is the inbox and the folders of a mailbox; none if it is not there.
func (s *Store) folders(box string) ([]string, error) {
	dir, err := s.folder(box, "")
	if err != nil {
		return nil, err
	}
	found, err := s.fs().ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	folders := []string{""}
	for _, e := range found {
		if name, is := strings.CutPrefix(e.Name, "."); is && e.Dir && CheckName(name) == nil {
			folders = append(folders, name)
		}
	}
	return folders, err
}

func (s *Store) entries(box, folder, sub string) ([]Entry, error) {
	dir, err := s.folder(box, folder)
	if err != nil {
		return nil, err
	}
	found, err := s.fs().ReadDir(filepath.Join(dir, sub))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var entries []Entry
	for _, e := range found {
		if e.Dir || e.Name[0] == '.' {
			continue
		}
		entries = append(entries, Entry{Name: e.Name, Folder: folder, At: timeOf(e.Name), Size: e.Size, Seen: sub == "cur"})
	}
	return entries, nil
}

// timeOf is the time of delivery that a name begins with.
func timeOf(name string) time.Time {
	digits, _, _ := strings.Cut(name, ".")
	seconds, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || seconds < 0 || seconds > 1<<40 {
		return time.Time{}
	}
	return time.Unix(seconds, 0).UTC()
}

// path is where the message of an entry lies.
func (s *Store) path(box string, e Entry) (string, error) {
	dir, err := s.folder(box, e.Folder)
	if err != nil {
		return "", err
	}
	if e.Name == "" || e.Name[0] == '.' || strings.ContainsAny(e.Name, "/\x00") {
		return "", fmt.Errorf("message %q: %w", e.Name, ErrName)
	}
	sub := "new"
	if e.Seen {
		sub = "cur"
	}
	return filepath.Join(dir, sub, e.Name), nil
}

// Open opens a message; fs.ErrNotExist if a reader has moved or removed it.
func (s *Store) Open(box string, e Entry) (io.ReadSeekCloser, error) {
	name, err := s.path(box, e)
	if err != nil {
		return nil, err
	}
	return s.fs().Open(name)
}

// Remove removes a message. It is no error if it has gone already.
func (s *Store) Remove(box string, e Entry) error {
	name, err := s.path(box, e)
	if err != nil {
		return err
	}
	if err := disk.Gone(s.fs().Remove(name)); err != nil {
		return err
	}
	s.mu.Lock()
	j := s.journal
	s.mu.Unlock()
	if j != nil {
		delivery, _, _ := strings.Cut(e.Name, ":") // readers add flags
		j.Note(disk.Record{Name: nameOf(box, e.Folder, delivery), Gone: true})
	}
	return nil
}

// Expire removes the messages of a mailbox that were delivered before then, and
// what was left in tmp/ by deliveries that did not end. It returns how many
// messages went.
func (s *Store) Expire(box string, before time.Time) (int, error) {
	entries, err := s.List(box)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, e := range entries {
		if e.At.IsZero() || !e.At.Before(before) {
			continue
		}
		if err := s.Remove(box, e); err != nil {
			return n, err
		}
		n++
	}
	return n, s.sweep(box)
}

// sweep empties tmp/ of what nobody writes any more.
func (s *Store) sweep(box string) error {
	folders, err := s.folders(box)
	if err != nil {
		return err
	}
	for _, folder := range folders {
		dir, err := s.folder(box, folder)
		if err != nil {
			return err
		}
		left, err := s.entries(box, folder, "tmp")
		if err != nil {
			return err
		}
		for _, e := range left {
			if e.At.IsZero() || s.now().Sub(e.At) < abandoned {
				continue
			}
			if err := disk.Gone(s.fs().Remove(filepath.Join(dir, "tmp", e.Name))); err != nil {
				return err
			}
		}
	}
	return nil
}

// room is the octets that a mailbox may still take.
func (s *Store) room(box string) (int64, error) {
	if s.Quota <= 0 {
		return math.MaxInt64 - 1, nil
	}
	entries, err := s.List(box)
	if err != nil {
		return 0, err
	}
	room := s.Quota
	for _, e := range entries {
		room -= e.Size
	}
	if room <= 0 {
		return 0, fmt.Errorf("%w: its quota is %d MiB", ErrFull, s.Quota>>20)
	}
	return room, nil
}

// Full reports whether a mailbox has reached its quota, so that whoever brings
// something for it can be told before.
func (s *Store) Full(box string) (bool, error) {
	if s.Quota <= 0 {
		return false, nil
	}
	_, err := s.room(box)
	if errors.Is(err, ErrFull) {
		return true, nil
	}
	return false, err
}
