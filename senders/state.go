package senders

import (
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// StateSchema stands in the field "schema" of a state.
const StateSchema = "maildoctor.senders/v1"

// A State is who was known to send as a domain, for the next time.
type State struct {
	Schema  string    `json:"schema"`
	Domain  string    `json:"domain"` // as a reader knows it
	At      time.Time `json:"at"`
	Sources []Known   `json:"sources"`
	// Strangers are names of sources that are none of the owner's, as he said.
	Strangers []string `json:"strangers"`
}

// A Known is a source as it was.
type Known struct {
	Name     string   `json:"name"`
	Standing string   `json:"standing"`
	Networks []string `json:"networks"` // of its addresses, by which it is known again under another name
}

// Remember is the state after sources were seen, with those known before that were
// not seen now.
func (t *Tally) Remember(sources []Source, at time.Time) State {
	s := State{Schema: StateSchema, Domain: record.Display(t.domain), At: at.UTC().Truncate(time.Second)}
	for _, source := range sources {
		if source.Name == unknownHosts || source.Name == untold {
			continue
		}
		known := Known{Name: source.Name, Standing: source.Standing.String()}
		for _, a := range source.Addresses {
			if name := network(a.Addr); name != "" && !slices.Contains(known.Networks, name) {
				known.Networks = append(known.Networks, name)
			}
		}
		slices.Sort(known.Networks)
		s.Sources = append(s.Sources, known)
	}
	s.Strangers = append([]string{}, t.foreign...)
	if t.last != nil {
		s.Strangers = append(s.Strangers, t.last.Strangers...)
		for _, old := range t.last.Sources {
			if !slices.ContainsFunc(s.Sources, func(k Known) bool { return k.Name == old.Name }) && len(s.Sources) < maxHosts {
				s.Sources = append(s.Sources, old)
			}
		}
	}
	slices.Sort(s.Strangers)
	s.Strangers = slices.Compact(s.Strangers)
	return s
}

// ReadState reads what JSON of a State holds; domain is whose it must be.
func ReadState(text []byte, domain string) (s State, err error) {
	if err := json.Unmarshal(text, &s); err != nil {
		return s, fmt.Errorf("it is no state of senders: %w", err)
	}
	switch {
	case s.Schema != StateSchema:
		return s, fmt.Errorf("its schema is %.60q, not %q", s.Schema, StateSchema)
	case record.Canonical(s.Domain) != record.Canonical(domain):
		return s, fmt.Errorf("it is about %.100q, not %s", s.Domain, record.Display(domain))
	}
	return s, nil
}

// isNetwork reports whether a source is called by where it stands, so that its name
// changes when a host comes beside it.
func isNetwork(name string) bool {
	_, notPrefix := netip.ParsePrefix(name)
	_, notAddr := netip.ParseAddr(name)
	return notPrefix == nil || notAddr == nil
}

// has reports whether a source was known. Strangers are never told as new: they
// change every day.
func (s *State) has(source Source) bool {
	if source.Name == unknownHosts || source.Name == untold {
		return true
	}
	return slices.ContainsFunc(s.Sources, func(k Known) bool {
		if k.Name == source.Name {
			return true
		}
		if !isNetwork(source.Name) {
			return false
		}
		for _, a := range source.Addresses {
			if !slices.Contains(k.Networks, network(a.Addr)) {
				return false
			}
		}
		return len(source.Addresses) > 0
	})
}
