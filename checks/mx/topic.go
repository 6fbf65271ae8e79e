// Package mx holds a domain to the rules about its MX records: where mail for
// it goes (RFC 5321, 5.1), or that none is taken (RFC 7505). Whether the hosts
// answer is the matter of package smtp.
package mx

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// judgeSet judges the MX set of a domain that takes mail.
func judgeSet(ctx context.Context, env *checks.Env, judge func(facts.MXSet, *diagnosis.Verdict)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.MX.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case set.ReceivesNothing():
		v.Skip = "the domain takes no mail (null MX)"
	case len(set.Hosts) == 0:
		v.Skip = "the domain has no MX host"
	default:
		judge(set, &v)
	}
	return v, nil
}

// seen is the evidence of the MX question itself.
func seen(set facts.MXSet) []diagnosis.Evidence {
	return []diagnosis.Evidence{{Question: set.Answer.Question.String(), Answer: set.Answer.String()}}
}

// replace is the edit of the MX set in which swap has exchanged host names. A
// name that swap makes empty is taken out.
func replace(env *checks.Env, set facts.MXSet, swap func(name string) string) record.Edit {
	var want []record.Record
	for _, h := range set.Hosts {
		if name := swap(h.Name); name != "" {
			want = append(want, record.MX(env.Domain, h.Preference, name))
		}
	}
	return record.Set(record.MXSet(env.Domain), want...)
}
