package dmarc

import (
	"context"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// FoRUF: the tags about failure reports make sense together.
var FoRUF = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.fo-ruf",
		Title:    "fo and ruf make sense together",
		Severity: diagnosis.Advice,
		Why:      "fo says when failure reports are wanted, ruf where they go. fo alone has no effect, and a contradiction is read differently from receiver to receiver.",
		Doc: `fo=0, the default, asks for a report when nothing passes and aligns; fo=1 when anything fails; d and s when DKIM or SPF fails by itself. 0 and 1 exclude each other. Without ruf receivers ignore fo.

To fix it, drop fo, or add the address for failure reports as ruf. Few receivers send any: such a report holds parts of the message, and most of them will not pass those on. The aggregate reports of rua tell nearly all that one needs.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9991"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, foRUF)
	},
})

// sensible is the values of fo that say something and do not contradict each
// other. The default by itself needs no address.
func sensible(r dmarc.Record) []string {
	values := r.Failure
	if slices.Contains(values, "0") && slices.Contains(values, "1") {
		values = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "0" })
	}
	if len(r.RUF) == 0 && !slices.Equal(values, []string{"0"}) {
		return nil
	}
	return values
}

func foRUF(s subject, v *diagnosis.Verdict) {
	r := *s.Policy.Record
	fo := strings.Join(r.Failure, ":")
	seen := "neither fo nor ruf"
	switch {
	case len(r.RUF) > 0:
		seen = "failure reports are asked for; few receivers send any"
	case fo != "":
		seen = "fo=" + fo
	}
	v.Seen = []diagnosis.Evidence{{Question: s.at(), Answer: seen}}
	if len(r.RUF) > 0 || slices.Equal(sensible(r), r.Failure) {
		return // that 0 and 1 stand together is Syntax's matter
	}
	f := s.finding(diagnosis.Advice, "%s has fo=%s without ruf: receivers ignore it", s.at(), fo)
	f.Remedy = s.republish()
	v.Findings = []diagnosis.Finding{f}
}
