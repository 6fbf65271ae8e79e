// Package mtasts holds a domain to the rules about MTA-STS (RFC 8461): the record
// that announces a policy, the policy itself, and whether the MX hosts meet it.
package mtasts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// maxFaults bounds the faults of one text that are told one by one, the gravest first.
const maxFaults = 8

// A subject is the policy that senders follow and what the checks say it about.
type subject struct {
	facts.STSPolicy
	env  *checks.Env
	host string // the policy host, for readers
}

// policy is the domain's policy as it was fetched; skip says why there is none
// to judge.
func policy(ctx context.Context, env *checks.Env) (p facts.STSPolicy, skip string, err error) {
	if p, err = facts.MTASTSPolicy.Of(ctx, env); err != nil {
		return p, "", err
	}
	return p, cmp.Or(facts.TakesNoMail(ctx, env), p.Off), nil
}

// judgePolicy judges the policy that senders follow. Where they have none, the
// checks before have said why.
func judgePolicy(ctx context.Context, env *checks.Env, judge func(subject, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	p, skip, err := policy(ctx, env)
	if v.Skip = skip; err != nil || skip != "" {
		return v, err
	}
	if err := undecided(p.Fetch); err != nil {
		return v, err
	}
	if !p.Valid() {
		v.Skip = "senders find no valid policy"
		return v, nil
	}
	judge(subject{p, env, record.Display(p.Host)}, &v)
	return v, nil
}

// text is the policy as it was served, as far as a reader follows it.
func (s subject) text() string {
	const most = 2048
	body := string(s.Fetch.Body)
	if len(body) > most {
		return body[:most] + "…"
	}
	return body
}

// finding is a finding about the policy.
func (s subject) finding(severity diagnosis.Severity, format string, args ...any) diagnosis.Finding {
	return diagnosis.Finding{
		Subject: s.host, Severity: severity, Message: fmt.Sprintf(format, args...),
		Evidence: []diagnosis.Evidence{{Question: "GET " + s.Fetch.URL, Answer: s.text()}},
	}
}

// republish is the steps after which senders follow p. The file goes first: an
// id that is new before it makes senders keep the old one (RFC 8461, 8.1).
func republish(env *checks.Env, p mtasts.Policy) []string {
	return []string{
		"Make these lines the file " + mtasts.URL(record.Display(env.Domain)) + ": " + lines(p),
		"Then publish a new id, by which senders learn of the change: " + line(announcement(env)),
	}
}

// lines is a policy file as a step shows it.
func lines(p mtasts.Policy) string {
	var quoted []string
	for l := range strings.Lines(p.String()) {
		quoted = append(quoted, "`"+strings.TrimSpace(l)+"`")
	}
	return strings.Join(quoted, " ")
}

// announcement is the record with a new id: the time, to the second.
func announcement(env *checks.Env) record.Record {
	return record.TXT("_mta-sts."+env.Domain, mtasts.NewRecord(env.Now().UTC().Format("20060102150405")).String())
}

// line is r ready to paste.
func line(r record.Record) string { return "`" + r.String() + "`" }

// gravestFirst is problems in the order in which they are told.
func gravestFirst(problems []mtasts.Problem) []mtasts.Problem {
	problems = slices.Clone(problems)
	slices.SortStableFunc(problems, func(a, b mtasts.Problem) int { return int(b.Effect - a.Effect) })
	return problems
}

func gravity(p mtasts.Problem) diagnosis.Severity {
	if p.Effect == mtasts.Ignored {
		return diagnosis.Advice
	}
	return diagnosis.Warning
}

// hosts is the names of the MX hosts, each once.
func hosts(set facts.MXSet) []string {
	var names []string
	for _, h := range set.Hosts {
		if name := record.Display(h.Name); !h.Literal && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// undecided is why a fetch tells nothing of the policy host: it ended as it might
// not another time, or for somebody else. nil for a fetch that tells.
func undecided(f probe.Fetch) error {
	const tooManyRequests = 429
	switch {
	case f.Err == nil && f.Status == tooManyRequests: // RFC 6585, 4
		return fmt.Errorf("%s: the server asks to come back later (429)", f.URL)
	case f.Err == nil:
		return nil
	}
	switch f.Err.Kind {
	case probe.Refused, probe.Closed, probe.Handshake, probe.NotHTTP, probe.TooLarge, probe.NoAddress, probe.Forbidden:
		return nil
	case probe.Unresolved:
		return errors.New(f.Err.Detail) // the question and its end
	}
	return fmt.Errorf("%s: %w", f.URL, f.Err)
}
