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
	"github.com/maildoctor/maildoctor/resolve"
)

// ExpModifier: the explanation can be fetched.
var ExpModifier = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.exp-modifier",
		Title:    "exp= leads to exactly one TXT",
		Severity: diagnosis.Advice,
		Why:      "exp= names a text that tells a rejected sender why. If it leads nowhere mail is judged all the same, but the text is never shown.",
		Doc: `The modifier exp= names a domain whose one TXT record, in ASCII, is put into the rejection. Where there is none, more than one, or one that is not valid, receivers leave the explanation out. It costs no lookup of the ten. In included records exp= has no meaning and is not judged. A name with macros depends on the sender and cannot be looked up from here.

To fix it, publish the one text, or take exp= out.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 6.2"}},
	},
	Needs: sound,
	Run:   expModifier,
})

func expModifier(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var failed error
	v, err := judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
		exp, ok := r.Record.Exp()
		switch {
		case !ok:
			v.Seen = []diagnosis.Evidence{{Question: "exp=", Answer: "not used"}}
			return
		case strings.Contains(exp.Domain, "%"):
			v.Seen = []diagnosis.Evidence{{Question: clip(exp.Text), Answer: "depends on the sender"}}
			return
		}
		answer, err := env.DNS.Resolve(ctx, resolve.Ask(exp.Domain, "TXT"))
		if err != nil {
			failed = err
			return
		}
		seen := diagnosis.Evidence{Question: answer.Question.String(), Answer: answer.String()}
		fault := unexplained(answer)
		if fault == "" {
			v.Seen = []diagnosis.Evidence{seen}
			return
		}
		f := finding(env, r, diagnosis.Advice, "SPF of %s has %q, but %s %s; rejected senders are told nothing", name(env), clip(exp.Text), record.Unicode(exp.Domain), fault)
		f.Evidence = append(f.Evidence, seen)
		f.Remedy = remedy(ctx, env, "Or publish at "+record.Unicode(exp.Domain)+" one TXT record in ASCII that says whom to ask.")
		v.Findings = []diagnosis.Finding{f}
	})
	if err == nil {
		err = failed
	}
	return v, err
}

// unexplained says why an answer holds no explanation; empty if it does.
func unexplained(a resolve.Answer) string {
	texts := a.Texts()
	switch {
	case !a.Exists:
		return "does not exist"
	case len(texts) == 0:
		return "has no TXT record"
	case len(texts) > 1:
		return fmt.Sprintf("has %d TXT records", len(texts))
	}
	if why := spf.ExplanationFault(texts[0]); why != "" {
		return "holds a text that receivers cannot use: " + why
	}
	return ""
}
