package cmd

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// A policyServed is a web in which the MTA-STS policy of a domain is another one. Where
// its host does not answer today it does not answer there either.
type policyServed struct {
	next checks.HTTP
	url  string
	body string
}

// Fetch gets what next has, but for the policy.
func (s policyServed) Fetch(ctx context.Context, r probe.Request) probe.Fetch {
	f := s.next.Fetch(ctx, r)
	const ok = 200
	if r.URL == s.url && f.Status == ok {
		f.Body, f.Truncated = []byte(s.body), false
	}
	return f
}

// serving is a world in which the policy of a domain is another one.
func serving(world stage, domain string, p mtasts.Policy) stage {
	over := func(next checks.HTTP) checks.HTTP {
		if next == nil {
			return nil
		}
		return policyServed{next, mtasts.URL(record.Display(domain)), p.String()}
	}
	switch w := world.(type) {
	case *doctor:
		after := *w
		after.http = over(w.http)
		return &after
	case *player:
		after := *w
		after.web = over
		return &after
	}
	return world
}

// policyAt is the policy that is served after a step; nil where that is the one of
// today.
func policyAt(m migration.Move, step string) *mtasts.Policy {
	var p *mtasts.Policy
	for _, s := range m.Steps {
		if s.Policy != nil {
			p = s.Policy
		}
		if s.ID == step {
			break
		}
	}
	return p
}
