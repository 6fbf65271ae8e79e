package deliver

import (
	"encoding/json"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// rememberFor is how long a level is remembered after it was last reached. A
// domain that moves to a host with less is not cut off for ever.
const rememberFor = 30 * 24 * time.Hour

// A Memory keeps what was learnt of domains, which are canonical. It is safe for
// concurrent use.
type Memory interface {
	// Level is what conversations about mail for a domain reached, and when last; Clear
	// where nothing is known.
	Level(domain string) (Level, time.Time)
	// Reached tells that a message was delivered so. Less than what is remembered does
	// not lower that.
	Reached(domain string, level Level, at time.Time)
	// STS is the MTA-STS policy of a domain; zero where none is known.
	STS(domain string) STSEntry
	SetSTS(domain string, entry STSEntry)
}

// An STSEntry is an MTA-STS policy as it was fetched.
type STSEntry struct {
	ID      string // of the record that announced it
	Policy  mtasts.Policy
	Fetched time.Time
	Expires time.Time
	Failed  time.Time // when a fetch failed last
}

// remembered is the level that counts for the destination.
func (a *attempt) remembered() (Level, time.Time) {
	if a.Memory == nil {
		return Clear, time.Time{}
	}
	level, at := a.Memory.Level(a.report.Destination)
	if a.now().Sub(at) > rememberFor {
		return Clear, time.Time{}
	}
	return level, at
}

// maxKept bounds the domains of a Store.
const maxKept = 20000

// A Store is a Memory, and counts what is under warm-up caps. Its JSON form
// outlives a restart. The zero value is empty.
type Store struct {
	mu      sync.Mutex
	levels  map[string]seen
	sts     map[string]STSEntry
	day     string
	counted map[string]int
}

type seen struct {
	Level Level
	At    time.Time
}

// Level is that of Memory.
func (s *Store) Level(domain string) (Level, time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.levels[domain]
	return l.Level, l.At
}

// Reached is that of Memory.
func (s *Store) Reached(domain string, level Level, at time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.levels == nil {
		s.levels = make(map[string]seen)
	}
	before, known := s.levels[domain]
	if known && before.Level > level && at.Sub(before.At) <= rememberFor || level == Clear {
		return
	}
	if !known && len(s.levels) >= maxKept {
		dropOldest(s.levels, func(l seen) time.Time { return l.At })
	}
	s.levels[domain] = seen{level, at}
}

// STS is that of Memory.
func (s *Store) STS(domain string) STSEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sts[domain]
}

// SetSTS is that of Memory.
func (s *Store) SetSTS(domain string, entry STSEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sts == nil {
		s.sts = make(map[string]STSEntry)
	}
	if _, known := s.sts[domain]; !known && len(s.sts) >= maxKept {
		dropOldest(s.sts, func(e STSEntry) time.Time { return e.Expires })
	}
	s.sts[domain] = entry
}

// Forget drops what is known of a domain: its owner has said that it now has less.
func (s *Store) Forget(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.levels, domain)
	delete(s.sts, domain)
}

// dropOldest makes room. That it looks at all is no matter at such a size.
func dropOldest[T any](m map[string]T, at func(T) time.Time) {
	var oldest string
	var when time.Time
	for key, value := range m {
		if t := at(value); oldest == "" || t.Before(when) {
			oldest, when = key, t
		}
	}
	delete(m, oldest)
}

// Take is that of Counter.
func (s *Store) Take(provider, day string, n, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted == nil || s.day != day {
		s.day, s.counted = day, make(map[string]int)
	}
	if s.counted[provider]+n > limit && (s.counted[provider] > 0 || limit == 0) {
		return false
	}
	s.counted[provider] += n
	return true
}

// Give is that of Counter.
func (s *Store) Give(provider, day string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.day == day && s.counted[provider] > 0 {
		s.counted[provider] = max(s.counted[provider]-n, 0)
	}
}

// stored is the JSON form of a Store.
type stored struct {
	Levels  map[string]seen     `json:"levels,omitempty"`
	STS     map[string]STSEntry `json:"sts,omitempty"`
	Day     string              `json:"day,omitempty"`
	Counted map[string]int      `json:"counted,omitempty"`
}

// MarshalJSON writes all of it.
func (s *Store) MarshalJSON() ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return json.Marshal(stored{s.levels, s.sts, s.day, s.counted})
}

// UnmarshalJSON replaces all of it.
func (s *Store) UnmarshalJSON(b []byte) error {
	var from stored
	if err := json.Unmarshal(b, &from); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.levels, s.sts, s.day, s.counted = from.Levels, from.STS, from.Day, from.Counted
	return nil
}
