package dnssec

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// DSMatches: the parent vouches for a key that the zone has, by means that hold.
var DSMatches = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnssec.ds-matches",
		Title:    "The DS at the parent fits a key of the zone, by sound algorithms",
		Severity: diagnosis.Critical,
		Why:      "A DS that fits no key cuts the domain off for everybody who validates, the large mail providers among them: they get no MX, no SPF, no DKIM key, and mail from and to the domain fails.",
		Doc: `A signed zone has a DS record in its parent zone, put there by the registrar, which names the key of the zone by its digest (RFC 4035, 5.2). If no key of the zone fits any DS, or there is a DS and the zone has no keys, everything in the zone is bogus. That happens when a domain moves to another DNS provider and the old DS is left behind, and when a key is replaced before the DS is.

A breach is a warning where all rests on SHA-1: the algorithms 5 and 7 (RSASHA1) may not be used for signing any more (RFC 9905), and resolvers begin to treat such zones as unsigned. The one to choose is 13 (ECDSAP256SHA256) with a DS of digest type 2 (SHA-256); RFC 9904 keeps the list.

To fix a DS that fits no key, have the registrar replace it by the one that your DNS provider shows, or delete it: without a DS the zone is unsigned, and reachable. The old DS stays in caches for its TTL, a day as a rule. To change the algorithm, let the DNS provider roll the key; the DS is changed only when the new keys are published.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4035, 5.2"}, {Name: "RFC 9904"}, {Name: "RFC 9905"}, {Name: "RFC 6781, 4.1"}},
	},
	Needs: []*checks.Check{SignedValid},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachZone(ctx, env, judgeDS)
	},
})

func judgeDS(v *diagnosis.Verdict, s facts.Signing) {
	zone := record.Display(s.Proof.Zone)
	switch {
	case s.Proof.Security == resolve.Bogus && s.Proof.Flaw == resolve.WrongDS:
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: zone, Severity: diagnosis.Critical, Message: s.Proof.Why,
			Evidence: []diagnosis.Evidence{broken(s)},
			Remedy: diagnosis.Remedy{Steps: []string{
				fmt.Sprintf("At the registrar of %s, replace the DS by the one that the DNS provider of the zone shows for its current key; or delete it, and the zone is unsigned, and reachable, once caches have forgotten it.", zone),
			}},
		})
	case s.Proof.Security == resolve.Secure && len(s.Proof.Weak) > 0:
		weak := strings.Join(s.Proof.Weak, " and ")
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: zone, Severity: diagnosis.Warning,
			Message:  fmt.Sprintf("%s is signed by means that are out of use: %s", zone, weak),
			Evidence: []diagnosis.Evidence{{Question: s.Question.String(), Answer: "secure, by " + weak}},
			Remedy: diagnosis.Remedy{Steps: []string{
				"Have the DNS provider roll the zone to algorithm 13 (ECDSAP256SHA256), and publish the DS of the new key with digest type 2 (SHA-256).",
			}},
		})
	default:
		v.Seen = append(v.Seen, seenDS(s))
	}
}

func seenDS(s facts.Signing) diagnosis.Evidence {
	e := diagnosis.Evidence{Question: "zone " + record.Display(s.Proof.Zone), Answer: "the DS fits"}
	switch s.Proof.Security {
	case resolve.Insecure:
		e.Answer, e.Absent = "not signed", true
	case resolve.Bogus:
		e.Answer = "the DS is not what is wrong: " + s.Proof.Flaw.String()
	}
	return e
}
