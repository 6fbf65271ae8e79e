package mtasts

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/record"
)

// MXCovered: senders may deliver to every MX host.
var MXCovered = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "mtasts.mx-covered",
		Title:    "Every MX host matches the policy",
		Severity: diagnosis.Critical,
		Why:      "In mode enforce, senders that know MTA-STS do not deliver to an MX host that the policy does not name; if it is the only one, their mail comes back.",
		Doc: `The name of each MX host, as it stands in the MX record, is compared with the mx lines of the policy. A wildcard (*.example.com) stands for exactly one label: it covers mx.example.com, but neither example.com nor a.mx.example.com. In mode testing a host that is not covered is reported; in mode enforce it is passed over.

This is the usual accident of a move: the MX records are new, the policy is old, and senders keep it for as long as max_age says. When you move, name the new hosts in the policy (beside the old ones) and change the id before the MX records change.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 4.1"}, {Name: "RFC 8461, 5"}, {Name: "RFC 8461, 8.1"}},
	},
	Needs: []*checks.Check{mx.Exists, PolicySyntax},
	Run:   mxCovered,
})

func mxCovered(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	set, err := facts.MX.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return judgePolicy(ctx, env, func(s subject, v *diagnosis.Verdict) {
		severity, consequence := diagnosis.Warning, "senders report it, and would pass it over in mode enforce"
		switch s.Policy.Mode {
		case mtasts.None:
			v.Skip = "the policy is in mode none"
			return
		case mtasts.Enforce:
			severity, consequence = diagnosis.Critical, "senders that know MTA-STS do not deliver to it"
		}
		names := hosts(set)
		for _, name := range names {
			if unreachable(set, name) {
				continue
			}
			if s.Policy.Matches(name) {
				v.Seen = append(v.Seen, diagnosis.Evidence{Question: name, Answer: "matches mx: " + strings.Join(covering(s.Policy, name), ", ")})
				continue
			}
			f := s.finding(severity, "MX host %s is not in the policy of %s (mx: %s): %s", name, s.host, listed(s.Policy.MX), consequence)
			f.Subject = name
			f.Remedy.Steps = republish(env, s.Policy.WithMX(names...))
			v.Findings = append(v.Findings, f)
		}
	})
}

// unreachable reports whether a host is known to have no address: nobody
// delivers to it, with a policy or without.
func unreachable(set facts.MXSet, name string) bool {
	return slices.ContainsFunc(set.Hosts, func(h facts.Host) bool {
		return record.Display(h.Name) == name && h.Known() && len(h.Addrs) == 0
	})
}

// covering is the patterns that name a host.
func covering(p mtasts.Policy, host string) []string {
	var list []string
	for _, pattern := range p.MX {
		if mtasts.Covers(pattern, host) {
			list = append(list, pattern)
		}
	}
	return list
}

// listed is patterns in a line, cut short where there are many.
func listed(patterns []string) string {
	const most = 4
	if n := len(patterns); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(patterns[:most], ", "), n-most)
	}
	return strings.Join(patterns, ", ")
}
