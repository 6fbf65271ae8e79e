package facts

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/autoconfig"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// Bounds of the conversations as a mail program: a domain can announce anybody's
// hosts as its own.
const (
	maxDoors   = 12 // hosts and ports
	maxPerDoor = 2  // addresses: one of each family
)

// A Door is a host and port that the domain tells mail programs to use.
type Door struct {
	Host     string // canonical
	Port     uint16
	Service  probe.Service
	Implicit bool     // TLS comes first
	Sources  []string // what announces it: "_imaps._tcp.example.org"
	Sessions []DoorSession
}

// A DoorSession is the conversation with one address of the host.
type DoorSession struct {
	Here bool // the address is one of this machine's own
	probe.Session
}

// Doors is the conversations with the hosts that the domain announces to mail
// programs, and no others: nobody's closed doors are tried.
type Doors struct {
	List    []Door
	Off     string   // why there is none
	Left    []string // announced and not tried, and why
	Errs    []error  // questions that might have announced more
	Omitted int      // beyond the bound
}

// doorPorts is the ports at which a service is looked for. That a domain
// announces something else is no reason to knock there.
var doorPorts = map[probe.Service]struct{ clear, implicit uint16 }{
	probe.Submission: {587, 465}, probe.IMAP: {143, 993}, probe.POP3: {110, 995}, probe.ManageSieve: {4190, 0},
}

// ClientDoors is the fact of what those hosts say. Those that SRV records announce
// are asked at once, those of the settings by HTTPS when these are there.
var ClientDoors = checks.NewFact("the hosts for mail programs", func(ctx context.Context, env *checks.Env) (Doors, error) {
	var d Doors
	if env.SMTP == nil {
		d.Off = "SMTP conversations are turned off"
		return d, nil
	}
	plan := planner{env: env, doors: &d}
	services, err := SRVServices.Of(ctx, env)
	if err != nil {
		return d, err
	}
	for _, a := range services.Mail {
		if a.Err != nil {
			d.Errs = append(d.Errs, a.Err)
		}
		for _, t := range a.Targets {
			if !t.Broken && !t.Absent() && !t.IsLiteral() {
				service, implicit := spoken(a.Service.Label)
				plan.add(Door{Host: t.Target, Port: t.Port, Service: service, Implicit: implicit}, t.HostAddrs, record.Display(a.Name))
			}
		}
	}
	var wg sync.WaitGroup
	early := plan.take()
	hold(ctx, env, &wg, early)
	settings, err := MozillaSettings.Of(ctx, env)
	if err == nil {
		plan.settings(settings)
	}
	late := plan.take()
	hold(ctx, env, &wg, late)
	wg.Wait()
	d.List = slices.Concat(early, late)
	for i := range d.List {
		d.List[i].Sources = plan.sources[i]
	}
	if len(d.List)+len(d.Left)+d.Omitted == 0 {
		d.Off = "the domain announces no hosts for mail programs"
	}
	return d, err
})

// spoken is what is spoken at the doors of an SRV record.
func spoken(label string) (service probe.Service, implicit bool) {
	switch label {
	case "_submissions":
		return probe.Submission, true
	case "_submission":
		return probe.Submission, false
	case "_imaps":
		return probe.IMAP, true
	case "_imap":
		return probe.IMAP, false
	case "_pop3s":
		return probe.POP3, true
	case "_pop3":
		return probe.POP3, false
	}
	return probe.ManageSieve, false
}

// A planner lists the doors to try, each once.
type planner struct {
	env     *checks.Env
	doors   *Doors
	list    []Door     // not taken yet
	known   []Door     // all
	sources [][]string // of all
}

func (p *planner) add(d Door, host HostAddrs, source string) {
	at := slices.IndexFunc(p.known, func(k Door) bool { return k.Host == d.Host && k.Port == d.Port })
	if at >= 0 {
		if !slices.Contains(p.sources[at], source) {
			p.sources[at] = append(p.sources[at], source)
		}
		return
	}
	usual := doorPorts[d.Service]
	if d.Implicit && d.Port != usual.implicit || !d.Implicit && d.Port != usual.clear {
		p.doors.Left = append(p.doors.Left, fmt.Sprintf("%s:%d (%s): not the usual port of the service, so it is left alone", record.Display(d.Host), d.Port, source))
		return
	}
	d.Sessions = p.targets(d, host.Addrs)
	if len(d.Sessions) == 0 {
		return // that it has no address is for others to say
	}
	if len(p.known) == maxDoors {
		p.doors.Omitted++
		return
	}
	d.Sources = []string{source}
	p.list, p.known, p.sources = append(p.list, d), append(p.known, d), append(p.sources, d.Sources)
}

// targets is the first public address of each family.
func (p *planner) targets(d Door, addrs []netip.Addr) []DoorSession {
	var sessions []DoorSession
	seen := make(map[Family]bool)
	for _, addr := range addrs {
		if seen[FamilyOf(addr)] || OffLimits(p.env, addr) != "" || len(sessions) == maxPerDoor {
			continue
		}
		seen[FamilyOf(addr)] = true
		target := probe.Target{Host: d.Host, Addr: addr, Port: d.Port, Service: d.Service, ImplicitTLS: d.Implicit}
		sessions = append(sessions, DoorSession{Here: slices.Contains(p.env.Here, addr), Session: probe.Session{Target: target}})
	}
	return sessions
}

// take is the doors that were added since it was called last.
func (p *planner) take() []Door {
	list := p.list
	p.list = nil
	return list
}

func (p *planner) settings(s Settings) {
	if !s.Found || autoconfig.Worst(s.Problems) == autoconfig.Void {
		return
	}
	services := map[string]probe.Service{"imap": probe.IMAP, "pop3": probe.POP3, "smtp": probe.Submission}
	for _, server := range s.Servers {
		if server.Name == "" || server.Socket == autoconfig.Plain {
			continue
		}
		p.add(Door{Host: server.Name, Port: server.Port, Service: services[server.Type], Implicit: server.Socket == autoconfig.TLS}, server.HostAddrs, "the settings at "+record.Display(hostOf(s.Tries[len(s.Tries)-1].URL)))
	}
}

// hold begins the conversations with doors.
func hold(ctx context.Context, env *checks.Env, wg *sync.WaitGroup, doors []Door) {
	for i := range doors {
		for j := range doors[i].Sessions {
			s := &doors[i].Sessions[j]
			wg.Go(func() { s.Session = env.SMTP.Converse(ctx, s.Target) })
		}
	}
}
