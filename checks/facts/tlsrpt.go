package facts

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A TLSReporting is what a name publishes about TLS reports (RFC 8460, 3).
type TLSReporting struct {
	Name   string // the domain, or an MX host with TLSA records; canonical
	Host   bool   // an MX host
	Answer resolve.Answer
	Err    error    // why nothing of the rest is known
	Texts  []string // those that are looked at; one is right
	Misses []string // those that were meant to be such, and are none

	// The rest is of the only record, or of the only miss where there is none.
	Record   tlsrpt.Record
	Problems []tlsrpt.Problem
}

// Text is the record that Record is of; empty where there is none.
func (r TLSReporting) Text() string {
	switch {
	case len(r.Texts) == 1:
		return r.Texts[0]
	case len(r.Texts) == 0 && len(r.Misses) == 1:
		return r.Misses[0]
	}
	return ""
}

// TLSReports is the fact of where reports about TLS go: those of the domain
// itself, then those of its own MX hosts with TLSA records, to which reports
// about DANE are addressed (RFC 8460, 1.1, Policy Domain). Hosts of others are
// theirs. Its error is only that of the run.
var TLSReports = checks.NewFact("the TLS report addresses", func(ctx context.Context, env *checks.Env) ([]TLSReporting, error) {
	list := []TLSReporting{{Name: env.Domain}}
	var wg sync.WaitGroup
	wg.Go(func() { list[0].ask(ctx, env) })
	hosts := daneHosts(ctx, env)
	wg.Wait()
	return append(list, hosts...), ctx.Err()
})

// daneHosts is the domain's own MX hosts that have TLSA records, and what they
// publish about reports. A host about which that cannot be told is left out.
func daneHosts(ctx context.Context, env *checks.Env) []TLSReporting {
	mx, err := env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "MX"))
	if err != nil {
		return nil
	}
	type candidate struct {
		TLSReporting
		dane bool
	}
	var candidates []candidate
	seen := map[string]bool{env.Domain: true}
	for _, r := range record.Sorted(mx.Records) {
		_, host, ok := r.MX()
		if ok && !seen[host] && record.Within(host, env.Domain) && len(candidates) < maxHosts {
			seen[host] = true
			candidates = append(candidates, candidate{TLSReporting: TLSReporting{Name: host, Host: true}})
		}
	}
	var wg sync.WaitGroup
	for i := range candidates {
		c := &candidates[i]
		wg.Go(func() { c.ask(ctx, env) })
		wg.Go(func() {
			if name, ok := record.Below("_25._tcp", c.Name); ok {
				tlsa, err := env.DNS.Resolve(ctx, resolve.Ask(name, "TLSA"))
				c.dane = err == nil && !tlsa.Void()
			}
		})
	}
	wg.Wait()
	var hosts []TLSReporting
	for _, c := range candidates {
		if c.dane {
			hosts = append(hosts, c.TLSReporting)
		}
	}
	return hosts
}

func (r *TLSReporting) ask(ctx context.Context, env *checks.Env) {
	name, ok := record.Below("_smtp._tls", r.Name)
	if !ok {
		return
	}
	r.Answer, r.Err = env.DNS.Resolve(ctx, resolve.Ask(name, "TXT"))
	for _, text := range r.Answer.Texts() {
		switch {
		case tlsrpt.IsRecord(text):
			r.Texts = append(r.Texts, text)
		case tlsrpt.IsMeant(text):
			r.Misses = append(r.Misses, text)
		}
	}
	if text := r.Text(); text != "" {
		r.Record, r.Problems = tlsrpt.Parse(text)
	}
}
