package dmarc

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// Trace is how the verdict came about, a line a step: what was asked and found,
// the policy, each alignment, the result. Text from the network is quoted.
func (v Verdict) Trace() []string {
	var t trace
	if v.Author == "" {
		t.line("%s: %s", v.Code, v.Cause)
		return t
	}
	t.line("author domain %s, as %s has it", record.Display(v.Author), v.Reading)
	t.walk("", v.Discovery)
	t.line("organizational domain %s", record.Display(v.Discovery.Organizational))
	t.policy(v)
	for _, a := range v.Alignments {
		t.alignment(a)
	}
	t.line("%s: %s", v.Code, v.Cause)
	if v.Code == Fail {
		t.disposition(v)
	}
	for _, o := range v.Others {
		t = append(t, o.Trace()...)
	}
	return t
}

// String is "pass", or "fail (reject)" with the disposition.
func (v Verdict) String() string {
	if v.Code == Fail {
		return fmt.Sprintf("%s (%s)", v.Code, v.Disposition)
	}
	return string(v.Code)
}

type trace []string

func (t *trace) line(format string, args ...any) { *t = append(*t, fmt.Sprintf(format, args...)) }

func (t *trace) walk(indent string, d Discovery) {
	for _, s := range d.Steps {
		if !s.Beyond {
			t.line("%s%s: %s", indent, s.Answer.Question, s.found())
		}
	}
}

// found is what a step found, in words.
func (s Step) found() string {
	switch {
	case s.Err != nil:
		return "no answer: " + said(s.Err)
	case len(s.Texts) > 1:
		return fmt.Sprintf("%d policy records, which are all discarded", len(s.Texts))
	case len(s.Texts) == 1:
		return fmt.Sprintf("%.500q", s.Texts[0])
	case !s.Answer.Exists:
		return "does not exist"
	}
	return "no policy record"
}

func (t *trace) policy(v Verdict) {
	r := v.Record()
	if r == nil || v.Requested == "" {
		return
	}
	tag := v.Tag
	if tag == "" {
		tag = "no valid policy, which means p"
	}
	t.line("policy %s (%s) of %s", v.Requested, tag, record.Display(v.Discovery.Policy.Domain))
	if x := v.Existence; x != nil {
		found := "exists"
		switch {
		case x.Err != nil:
			found = "no answer: " + said(x.Err)
		case !x.Answer.Exists:
			found = "does not exist, so np holds"
		}
		t.line("%s: %s", x.Answer.Question, found)
	}
}

func (t *trace) alignment(a Alignment) {
	who := []string{string(a.Mechanism)}
	if a.Selector != "" {
		who = append(who, fmt.Sprintf("%.60q", a.Selector))
	}
	mode := "relaxed"
	if a.Strict {
		mode = "strict"
	}
	state := map[State]string{NotAligned: "not aligned", Aligned: "aligned", Undecided: "open"}[a.State]
	t.line("%s, %.20q, %s: %s: %s", strings.Join(who, " "), a.Result, mode, state, a.Why)
	if a.Walk != nil {
		t.walk("  ", *a.Walk)
	}
}

func (t *trace) disposition(v Verdict) {
	r := v.Record()
	switch {
	case v.Reading == RFC9989 && r.Testing && v.Requested != v.Disposition:
		t.line("disposition %s: t=y asks for one step less than %s", v.Disposition, v.Requested)
	case v.Reading == RFC7489 && v.Percent < 100 && v.Requested != None:
		t.line("disposition %s: pct=%d applies %s to that part of the mail that fails, and the next weaker policy to the rest", v.Disposition, v.Percent, v.Requested)
	default:
		t.line("disposition %s", v.Disposition)
	}
}
