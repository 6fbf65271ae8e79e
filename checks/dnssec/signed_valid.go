package dnssec

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// SignedValid: what is signed validates.
//
// It does not need dns.DomainExists: that a zone is bogus is why a resolver does
// not answer.
var SignedValid = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dnssec.signed-valid",
		Title:    "The zones of the domain and of its MX hosts are valid, or not signed",
		Severity: diagnosis.Critical,
		Why:      "A zone that is signed and does not validate is gone for everybody who validates: they get SERVFAIL for its MX, SPF and DKIM records, and mail from and to the domain is delayed and lost.",
		Doc: `The answers for the MX records of the domain and the addresses of its MX hosts are validated here, from the key of the root down: signatures, their dates, the DS at each parent, and the proofs (NSEC, NSEC3) of what is not there. The finding says which of it does not hold, and in which zone. A DS that fits no key is told by dnssec.ds-matches.

A zone that is not signed passes: mail gets there as before, only without protection against forged answers, and DANE cannot be used. Signing is worth it where the DNS provider does all of it by itself; a zone whose signatures somebody must remember to renew is worse than an unsigned one.

To fix an expired or wrong signature, have the zone signed anew: at a DNS provider by turning DNSSEC off and on there (the DS at the registrar goes first, and must be gone from caches), on a server of your own with "rndc sign", "pdnsutil rectify-zone" or by restarting the signer; then look for why it stopped. Secondaries that serve an old copy show the same picture.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4035, 5"}, {Name: "RFC 4035, 5.3.1"}, {Name: "RFC 5155, 8"}, {Name: "RFC 6781, 4.4"}},
	},
	Needs: []*checks.Check{ResolverValidates},
	Run:   signedValid,
})

func signedValid(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	elsewhere := ""
	v, err := eachZone(ctx, env, func(v *diagnosis.Verdict, s facts.Signing) {
		switch {
		case s.Proof.Security != resolve.Bogus:
			v.Seen = append(v.Seen, seen(s))
		case s.Proof.Flaw == resolve.WrongDS:
			elsewhere = "the DS of " + record.Display(s.Proof.Zone) + " does not fit, as dnssec.ds-matches says"
		default:
			v.Findings = append(v.Findings, invalid(s))
		}
	})
	if v.Skip == "" {
		v.Skip = elsewhere
	}
	return v, err
}

func invalid(s facts.Signing) diagnosis.Finding {
	zone := record.Display(s.Proof.Zone)
	steps := map[resolve.Flaw]string{
		resolve.Expired:       "Sign " + zone + " anew now, and see to it that the signer runs by itself: signatures are renewed days before they expire.",
		resolve.NotYetValid:   "Set the clock of the machine that signs " + zone + ", and sign it anew.",
		resolve.NoSignature:   "Sign " + zone + " as a whole, and see that every server of the zone serves the signed copy.",
		resolve.BadSignature:  "Sign " + zone + " anew; no record may be changed after signing, and every server must serve the same copy.",
		resolve.MissingDenial: "Sign " + zone + " anew with NSEC or NSEC3 records, and see that every server of the zone serves them.",
	}
	return diagnosis.Finding{
		Subject: zone, Severity: diagnosis.Critical,
		Message:  fmt.Sprintf("%s of %s is bogus: %s", s.Question.Type, record.Display(s.Question.Name), s.Proof.Why),
		Evidence: []diagnosis.Evidence{broken(s)},
		Remedy: diagnosis.Remedy{Steps: []string{steps[s.Proof.Flaw],
			"If that takes long, have the registrar delete the DS: the zone is unsigned then, and reachable, once caches have forgotten it."}},
	}
}
