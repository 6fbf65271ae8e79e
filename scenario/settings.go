package scenario

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

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
	case "dmarc":
		s.Want.DMARC = dmarc.Policy(value)
		if value != string(dmarc.None) && s.Want.DMARC.Strength() == 0 {
			err = fmt.Errorf("%q is no DMARC policy", value)
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
