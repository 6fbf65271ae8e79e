package spf

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

func display(domain string) string { return record.Unicode(domain) }

// judgeTargets makes a finding of every term of the kind, anywhere in the tree,
// that does not lead to one valid record. Each target is its own subject.
func judgeTargets(ctx context.Context, env *checks.Env, kind spf.Kind, r facts.SPFRecord, v *diagnosis.Verdict) {
	reported := map[string]bool{}
	for n := range r.Tree.Root.All() {
		if n.Term.Kind != kind || n.In == "" || own(env, n) && misread(r, n.Term) {
			continue
		}
		why := lost(n)
		switch {
		case n.State == spf.Unanswered:
			v.Doubts = append(v.Doubts, doubt(n))
		case n.State == spf.Varies:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: clip(n.Term.String()), Answer: "depends on the sender"})
		case why == "":
			if own(env, n) && n.State == spf.Found {
				v.Seen = append(v.Seen, diagnosis.Evidence{Question: clip(n.Term.String()), Answer: clip(n.Text)})
			}
		case !reported[n.In+n.Domain]:
			reported[n.In+n.Domain] = true
			v.Findings = append(v.Findings, targetFinding(ctx, env, n, why))
		}
	}
}

// lost says why a node leads to no valid record; empty if it does.
func lost(n *spf.Node) string {
	target := display(n.Domain)
	switch n.State {
	case spf.NoName:
		return target + " does not exist"
	case spf.NoRecord:
		return target + " has no SPF record"
	case spf.Several:
		return target + " has more than one SPF record"
	case spf.Broken:
		return fmt.Sprintf("the SPF record of %s is broken: %s", target, spf.Fatal(n.Problems)[0].Text)
	case spf.Unaskable:
		return "that is no name that the DNS can hold"
	}
	return ""
}

func targetFinding(ctx context.Context, env *checks.Env, n *spf.Node, why string) diagnosis.Finding {
	f := diagnosis.Finding{
		Subject: display(n.Domain), Severity: diagnosis.Critical, Evidence: targetEvidence(n),
		Message: fmt.Sprintf("%s has %q, but %s; senders that no earlier term matches get permerror", holder(env, n), clip(n.Term.String()), why),
	}
	switch {
	case own(env, n) && (n.State == spf.NoName || n.State == spf.NoRecord):
		f.Remedy = remedy(ctx, env, fmt.Sprintf("Look up in the manual of the service what to name today, if it still sends for you: %q authorises nobody.", clip(n.Term.String())))
	case own(env, n):
		f.Remedy.Steps = []string{fmt.Sprintf("Tell the owner of %s. If the service no longer sends for you, take %q out.", display(n.Domain), clip(n.Term.String()))}
	default:
		f.Remedy.Steps = []string{fmt.Sprintf("Tell the owner of %s; until it is mended, name the addresses that you need in place of the include that leads there.", display(n.In))}
	}
	return f
}

// targetEvidence is the SPF records of a target, or that it has none; not its
// other texts.
func targetEvidence(n *spf.Node) []diagnosis.Evidence {
	var list []diagnosis.Evidence
	for _, a := range n.Answers {
		answer := a.String()
		if texts := spf.Records(a.Texts()); len(texts) > 0 {
			answer = strings.Join(texts, "\n")
		} else if len(a.Records) > 0 {
			answer = "no SPF record, " + plural(len(a.Records), "other TXT record")
		}
		list = append(list, diagnosis.Evidence{Question: a.Question.String(), Answer: answer})
	}
	return list
}
