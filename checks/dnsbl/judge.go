package dnsbl

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/resolve"
)

// severity is what a listing in a list of that tier matters to a sender.
func severity(t dnsbl.Tier) diagnosis.Severity {
	switch t {
	case dnsbl.TierA:
		return diagnosis.Critical
	case dnsbl.TierB:
		return diagnosis.Warning
	}
	return diagnosis.Advice
}

// bound is the gravest that a listing of the subject can be: an address that
// only receives, or a name that belongs to somebody else, loses no mail of the
// domain's for certain.
func bound(s facts.ListSubject) diagnosis.Severity {
	if s.Target.Family() == dnsbl.Domain && !s.Own || s.Target.Family() != dnsbl.Domain && !s.Sends {
		return diagnosis.Warning
	}
	return diagnosis.Critical
}

// listed judges every subject of one family by the lists that answered.
func listed(ctx context.Context, env *checks.Env, f dnsbl.Family) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	b, err := facts.Listings.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, err := range b.Errs {
		if concerns(err, f) {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Reason: err.Error()})
		}
	}
	for _, s := range b.Subjects {
		if s.Target.Family() == f {
			judge(b, s, &v)
		}
	}
	if !b.Family(f) && len(v.Doubts) == 0 {
		v.Skip = noSubject(env, f)
	}
	if f == dnsbl.IPv4 && len(b.LeftOut) > 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "not asked about", Answer: strings.Join(b.LeftOut, "\n")})
	}
	return v, nil
}

// noSubject is why there is nothing of the family to ask about.
func noSubject(env *checks.Env, f dnsbl.Family) string {
	switch {
	case env.Subject() == checks.Domains:
		return fmt.Sprintf("the domain has no public %s address that sends or receives mail", f)
	case f == dnsbl.Domain:
		return "no confirmed name of the address is known"
	}
	return fmt.Sprintf("it is no %s address", f)
}

// concerns reports whether err hides addresses of the family: a question for A
// hides IPv4 only.
func concerns(err error, f dnsbl.Family) bool {
	var e *resolve.Error
	if f == dnsbl.Domain || !errors.As(err, &e) {
		return f != dnsbl.Domain
	}
	return !(e.Question.Type == "A" && f == dnsbl.IPv6 || e.Question.Type == "AAAA" && f == dnsbl.IPv4)
}

// judge adds what the lists say about one subject: a finding that names all
// lists it is on, or what was seen instead, or a doubt.
func judge(b facts.Blocklists, s facts.ListSubject, v *diagnosis.Verdict) {
	t := count(b, s)
	var on []facts.ListEntry
	for _, e := range b.About(s) {
		if len(e.Verdict.Held(dnsbl.Abuse)) > 0 {
			on = append(on, e)
		}
		if e.Verdict.State == dnsbl.Unread {
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: s.Target.String(), Reason: unread(e)})
		}
	}
	switch {
	case len(on) > 0:
		v.Findings = append(v.Findings, finding(s, on, t))
	case t.answered == 0 && t.unproven == 0:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{
			Subject: s.Target.String(),
			Reason:  fmt.Sprintf("none of the %s that hold %s gave an answer (%s)", plural(t.total, "list"), kind(s), blame(b, s)),
		})
	default:
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: s.String(), Answer: t.String() + noted(b.About(s))})
	}
}

func unread(e facts.ListEntry) string {
	return fmt.Sprintf("%s answers %s for %s, a code without a known meaning", e.Zone, joined(e.Answer), e.Subject.Target)
}

// A tally is how many lists spoke about a subject.
type tally struct {
	of                        dnsbl.Family
	total, answered, unproven int
}

// count counts the lists that hold such subjects, and those that answered.
func count(b facts.Blocklists, s facts.ListSubject) tally {
	t := tally{of: s.Target.Family()}
	for _, test := range b.Tests {
		if test.Family != s.Target.Family() {
			continue
		}
		t.total++
		for _, e := range b.About(s) {
			conclusive := e.Zone.Name == test.Zone.Name && e.Err == nil && e.Verdict.State <= dnsbl.Listed
			switch {
			case conclusive && (test.Use == dnsbl.Usable || e.Verdict.State == dnsbl.Listed):
				t.answered++
			case conclusive:
				t.unproven++
			}
		}
	}
	return t
}

// String is "on none of 14 IPv4 lists (3 could not be asked)".
func (t tally) String() string {
	var rest []string
	if t.unproven > 0 {
		rest = append(rest, fmt.Sprintf("nor on %d without the test entry that proves it", t.unproven))
	}
	if n := t.total - t.answered - t.unproven; n > 0 {
		rest = append(rest, fmt.Sprintf("%d could not be asked", n))
	}
	what := t.of.String() + " list"
	if t.of == dnsbl.Domain {
		what = "domain list"
	}
	s := "on none of " + plural(t.answered, what)
	if len(rest) > 0 {
		s += " (" + strings.Join(rest, "; ") + ")"
	}
	return s
}

// blame is why the lists are of no use for a subject: the check that says what is
// wrong with most of them or, where they work, the first error.
func blame(b facts.Blocklists, s facts.ListSubject) string {
	n := make(map[*checks.Check]int)
	for _, test := range b.Tests {
		switch {
		case test.Family != s.Target.Family() || test.Answers():
		case test.Use == dnsbl.Refusing:
			n[RefusalDecoded]++
		case test.Use == dnsbl.Rewritten:
			n[AnswerInRange]++
		default:
			n[ZoneAlive]++
		}
	}
	worst := ZoneAlive
	for _, c := range []*checks.Check{RefusalDecoded, AnswerInRange} {
		if n[c] > n[worst] {
			worst = c
		}
	}
	for _, e := range b.About(s) {
		if e.Err != nil && n[worst] == 0 {
			return e.Err.Error()
		}
	}
	return "see " + worst.ID
}

// noted is what lists say for a subject without holding anything against it.
func noted(entries []facts.ListEntry) string {
	var s string
	for _, e := range entries {
		if e.Verdict.State == dnsbl.Noted {
			s += "\n" + e.Zone.Title + ": " + reasons(e.Verdict.Reasons)
		}
	}
	return s
}

func kind(s facts.ListSubject) string {
	if s.Target.Family() == dnsbl.Domain {
		return "domains"
	}
	return s.Target.Family().String() + " addresses"
}

func reasons(list []dnsbl.Reason) string {
	var parts []string
	for _, r := range list {
		parts = append(parts, r.String())
	}
	return strings.Join(parts, ", ")
}

func joined(a resolve.Answer) string { return strings.ReplaceAll(a.String(), "\n", ", ") }

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// names is the zones for a sentence: "a, b and c", "a, b and 20 more lists".
func names(zones []dnsbl.Zone) string {
	var list []string
	for _, z := range zones {
		list = append(list, z.String())
	}
	if n := len(list) - 2; n > 1 {
		list = append(list[:2], plural(n, "more list"))
	}
	return inWords(list)
}

// inWords is "a, b and c".
func inWords(list []string) string {
	if len(list) < 2 {
		return strings.Join(list, "")
	}
	return strings.Join(list[:len(list)-1], ", ") + " and " + list[len(list)-1]
}

func verb(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
