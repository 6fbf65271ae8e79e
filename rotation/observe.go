package rotation

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/record"
)

// An Observation is what the authoritative servers of the zone said, each for
// itself, and what the owner's file says.
type Observation struct {
	Servers []Server
	Unknown string // why they could not be asked; empty if they were
	// Carried tells that a provider carries out what is wished: then what no server
	// has may be on its way to them.
	Carried bool
	File    *File // nil where there is none
}

// A Server is one address of one name server.
type Server struct {
	Name, Addr string // the name is absolute; the address as it is written
	Excused    bool   // the owner says that it is not to be waited for
	// Negative is for how many seconds resolvers remember that the server said that
	// something is not there (RFC 2308, 5); not known where that is not Told.
	Negative uint32
	Told     bool
	Views    map[string]View // by selector
}

func (s Server) String() string {
	if s.Addr == "" {
		return record.Display(s.Name)
	}
	return record.Display(s.Name) + " (" + s.Addr + ")"
}

// A View is what a server has at a selector.
type View struct {
	Texts []string // the TXT records, joined
	TTL   uint32   // seconds
	Alias string   // the CNAME in their place
	Err   string   // why it could not be told; empty if the server answered with authority
}

// A standing is what a view is to a key.
type standing int

const (
	unheard  standing = iota // could not be told
	holds                    // the key
	withdrew                 // a record that withdraws it
	lacks                    // nothing
	differs                  // something else
)

// stands is what a server has in the place of a key, and in words.
func (s Server) stands(k Key) (standing, string) {
	v, asked := s.Views[k.Selector]
	switch {
	case !asked:
		return unheard, "was not asked"
	case v.Err != "":
		return unheard, v.Err
	case v.Alias != "":
		return differs, "has a CNAME to " + record.Display(v.Alias) + " there"
	}
	match, why := dkim.Compare(v.Texts, k.Public())
	switch match {
	case dkim.Same:
		return holds, "has it"
	case dkim.Absent:
		return lacks, "has no record there"
	case dkim.Withdrawn:
		return withdrew, "has a record there that withdraws the key"
	}
	return differs, why
}

// A Laggard is a server that does not answer as it should, or not at all.
type Laggard struct {
	Server   string
	Selector string
	Why      string
	Silent   bool // it could not be told
}

func (l Laggard) String() string { return l.Server + ", " + l.Selector + ": " + l.Why }

// everywhere reports whether all servers were heard, and have all of keys in the
// way that is wanted. A name server whose one address is out of reach is heard by
// another. Those that have something else are against, those out of reach silent.
func (o Observation) everywhere(keys []Key, want ...standing) (all bool, against, silent []Laggard) {
	heard := make(map[string]bool) // by name of server and selector
	names := make(map[string]bool)
	var quiet []Laggard
	for _, s := range o.Servers {
		if s.Excused {
			continue
		}
		names[s.Name] = true
		for _, k := range keys {
			is, why := s.stands(k)
			switch {
			case is == unheard:
				quiet = append(quiet, Laggard{Server: s.String(), Selector: k.Selector, Why: why, Silent: true})
			case slices.Contains(want, is):
				heard[s.Name+" "+k.Selector] = true
			default:
				against = append(against, Laggard{Server: s.String(), Selector: k.Selector, Why: why})
			}
		}
	}
	for _, s := range o.Servers {
		for _, k := range keys {
			if !s.Excused && !heard[s.Name+" "+k.Selector] {
				for _, l := range quiet {
					if l.Server == s.String() && l.Selector == k.Selector {
						silent = append(silent, l)
					}
				}
			}
		}
	}
	all = o.Unknown == "" && len(names) > 0 && len(against) == 0 && len(silent) == 0
	return all, against, silent
}

// anywhere reports whether a server has one of keys.
func (o Observation) anywhere(keys []Key) bool {
	for _, s := range o.Servers {
		for _, k := range keys {
			if is, _ := s.stands(k); is == holds {
				return true
			}
		}
	}
	return false
}

// taken says what else stands at the selectors of keys: the key of somebody
// else, or an alias to one. A record that is no key, as of a wildcard, takes nothing.
func (o Observation) taken(keys []Key) (why string, taken bool) {
	for _, s := range o.Servers {
		for _, k := range keys {
			is, why := s.stands(k)
			v := s.Views[k.Selector]
			if is == differs && (v.Alias != "" || slices.ContainsFunc(v.Texts, dkim.IsKey)) {
				return fmt.Sprintf("%s of %s: %s", k.Selector, s, why), true
			}
		}
	}
	return "", false
}

// Key is the key that all servers have at a selector, without File.
func (o Observation) Key(selector string) (Key, error) {
	if o.Unknown != "" {
		return Key{}, errors.New(o.Unknown)
	}
	var found Key
	for _, s := range o.Servers {
		v, asked := s.Views[selector]
		switch {
		case !asked || v.Err != "":
			continue
		case v.Alias != "":
			return Key{}, fmt.Errorf("%s is an alias to %s: who has that name rotates its key", selector, record.Display(v.Alias))
		case len(v.Texts) == 0:
			return Key{}, fmt.Errorf("%s has no record at %s", s, selector)
		case len(v.Texts) > 1:
			return Key{}, fmt.Errorf("%s has %d TXT records at %s, of which verifiers take any (RFC 6376, 3.6.2.2)", s, len(v.Texts), selector)
		}
		key, _ := dkim.ParseKey(v.Texts[0])
		if key.Public == nil {
			return Key{}, fmt.Errorf("%s has no key at %s that can be read: %s", s, selector, key.Describe())
		}
		if found.Record != "" {
			if is, _ := s.stands(found); is != holds {
				return Key{}, fmt.Errorf("the servers do not have the same key at %s; wait until they do", selector)
			}
		}
		found = Key{Selector: strings.ToLower(selector), Record: v.Texts[0], TTL: max(found.TTL, v.TTL)}
	}
	if found.Record == "" {
		return Key{}, fmt.Errorf("no server could be asked for %s", selector)
	}
	return found, nil
}

// learn takes from an observation how long resolvers may remember things. What was
// once heard stays true of who heard it then, so that these only grow.
func (s State) learn(o Observation) State {
	negative, told, heard := uint32(0), false, false
	for _, server := range o.Servers {
		for _, v := range server.Views {
			heard = heard || v.Err == ""
		}
		if server.Told {
			negative, told = max(negative, server.Negative), true
		}
		for _, k := range s.Old {
			if is, _ := server.stands(k); is == holds {
				s.OldTTL = max(s.OldTTL, ttl(server.Views[k.Selector].TTL))
			}
		}
		for _, k := range s.Next {
			if is, _ := server.stands(k); is == withdrew || is == differs {
				s.Remembered = max(s.Remembered, ttl(server.Views[k.Selector].TTL))
			}
		}
	}
	switch {
	case told:
		s.Remembered = max(s.Remembered, ttl(negative))
	case s.Remembered == 0 && heard:
		s.Remembered = usualNegative
	}
	return s
}
