package scenario

import (
	"fmt"
	"io/fs"
	"net/netip"
	"slices"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A Scenario is one world and what is expected of an examination in it.
type Scenario struct {
	Domain  string     // canonical; empty where an address is examined
	Address netip.Addr // examined by itself; invalid where a domain is
	Want    checks.Want
	Here    []netip.Addr
	Now     time.Time
	NoSMTP  bool
	NoHTTPS bool
	Records []record.Record
	Faults  []resolve.Fault
	Hosts   map[netip.AddrPort]*smtpscript.Script
	Pages   httpscript.Site            // of all https hosts
	Servers map[netip.Addr]*NameServer // those that are not like the others
	Expect  []string                   // lines of the want section

	Message []byte // examined in place of the domain; nil where a domain or an address is
	// Given is how the message came where its header does not show it; nil where
	// nothing is said of that.
	Given *judge.Given
	// Filters is what spam filters made of the message, of a recording.
	Filters []spam.Answer

	Policies []policy.Policy // whose answers are part of the verdict

	recording recording
	inside    inside

	dnssec  dnssec
	origins []string      // of the zones
	without []record.Slot // "*" as Type stands for every type
	bare    bool          // without the base internet
	real    bool          // documentation address space is not public, as on the internet
	like    string
	archive *txtar.Archive
}

// defaultNow is the clock of scenarios that name none.
var defaultNow = time.Date(2026, time.November, 22, 12, 0, 0, 0, time.UTC)

// Load reads the scenario in file name of fsys, with what it is like and the
// base internet under it.
func Load(fsys fs.FS, name string) (*Scenario, error) {
	s, err := load(fsys, name, 0)
	if err != nil {
		return nil, err
	}
	if !s.bare {
		base, err := settings(internet)
		if err == nil {
			err = base.sections()
		}
		if err != nil {
			return nil, fmt.Errorf("the base internet: %w", err)
		}
		s.lieOn(base)
	}
	s.Records = withSOA(s.withServers())
	return s, nil
}

// maxDepth bounds chains of "like".
const maxDepth = 4

func load(fsys fs.FS, name string, depth int) (*Scenario, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	s, err := settings(data)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var other *Scenario
	if s.like != "" {
		if depth == maxDepth {
			return nil, fmt.Errorf("%s: more than %d scenarios like each other", name, maxDepth)
		}
		if other, err = load(fsys, s.like+".txtar", depth+1); err != nil {
			return nil, fmt.Errorf("%s: like: %w", name, err)
		}
		s.examineAs(other)
	}
	if err := s.sections(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	if other != nil {
		s.lieOn(other)
	}
	return s, nil
}

// examineAs makes s examine what other does, unless s says what.
func (s *Scenario) examineAs(other *Scenario) {
	switch {
	case s.Domain != "" || s.Address.IsValid():
	case other.Address.IsValid():
		s.examine(other.Address)
	default:
		s.Domain = other.Domain
	}
}

// examine makes the scenario one of an examination of an address, whose verdict
// says whether it is fit to send from.
func (s *Scenario) examine(addr netip.Addr) {
	s.Address, s.Want.Senders = addr, []netip.Addr{addr}
	s.Policies = []policy.Policy{policy.Address()}
}

// lieOn puts the world of s over that of base: slots and hosts of s win.
func (s *Scenario) lieOn(base *Scenario) {
	own := make(map[record.Slot]bool)
	for _, r := range s.Records {
		own[slotOf(r)] = true
	}
	for _, r := range base.Records {
		if !own[slotOf(r)] && !s.leavesOut(r) {
			s.Records = append(s.Records, r)
		}
	}
	if s.Message == nil {
		s.Message = base.Message
	}
	if s.Given == nil {
		s.Given = base.Given
	}
	s.dnssec.lieOn(base.dnssec)
	s.inside.lieOn(base.inside)
	for addr, script := range base.Hosts {
		if _, ok := s.Hosts[addr]; !ok {
			s.Hosts[addr] = script
		}
	}
	for key, page := range base.Pages {
		if _, ok := s.Pages[key]; !ok {
			s.Pages[key] = page
		}
	}
	for addr, server := range base.Servers {
		if _, ok := s.Servers[addr]; !ok {
			s.Servers[addr] = server
		}
	}
	for _, origin := range base.origins {
		if !slices.Contains(s.origins, origin) {
			s.origins = append(s.origins, origin)
		}
	}
	s.Faults = append(s.Faults, base.Faults...)
}

func (s *Scenario) leavesOut(r record.Record) bool {
	return leavesOut(s.without, r)
}

func leavesOut(without []record.Slot, r record.Record) bool {
	return slices.ContainsFunc(without, func(w record.Slot) bool {
		return w.Name == r.Name && (w.Type == "*" || w.Type == r.Type)
	})
}

// slotOf is the slot that a record of a scenario takes: of TXT records, those
// that begin with the same version tag.
func slotOf(r record.Record) record.Slot {
	slot := record.Slot{Name: r.Name, Type: r.Type}
	if r.Type == "TXT" && strings.HasPrefix(strings.ToLower(r.Data), "v=") {
		end := strings.IndexAny(r.Data, " ;")
		if end < 0 {
			end = len(r.Data)
		}
		slot.Tag = strings.ToLower(r.Data[:end])
	}
	return slot
}

// Parse reads one scenario by itself: without the one that it is like, and
// without the base internet.
func Parse(data []byte) (*Scenario, error) {
	s, err := settings(data)
	if err != nil {
		return nil, err
	}
	err = s.sections()
	s.Records = s.withServers()
	return s, err
}

// slow is how long an answer may take in a scenario that is not slow.
const slow = time.Second

// Slow reports whether the scenario takes its time: a mail host or a name server
// makes clients wait, beyond the timeouts of DNS clients.
func (s *Scenario) Slow() bool {
	for _, f := range s.Faults {
		if f.Delay > slow {
			return true
		}
	}
	for _, script := range s.Hosts {
		if script.Slow() {
			return true
		}
	}
	for _, page := range s.Pages {
		if page.Slow() {
			return true
		}
	}
	return false
}
