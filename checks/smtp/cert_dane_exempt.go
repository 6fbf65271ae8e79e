package smtp

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dnssec"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
)

// CertDANEExempt: what is wrong with a certificate, and excused.
var CertDANEExempt = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "smtp.cert-dane-exempt",
		Title:    "Faults of a certificate are excused by DANE where they are",
		Severity: diagnosis.Advice,
		Why:      "A mail host that publishes its own key by DANE may show a certificate that nobody else vouches for; to call that a fault would be a false alarm.",
		Doc: `Where a TLSA record of usage 3 (DANE-EE) is secured by DNSSEC and names the certificate that a host shows, its issuer, its names and its dates do not count: the record itself says that this is the key of the host (RFC 7672, 3.1.1). Such faults are noted here, and smtp.certificate passes.

That goes for senders that look at DANE. Those that follow MTA-STS and not DANE still want a certificate of a public authority, so under a policy in mode enforce mtasts.enforce-cert is not excused. A weak key is not either.

This check never fails. It is left open where a certificate has faults and it cannot be told whether DANE excuses them.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7672, 3.1.1"}, {Name: "RFC 7671, 5.1"}, {Name: "RFC 8461, 2"}},
	},
	Needs: []*checks.Check{STARTTLS, dnssec.ResolverValidates},
	Run:   certDANEExempt,
})

func certDANEExempt(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	dane, err := facts.DANE.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	return eachGreeted(ctx, env, func(a assessor) {
		h, _ := dane.Host(a.Host.Name)
		switch {
		case a.TLS == nil:
		case a.TLS.Trusted() && a.TLS.NameFault == "":
			a.seen("nothing to excuse")
		case isExcused(env, dane, a.HostSession):
			a.seen("%s: excused by a TLSA record of usage 3", a.TLS)
		case h.Addrs.Err != nil:
			a.doubt("shows a certificate with faults, and whether DANE excuses them is not known: %v", h.Addrs.Err)
		case h.Addrs.Secure() && h.TLSA.Err != nil:
			a.doubt("shows a certificate with faults, and whether DANE excuses them is not known: %v", h.TLSA.Err)
		default:
			a.seen("%s: not excused by DANE", a.TLS)
		}
	})
}

// isExcused reports whether DANE excuses all that is wrong with the issuer, the
// names and the dates of a certificate.
func isExcused(env *checks.Env, dane facts.DANESet, s facts.HostSession) bool {
	h, ok := dane.Host(s.Host.Name)
	return ok && s.TLS != nil && h.Excused(env, s.TLS.Chain)
}
