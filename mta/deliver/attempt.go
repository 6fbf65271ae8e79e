package deliver

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// An attempt is one under way.
type attempt struct {
	*Sender
	ctx    context.Context
	job    Job
	bounds Bounds
	report Report

	mail  client.Mail   // without recipients
	rcpts []client.Rcpt // as they are sent
	open  []int         // recipients that are not settled
	via   string        // the relay that is talked to; empty: direct

	connects, sessions int // so far, each within its bound

	stsOnce   sync.Once
	stsPolicy *mtasts.Policy
	stsWhy    string
	stsResult string // the type of what was wrong with fetching the policy
	stsFailed string // and in words
}

// deliver takes the way that the routes say, and the other one where they say so.
func (a *attempt) deliver() {
	var r routing
	var fault *verdict
	find := sync.OnceFunc(func() {
		r, fault = a.route()
		if len(r.hosts) > 0 && r.hosts[0].Name != "" {
			a.report.Provider = ProviderOf(r.hosts[0].Name)
		}
	})
	way := a.Routes.choose(a.report.Destination, a.job.Failures, func() string { find(); return a.report.Provider })
	if way.relay != "" {
		a.byRelay(way.relay, way.why)
		return
	}
	a.report.Route = "direct: " + way.why
	if find(); fault != nil {
		a.all(fault)
		return
	}
	back, capped := a.underCap(len(a.open))
	switch {
	case capped != nil && way.rule.Fallback != "":
		a.byRelay(way.rule.Fallback, capped.text)
		return
	case capped != nil:
		a.all(capped)
		return
	}
	mine := slices.Clone(a.open)
	a.direct(r)
	back(len(mine) - a.taken(mine))
	if way.rule.OnBlock && way.rule.Fallback != "" {
		a.unblock(mine, way.rule.Fallback)
	}
}

// taken counts those of list whose message a host has, or may have.
func (a *attempt) taken(list []int) int {
	n := 0
	for _, i := range list {
		if r := a.report.Results[i]; r.Status == Delivered || r.Maybe {
			n++
		}
	}
	return n
}

// unblock sends by a relay what was refused because of where it came from.
func (a *attempt) unblock(mine []int, relay string) {
	a.open = nil
	var first Result
	for _, i := range mine {
		if r := a.report.Results[i]; r.Meaning.Kind == replies.Blocked && !r.Maybe {
			a.open = append(a.open, i)
			first = r
		}
	}
	if len(a.open) > 0 {
		a.byRelay(relay, fmt.Sprintf("%s answered %d %s: %s", record.Display(first.Host), first.Code, first.Enhanced, first.Meaning.Plain))
	}
}

// direct talks to the hosts in their order, until everybody is settled.
func (a *attempt) direct(r routing) {
	var fate *verdict // of those whom no host has said anything about
	for _, h := range r.hosts {
		if len(a.open) == 0 {
			return
		}
		if len(h.Addrs) == 0 {
			if h.Err != nil {
				fate = worse(fate, unresolved(h))
			}
			continue
		}
		p, fault := a.policy(r, h)
		if fault != nil {
			fate = worse(fate, fault)
			continue
		}
		fate = a.visit(h, p, nil, fate)
	}
	a.settle(fate)
}

// visit talks to a host, at each of its addresses until one has taken the
// transaction, whatever it answered. It returns the fate of those about whom
// nothing was said there.
func (a *attempt) visit(h Host, p Policy, relay *Relay, fate *verdict) *verdict {
	var here *verdict // at this host
	for _, addr := range h.Addrs {
		for again := true; again; {
			if len(a.open) == 0 || a.exhausted() {
				return worse(fate, here)
			}
			before := len(a.open)
			fault := a.converse(h, addr, p, relay)
			again = false
			switch {
			case fault != nil:
				here = nearer(here, fault)
			case a.tooMany() && len(a.open) < before: // RFC 5321, 4.5.3.1.10: the others in a transaction of their own
				again = true
			default:
				return worse(fate, here)
			}
		}
	}
	return worse(fate, here)
}

// nearer is the one of two faults of one host that tells more: what came of a
// conversation goes before an address that does not answer.
func nearer(before, now *verdict) *verdict {
	away := func(v *verdict) bool { return v.stage == probe.StageConnect }
	switch {
	case before == nil || away(before) && !away(now):
		return now
	case !away(before) && away(now):
		return before
	}
	return worse(before, now)
}

// tooMany reports whether everybody who is open was too many in one transaction.
func (a *attempt) tooMany() bool {
	return len(a.open) > 0 && !slices.ContainsFunc(a.open, func(i int) bool {
		r := a.report.Results[i]
		return r.Code != 452 || r.Enhanced != "4.5.3"
	})
}

func (a *attempt) exhausted() bool {
	return a.ctx.Err() != nil || a.connects >= a.bounds.Addresses || a.sessions >= a.bounds.Sessions
}

// worse is the one of two faults of hosts that decides: what passes goes before
// what does not, as with one host that may come back the message is not lost; then
// what a host said before what we think; then the more preferred host.
func worse(before, now *verdict) *verdict {
	switch {
	case before == nil:
		return now
	case now == nil:
		return before
	case before.status != now.status:
		if now.status == Temporary {
			return now
		}
		return before
	case now.said && !before.said:
		return now
	}
	return before
}

// settle gives those who are open their fate, where nobody has said anything of
// them.
func (a *attempt) settle(fate *verdict) {
	if fate == nil {
		fate = ours(Temporary, 451, "4.4.1", "no host could be talked to within the bounds of one attempt")
	}
	for _, i := range a.open {
		if a.report.Results[i].Code == 0 {
			a.set(i, fate)
		}
	}
	a.open = nil
}

// finish makes sure that everybody has a result.
func (a *attempt) finish() { a.settle(nil) }
