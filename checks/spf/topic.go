// Package spf holds a domain to the rules about its SPF record (RFC 7208): that
// there is one, that receivers can read it, that its tree of includes stays
// within the limits, and that it says of the senders what the owner means.
//
// How a record is read, counted and evaluated is the matter of mailauth/spf.
package spf

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// sound is the checks without which there is no record to judge further.
var sound = []*checks.Check{Syntax, MissingSpace, IPFamily, MacroSyntax}

// followable is the checks without which not all of the tree is seen.
var followable = slices.Concat(sound, []*checks.Check{IncludeTarget, RedirectTarget})

// owners names the check that a fatal problem belongs to.
var owners = map[spf.ProblemKind]string{
	spf.NonASCII: "spf.decodable", spf.MissingSpace: "spf.missing-space",
	spf.BadFamily: "spf.ip-family", spf.BadAddress: "spf.ip-family", spf.BadPrefix: "spf.ip-family",
	spf.BadMacro: "spf.macro-syntax", spf.MacroNotHere: "spf.macro-syntax",
}

// judgeText judges the text of the only SPF record, readable or not.
func judgeText(ctx context.Context, env *checks.Env, judge func(facts.SPFRecord, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.SPF.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case len(r.Texts) == 0:
		v.Skip = "the domain has no SPF record"
	case len(r.Texts) > 1:
		v.Skip = "the domain has more than one SPF record"
	default:
		judge(r, &v)
	}
	return v, nil
}

// judgeRecord judges the only SPF record where receivers can read it.
func judgeRecord(ctx context.Context, env *checks.Env, judge func(facts.SPFRecord, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	return judgeText(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
		if fatal := spf.Fatal(r.Problems); len(fatal) > 0 {
			v.Skip = "because of " + ownerOf(fatal[0].Kind)
			return
		}
		judge(r, v)
	})
}

func ownerOf(kind spf.ProblemKind) string {
	if id := owners[kind]; id != "" {
		return id
	}
	return "spf.syntax"
}

// maxFindings bounds the findings of one check about one record.
const maxFindings = 10

// judgeProblems makes a finding of every problem of the given kinds, up to a
// bound: who has more of them needs no longer list.
func judgeProblems(ctx context.Context, env *checks.Env, severity func(spf.Problem) diagnosis.Severity, kinds ...spf.ProblemKind) (diagnosis.Verdict, error) {
	return judgeText(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
		for _, p := range r.Problems {
			if !slices.Contains(kinds, p.Kind) || len(v.Findings) >= maxFindings {
				continue
			}
			says := p.Text
			if t := fmt.Sprintf("%+q", term(r, p)); !strings.Contains(says, t[1:len(t)-1]) {
				says = t + ": " + says
			}
			f := finding(env, r, severity(p), "SPF of %s has a fault: %s%s", name(env), says, consequence(p))
			f.Evidence = append(f.Evidence, caret(r.Texts[0], p))
			f.Remedy = remedy(ctx, env)
			if len(f.Remedy.Edits)+len(f.Remedy.Steps) == 0 {
				f.Remedy.Steps = []string{fmt.Sprintf("Correct the term %+q, or take it out if nobody knows what it is for.", term(r, p))}
			}
			v.Findings = append(v.Findings, f)
		}
	})
}

// byEffect is critical where receivers refuse the record, else a warning.
func byEffect(p spf.Problem) diagnosis.Severity {
	if p.Effect == spf.PermError || p.Effect == spf.Misread {
		return diagnosis.Critical
	}
	return diagnosis.Warning
}

func always(s diagnosis.Severity) func(spf.Problem) diagnosis.Severity {
	return func(spf.Problem) diagnosis.Severity { return s }
}

// consequence says what receivers make of a problem.
func consequence(p spf.Problem) string {
	switch p.Effect {
	case spf.PermError:
		return "; every check of this domain ends in permerror"
	case spf.Misread:
		return "; the senders meant are not authorised"
	}
	return ""
}

// finding is one about the domain's own record, which is its evidence.
func finding(env *checks.Env, r facts.SPFRecord, severity diagnosis.Severity, format string, args ...any) diagnosis.Finding {
	return diagnosis.Finding{Subject: name(env), Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: evidence(r)}
}

func name(env *checks.Env) string { return record.Display(env.Domain) }

// evidence is the SPF records as they were received, without their neighbours.
func evidence(r facts.SPFRecord) []diagnosis.Evidence {
	if len(r.Texts) == 0 {
		return []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: r.Answer.String()}}
	}
	return []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: strings.Join(r.Texts, "\n")}}
}

// caret is the place of a problem, with a mark under the faulty octets.
func caret(text string, p spf.Problem) diagnosis.Evidence {
	const around = 24
	from, to := max(p.Offset-around, 0), min(p.Offset+p.Length+around, len(text))
	shown := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, string(bytesOnly(text[from:to])))
	return diagnosis.Evidence{
		Question: fmt.Sprintf("at octet %d", p.Offset+1),
		Answer:   shown + "\n" + strings.Repeat(" ", p.Offset-from) + strings.Repeat("^", min(p.Length, around)),
	}
}

// bytesOnly makes every octet one character, so that the mark stands right.
func bytesOnly(s string) []rune {
	runes := make([]rune, len(s))
	for i := range len(s) {
		runes[i] = rune(s[i])
	}
	return runes
}

// term is the term that a problem is about, as published.
func term(r facts.SPFRecord, p spf.Problem) string {
	if p.Term < 0 {
		return r.Texts[0]
	}
	return clip(r.Record.Terms[p.Term].Text)
}

func clip(s string) string {
	if len(s) > 80 {
		return s[:80] + "..."
	}
	return s
}

// holder names the record that a node's term stands in, for messages.
func holder(env *checks.Env, n *spf.Node) string { return spfOf(env, n.In) }

// whose names the record that a node leads to.
func whose(env *checks.Env, n *spf.Node) string { return spfOf(env, n.Domain) }

func spfOf(env *checks.Env, domain string) string {
	if domain == env.Domain {
		return "SPF of " + name(env)
	}
	return fmt.Sprintf("SPF of %s (which that of %s relies on)", display(domain), name(env))
}

// own reports whether a node's term stands in the domain's own record.
func own(env *checks.Env, n *spf.Node) bool { return n.In == env.Domain }

// answers is the evidence that a node carries.
func answers(n *spf.Node) []diagnosis.Evidence {
	var list []diagnosis.Evidence
	for _, a := range n.Answers {
		list = append(list, diagnosis.Evidence{Question: a.Question.String(), Answer: a.String()})
	}
	return list
}

// plural is "1 lookup", "2 lookups".
func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// misread reports whether a term of the domain's own record is two terms that
// run together: then what it leads to was never meant.
func misread(r facts.SPFRecord, t spf.Term) bool {
	return slices.ContainsFunc(r.Problems, func(p spf.Problem) bool {
		return p.Effect == spf.Misread && r.Record.Terms[p.Term] == t
	})
}

// doubt is a node whose question had no answer.
func doubt(n *spf.Node) diagnosis.Doubt {
	return diagnosis.Doubt{Subject: record.Display(n.Domain), Reason: n.Err.Error()}
}
