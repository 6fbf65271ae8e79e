package spf

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// PTRNameLimit: ptr finds its name among the first ten.
var PTRNameLimit = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.ptr-name-limit",
		Title:    "No ptr term depends on an eleventh name",
		Severity: diagnosis.Advice,
		Why:      "Receivers look at ten names of the sending address, in an order that changes from answer to answer: the same sender passes now and fails a minute later.",
		Doc: `The mechanism ptr and the macro %{p} look up the names of the sending address in the reverse DNS. Of more than ten names receivers look at ten and ignore the rest, without an error. Which ten those are nobody controls.

To fix it, give the address one name in the reverse DNS, the one that its mail server greets with. Better still, name the address in the record as ip4: or ip6:, and take ptr out.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}, {Name: "RFC 7208, 5.5"}},
	},
	Needs: followable,
	Run:   ptrNameLimit,
})

func ptrNameLimit(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	senders, sendersErr := facts.Senders.Of(ctx, env)
	reverses, err := facts.Reverses.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
		term, uses := reverseTerm(r.Tree)
		if !uses {
			followed(r, v)
			v.Seen = []diagnosis.Evidence{{Question: "terms that look at the reverse DNS", Answer: "none"}}
			return
		}
		if sendersErr != nil {
			v.Doubts = []diagnosis.Doubt{{Reason: sendersErr.Error()}}
		}
		for _, s := range senders {
			manyNames(reverses[s.Addr], term, v)
		}
		if len(senders) == 0 && sendersErr == nil {
			v.Skip = "no sending address is known; give --ip ADDRESS to check one"
		}
	})
}

// manyNames judges the names of one sender.
func manyNames(reverse facts.Reverse, term string, v *diagnosis.Verdict) {
	addr := reverse.Addr.String()
	if reverse.Err != nil {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: addr, Reason: reverse.Err.Error()})
		return
	}
	n := len(reverse.Answer.Records)
	seen := diagnosis.Evidence{Question: reverse.Answer.Question.String(), Answer: plural(n, "name")}
	if v.Seen = append(v.Seen, seen); n <= spf.MaxPTRs {
		return
	}
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: addr, Severity: diagnosis.Advice,
		Message:  fmt.Sprintf("%s has %d names in the reverse DNS, and %q looks at %d of them: which, changes from answer to answer", addr, n, clip(term), spf.MaxPTRs),
		Evidence: []diagnosis.Evidence{{Question: seen.Question, Answer: clip(reverse.Answer.String())}},
		Remedy: diagnosis.Remedy{Steps: []string{
			fmt.Sprintf("Have the owner of %s leave one name there: the one that the mail server greets with.", addr),
			fmt.Sprintf("Name %s in the SPF record as %s, so that nothing depends on the reverse DNS.", addr, spf.Record{}.WithIP(reverse.Addr).Terms[0]),
		}},
	})
}

// reverseTerm is the first term of the tree that looks at the reverse DNS.
func reverseTerm(t *spf.Tree) (string, bool) {
	for n := range t.Root.All() {
		if macro := strings.ToLower(n.Term.Domain); n.Term.Kind == spf.PTR || strings.Contains(macro, "%{p") {
			return n.Term.String(), true
		}
	}
	return "", false
}
