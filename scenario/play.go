package scenario

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A World is a scenario in play.
type World struct {
	*Scenario
	CA    *smtpscript.CA                     // issues the certificates of the scripted hosts
	Sites map[netip.AddrPort]httpscript.Site // the pages by where they are served
	now   func() time.Time
}

// Play begins to play the scenario. Its clock starts at s.Now and runs as the
// time does.
func (s *Scenario) Play() (*World, error) {
	ca, err := smtpscript.NewCA(s.Now)
	if err != nil {
		return nil, err
	}
	return s.PlayUnder(ca), nil
}

// PlayUnder is Play where ca issues the certificates, made for the same clock: so
// that worlds have them in common.
func (s *Scenario) PlayUnder(ca *smtpscript.CA) *World {
	if s.recording.times != nil {
		return &World{Scenario: s, CA: ca, now: s.recording.clock()}
	}
	start := time.Now()
	return &World{Scenario: s, CA: ca, Sites: s.sites(), now: func() time.Time { return s.Now.Add(time.Since(start)) }}
}

// sites puts the pages at the addresses of their hosts. The DNS of a world fails
// where the scenario wants it to; servers are where they are all the same.
func (s *Scenario) sites() map[netip.AddrPort]httpscript.Site {
	const port = 443
	sites := make(map[netip.AddrPort]httpscript.Site)
	zone := resolve.NewZone(s.Records)
	for key, page := range s.Pages {
		host, _, _ := strings.Cut(key, "/")
		for _, typ := range []string{"A", "AAAA"} {
			answer, err := zone.Resolve(context.Background(), resolve.Ask(host, typ))
			if err != nil {
				continue
			}
			for _, addr := range answer.Addrs() {
				at := netip.AddrPortFrom(addr, port)
				if sites[at] == nil {
					sites[at] = make(httpscript.Site)
				}
				sites[at][key] = page
			}
		}
	}
	return sites
}

// Clock is the world's clock.
func (w *World) Clock() func() time.Time { return w.now }

// DNS answers from the records of the world, with its faults, or as it was recorded.
func (w *World) DNS() resolve.Resolver {
	if w.Recorded() {
		return &w.recording
	}
	servers := w.NameServers()
	return resolve.NewFaults(resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if q.At != "" {
			return servers.at(ctx, q)
		}
		return servers.whole.Resolve(ctx, q)
	}), w.Faults)
}

// Dial connects to a scripted host in process. An address without a script
// refuses.
func (w *World) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	addr, err := netip.ParseAddrPort(address)
	if err != nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: err}
	}
	if site, ok := w.Sites[addr]; ok {
		return site.Connect(ctx, httpscript.Options{CA: w.CA})
	}
	script, ok := w.Hosts[addr]
	if !ok {
		return nil, smtpscript.Refused()
	}
	return script.Connect(ctx, smtpscript.Options{CA: w.CA})
}

// A Dial connects to an address, as that of net.Dialer does.
type Dial = func(ctx context.Context, network, address string) (net.Conn, error)

// Env is the world as checks see it, for one examination under ctx.
func (w *World) Env(ctx context.Context) *checks.Env {
	return w.EnvOver(ctx, w.DNS(), w.Dial)
}

// EnvOver is Env with another way to ask the DNS and to reach hosts, such as
// over the sockets of a lab.
func (w *World) EnvOver(ctx context.Context, dns resolve.Resolver, dial Dial) *checks.Env {
	env := &checks.Env{
		Domain: w.Domain,
		DNS:    resolve.NewMemo(ctx, resolve.NewBudget(dns, resolve.DefaultBudget)),
		Now:    w.now,
		Want:   w.Want,
		Here:   w.Here,
		Lab:    !w.real,
	}
	if w.Message != nil {
		env.Message, _ = message.Parse(w.Message)
		if w.Given != nil {
			if arrival, err := w.Given.Arrival(env.Message, w.now()); err == nil {
				env.Envelope = arrival.Envelope
			}
		}
	}
	env.Local = w.local(ctx)
	env.Security = w.security(env.DNS)
	if w.Recorded() {
		env.Servers = w.recording.servers()
	} else {
		env.Servers = w.NameServers()
	}
	switch {
	case w.NoSMTP:
	case w.Recorded():
		env.SMTP = &w.recording
	default:
		env.SMTP = &probe.Prober{Dial: dial, RootCAs: w.CA.Pool(), Now: w.now}
	}
	switch {
	case w.NoHTTPS:
	case w.Recorded():
		env.HTTP = &w.recording
	default:
		env.HTTP = &probe.Fetcher{Dial: dial, RootCAs: w.CA.Pool(), Now: w.now}
	}
	return env
}
