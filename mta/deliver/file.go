package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/record"
)

const (
	maxFile   = 64 << 20 // octets that are read of a Store; above what it writes
	newExt    = ".new"
	brokenExt = ".broken"
)

// OpenStore reads a Store from a file, which need not be there yet; Save writes it.
//
// A file that makes no sense is kept beside as path.broken, and broken says what is
// wrong with it: the Store is then empty, and mail goes out all the same. Until
// domains are learnt again their mail has less protection, so somebody is to be
// told. err is set where there is no Store at all: the disk fails, or does not let
// us read.
func OpenStore(path string) (s *Store, broken, err error) { return openStore(disk.OS{}, path) }

func openStore(d disk.FS, path string) (s *Store, broken, err error) {
	s = &Store{fs: d, path: path}
	raw, err := readStore(d, path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return s, nil, nil
	case errors.Is(err, errTooLarge):
		broken = err
	case err != nil:
		return nil, nil, err
	default:
		broken = json.Unmarshal(raw, s)
	}
	if broken == nil {
		s.saved = s.changed
		return s, nil, nil
	}
	if err := d.Rename(path, path+brokenExt); err != nil {
		return nil, nil, fmt.Errorf("%s is broken (%w), and cannot be kept aside: %w", path, broken, err)
	}
	return &Store{fs: d, path: path}, fmt.Errorf("%s is broken: %w; it is kept as %s", path, broken, path+brokenExt), nil
}

var errTooLarge = fmt.Errorf("it has more than %d octets", maxFile)

func readStore(d disk.FS, path string) ([]byte, error) {
	f, err := d.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	raw, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(raw) > maxFile {
		err = errTooLarge
	}
	return raw, err
}

// Save writes what has changed since the last time to the file of OpenStore. When
// it returns nil, that outlives a power cut; after an error, and whenever the machine
// stops, the file is whole, as it was before or as it is now.
func (s *Store) Save() error {
	s.saving.Lock()
	defer s.saving.Unlock()
	s.mu.Lock()
	changed, same, form := s.changed, s.changed == s.saved, s.form()
	var raw []byte
	var err error
	if !same && s.fs != nil {
		raw, err = json.Marshal(form)
	}
	s.mu.Unlock()
	if same || s.fs == nil || err != nil {
		return err
	}
	if err := s.write(raw); err != nil {
		return fmt.Errorf("what was learnt of domains cannot be saved: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved = changed
	return nil
}

func (s *Store) write(raw []byte) error {
	next, dir := s.path+newExt, filepath.Dir(s.path)
	if err := s.fs.Mkdir(dir); err != nil {
		return err
	}
	if err := disk.Gone(s.fs.Remove(next)); err != nil { // of a process that was stopped in between
		return err
	}
	if err := disk.Write(s.fs, next, raw); err != nil {
		return err
	}
	if err := s.fs.Rename(next, s.path); err != nil {
		return errors.Join(err, disk.Gone(s.fs.Remove(next)))
	}
	return s.fs.SyncDir(dir)
}

// stored is the JSON form of a Store.
type stored struct {
	Levels  map[string]seen     `json:"levels,omitempty"`
	STS     map[string]STSEntry `json:"sts,omitempty"`
	Day     string              `json:"day,omitempty"`
	Counted map[string]int      `json:"counted,omitempty"`
}

// form is all of a Store, whose mu is held.
func (s *Store) form() stored { return stored{s.levels, s.sts, s.day, s.counted} }

// MarshalJSON writes all of it.
func (s *Store) MarshalJSON() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(s.form())
}

// UnmarshalJSON replaces all of it. Entries that make no sense are left out, and
// the oldest that are too many.
func (s *Store) UnmarshalJSON(b []byte) error {
	var from stored
	if err := json.Unmarshal(b, &from); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.changed++
	s.levels, s.sts, s.octets, s.day, s.counted = map[string]seen{}, nil, 0, "", nil
	for _, domain := range newest(from.Levels, func(l seen) time.Time { return l.At }) {
		if l := from.Levels[domain]; len(s.levels) < maxKept && isName(domain) && (l.Level == Encrypted || l.Level == Verified) {
			s.levels[domain] = l
		}
	}
	for _, domain := range newest(from.STS, func(e STSEntry) time.Time { return e.Expires }) {
		if e := from.STS[domain]; len(s.sts) < maxKept && isName(domain) && e.makesSense() && s.octets+e.octets() <= maxPolicies {
			s.setSTS(domain, e)
		}
	}
	if _, err := time.Parse(time.DateOnly, from.Day); err == nil && len(from.Counted) <= maxKept {
		s.day, s.counted = from.Day, map[string]int{}
		for provider, n := range from.Counted {
			s.counted[provider] = max(n, 0)
		}
	}
	return nil
}

// isName reports whether domain is a name as a Memory is asked for it.
func isName(domain string) bool {
	return domain != "" && len(domain) <= 1024 && record.Canonical(domain) == domain
}

// makesSense reports whether an entry is one that a fetch, or one that failed, can
// have left.
func (e STSEntry) makesSense() bool {
	switch e.Policy.Mode {
	case mtasts.Enforce, mtasts.Testing, mtasts.None, "":
		return e.Policy.MaxAge >= 0
	}
	return false
}
