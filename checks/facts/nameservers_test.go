package facts_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// servers answers inquiries by a function, and counts them.
type servers struct {
	answer func(resolve.Inquiry) (resolve.Statement, error)

	mu    sync.Mutex
	asked map[netip.Addr]int
}

func (s *servers) Inquire(_ context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	s.mu.Lock()
	if s.asked == nil {
		s.asked = make(map[netip.Addr]int)
	}
	s.asked[q.Server]++
	s.mu.Unlock()
	st, err := s.answer(q)
	st.Inquiry = q
	return st, err
}

func rr(name, typ, data string) record.Record {
	return record.Record{Name: record.Canonical(name), Type: typ, TTL: 300, Data: data}
}

// small is a world of a root, a zone and two servers.
func small(more ...record.Record) resolve.Resolver {
	return resolve.NewZone(append([]record.Record{
		rr(".", "NS", "a.root-servers.net."), rr("a.root-servers.net.", "A", "198.41.0.4"),
		rr("example.org.", "NS", "ns1.example.org."), rr("ns1.example.org.", "A", "9.8.7.53"),
		rr("mail.example.org.", "A", "9.8.7.25"),
	}, more...))
}

func TestCut(t *testing.T) {
	broken := resolve.NewFaults(small(), []resolve.Fault{{Type: "NS", Name: "example.org.", Kind: resolve.ServFail}})
	tests := []struct {
		name, domain string
		dns          resolve.Resolver
		zone, parent string
		unsure       bool
	}{
		{"at the apex", "example.org.", small(), "example.org.", ".", false},
		{"below it", "mail.example.org.", small(), "example.org.", ".", false},
		{"a zone between", "example.org.", small(rr("org.", "NS", "ns.org.")), "example.org.", "org.", false},
		{"an alias has no zone", "www.example.org.", small(rr("www.example.org.", "CNAME", "example.org.")), "example.org.", ".", false},
		{"the root", ".", small(), ".", "", false},
		{"no answer may be a zone whose servers are gone", "example.org.", broken, "example.org.", ".", true},
		{"no answer at a name above", "mail.example.org.", broken, "example.org.", ".", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			env := &checks.Env{Domain: tt.domain, DNS: tt.dns, Servers: &servers{}}
			cut, err := facts.Cut.Of(t.Context(), env)
			if err != nil || cut.Zone != tt.zone || cut.Parent != tt.parent || (cut.NSErr != nil) != tt.unsure {
				t.Errorf("zone %q below %q, %v, %v", cut.Zone, cut.Parent, cut.NSErr, err)
			}
		})
	}
	if cut, err := facts.Cut.Of(t.Context(), &checks.Env{Domain: "gone.example.org.", DNS: small(), Servers: &servers{}}); err != nil || cut.Off == "" {
		t.Errorf("a name that does not exist: %+v, %v", cut, err)
	}
	deaf := &checks.Env{Domain: "example.org.", DNS: small()}
	if set, err := facts.NameServers.Of(t.Context(), deaf); err != nil || set.Off != "" || len(set.List) != 1 {
		t.Errorf("nobody is to be asked, and the names are known: %+v, %v", set, err)
	}
	if set, err := facts.Views.Of(t.Context(), deaf); err != nil || set.Off == "" {
		t.Errorf("nobody is to be asked: %+v, %v", set, err)
	}
	if _, err := facts.Cut.Of(t.Context(), &checks.Env{Domain: "example.org.", DNS: resolve.NewZone([]record.Record{rr("example.org.", "A", "9.8.7.1")}), Servers: &servers{}}); err == nil {
		t.Error("a world without NS records has a zone")
	}
}

// TestInterception: where port 53 is redirected to a resolver, everything
// answers as it does. That says nothing of anybody's name servers.
func TestInterception(t *testing.T) {
	resolver := &servers{answer: func(q resolve.Inquiry) (resolve.Statement, error) {
		return resolve.Statement{Code: "NOERROR", Recursive: true, Answer: []record.Record{rr(q.Name, q.Type, "ns1.example.org.")}}, nil
	}}
	env := &checks.Env{Domain: "example.org.", DNS: small(), Servers: resolver}
	if _, err := facts.Views.Of(t.Context(), env); err == nil || !strings.Contains(err.Error(), "intercepted") {
		t.Errorf("%v", err)
	}
	half := &servers{answer: func(q resolve.Inquiry) (resolve.Statement, error) {
		if q.Server == netip.MustParseAddr("198.41.0.4") {
			return resolve.Statement{}, errors.New("silent")
		}
		return resolver.answer(q)
	}}
	if _, err := facts.Views.Of(t.Context(), &checks.Env{Domain: "example.org.", DNS: small(), Servers: half}); err == nil || !strings.Contains(err.Error(), "intercepted") {
		t.Errorf("with a parent that is not heard: %v", err)
	}
	choosy := &servers{answer: func(q resolve.Inquiry) (resolve.Statement, error) {
		if q.Recurse {
			return resolver.answer(q)
		}
		return resolve.Statement{Code: "REFUSED"}, nil
	}}
	env = &checks.Env{Domain: "example.org.", DNS: small(), Servers: choosy}
	if _, err := facts.Openings.Of(t.Context(), env); err == nil || !strings.Contains(err.Error(), "intercepted") {
		t.Errorf("by a resolver that refuses what is not recursive: %v", err)
	}
}

// TestManyServers: however many servers a zone names, a few are asked, and none
// of them at an address that is of special use.
func TestManyServers(t *testing.T) {
	var more []record.Record
	for i := range 40 {
		name := fmt.Sprintf("n%02d.example.org.", i)
		more = append(more, rr("example.org.", "NS", name))
		for j := range 40 {
			more = append(more, rr(name, "A", fmt.Sprintf("9.8.%d.%d", i, j)))
		}
		more = append(more, rr(name, "A", "127.0.0.1"), rr(name, "A", "10.0.0.53"), rr(name, "AAAA", "fe80::1"))
	}
	s := &servers{answer: func(q resolve.Inquiry) (resolve.Statement, error) {
		if q.Server == netip.MustParseAddr("198.41.0.4") {
			st := resolve.Statement{Code: "NOERROR"}
			for i := range 40 {
				name := fmt.Sprintf("p%02d.example.org.", i)
				st.Authority = append(st.Authority, rr("example.org.", "NS", name))
				st.Additional = append(st.Additional, rr(name, "A", fmt.Sprintf("9.9.%d.1", i)), rr(name, "A", "127.0.0.1"))
			}
			return st, nil
		}
		return resolve.Statement{}, errors.New("silent")
	}}
	env := &checks.Env{Domain: "example.org.", DNS: small(more...), Servers: s}
	set, err := facts.Views.Of(t.Context(), env)
	if err != nil || len(set.List) > 13 || len(set.Views) > 26 {
		t.Errorf("%d servers, %d views, %v", len(set.List), len(set.Views), err)
	}
	for addr, n := range s.asked {
		if addr.IsLoopback() || addr.IsPrivate() || addr.IsLinkLocalUnicast() || n > 5 {
			t.Errorf("%s was asked %d questions", addr, n)
		}
	}
	if len(s.asked) > 27 {
		t.Errorf("%d servers were asked", len(s.asked))
	}
}

// TestFamilies: a machine without IPv6 asks nobody over it, one with an address
// of a private network neither.
func TestFamilies(t *testing.T) {
	for _, tt := range []struct {
		here string
		asks bool
	}{{"9.8.7.1", false}, {"9.8.7.1 fd00::7", false}, {"9.8.7.1 2a01:4f8::7", true}, {"", true}} {
		s := &servers{answer: func(resolve.Inquiry) (resolve.Statement, error) { return resolve.Statement{Code: "SERVFAIL"}, nil }}
		env := &checks.Env{Domain: "example.org.", DNS: small(rr("ns1.example.org.", "AAAA", "2a01:4f8::53")), Servers: s}
		for _, a := range strings.Fields(tt.here) {
			env.Here = append(env.Here, netip.MustParseAddr(a))
		}
		set, err := facts.Views.Of(t.Context(), env)
		if asked := s.asked[netip.MustParseAddr("2a01:4f8::53")] > 0; err != nil || asked != tt.asks || (len(set.Foreign) == 0) != tt.asks {
			t.Errorf("here %q: asked %t, left out %v, %v", tt.here, asked, set.Foreign, err)
		}
	}
}

func TestContent(t *testing.T) {
	matters := facts.MailMatters()
	mx, spf := matters[0], matters[1]
	say := func(q, typ, code string, answer ...record.Record) resolve.Statement {
		return resolve.Statement{Inquiry: resolve.Inquiry{Name: q, Type: typ}, Code: code, Authoritative: true, Answer: answer}
	}
	const d = "example.org."
	for _, tt := range []struct {
		m    facts.Matter
		s    resolve.Statement
		want string
	}{
		{mx, say(d, "MX", "NOERROR", rr(d, "MX", "20 b."), rr(d, "MX", "10 a.")), "10 a. | 20 b."},
		{mx, say(d, "MX", "NOERROR"), "nothing"},
		{mx, say(d, "MX", "NXDOMAIN"), "nothing"},
		{mx, say(d, "MX", "NOERROR", rr(d, "CNAME", "x."), rr("x.", "MX", "10 a.")), "CNAME x"},
		{spf, say(d, "TXT", "NOERROR", rr(d, "TXT", "x=1"), rr(d, "TXT", "v=spf1 -all")), "v=spf1 -all"},
		{spf, say(d, "TXT", "NOERROR", rr(d, "TXT", "x=1")), "nothing"},
	} {
		if got := tt.m.Content(tt.s); got != tt.want {
			t.Errorf("%s: %q, want %q", tt.s, got, tt.want)
		}
	}
	referral := say("_dmarc."+d, "TXT", "NOERROR")
	referral.Authoritative, referral.Authority = false, []record.Record{rr("_dmarc."+d, "NS", "ns.dmarc-host.example.")}
	if got := matters[2].Content(referral); got != "NS ns.dmarc-host.example" || !matters[2].Tells(facts.Said{Statement: referral}) {
		t.Errorf("a zone of its own: %q", got)
	}
	lame := say(d, "MX", "NOERROR")
	lame.Authoritative = false
	if mx.Tells(facts.Said{Statement: lame}) || mx.Tells(facts.Said{Err: errors.New("silent")}) {
		t.Error("a lame or silent server settles nothing")
	}
}
