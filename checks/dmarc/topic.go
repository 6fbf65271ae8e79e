// Package dmarc holds a domain to the rules about its DMARC policy (RFC 9989)
// and about where reports go (RFC 9990), and says where a receiver that still
// follows RFC 7489 sees something else.
package dmarc

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// A subject is the policy that applies and what the checks say it about.
type subject struct {
	facts.DMARCPolicy
	purpose facts.Purpose
	env     *checks.Env
	name    string // the domain examined, for readers
}

// at names where the record stands, for readers: "_dmarc.example.org".
func (s subject) at() string { return "_dmarc." + record.Display(s.Policy.Domain) }

// judgePolicy judges the policy that applies; there is nothing to judge where
// none does.
func judgePolicy(ctx context.Context, env *checks.Env, judge func(subject, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, err := facts.DMARC.Of(ctx, env)
	if err != nil {
		return v, err
	}
	purpose, err := facts.Intent.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case len(p.Undecided) > 0: // also where a record was found behind the gap
		return v, p.Undecided[0]
	case p.Policy == nil:
		v.Skip = "no DMARC policy applies to the domain"
	default:
		judge(subject{p, purpose, env, record.Display(env.Domain)}, &v)
	}
	return v, nil
}

// judgeRecord judges the text of a record that the owner can change. That of a
// public suffix is not the owner's.
func judgeRecord(ctx context.Context, env *checks.Env, judge func(subject, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) {
		if !s.Own {
			v.Skip = fmt.Sprintf("the policy is that of the public suffix %s", record.Display(s.Policy.Domain))
			return
		}
		judge(s, v)
	})
}

// answer is the evidence of one step.
func answer(step dmarc.Step) diagnosis.Evidence {
	e := diagnosis.Evidence{Question: step.Answer.Question.String()}
	if step.Err != nil {
		e.Answer = strings.TrimPrefix(step.Err.Error(), e.Question+": ")
		return e
	}
	e.Answer = step.Answer.String()
	return e
}

// seen is the evidence of the record that applies.
func (s subject) seen() []diagnosis.Evidence { return []diagnosis.Evidence{answer(*s.Policy)} }

// finding is a finding about the domain with the record as evidence.
func (s subject) finding(severity diagnosis.Severity, format string, args ...any) diagnosis.Finding {
	return diagnosis.Finding{Subject: s.name, Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: s.seen()}
}

// publish is the edit after which r is the record at the _dmarc name of step.
// Foreign texts there stay. Where a record is written in a way that its slot
// does not hold ("v = DMARC1"), the edit is of the whole TXT set.
func publish(step dmarc.Step, r dmarc.Record) record.Edit {
	slot := record.DMARC(step.Domain)
	want := record.TXT(slot.Name, r.String())
	if !slices.ContainsFunc(step.Answer.Records, func(r record.Record) bool { return dmarc.IsMeant(r.Data) && !slot.Holds(r) }) {
		return record.Set(slot, want)
	}
	all := []record.Record{want}
	for _, r := range step.Answer.Records {
		if !dmarc.IsMeant(r.Data) {
			all = append(all, record.TXT(slot.Name, r.Data))
		}
	}
	return record.Set(record.Slot{Name: slot.Name, Type: "TXT"}, all...)
}

// cured is the record that applies without any fault that a record can cure
// and without effect on mail: every remedy publishes this one, so that they agree.
func (s subject) cured() dmarc.Record {
	r, ok := dmarc.Repair(s.Text())
	if !ok {
		r = s.Policy.Record.Clean().WithPolicy(dmarc.None)
	}
	switch percent := s.Policy.Record.Percent(); {
	case percent == 0: // what pct=0 means to those who obey it (RFC 7489, 6.6.4)
		r = r.Weaker()
	case percent < 100 && r.Policy.Strength() > 0: // no record says this to everybody
		r.Removed = []dmarc.Tag{{Name: "pct", Value: strconv.Itoa(percent)}}
	}
	if len(r.RUA) == 0 && s.purpose.Sends && s.takesReports() {
		r = r.WithReports(postmaster(s.Policy.Domain))
	}
	return s.beyondMail(r)
}

// beyondMail is r without what else is wrong with it, as far as the mail of the
// domain cannot suffer: names that do not exist send none, and nor does a domain
// that says so.
func (s subject) beyondMail(r dmarc.Record) dmarc.Record {
	if s.Policy.Domain == s.Organizational && openNames(r) {
		r.NonExistent = r.Policy
	}
	if misplacedPSD(*s.Policy) {
		r.PSD = ""
	}
	r.Failure = sensible(r)
	if !s.purpose.Sends && s.Relation == dmarc.Self {
		r.NonExistent, r.Removed = "", nil
		r = r.WithPolicy(dmarc.Reject).WithSubdomains("").WithTesting(false)
	}
	return r
}

// takesReports reports whether the domain of the record has a postmaster to
// send reports to, as far as is known.
func (s subject) takesReports() bool { return s.Policy.Domain != s.env.Domain || s.purpose.Receives }

// republish is the remedy that publishes the record without its faults.
func (s subject) republish() diagnosis.Remedy {
	return diagnosis.Remedy{Edits: []record.Edit{publish(*s.Policy, s.cured())}}
}

// line is r at the _dmarc name of domain, ready to paste.
func line(domain string, r dmarc.Record) string {
	return "`" + record.TXT(record.DMARC(domain).Name, r.String()).String() + "`"
}

// fresh is the record that a domain without one begins with: p=reject where it
// sends no mail, else p=none with reports to its postmaster (RFC 9989, 5.1.4), a
// mailbox that every domain with mail has (RFC 5321, 4.5.1).
func fresh(domain string, purpose facts.Purpose) dmarc.Record {
	switch {
	case !purpose.Sends:
		return dmarc.Record{}.WithPolicy(dmarc.Reject)
	case !purpose.Receives:
		return dmarc.Record{}.WithPolicy(dmarc.None)
	}
	return dmarc.Record{}.WithPolicy(dmarc.None).WithReports(postmaster(domain))
}

func postmaster(domain string) string { return "postmaster@" + record.Display(domain) }

// from says where the policy comes from when it is not the domain's own record.
func (s subject) from() string {
	if s.Relation == dmarc.Self {
		return ""
	}
	return " of subdomains of " + record.Display(s.Policy.Domain)
}

// problems is what the parser finds in the record that applies, of the kinds given.
func (s subject) problems(kinds ...dmarc.Kind) []dmarc.Problem {
	_, problems := dmarc.Parse(s.Text())
	return slices.DeleteFunc(problems, func(p dmarc.Problem) bool { return !slices.Contains(kinds, p.Kind) })
}

// unreadable says which check has found the fault in the text from which it
// follows that the policy is not valid; empty where the policy is valid.
func (s subject) unreadable() string {
	switch {
	case s.Policy.Record.Valid():
		return ""
	case len(s.problems(dmarc.Grammar, dmarc.Value, dmarc.Unknown)) > 0:
		return "because of dmarc.syntax"
	}
	return "because of dmarc.policy-tag"
}

// awaken warns before a policy that has had no effect so far comes into force.
func awaken(r dmarc.Record) []string {
	if r.Policy.Strength() == 0 {
		return nil
	}
	return []string{"The policy " + string(r.Policy) + " has not been in force until now. If no reports have shown yet that all your own mail passes, begin with p=none."}
}
