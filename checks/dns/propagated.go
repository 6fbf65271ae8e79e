package dns

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Propagated: the world sees what the name servers say.
var Propagated = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.propagated",
		Title:    "Public resolvers give the answers of the name servers",
		Severity: diagnosis.Advice,
		Why:      "Until caches have forgotten the old records, some receivers still use them: mail goes to the old MX, and what the new records allow still fails.",
		Doc: `The resolvers of Cloudflare (1.1.1.1), Google (8.8.8.8) and Quad9 (9.9.9.9) are asked for the MX, SPF and DMARC records, and what they say is compared with what the zone's own name servers say now.

A difference is no fault. Nothing propagates in the DNS: a resolver keeps an answer for its TTL, and asks again then. The message says how long that still is, from the answer itself. If the difference is there after that time, the resolver reaches another server than was asked here: see ns.same-answers and ns.delegation-consistent.

Before a change that shall take effect soon, lower the TTL of the record, wait for the old TTL, and make the change then.

A resolver that does not answer here is left out. An answer NXDOMAIN without the zone's SOA record is left out too: so answer resolvers that filter.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1034, 4.3.5"}, {Name: "RFC 2308, 5"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		var v diagnosis.Verdict
		resolvers, err := facts.Public.Of(ctx, env)
		if err != nil {
			return v, err
		}
		set, err := facts.Views.Of(ctx, env)
		switch {
		case err != nil:
			return v, err
		case set.Off != "":
			v.Skip = set.Off
		case len(set.Serving()) == 0:
			v.Skip = "no name server of " + record.Display(set.Zone) + " answers for it; see ns.delegation-consistent"
		default:
			propagated(env, set, resolvers, &v)
		}
		return v, nil
	},
})

func propagated(env *checks.Env, set facts.ViewSet, resolvers []facts.PublicResolver, v *diagnosis.Verdict) {
	told, known := false, false
	for _, m := range facts.MailMatters() {
		now := contents(set, m)
		if len(now) == 0 {
			continue // ns.same-answers doubts it
		}
		known = true
		var agree []string
		for _, r := range resolvers {
			said := m.Of(r.View)
			if !facts.Settled(said) {
				continue
			}
			told = true
			has := m.Content(said.Statement)
			if slices.Contains(now, has) {
				agree = append(agree, r.Operator)
				continue
			}
			v.Findings = append(v.Findings, stale(env, set, m, r, now))
		}
		if len(agree) > 0 {
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: m.Name + " by " + strings.Join(agree, ", "), Answer: now[0]})
		}
	}
	switch {
	case told:
	case !known:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(env.Domain), Reason: "the name servers do not tell their records; see ns.same-answers"})
	default:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(env.Domain), Reason: "no public resolver tells: " + unheard(resolvers)})
	}
}

// unheard is why the resolvers told nothing.
func unheard(resolvers []facts.PublicResolver) string {
	var list []string
	for _, r := range resolvers {
		list = append(list, r.Addr.String()+": "+strings.ReplaceAll(r.MX.Evidence().Answer, "\n", ", "))
	}
	return strings.Join(list, "; ")
}

// contents is what the zone's servers say; nothing where it is in a zone of its
// own, of which they do not tell.
func contents(set facts.ViewSet, m facts.Matter) []string {
	var now []string
	for _, view := range set.Serving() {
		said := m.Of(view)
		if zone, _ := said.Referral(); zone != "" {
			return nil
		}
		if m.Tells(said) {
			now = append(now, m.Content(said.Statement))
		}
	}
	return now
}

func stale(env *checks.Env, set facts.ViewSet, m facts.Matter, r facts.PublicResolver, now []string) diagnosis.Finding {
	said := m.Of(r.View)
	left := span(m.Left(said.Statement))
	f := diagnosis.Finding{
		Subject: record.Display(env.Domain), Severity: diagnosis.Advice,
		Message: fmt.Sprintf("the resolver of %s (%s) has another %s record of %s than its name servers: %q; they say %q. That is normal for %s more, the rest of its TTL",
			r.Operator, r.Addr, m.Name, record.Display(env.Domain), m.Content(said.Statement), now[0], left),
		Evidence: []diagnosis.Evidence{said.Evidence(), m.Of(set.Serving()[0]).Evidence()},
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Wait %s, then check again.", left),
			"If you need not wait, have the resolver forget it: Cloudflare and Google have a page for that (\"purge cache\", \"flush cache\").",
		}},
	}
	if strings.HasPrefix(m.Content(said.Statement), "nothing") {
		f.Message = fmt.Sprintf("the resolver of %s (%s) does not have the %s record of %s yet; its name servers say %q. That is normal for %s more, the rest of the TTL for what is not there",
			r.Operator, r.Addr, m.Name, record.Display(env.Domain), now[0], left)
	}
	return f
}

// span is a time as people say it, no shorter than it is.
func span(d time.Duration) string {
	up := func(unit time.Duration) int { return int((d + unit - 1) / unit) }
	switch {
	case d <= 2*time.Minute:
		return fmt.Sprintf("%d seconds", up(time.Second))
	case d <= 2*time.Hour:
		return fmt.Sprintf("%d minutes", up(time.Minute))
	}
	return fmt.Sprintf("%d hours", up(time.Hour))
}
