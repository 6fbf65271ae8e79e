package mx

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// ExpectedHosts: mail goes where the owner thinks that it goes.
var ExpectedHosts = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mx.expected-hosts",
		Title:    "The MX records name the hosts that the owner expects",
		Severity: diagnosis.Critical,
		Why:      "Mail goes where the MX records say. If they name a host that is not yours, everything else may be in order and the mail is still elsewhere.",
		Doc: `The hosts that shall take the domain's mail are given with --mx, one for each. The MX set must name all of them and no other. A host that is expected and missing only takes away the spare, as long as another one is there; then it is a warning. A host that is there and not expected gets mail, and so is critical.

To fix it, publish the MX records below, or correct what you expect.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{Exists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		if len(env.Want.MX) == 0 {
			return diagnosis.Verdict{Skip: "which hosts shall take the mail is not known; name them with --mx HOST"}, nil
		}
		set, err := facts.MX.Of(ctx, env)
		if err != nil {
			return diagnosis.Verdict{}, err
		}
		return expectedHosts(env, set), nil
	},
})

func expectedHosts(env *checks.Env, set facts.MXSet) diagnosis.Verdict {
	var missing, foreign []string
	for _, name := range env.Want.MX {
		if !slices.ContainsFunc(set.Hosts, func(h facts.Host) bool { return h.Name == name }) {
			missing = append(missing, record.Display(name))
		}
	}
	for _, h := range set.Hosts {
		if name := record.Display(h.Name); !slices.Contains(env.Want.MX, h.Name) && !slices.Contains(foreign, name) {
			foreign = append(foreign, name)
		}
	}
	v := diagnosis.Verdict{Seen: seen(set)}
	f := diagnosis.Finding{Subject: record.Display(env.Domain), Severity: diagnosis.Critical, Evidence: seen(set)}
	all := len(missing) == len(env.Want.MX)
	switch {
	case len(missing)+len(foreign) == 0:
		return v
	case all && len(foreign) == 0:
		f.Message = fmt.Sprintf("mail for %s goes nowhere; expected: %s", f.Subject, strings.Join(missing, ", "))
	case len(foreign) == 0:
		f.Severity = diagnosis.Warning
		f.Message = fmt.Sprintf("the MX records of %s do not name %s", f.Subject, strings.Join(missing, ", "))
	case len(missing) == 0:
		f.Message = fmt.Sprintf("mail for %s also goes to %s, which is not expected", f.Subject, strings.Join(foreign, ", "))
	default:
		f.Message = fmt.Sprintf("mail for %s goes to %s; expected: %s", f.Subject, strings.Join(foreign, ", "), strings.Join(missing, ", "))
	}
	f.Remedy.Edits = []record.Edit{expected(env, set)}
	v.Findings = []diagnosis.Finding{f}
	return v
}

// expected is the edit after which the MX set is what the owner wants: the
// preferences of the hosts that are there stay, and others come behind them.
func expected(env *checks.Env, set facts.MXSet) record.Edit {
	var want []record.Record
	next := uint16(10)
	for _, h := range set.Hosts {
		if slices.Contains(env.Want.MX, h.Name) && !set.Implicit {
			want = append(want, record.MX(env.Domain, h.Preference, h.Name))
			next = max(next, min(h.Preference, 65000)+10)
		}
	}
	for _, name := range env.Want.MX {
		if !slices.ContainsFunc(want, func(r record.Record) bool { _, host, _ := r.MX(); return host == name }) {
			want = append(want, record.MX(env.Domain, next, name))
			next += 10
		}
	}
	return record.Set(record.MXSet(env.Domain), want...)
}
