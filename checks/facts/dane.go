package facts

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxTLSA bounds the TLSA records of one host that are looked at.
const maxTLSA = 32

// A DANESet is what the MX hosts publish for DANE (RFC 7672).
type DANESet struct {
	Off   string  // why nothing is known of it; empty if it may be
	MX    Signing // of the domain's MX question
	Hosts []DANEHost
}

// A DANEHost is the TLSA records of one MX host.
type DANEHost struct {
	Name    string         // the MX host
	Base    string         // the name below which the records stand: the host, or what it is an alias of (RFC 7672, 2.2.3)
	Addrs   Signing        // of the host's addresses: where they are not secure, no TLSA is looked at (RFC 7672, 2.2.2)
	Answer  resolve.Answer // to the TLSA question
	Err     error          // the question has no conclusive answer
	TLSA    Signing
	Records []TLSA
}

// A TLSA is one record, and what is wrong with it.
type TLSA struct {
	dane.Record
	Text     string
	Problems []dane.Problem
}

// Secure reports whether senders go by the records, or by their absence.
func (h DANEHost) Secure() bool { return h.Addrs.Secure() && h.TLSA.Secure() }

// Usable is the records that senders go by.
func (h DANEHost) Usable() []dane.Record {
	var list []dane.Record
	for _, r := range h.Records {
		if len(r.Problems) == 0 && r.Usable() {
			list = append(list, r.Record)
		}
	}
	return list
}

// Match holds a chain that the host presented against the records, if senders go
// by them. names are those that the certificate may have (RFC 7672, 3.2.2).
func (h DANEHost) Match(env *checks.Env, chain [][]byte) dane.Match {
	if !h.Secure() {
		return dane.Match{Record: -1, Why: "its TLSA records are not secure"}
	}
	return dane.Verify(h.Usable(), chain, []string{h.Base, h.Name, env.Domain}, env.Now())
}

// Excused reports whether a certificate is not held to names, dates and issuers
// by senders that go by DANE: a TLSA record of usage 3 is of it (RFC 7672, 3.1.1).
func (h DANEHost) Excused(env *checks.Env, chain [][]byte) bool {
	m := h.Match(env, chain)
	return m.Record >= 0 && h.Usable()[m.Record].Usage == dane.EE
}

// Host returns what is known of a host.
func (s DANESet) Host(name string) (DANEHost, bool) {
	for _, h := range s.Hosts {
		if h.Name == name {
			return h, true
		}
	}
	return DANEHost{}, false
}

// DANE is the fact of the TLSA records for port 25 of the MX hosts. Its error is
// that of the MX question.
var DANE = checks.NewFact("the TLSA records", func(ctx context.Context, env *checks.Env) (DANESet, error) {
	var set DANESet
	mx, err := MX.Of(ctx, env)
	if err != nil {
		return set, err
	}
	names := hostNames(mx)
	set.Hosts = make([]DANEHost, len(names))
	if env.Security == nil {
		set.Off = "DNSSEC is not looked at here"
		return set, nil
	}
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { set.Hosts[i] = tlsaOf(ctx, env, mx, name) })
	}
	signing, err := DNSSEC.Of(ctx, env)
	wg.Wait()
	if err != nil {
		return set, err
	}
	set.MX = signing.Names[0]
	for i := range set.Hosts {
		set.Hosts[i].Addrs = signing.Host(set.Hosts[i].Name)
	}
	return set, nil
})

// tlsaOf asks for the records of a host. Of an alias those at its target count,
// if there are any (RFC 7672, 2.2.3).
func tlsaOf(ctx context.Context, env *checks.Env, mx MXSet, name string) DANEHost {
	bases := []string{name}
	for _, h := range mx.Hosts {
		if n := len(h.Chain); h.Name == name && n > 0 && len(bases) == 1 {
			bases = []string{h.Chain[n-1].Data, name}
		}
	}
	found := make([]DANEHost, len(bases))
	var wg sync.WaitGroup
	for i, base := range bases {
		wg.Go(func() { found[i] = tlsaAt(ctx, env, name, base) })
	}
	wg.Wait()
	for _, h := range found {
		if len(h.Records) > 0 {
			return h
		}
	}
	return found[0]
}

func tlsaAt(ctx context.Context, env *checks.Env, name, base string) DANEHost {
	h := DANEHost{Name: name, Base: base}
	h.TLSA.Name, h.TLSA.Question = dane.Name(base), resolve.Ask(dane.Name(base), "TLSA")
	var wg sync.WaitGroup
	wg.Go(func() { h.TLSA.Proof, h.TLSA.Err = env.Security.Secure(ctx, h.TLSA.Question) })
	h.Answer, h.Err = env.DNS.Resolve(ctx, h.TLSA.Question)
	wg.Wait()
	for _, r := range h.Answer.Records[:min(len(h.Answer.Records), maxTLSA)] {
		parsed, problems := dane.Parse(r.Data)
		h.Records = append(h.Records, TLSA{parsed, r.Data, problems})
	}
	return h
}
