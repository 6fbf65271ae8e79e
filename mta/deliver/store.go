package deliver

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// Bounds of a Store. Strangers decide how many domains we write to, and how long
// their policies are.
const (
	maxKept     = 20000    // domains of each kind
	maxPolicies = 16 << 20 // octets of all MTA-STS policies
)

// A Store is a Memory, and counts what is under warm-up caps. Its JSON form
// outlives a restart; see OpenStore. When it is full, what is oldest goes. The zero
// value is empty, and in memory only.
type Store struct {
	fs     disk.FS // nil: in memory only
	path   string
	saving sync.Mutex // held while the file is written

	mu      sync.Mutex
	changed int // counts the changes
	saved   int // the last of them that is in the file
	levels  map[string]seen
	sts     map[string]STSEntry
	octets  int // of the policies in sts
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
		keep := newest(s.levels, func(l seen) time.Time { return l.At })
		for _, old := range keep[lessThan(maxKept):] {
			delete(s.levels, old)
		}
	}
	s.levels[domain] = seen{level, at}
	s.changed++
}

// STS is that of Memory.
func (s *Store) STS(domain string) STSEntry {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sts[domain]
}

// SetSTS is that of Memory. Fields of a policy that no RFC defines are not kept.
func (s *Store) SetSTS(domain string, entry STSEntry) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.setSTS(domain, entry)
	s.changed++
}

func (s *Store) setSTS(domain string, entry STSEntry) {
	if s.sts == nil {
		s.sts = make(map[string]STSEntry)
	}
	s.dropSTS(domain)
	entry.Policy.Extra = nil
	if len(s.sts) >= maxKept || s.octets+entry.octets() > maxPolicies {
		s.thinSTS(lessThan(maxKept), lessThan(maxPolicies)-entry.octets())
	}
	s.sts[domain] = entry
	s.octets += entry.octets()
}

func (s *Store) dropSTS(domain string) {
	s.octets -= s.sts[domain].octets()
	delete(s.sts, domain)
}

func (e STSEntry) octets() int {
	n := len(e.ID)
	for _, pattern := range e.Policy.MX {
		n += len(pattern)
	}
	return n
}

// Forget drops what is known of a domain: its owner has said that it now has less.
func (s *Store) Forget(domain string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.levels, domain)
	s.dropSTS(domain)
	s.changed++
}

// thinSTS drops what expires first, until there are no more than so many entries and
// octets.
func (s *Store) thinSTS(entries, octets int) {
	keep := newest(s.sts, func(e STSEntry) time.Time { return e.Expires })
	for i := len(keep) - 1; i >= 0 && (i >= entries || s.octets > octets); i-- {
		s.dropSTS(keep[i])
	}
}

// lessThan is what is kept when a bound is reached: with some room, so that not
// every stranger has us look for the oldest again.
func lessThan(most int) int { return most - most/8 }

// newest is the keys of m, those whose times are the latest first.
func newest[T any](m map[string]T, at func(T) time.Time) []string {
	return slices.SortedFunc(maps.Keys(m), func(a, b string) int {
		if c := at(m[b]).Compare(at(m[a])); c != 0 {
			return c
		}
		return strings.Compare(a, b)
	})
}

// Take is that of Counter.
func (s *Store) Take(provider, day string, n, limit int) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.counted == nil || s.day != day {
		s.day, s.counted = day, make(map[string]int)
	}
	count, known := s.counted[provider]
	if count+n > limit && (count > 0 || limit == 0) {
		return false
	}
	if !known && len(s.counted) >= maxKept {
		return false // for today: nobody has that many providers while warming up
	}
	s.counted[provider] = count + n
	s.changed++
	return true
}

// Give is that of Counter.
func (s *Store) Give(provider, day string, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.day == day && s.counted[provider] > 0 {
		s.counted[provider] = max(s.counted[provider]-n, 0)
		s.changed++
	}
}
