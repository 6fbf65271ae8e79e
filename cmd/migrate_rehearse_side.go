package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/rcpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// A newSide is the new mail hosts of a domain, as the move will name them.
type newSide struct {
	domain string // canonical
	hosts  []string
	known  map[string][]netip.Addr // by host; the others are asked of the DNS
	port   uint16
	wanted string // the file that says what is wanted; empty if there is none
	next   string // where the move stands; empty without one
	passed string // the same where the rehearsal has nothing against it
}

// newSide reads who the new hosts are: from the file of a move, from maildoctor.yaml,
// or from the flags alone.
func (a *app) newSide(f rehearseFlags, args []string) (newSide, error) {
	side := newSide{known: make(map[string][]netip.Addr)}
	switch {
	case f.to != "":
		state, err := a.wanted(f.to)
		if err != nil {
			return side, err
		}
		if side.domain, err = exported(state, args); err != nil {
			return side, err
		}
		side.fromState(state)
	case len(args) == 0:
		return side, usage(errors.New("which move? name the file that migrate audit saved, or a domain with --mx, or what is wanted with --to"))
	case len(f.mx) > 0 && !exists(args[0]):
		name, err := record.ParseDomain(args[0])
		if err != nil {
			return side, usage(fmt.Errorf("%q %w", args[0], err))
		}
		side.domain = name
	default:
		m, err := a.readMove(args[0])
		if err != nil {
			return side, err
		}
		side.fromMove(m, args[0])
	}
	return side, side.flags(f)
}

// flags takes what the flags say of the hosts.
func (s *newSide) flags(f rehearseFlags) error {
	if len(f.mx) > 0 {
		s.hosts = nil
	}
	for _, text := range trimmed(f.mx) {
		name, err := record.ParseDomain(text)
		if err != nil {
			return usage(fmt.Errorf("--mx %q %w", text, err))
		}
		s.hosts = append(s.hosts, name)
	}
	if len(s.hosts) == 0 {
		return usage(fmt.Errorf("it is not known which hosts shall take the mail of %s; name them with --mx", record.Display(s.domain)))
	}
	if f.at == "" {
		return nil
	}
	if len(s.hosts) > 1 {
		return usage(errors.New("--at is the address of one host, and there are several; name it with --mx"))
	}
	if at, err := netip.ParseAddrPort(f.at); err == nil && at.Port() > 0 {
		s.known[s.hosts[0]], s.port = []netip.Addr{at.Addr().Unmap()}, at.Port()
		return nil
	}
	addr, err := netip.ParseAddr(strings.Trim(f.at, "[]"))
	if err != nil || addr.Zone() != "" {
		return usage(fmt.Errorf("--at %q is no address, such as 192.0.2.25 or [2001:db8::25]:2525", f.at))
	}
	s.known[s.hosts[0]] = []netip.Addr{addr.Unmap()}
	return nil
}

func (s *newSide) fromState(state desired.State) {
	s.hosts = state.MX(s.domain)
	for _, h := range state.Hosts {
		s.known[h.Name] = h.Addrs
	}
}

// fromMove takes the hosts of a move, with the addresses that they have after the
// switch: a server that keeps its name has another one then.
func (s *newSide) fromMove(m migration.Move, file string) {
	s.domain, s.hosts, s.wanted, s.next = m.Domain, m.New.Hosts, m.Wanted, report.MoveStands(m, file)
	s.passed = s.next
	if next := m.Next(); next != nil && next.ID == migration.Rehearse {
		s.passed = report.MoveState(m) + " To note it as done: maildoctor migrate done " + file + " " + next.ID + "."
	}
	after := m.After(migration.SwitchMX)
	for _, h := range s.hosts {
		if list := addressesAt(after, h); len(list) > 0 {
			s.known[h] = list
		} else if len(s.hosts) == 1 && len(m.New.Addrs) > 0 {
			s.known[h] = m.New.Addrs
		}
	}
}

// maxRehearsed is how many hosts are asked.
const maxRehearsed = 8

// locate finds an address of each host, IPv4 first: it is what most machines reach.
func (s *newSide) locate(ctx context.Context, world stage) (hosts []rcpt.Host, missing []string) {
	for i, name := range s.hosts {
		if i == maxRehearsed {
			missing = append(missing, fmt.Sprintf("%d further hosts are not asked", len(s.hosts)-i))
			break
		}
		addrs, why := s.known[name], ""
		if len(addrs) == 0 {
			addrs, why = addressesIn(ctx, world.asks(), name)
		}
		if len(addrs) == 0 {
			missing = append(missing, fmt.Sprintf("%s has no address: %s; --mx and --at say one", record.Display(name), why))
			continue
		}
		addr := addrs[0]
		if four := slices.IndexFunc(addrs, netip.Addr.Is4); four >= 0 {
			addr = addrs[four]
		}
		hosts = append(hosts, rcpt.Host{Name: name, Addr: addr, Port: s.port})
	}
	return hosts, missing
}

// addressesIn are the addresses of a host by the DNS; why there is none, if so.
func addressesIn(ctx context.Context, dns resolve.Resolver, host string) (list []netip.Addr, why string) {
	why = "there is none in the DNS"
	for _, typ := range []string{"A", "AAAA"} {
		ans, err := dns.Resolve(ctx, resolve.Ask(host, typ))
		if err != nil {
			why = err.Error()
			continue
		}
		list = append(list, ans.Addrs()...)
	}
	return list, why
}

// moveWorld is the world in which a move is: the internet, or a recording.
func (a *app) moveWorld(ctx context.Context, f examFlags) (stage, error) {
	if f.replay != "" {
		p, err := newPlayer(f.replay)
		if err != nil {
			return nil, usage(err)
		}
		return p, nil
	}
	o, err := f.live("")
	if err != nil {
		return nil, usage(err)
	}
	doctor, err := a.live(ctx, o)
	if err != nil {
		return nil, err
	}
	return doctor.(stage), nil
}

// talker is what talks to mail hosts in a world, to one at a time.
func (a *app) talker(ctx context.Context, world stage) rcpt.SMTP {
	if d, ok := world.(*doctor); ok && d.smtp != nil {
		return d.smtp
	}
	return world.env(ctx, "").SMTP
}

// sendablePath reports whether an address can stand in MAIL.
func sendablePath(address string) bool { return probe.Sendable(address) }

// A counter is a line on a terminal that counts. A nil one is silent.
type counter struct {
	n    atomic.Int64
	done chan struct{}
	gone chan struct{}
}

// counting shows how many of all are done, if there is a terminal to tell.
func (a *app) counting(what string, all int) *counter {
	fd, tty := terminal(a.err)
	if !tty || a.env("TERM") == "dumb" {
		return nil
	}
	c := &counter{done: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(c.gone)
		tick := time.NewTicker(refresh)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				width := 80
				if n, _, err := term.GetSize(fd); err == nil && n > 0 {
					width = n
				}
				line := []rune(fmt.Sprintf("%s: %d of %d", report.Escape(what), c.n.Load(), all))
				fmt.Fprint(a.err, "\r\x1b[K"+string(line[:min(len(line), max(0, width-1))]))
			case <-c.done:
				fmt.Fprint(a.err, "\r\x1b[K")
				return
			}
		}
	}()
	return c
}

func (c *counter) add() {
	if c != nil {
		c.n.Add(1)
	}
}

func (c *counter) stop() {
	if c != nil {
		close(c.done)
		<-c.gone
	}
}
