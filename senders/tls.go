package senders

import (
	"cmp"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/record"
)

// A TLS is what senders told of TLS on the way to the domain.
type TLS struct {
	Reports             int
	Begin, End          time.Time
	Successes, Failures int64 // sessions
	Kinds               []TLSKind
	Failed              []TLSFailed // those with most sessions first
	More                int64       // sessions that failed and of which there is no room for more
}

// A TLSKind is the sessions under one kind of policy: "sts", "tlsa", "no-policy-found".
type TLSKind struct {
	Type                string
	Successes, Failures int64
}

// A TLSFailed is sessions that failed at one host for one cause (RFC 8460, 4.3).
type TLSFailed struct {
	Result, Policy string
	Host           string // absolute; empty where it is not told
	Sessions       int64
	Reporters      []string
	Last           time.Time
}

const maxFailed = 200

func (s *TLS) add(t *Tally, doc *feedback.Document) {
	report := doc.TLS
	if why := t.impossible(report.Begin, report.End); why != "" && !t.trust {
		t.aside(Aside{doc.Name, report.Org, why})
		return
	}
	if !t.since.IsZero() && report.End.Before(t.since) {
		t.Old++
		return
	}
	if t.repeated(&feedback.Aggregate{Org: report.Org, ID: "tls " + report.ID, Begin: report.Begin}) {
		t.Repeated++
		return
	}
	ours := false
	for _, p := range report.Policies {
		if !record.Within(p.Domain, t.domain) {
			continue
		}
		ours = true
		s.policy(report, p)
	}
	if ours {
		s.Reports++
		s.Begin, s.End = earlier(s.Begin, report.Begin), later(s.End, report.End)
	}
}

func (s *TLS) policy(report *feedback.TLS, p feedback.TLSPolicy) {
	s.Successes += p.Successes
	s.Failures += p.Failures
	i := slices.IndexFunc(s.Kinds, func(k TLSKind) bool { return k.Type == p.Type })
	if i < 0 && len(s.Kinds) < maxNames {
		i = len(s.Kinds)
		s.Kinds = append(s.Kinds, TLSKind{Type: p.Type})
	}
	if i >= 0 {
		s.Kinds[i].Successes += p.Successes
		s.Kinds[i].Failures += p.Failures
	}
	for _, d := range p.Details {
		s.detail(report, p.Type, d)
	}
}

func (s *TLS) detail(report *feedback.TLS, policy string, d feedback.TLSFailure) {
	i := slices.IndexFunc(s.Failed, func(f TLSFailed) bool {
		return f.Result == d.Result && f.Host == d.Host && f.Policy == policy
	})
	if i < 0 && len(s.Failed) == maxFailed {
		s.More += d.Sessions
		return
	}
	if i < 0 {
		i = len(s.Failed)
		s.Failed = append(s.Failed, TLSFailed{Result: d.Result, Host: d.Host, Policy: policy})
	}
	f := &s.Failed[i]
	f.Sessions += d.Sessions
	f.Last = later(f.Last, report.End)
	if !slices.Contains(f.Reporters, report.Org) && len(f.Reporters) < maxNames {
		f.Reporters = append(f.Reporters, report.Org)
	}
}

func (s TLS) sorted() TLS {
	s.Failed = slices.Clone(s.Failed)
	slices.SortStableFunc(s.Failed, func(a, b TLSFailed) int {
		return cmp.Or(cmp.Compare(b.Sessions, a.Sessions), cmp.Compare(a.Result, b.Result), cmp.Compare(a.Host, b.Host))
	})
	s.Kinds = slices.Clone(s.Kinds)
	slices.SortFunc(s.Kinds, func(a, b TLSKind) int { return cmp.Compare(a.Type, b.Type) })
	return s
}
