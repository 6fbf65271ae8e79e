// Package rotation changes the key that signs a domain's mail without one
// signature that fails: the next key is published, and used when every
// authoritative server has it and every resolver has forgotten that it was not
// there; the old one stays until no mail signed with it can be on its way, is then
// withdrawn (RFC 6376, 3.6.1), and goes at last.
//
// The package is pure. It says what is true and what has to be done next; it asks
// no server, writes no record, and makes no key.
package rotation

import (
	"crypto"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
)

// A Phase is how far a rotation has come.
type Phase string

const (
	Prepared  Phase = "prepared"  // the next keys are made
	Published Phase = "published" // a server answers with them, or a provider took them
	Seen      Phase = "seen"      // every authoritative server answers with them
	Ripe      Phase = "ripe"      // resolvers do not remember any more that they were not there
	Retiring  Phase = "retiring"  // the next keys sign; mail signed with the old ones is on its way
	Revoked   Phase = "revoked"   // the old keys are withdrawn: published with an empty p
	Deleted   Phase = "deleted"   // the records of the old keys are gone; it is over
	Aborting  Phase = "aborting"  // the records of the next keys shall go
	Aborted   Phase = "aborted"   // they are gone; it is over
)

// phases are all of them, in order.
var phases = []Phase{Prepared, Published, Seen, Ripe, Retiring, Revoked, Deleted, Aborting, Aborted}

// Defaults and bounds of what is waited for.
const (
	// DefaultRetire is longer than any sensible queue: senders give up after 4 to 5
	// days (RFC 5321, 4.5.4.1).
	DefaultRetire = 7 * day
	// DefaultDelete is how long it can be read that a key was withdrawn, and not lost.
	DefaultDelete = 30 * day
	// MostWait bounds both.
	MostWait = 366 * day

	day = 24 * time.Hour
	// mostTTL is how long resolvers keep anything, at most (RFC 8767, 4).
	mostTTL = 7 * day
	// usualNegative is for how long resolvers remember that a name is not there where
	// no server says it: the upper end of what RFC 2308, 5 found to work well.
	usualNegative = 3 * time.Hour
	// MostKeys bounds the keys of either side.
	MostKeys = 8
)

// Earliest is before any time at which this package can have been used: a clock
// that is earlier was never set.
var Earliest = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// A Key is a public key under its selector.
type Key struct {
	Selector string // canonical: lower case
	Record   string // the record, "v=DKIM1; k=rsa; p=..."
	TTL      uint32 // of the record, in seconds; 0 where it is the provider's choice, or not known
	File     string // where the private half lies, for a reader; empty where that is not known
}

// Public is the key itself; nil where the record holds none.
func (k Key) Public() crypto.PublicKey {
	key, _ := dkim.ParseKey(k.Record)
	return key.Public
}

// Describe is the key in a few words: "RSA 2048".
func (k Key) Describe() string {
	key, _ := dkim.ParseKey(k.Record)
	return key.Describe()
}

// Waits are how long things are left as they are.
type Waits struct {
	Retire time.Duration // between the switch and the withdrawal of the old keys
	Delete time.Duration // between that and the end of their records
}

// A State is where the rotation of one domain stands. It holds no secret.
type State struct {
	Domain    string // canonical
	Old, Next []Key  // by selector; all of a side change together. Old is empty for the first keys
	Phase     Phase
	Waits     Waits

	// Remembered is the longest for which a resolver may remember what it heard before
	// the next keys were there: that there was nothing (RFC 2308, 5), or a former
	// record.
	Remembered time.Duration
	// OldTTL is the longest for which a resolver may keep the record of an old key.
	OldTTL time.Duration

	// When things came about, in UTC; zero where they have not.
	Begun     time.Time
	Published time.Time // first known
	Seen      time.Time // since when every server has been answering with the next keys
	Switched  time.Time // told by a person
	Back      time.Time // told by a person: the old keys sign again
	Ordered   time.Time // the withdrawal of the old keys was asked for first: from then on there is no way back
	Revoked   time.Time
	Ended     time.Time
	Looked    time.Time // the latest time at which Next looked
}

// New is the state in which a rotation begins, with the next keys made. It is an
// error that names what is wrong where keys or waits are of no use.
func New(domain string, old, next []Key, w Waits, now time.Time) (State, error) {
	s := State{Domain: record.Canonical(domain), Old: slices.Clone(old), Next: slices.Clone(next), Phase: Prepared, Waits: w, Begun: second(now), Looked: second(now)}
	for _, k := range old {
		s.OldTTL = max(s.OldTTL, ttl(k.TTL))
	}
	if now.Before(Earliest) {
		return State{}, errClock(now)
	}
	return s, s.sound()
}

// second is a time as it is kept.
func second(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }

func errClock(now time.Time) error {
	return fmt.Errorf("the clock of this machine says %s, so it was never set; nothing is decided by it", now.UTC().Format(time.RFC3339))
}

// ttl is seconds of a TTL as a duration that resolvers keep to.
func ttl(seconds uint32) time.Duration { return min(time.Duration(seconds)*time.Second, mostTTL) }

// Over reports whether nothing is left to do.
func (s State) Over() bool { return s.Phase == Deleted || s.Phase == Aborted }

// Current are the keys that sign.
func (s State) Current() []Key {
	if s.Switched.IsZero() {
		return s.Old
	}
	return s.Next
}

// SafeFrom is when it is safe to sign with the next keys; zero where that is not
// known yet.
func (s State) SafeFrom() time.Time {
	if s.Seen.IsZero() {
		return time.Time{}
	}
	return s.Seen.Add(s.Remembered)
}

// RevokeFrom is when the old keys may be withdrawn; zero before the switch.
func (s State) RevokeFrom() time.Time {
	if s.Switched.IsZero() {
		return time.Time{}
	}
	return s.Switched.Add(s.Waits.Retire)
}

// DeleteFrom is when the records of the old keys may go; zero before they are
// withdrawn. No resolver knows them as they were by then.
func (s State) DeleteFrom() time.Time {
	if s.Revoked.IsZero() {
		return time.Time{}
	}
	return s.Revoked.Add(max(s.Waits.Delete, s.OldTTL))
}

// Selectors are those of keys, for a reader: "s1 and s2".
func Selectors(keys []Key) string {
	var names []string
	for _, k := range keys {
		names = append(names, k.Selector)
	}
	return and(names)
}

func and(names []string) string {
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}

// Name is the name of the record of a selector, for a reader.
func (s State) Name(selector string) string {
	return record.Display(record.DKIMKey(selector, s.Domain).Name)
}

// sound is what is wrong with a state; nil if nothing is.
func (s State) sound() error {
	if domain, err := record.ParseDomain(record.Display(s.Domain)); err != nil || domain != s.Domain {
		return fmt.Errorf("%.80q is no domain", s.Domain)
	}
	if len(s.Next) == 0 || len(s.Next) > MostKeys || len(s.Old) > MostKeys {
		return fmt.Errorf("a rotation has 1 to %d keys on a side, not %d and %d", MostKeys, len(s.Old), len(s.Next))
	}
	seen := make(map[string]bool)
	for _, k := range slices.Concat(s.Old, s.Next) {
		if err := s.fits(k); err != nil {
			return err
		}
		if seen[k.Selector] {
			return fmt.Errorf("the selector %s is there twice; the next key needs one of its own (RFC 6376, 3.1)", k.Selector)
		}
		seen[k.Selector] = true
	}
	for _, w := range []time.Duration{s.Waits.Retire, s.Waits.Delete, s.Remembered, s.OldTTL} {
		if w < 0 || w > MostWait {
			return fmt.Errorf("a wait of %v is none from 0 to %v", w, time.Duration(MostWait))
		}
	}
	return s.timely()
}

// fits is what is wrong with a key.
func (s State) fits(k Key) error {
	const longest = 253 // of a name, without the final dot (RFC 1035, 2.3.4)
	switch {
	case !keyfile.IsSelector(k.Selector) || strings.ToLower(k.Selector) != k.Selector:
		return fmt.Errorf("%.80q is no selector", k.Selector)
	case len(s.Name(k.Selector)) > longest:
		return fmt.Errorf("the name of the record of %s is longer than a name may be", k.Selector)
	case k.Public() == nil:
		return fmt.Errorf("the record of %s holds no key", k.Selector)
	case len(k.Record) > maxRecord || len(k.File) > maxPath:
		return fmt.Errorf("the record of %s, or the path of its file, is longer than any", k.Selector)
	}
	return nil
}

const (
	maxRecord = 4096 // octets: an RSA key of 8192 bits has 1,400 in base64
	maxPath   = 4096
)

// timely is what is wrong with phase and times.
func (s State) timely() error {
	if !slices.Contains(phases, s.Phase) {
		return fmt.Errorf("%.40q is no phase of a rotation", string(s.Phase))
	}
	needs := map[Phase][]time.Time{
		Published: {s.Published}, Seen: {s.Published, s.Seen}, Ripe: {s.Published, s.Seen},
		Retiring: {s.Published, s.Seen, s.Switched}, Revoked: {s.Published, s.Seen, s.Switched, s.Revoked},
		Deleted: {s.Published, s.Seen, s.Switched, s.Ended}, Aborted: {s.Ended},
	}
	for _, t := range append(needs[s.Phase], s.Begun, s.Looked) {
		if t.IsZero() {
			return fmt.Errorf("when something came about is missing, which the phase %s needs", s.Phase)
		}
	}
	early := slices.Contains([]Phase{Prepared, Published, Seen, Ripe, Aborting, Aborted}, s.Phase)
	if early && !(s.Switched.IsZero() && s.Ordered.IsZero() && s.Revoked.IsZero()) {
		return fmt.Errorf("the phase %s is none in which the switch is over", s.Phase)
	}
	for _, t := range s.times() {
		if !t.IsZero() && (t.Before(Earliest) || t.Year() > 9000) {
			return errors.New("a time of it cannot be")
		}
	}
	return nil
}

// times are all that a state holds.
func (s *State) times() []*time.Time {
	return []*time.Time{&s.Begun, &s.Published, &s.Seen, &s.Switched, &s.Back, &s.Ordered, &s.Revoked, &s.Ended, &s.Looked}
}
