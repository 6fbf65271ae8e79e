package facts

import (
	"context"
	"crypto/tls"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
)

// maxSessions bounds the conversations of one examination: a domain can name
// anybody's hosts as its own.
const maxSessions = 20

// A SessionSet is the SMTP conversations with the domain's MX hosts.
type SessionSet struct {
	List    []HostSession // most preferred host first, its IPv4 addresses first
	Off     string        // why none is to be held at all; empty if some may be
	Omitted int           // addresses beyond the bound
}

// A HostSession is the conversation with one address of one MX host.
type HostSession struct {
	Host Host
	Here bool // the address is one of this machine's own
	probe.Session
	// OldTLS is a second conversation, which offers no TLS newer than 1.1; it is
	// held with one address of each host name. Elsewhere it is the zero one.
	OldTLS probe.Session
}

// Sessions is the fact of what the MX hosts say: one conversation with each
// public address of each, and one about old TLS with each host, all at once and
// no more than two with one address. Other addresses are left to those who judge addresses. Its error is that of the
// MX question.
var Sessions = checks.NewFact("the SMTP sessions", func(ctx context.Context, env *checks.Env) (SessionSet, error) {
	var set SessionSet
	if env.SMTP == nil {
		set.Off = "SMTP conversations are turned off"
		return set, nil
	}
	var reports []ReportHost
	var wg sync.WaitGroup
	wg.Go(func() { reports = reportMX(ctx, env) })
	mx, err := MX.Of(ctx, env)
	wg.Wait()
	if err != nil {
		return set, err
	}
	if set.Off, err = takesNoMail(ctx, env, mx); err != nil || set.Off != "" {
		return set, err
	}
	set.plan(env, mx, envelopes(env, reportMailboxes(env, mx, reports)))
	for i := range set.List {
		s := &set.List[i]
		wg.Go(func() { s.Session = env.SMTP.Converse(ctx, s.Target) })
		if old := s.OldTLS.Target; old.Addr.IsValid() {
			wg.Go(func() { s.OldTLS = env.SMTP.Converse(ctx, old) })
		}
	}
	wg.Wait()
	return set, nil
})

// takesNoMail says why there is nobody to talk to about mail for the domain.
// Where there is neither an MX nor a sender, the address is a web server's, and
// nothing shows that mail is meant to get there.
func takesNoMail(ctx context.Context, env *checks.Env, mx MXSet) (string, error) {
	purpose, err := Intent.Of(ctx, env)
	switch {
	case err != nil:
		return "", err
	case mx.ReceivesNothing():
		return "the domain takes no mail (null MX)", nil
	case len(mx.Hosts) == 0:
		return "the domain has no mail host", nil
	case mx.Implicit && !purpose.Sends:
		return "the domain has no MX and sends no mail", nil
	}
	return "", nil
}

// maxPerAddr bounds the conversations with one address.
const maxPerAddr = 2

// plan lists the conversations to hold: one for each host name and address, as
// each name asks for its own certificate.
func (set *SessionSet) plan(env *checks.Env, mx MXSet, envelopes []probe.Envelope) {
	type pair struct {
		host string
		addr netip.Addr
	}
	seen := make(map[pair]bool)
	held := make(map[netip.Addr]int)
	for _, h := range mx.Hosts {
		for _, addr := range h.Addrs {
			at := pair{h.Name, addr}
			if seen[at] || OffLimits(env, addr) != "" || held[addr] == maxPerAddr {
				continue
			}
			seen[at] = true
			if len(set.List) >= maxSessions {
				set.Omitted++
				continue
			}
			held[addr]++
			session := HostSession{Host: h, Here: slices.Contains(env.Here, addr)}
			session.Target = probe.Target{Host: h.Name, Addr: addr, Envelopes: envelopes, Verify: "postmaster"}
			set.List = append(set.List, session)
		}
	}
	set.planOldTLS(held)
}

// planOldTLS adds one conversation about old TLS for each host name, with its
// first address that is not talked to enough already.
func (set *SessionSet) planOldTLS(held map[netip.Addr]int) {
	asked := make(map[string]bool)
	for i := range set.List {
		s := &set.List[i]
		if asked[s.Host.Name] || held[s.Target.Addr] == maxPerAddr {
			continue
		}
		asked[s.Host.Name] = true
		held[s.Target.Addr]++
		s.OldTLS.Target = probe.Target{Host: s.Host.Name, Addr: s.Target.Addr, Last: probe.StageTLS, NewestTLS: tls.VersionTLS11}
	}
}
