package spf

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// Syntax: the record follows the grammar, as far as no narrower check has it.
var Syntax = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.syntax",
		Title:    "The record follows the grammar",
		Severity: diagnosis.Critical,
		Why:      "A syntax error anywhere voids the whole record: receivers answer permerror before they look at any term, and no mail passes SPF. What they take for an unknown modifier they ignore: it authorises nobody.",
		Doc: `A record is v=spf1 and terms, separated by spaces. A term is a mechanism (all, include, a, mx, ptr, ip4, ip6, exists; written with a colon, with an optional + - ~ ? in front) or a modifier (redirect, exp; written with an equals sign). A name that is no mechanism is an error. A modifier that is not known is ignored, so that include=example.com authorises nobody and nobody complains. redirect and exp may stand once each.

To fix it, correct the term that is marked. Missing spaces, addresses, macros and odd characters have checks of their own.

Receivers must check the syntax of the whole record first. Some stop at the first match and never see the error; whether mail passes then depends on who receives it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6"}, {Name: "RFC 7208, 6"}, {Name: "RFC 7208, 12"}},
	},
	Needs: []*checks.Check{Exists, SingleRecord},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		v, err := judgeProblems(ctx, env, byEffect, spf.UnknownMechanism, spf.BadDomain, spf.BadArgument, spf.RepeatedModifier)
		if err != nil || v.Skip != "" {
			return v, err
		}
		r, err := facts.SPF.Of(ctx, env)
		if err != nil {
			return v, err
		}
		meant := slices.ContainsFunc(r.Problems, func(p spf.Problem) bool { return p.Kind == spf.UnknownModifier && p.Meant != "" })
		if meant {
			more, err := judgeProblems(ctx, env, byEffect, spf.UnknownModifier)
			v.Findings = append(v.Findings, more.Findings...)
			return v, err
		}
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "terms", Answer: fmt.Sprint(len(r.Record.Terms))})
		for _, p := range r.Problems {
			if p.Kind == spf.UnknownModifier {
				v.Seen = append(v.Seen, diagnosis.Evidence{Question: clip(term(r, p)), Answer: p.Text})
			}
		}
		return v, nil
	},
})
