package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/published"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/senders"
)

// usualNegative is for how many seconds resolvers remember that a name is not there
// where no server says it: the upper end of what RFC 2308, 5 found to work well.
const usualNegative = 3 * 60 * 60

// assumedTTL is that of records of which no server of the zone tells one, in seconds.
const assumedTTL = 24 * 60 * 60

// today reads all that has to do with mail, from whoever holds the zone.
func (x *auditing) today(ctx context.Context, g *migration.Given) error {
	there, err := x.there(ctx, x.world)
	if err != nil {
		return err
	}
	if g.Zone = there.given().Zone; g.Zone == "" {
		g.Zone = x.domain
	}
	questions := x.questions(ctx, *g)
	if source, ok := there.(dnsSource); ok {
		g.Today, err = x.ask(ctx, source.zone, questions)
	} else {
		var wishes []plan.Wish
		for q := range questions {
			wishes = append(wishes, plan.Wish{Edit: record.Edit{Slot: record.Slot{Name: q.Name, Type: q.Type}}})
		}
		g.Today, err = there.records(ctx, wishes)
		g.Today = ofMail(g.Today, questions, x.domain)
	}
	if err != nil {
		return err
	}
	g.Negative = usualNegative
	if soa, err := x.world.asks().Resolve(ctx, resolve.Ask(g.Zone, "SOA")); err == nil {
		if n, ok := published.Negative(soa.Records, g.Zone); ok {
			g.Negative = n
		}
	}
	return nil
}

// questions are the names and types at which something that has to do with mail may
// stand.
func (x *auditing) questions(ctx context.Context, g migration.Given) map[resolve.Question]bool {
	list := make(map[resolve.Question]bool)
	ask := func(name string, types ...string) {
		if record.Within(name, x.domain) && len(name) <= 254 {
			for _, typ := range types {
				list[resolve.Ask(name, typ)] = true
			}
		}
	}
	below := func(label string) string { return record.Canonical(label + "." + x.domain) }
	ask(x.domain, "MX", "TXT", "A", "AAAA", "CAA")
	ask(below("_dmarc"), "TXT", "CNAME")
	ask(below("_mta-sts"), "TXT", "CNAME")
	ask(below("mta-sts"), "A", "AAAA", "CNAME")
	ask(record.Canonical(tlsrpt.Name(x.domain)), "TXT", "CNAME")
	ask(below("default._bimi"), "TXT", "CNAME")
	for _, label := range []string{"autoconfig", "autodiscover", "imap", "pop", "pop3", "smtp", "webmail", "lyncdiscover", "sip", "mail"} {
		ask(below(label), "A", "AAAA", "CNAME")
	}
	for _, c := range []string{"autodiscover", "imap", "imaps", "pop3", "pop3s", "submission", "submissions", "sieve", "jmap", "caldavs", "carddavs"} {
		ask(below("_"+c+"._tcp"), "SRV", "TXT")
	}
	for _, s := range x.knownSelectors(ctx) {
		ask(below(s+"._domainkey"), "TXT", "CNAME")
	}
	for _, e := range g.Wanted {
		ask(record.Canonical(e.Slot.Name), e.Slot.Type, "CNAME")
		if e.Slot.Type == "CNAME" {
			ask(record.Canonical(e.Slot.Name), "A", "AAAA", "TXT")
		}
	}
	for _, s := range x.subdomains {
		ask(s, "MX", "TXT", "CNAME", "A", "AAAA")
		ask(record.Canonical("_dmarc."+s), "TXT")
		for _, k := range x.selectors {
			ask(record.Canonical(k+"._domainkey."+s), "TXT", "CNAME")
		}
	}
	return list
}

// knownSelectors are those given, those that reports tell, and those that services
// and suites are known to use.
func (x *auditing) knownSelectors(ctx context.Context) []string {
	names := make(map[string]bool)
	add := func(list ...string) {
		for _, s := range list {
			if s != "" && !strings.Contains(s, "{") {
				names[strings.ToLower(s)] = true
			}
		}
	}
	add(x.selectors...)
	add(x.world.env(ctx, x.domain).Want.Selectors...)
	for _, s := range x.senders {
		add(s.Selector)
	}
	for _, p := range facts.Providers() {
		add(p.Selectors...)
	}
	for _, p := range desired.Profiles() {
		add(p.Selectors...)
	}
	add("default", "mail", "dkim", "s1", "s2", "k1", "k2", "k3", "selector1", "selector2", "google", "x", "mx", "smtp")
	return slices.Sorted(maps.Keys(names))
}

// ask asks the DNS, twice: what stands at MX hosts and where SPF leads below the domain
// is known after the first time only. TTLs are those of a server of the zone, where
// one tells.
func (x *auditing) ask(ctx context.Context, zone string, questions map[resolve.Question]bool) ([]record.Record, error) {
	first, err := x.asked(ctx, zone, questions)
	if err != nil {
		return nil, err
	}
	more := make(map[resolve.Question]bool)
	for q := range x.further(first) {
		if !questions[q] && record.Within(q.Name, zone) {
			more[q] = true
		}
	}
	second, err := x.asked(ctx, zone, more)
	return slices.Compact(record.Sorted(append(first, second...))), err
}

// further are the questions that follow from what was found.
func (x *auditing) further(found []record.Record) map[resolve.Question]bool {
	more := make(map[resolve.Question]bool)
	for _, r := range found {
		if _, host, ok := r.MX(); ok && host != "." {
			for _, typ := range []string{"A", "AAAA", "TXT"} {
				more[resolve.Ask(host, typ)] = true
			}
			more[resolve.Ask("_25._tcp."+host, "TLSA")] = true
		}
		if r.Type != "TXT" || !spf.IsSPF(r.Data) {
			continue
		}
		parsed, _ := spf.Parse(r.Data)
		for _, t := range parsed.Terms {
			if t.Domain == "" || strings.Contains(t.Domain, "%") || !record.Within(t.Domain, x.domain) {
				continue
			}
			name := record.Canonical(t.Domain)
			for _, typ := range []string{"A", "AAAA", "MX", "TXT"} {
				more[resolve.Ask(name, typ)] = true
			}
		}
	}
	return more
}

// asked asks at once. A question without a conclusive answer is an error: what is
// not known must not be planned over.
func (x *auditing) asked(ctx context.Context, zone string, questions map[resolve.Question]bool) ([]record.Record, error) {
	const atOnce = 32
	env := x.world.env(ctx, x.domain)
	var mu sync.Mutex
	found := make(map[record.Record]bool)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for q := range questions {
		group.Go(func() error {
			ans, err := x.world.asks().Resolve(ctx, q)
			if err != nil {
				return fmt.Errorf("what is there could not be told, so nothing is planned: %w", err)
			}
			here := at(q.Name, ans)
			if len(here) == 0 {
				return nil
			}
			told, err := facts.Authoritative(ctx, env, q.Name, q.Type)
			exact := at(q.Name, told)
			known := err == nil && sameData(exact, here)
			mu.Lock()
			defer mu.Unlock()
			switch {
			case known:
				here = exact
			case err != nil:
				x.unsure = "no server of it answered: " + err.Error()
			default:
				x.unsure = "a server of it answers otherwise than the resolver"
			}
			for i := range here {
				if !known { // what a cache has left says nothing
					here[i].TTL = max(here[i].TTL, assumedTTL)
				}
			}
			for _, r := range here {
				found[r] = true
			}
			return nil
		})
	}
	err := group.Wait()
	return record.Sorted(slices.Collect(maps.Keys(found))), err
}

// at is what an answer has at a name itself.
func at(name string, ans resolve.Answer) []record.Record {
	return slices.DeleteFunc(slices.Concat(ans.Chain, ans.Records), func(r record.Record) bool { return r.Name != name })
}

func sameData(a, b []record.Record) bool {
	list := func(rs []record.Record) []string {
		var out []string
		for _, r := range rs {
			out = append(out, r.Type+" "+r.Data)
		}
		slices.Sort(out)
		return out
	}
	return slices.Equal(list(a), list(b))
}

// ofMail are the records of a whole zone that have to do with mail: what stands at one
// of the names asked for, and what is of a kind that is of use to mail alone.
func ofMail(all []record.Record, questions map[resolve.Question]bool, domain string) []record.Record {
	hosts := make(map[string]bool)
	for _, r := range all {
		if _, host, ok := r.MX(); ok {
			hosts[host] = true
		}
	}
	return slices.DeleteFunc(slices.Clone(all), func(r record.Record) bool {
		switch {
		case !record.Within(r.Name, domain):
			return true
		case questions[resolve.Ask(r.Name, r.Type)], hosts[r.Name]:
			return false
		case r.Type == "MX", r.Type == "TLSA", strings.Contains(r.Name, "._domainkey."), strings.HasPrefix(r.Name, "_dmarc."), strings.Contains(r.Name, "._bimi."):
			return false
		case r.Type == "TXT":
			return !spf.IsSPF(r.Data)
		case r.Type == "CNAME":
			return migration.ServiceOf(r, domain) == ""
		}
		return true
	})
}

// reported are those who send as the domain, as DMARC reports tell.
func (a *app) reported(ctx context.Context, domain string, paths []string) ([]migration.Sender, error) {
	if len(paths) == 0 {
		return nil, nil
	}
	tally := senders.New(domain, senders.Options{Now: time.Now()})
	var refused error
	for doc, err := range feedback.Read(ctx, paths, feedback.Options{Stdin: a.in}) {
		if err == nil {
			err = tally.Add(doc)
		}
		if err != nil && refused == nil {
			refused = err
		}
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if tally.Reports == 0 {
		if refused == nil {
			refused = fmt.Errorf("none of them is about %s", record.Display(domain))
		}
		return nil, usage(fmt.Errorf("--reports: %w", refused))
	}
	var list []migration.Sender
	for _, s := range tally.Sources() {
		if !s.Ours() { // forwarders and strangers do not move
			continue
		}
		one := migration.Sender{Who: s.Name, From: "a report of DMARC", Messages: int(s.Messages), Aligned: s.Aligned()}
		for _, signer := range s.Signers {
			if record.Within(signer.Domain, domain) {
				one.Selector = signer.Selector
			}
		}
		for _, from := range s.From {
			one.Name = from.Name
			list = append(list, one)
		}
		if len(s.From) == 0 {
			one.Name = domain
			list = append(list, one)
		}
	}
	return list, nil
}
