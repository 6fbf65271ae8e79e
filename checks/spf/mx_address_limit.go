package spf

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

// MXAddressLimit: no mx term fans out too far.
var MXAddressLimit = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.mx-address-limit",
		Title:    "No mx term leads to more than ten hosts",
		Severity: diagnosis.Critical,
		Why:      "An mx term over more than ten hosts is a permerror for every sender that no earlier term matches.",
		Doc: `The mechanism mx authorises the hosts that take a domain's mail. If there are more than ten of them the evaluation ends in permerror. The address lookups themselves do not count toward the limit of ten lookups; this limit is one of its own.

To fix it, replace mx by the addresses that send, as ip4: and ip6:. Hosts that only receive need not be in the record.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}, {Name: "RFC 7208, 5.4"}},
	},
	Needs: sound,
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) {
			for n := range r.Tree.Root.All() {
				switch {
				case n.Term.Kind != spf.MX:
				case n.MXCount > spf.MaxMXHosts:
					v.Findings = append(v.Findings, tooManyHosts(env, n))
				case n.MXCount == 0 && n.State == spf.Unanswered:
					v.Doubts = append(v.Doubts, doubt(n))
				case n.Domain != "":
					v.Seen = append(v.Seen, diagnosis.Evidence{Question: clip(n.Term.String()) + " of " + display(n.In), Answer: fmt.Sprintf("%d of %d hosts", n.MXCount, spf.MaxMXHosts)})
				}
			}
			if len(v.Seen) == 0 {
				v.Seen = []diagnosis.Evidence{{Question: "mx terms", Answer: "none"}}
			}
		})
	},
})

func tooManyHosts(env *checks.Env, n *spf.Node) diagnosis.Finding {
	f := diagnosis.Finding{
		Subject: name(env), Severity: diagnosis.Critical, Evidence: answers(n),
		Message: fmt.Sprintf("%s has %q, which leads to %d MX hosts of %s, the limit is %d; senders that no earlier term matches get permerror",
			holder(env, n), n.Term, n.MXCount, display(n.Domain), spf.MaxMXHosts),
		Remedy: diagnosis.Remedy{Steps: []string{fmt.Sprintf("Replace %q by the addresses that send mail, as ip4: and ip6:.", n.Term)}},
	}
	if !own(env, n) {
		f.Remedy.Steps = []string{fmt.Sprintf("Tell the owner of %s, or take the include that leads there out.", display(n.In))}
	}
	return f
}
