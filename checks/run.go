package checks

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// grace is how long a check may go on after the run's context has ended, before
// its result is given up.
const grace = time.Second

// Run runs list, and what it needs, on env, and returns the results of list in
// its order. All checks start at once. A check that panics, or does not come
// back within a second after ctx has ended, is Unknown. observe, if not nil, is
// called with each result when it is settled, one call at a time.
//
// A check whose need failed is Skipped, and one whose need is Unknown is Unknown
// too; both name it as Cause. Findings about subjects that the need says nothing
// about stand all the same, and so does a pass where the need failed for single
// hosts or addresses only. A check whose need did not apply does not apply either.
// What does not judge env's subject is not run, has no result, and explains nothing.
func Run(ctx context.Context, env *Env, list []*Check, observe func(diagnosis.Result)) []diagnosis.Result {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	env.mu.Lock()
	env.run = ctx
	env.mu.Unlock()

	list, all := About(env.subjects(), list), About(env.subjects(), withNeeds(list))
	raw := make([]chan diagnosis.Result, len(all))
	for i, c := range all {
		raw[i] = make(chan diagnosis.Result, 1)
		go func() { raw[i] <- perform(ctx, env, c) }()
	}
	late := lateness(ctx)
	settled := make(map[*Check]diagnosis.Result, len(all))
	wanted := make(map[*Check]bool, len(list))
	for _, c := range list {
		wanted[c] = true
	}
	for i, c := range all { // needs stand before what needs them
		var r diagnosis.Result
		select {
		case r = <-raw[i]:
		case <-late:
			select {
			case r = <-raw[i]:
			default:
				r = conclude(c, diagnosis.Verdict{}, errCutShort)
			}
		}
		settled[c] = settle(record.Canonical(env.Domain), c, r, settled)
		if observe != nil && wanted[c] {
			observe(settled[c])
		}
	}
	results := make([]diagnosis.Result, len(list))
	for i, c := range list {
		results[i] = settled[c]
	}
	return results
}

// lateness is closed once ctx has been over for the grace time.
func lateness(ctx context.Context) <-chan struct{} {
	late := make(chan struct{})
	context.AfterFunc(ctx, func() {
		time.AfterFunc(grace, func() { close(late) })
	})
	return late
}

var errCutShort = errors.New("the examination ended before this was known")

// perform runs one check and makes a result of whatever comes of it.
func perform(ctx context.Context, env *Env, c *Check) (r diagnosis.Result) {
	start := env.Now()
	defer func() {
		if p := recover(); p != nil {
			r = conclude(c, diagnosis.Verdict{}, fmt.Errorf("internal error in %s: %v; please report it", c.ID, p))
		}
		r.Took = env.Now().Sub(start)
	}()
	verdict, err := c.Run(ctx, env)
	if err != nil && ctx.Err() != nil {
		err = errCutShort
	}
	return conclude(c, verdict, err)
}

func conclude(c *Check, v diagnosis.Verdict, err error) diagnosis.Result {
	if err != nil {
		v.Doubts = append(slices.Clone(v.Doubts), doubt(err))
		v.Seen = append(slices.Clone(v.Seen), evidence(err)...)
	}
	r := diagnosis.Result{
		Rule: c.Rule, Outcome: v.Outcome(), Severity: c.Severity,
		Seen: v.Seen, Findings: v.Findings, Doubts: v.Doubts,
	}
	switch r.Outcome {
	case diagnosis.Failed:
		r.Severity = gravest(v.Findings)
		r.Reason = reasons(v.Doubts)
	case diagnosis.Unknown:
		r.Reason = reasons(v.Doubts)
	case diagnosis.Skipped:
		r.Reason = v.Skip
	}
	return r
}

func doubt(err error) diagnosis.Doubt {
	var e *resolve.Error
	if errors.As(err, &e) {
		return diagnosis.Doubt{Subject: record.Display(e.Question.Name), Reason: e.Error()}
	}
	return diagnosis.Doubt{Reason: err.Error()}
}

func evidence(err error) []diagnosis.Evidence {
	var e *resolve.Error
	if !errors.As(err, &e) {
		return nil
	}
	return []diagnosis.Evidence{{Question: e.Question.String(), Answer: strings.TrimPrefix(e.Error(), e.Question.String()+": ")}}
}

func gravest(findings []diagnosis.Finding) diagnosis.Severity {
	s := diagnosis.Advice
	for _, f := range findings {
		s = max(s, f.Severity)
	}
	return s
}

func reasons(doubts []diagnosis.Doubt) string {
	var list []string
	for _, d := range doubts {
		if !slices.Contains(list, d.Reason) {
			list = append(list, d.Reason)
		}
	}
	return strings.Join(list, "; ")
}

// settle applies what became of all that c needs, directly or not, to its own
// result. What was judged by itself is a cause; roots come first, the failed
// before the unknown, and those before what did not apply. Each cause takes away
// the findings about its own subjects, and no more: that one host is out of
// reach says nothing about another.
func settle(domain string, c *Check, own diagnosis.Result, settled map[*Check]diagnosis.Result) diagnosis.Result {
	causes := withNeeds(c.Needs)
	for _, outcome := range []diagnosis.Outcome{diagnosis.Failed, diagnosis.Unknown, diagnosis.Skipped} {
		for _, need := range causes {
			cause := settled[need]
			if cause.Outcome != outcome || cause.Cause != "" || !explains(&cause) {
				continue
			}
			if rest := independent(own.Findings, cause); len(rest) > 0 {
				own.Findings, own.Severity = rest, gravest(rest)
				continue
			}
			if own.Outcome == diagnosis.Passed && len(own.Seen) > 0 && ofHosts(cause, domain) {
				continue // it holds for the hosts that are left
			}
			if r, changed := consequence(own, cause); changed {
				return r
			}
		}
	}
	return own
}

// ofHosts reports whether a failure is about single hosts or addresses, and
// not about the domain or a record that speaks for it.
func ofHosts(cause diagnosis.Result, domain string) bool {
	for _, f := range cause.Findings {
		name := record.Canonical(f.Subject)
		if name == domain || strings.Contains("."+name, "._") {
			return false
		}
	}
	return cause.Outcome == diagnosis.Failed
}

// explains leaves of a cause what it may be the cause of something for, and
// reports whether that is anything.
func explains(cause *diagnosis.Result) bool {
	if cause.Outcome == diagnosis.Skipped {
		return true
	}
	cause.Findings = slices.DeleteFunc(slices.Clone(cause.Findings), func(f diagnosis.Finding) bool { return f.Alone })
	cause.Doubts = slices.DeleteFunc(slices.Clone(cause.Doubts), func(d diagnosis.Doubt) bool { return d.Alone })
	switch {
	case len(cause.Findings) > 0:
		return true
	case len(cause.Doubts) > 0:
		cause.Outcome = diagnosis.Unknown
		return true
	}
	return false
}

// independent is those of the findings whose subject the cause says nothing about.
func independent(findings []diagnosis.Finding, cause diagnosis.Result) []diagnosis.Finding {
	about := make(map[string]bool)
	for _, f := range cause.Findings {
		about[f.Subject] = true
	}
	for _, d := range cause.Doubts {
		about[d.Subject] = true
	}
	var rest []diagnosis.Finding
	for _, f := range findings {
		if !about[f.Subject] {
			rest = append(rest, f)
		}
	}
	return rest
}

// consequence is what own becomes when the check it needs ended as cause did,
// and leaves nothing of it to stand by itself.
func consequence(own, cause diagnosis.Result) (diagnosis.Result, bool) {
	id := cause.Rule.ID
	r := diagnosis.Result{Rule: own.Rule, Severity: own.Rule.Severity, Took: own.Took}
	switch cause.Outcome {
	case diagnosis.Failed:
		r.Outcome, r.Cause, r.Reason = diagnosis.Skipped, id, "because of "+id
	case diagnosis.Unknown:
		if own.Outcome == diagnosis.Skipped {
			return own, false
		}
		r.Outcome, r.Cause, r.Reason = diagnosis.Unknown, id, "because "+id+" could not be told"
		r.Doubts = []diagnosis.Doubt{{Reason: r.Reason}}
	case diagnosis.Skipped:
		r.Outcome, r.Reason = diagnosis.Skipped, cause.Reason
	}
	return r, true
}
