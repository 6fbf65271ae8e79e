package spf

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// Decodable: the texts at the domain can be read as text.
var Decodable = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.decodable",
		Title:    "Every TXT at the domain decodes",
		Severity: diagnosis.Critical,
		Why:      "An SPF record with octets outside ASCII is a syntax error, so every receiver answers permerror.",
		Doc: `SPF records are printable ASCII. A dash or quotation mark that a word processor made "typographic", a space that does not break, a tab, or a line end in the middle void the whole record. They often cannot be seen in a panel.

To fix it, type the record anew in a plain text field instead of pasting it.

Other TXT records at the domain may hold what they like: receivers skip them. Those that are not valid UTF-8 are mentioned as advice, because some tools stumble over them.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 3.1"}, {Name: "RFC 7208, 12"}},
	},
	Needs: []*checks.Check{Exists, SingleRecord},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		v, err := judgeProblems(ctx, env, always(diagnosis.Critical), spf.NonASCII)
		if err != nil || v.Skip != "" {
			return v, err
		}
		r, err := facts.SPF.Of(ctx, env)
		if err != nil {
			return v, err
		}
		texts := r.Answer.Texts()
		for _, text := range texts {
			if utf8.ValidString(text) || spf.IsSPF(text) {
				continue
			}
			v.Findings = append(v.Findings, diagnosis.Finding{
				Subject: "a TXT record beside SPF", Severity: diagnosis.Advice,
				Message:  fmt.Sprintf("%s has the TXT record %q, which is not UTF-8; SPF receivers skip it", name(env), clip(text)),
				Evidence: []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: text}},
				Remedy:   diagnosis.Remedy{Steps: []string{"Find out who needs the record, and publish it in ASCII or remove it."}},
			})
		}
		if len(v.Findings) == 0 {
			v.Seen = []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: plural(len(texts), "TXT record") + ", all text"}}
		}
		return v, nil
	},
})
