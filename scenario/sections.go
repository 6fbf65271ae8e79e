package scenario

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
	"github.com/maildoctor/maildoctor/zonefile"
)

func (s *Scenario) sections() error {
	for _, file := range s.archive.Files {
		if err := s.section(file.Name, string(file.Data)); err != nil {
			return fmt.Errorf("section %q: %w", file.Name, err)
		}
	}
	return nil
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
