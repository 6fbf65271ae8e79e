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
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
	"github.com/maildoctor/maildoctor/zonefile"
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

// settings reads what stands before the first section.
func settings(data []byte) (*Scenario, error) {
	archive := txtar.Parse(data)
	s := &Scenario{Now: defaultNow, Want: checks.Want{RelayTest: true, Intrusive: true}, Hosts: make(map[netip.AddrPort]*smtpscript.Script), Pages: make(httpscript.Site), Servers: make(map[netip.Addr]*NameServer), archive: archive}
	for line := range strings.Lines(string(archive.Comment)) {
		if err := s.setting(strings.TrimSpace(line)); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func (s *Scenario) sections() error {
	for _, file := range s.archive.Files {
		if err := s.section(file.Name, string(file.Data)); err != nil {
			return fmt.Errorf("section %q: %w", file.Name, err)
		}
	}
	return nil
}

func (s *Scenario) setting(line string) error {
	key, value, ok := strings.Cut(line, ": ")
	if !ok {
		return nil // a sentence
	}
	var err error
	switch value = strings.TrimSpace(value); key {
	case "domain":
		s.Domain, err = record.ParseDomain(value)
	case "address":
		var addr netip.Addr
		addr, err = netip.ParseAddr(value)
		s.examine(addr)
	case "like":
		s.like = value
	case "selectors":
		s.Want.Selectors = strings.Fields(value)
	case "ips":
		s.Want.Senders, err = addresses(value)
	case "here":
		s.Here, err = addresses(value)
	case "helo":
		s.Want.HELO = record.Canonical(value)
	case "mx":
		for _, host := range strings.Fields(value) {
			s.Want.MX = append(s.Want.MX, record.Canonical(host))
		}
	case "dqs":
		s.Want.DQS = value == "on"
	case "policies":
		s.Policies, err = policy.Find(strings.Fields(value))
	case "intrusive":
		s.Want.Intrusive = value != "off"
	case "private":
		s.Want.Private = value == "on"
	case "relay-test":
		s.Want.RelayTest = value != "off"
	case "now":
		s.Now, err = time.Parse(time.RFC3339Nano, value)
	case "smtp":
		s.NoSMTP = value == "off"
	case "lab":
		s.real = value == "off"
	case "https":
		s.NoHTTPS = value == "off"
	case "signed", "unsigned", "bogus", "misdelegated", "weak", "dnssec":
		err = s.dnssec.state(key, value)
	case "world":
		s.bare = value == "none" || value == "recorded"
	}
	if err != nil {
		return fmt.Errorf("%s: %w", key, err)
	}
	return nil
}

func addresses(text string) ([]netip.Addr, error) {
	var list []netip.Addr
	for _, field := range strings.Fields(text) {
		addr, err := netip.ParseAddr(field)
		if err != nil {
			return nil, err
		}
		list = append(list, addr)
	}
	return list, nil
}

func (s *Scenario) section(name, body string) error {
	kind, rest, _ := strings.Cut(name, " ")
	switch {
	case kind == "zone":
		return s.zone(rest, body)
	case name == "without":
		return eachLine(body, func(fields []string) error {
			if len(fields) != 2 {
				return fmt.Errorf("want TYPE NAME, got %q", strings.Join(fields, " "))
			}
			s.without = append(s.without, record.Slot{Type: fields[0], Name: s.absolute(fields[1])})
			return nil
		})
	case name == "faults":
		return eachLine(body, func(fields []string) error {
			fault, err := parseFault(fields, s.absolute)
			s.Faults = append(s.Faults, fault)
			return err
		})
	case strings.HasPrefix(name, "smtp/"):
		addr, err := netip.ParseAddrPort(strings.TrimPrefix(name, "smtp/"))
		if err != nil {
			return err
		}
		script, err := smtpscript.Parse(body)
		if err == nil {
			s.Hosts[addr] = script.At(addr.Port())
		}
		return err
	case strings.HasPrefix(name, "server/"):
		addr, err := netip.ParseAddr(strings.TrimPrefix(name, "server/"))
		if err != nil {
			return err
		}
		s.Servers[addr], err = s.nameServer(body)
		return err
	case strings.HasPrefix(name, "https/"):
		page, err := httpscript.Parse(body)
		if err != nil {
			return err
		}
		return s.Pages.Add(strings.TrimPrefix(name, "https/"), page)
	case name == "want":
		for line := range strings.Lines(body) {
			if line = strings.TrimSpace(line); line != "" {
				s.Expect = append(s.Expect, line)
			}
		}
		return nil
	}
	if ok, err := s.message(name, body); ok {
		return err
	}
	if ok, err := s.inside.section(name, body); ok {
		return err
	}
	if ok, err := s.readRecording(name, body); ok {
		return err
	}
	return fmt.Errorf("no such section")
}

// absolute is name in the domain; "@" is the domain itself.
func (s *Scenario) absolute(name string) string {
	switch {
	case name == "@":
		return s.Domain
	case strings.HasSuffix(name, "."):
		return record.Canonical(name)
	}
	return record.Canonical(name + "." + s.Domain)
}

// servers answer for every zone that names none of its own.
var servers = [...]string{"ns.dns-host.example.", "ns2.dns-host.example."}

func (s *Scenario) zone(origin, body string) error {
	if origin == "" {
		origin = s.Domain
	}
	if origin == "" {
		return fmt.Errorf("no origin: set the domain before the first section, or name a zone")
	}
	origin = record.Canonical(origin)
	records, err := zonefile.Read(strings.NewReader(body), origin)
	if err != nil {
		return err
	}
	if !slices.Contains(s.origins, origin) {
		s.origins = append(s.origins, origin)
	}
	s.Records = append(s.Records, records...)
	return nil
}

// withServers is the records, and servers for the zones that name none.
func (s *Scenario) withServers() []record.Record {
	named := make(map[string]bool)
	for _, r := range s.Records {
		if r.Type == "NS" {
			named[r.Name] = true
		}
	}
	records := slices.Clone(s.Records)
	for _, origin := range s.origins {
		if named[origin] || leavesOut(s.without, record.Record{Name: origin, Type: "NS"}) {
			continue
		}
		for _, server := range servers {
			records = append(records, record.Record{Name: origin, Type: "NS", TTL: zonefile.DefaultTTL, Data: server})
		}
	}
	return records
}

func eachLine(body string, do func(fields []string) error) error {
	for line := range strings.Lines(body) {
		fields := strings.Fields(line)
		if len(fields) == 0 || strings.HasPrefix(fields[0], "#") {
			continue
		}
		if err := do(fields); err != nil {
			return err
		}
	}
	return nil
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
