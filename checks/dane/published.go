package dane

import (
	"cmp"
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dnssec"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Published: a host in a signed zone says which certificate it has.
var Published = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dane.published",
		Title:    "Every MX host in a signed zone has TLSA records",
		Severity: diagnosis.Advice,
		Why:      "Without TLSA records senders encrypt to whoever answers: somebody in between can take the encryption away or put in a certificate of his own, and nobody notices. The signed zone, the laborious part, is there already.",
		Doc: `A TLSA record at _25._tcp.<host> says which certificate the mail host shows after STARTTLS. Senders that go by DANE (Postfix and Exim when told to, Exchange Online, many European providers) then deliver only to a host that shows it, and only encrypted (RFC 7672, 2.2). The records count only where the zones of the domain and of the host are signed, so nothing is expected of others; hosts of a provider's are the provider's to publish for.

Of use are the usages 3 (the host's own certificate) and 2 (what issued it), best as 3 1 1: the SHA-256 digest of the public key. 0 and 1 cannot be used by SMTP. A host all of whose records are of no use is treated as one whose encryption nobody authenticates; that is a warning, since it is not what the records were meant for.

Before you publish, see that the key stays the same when the certificate is renewed (certbot --reuse-key), or that the record of the next key is out before it is used: a TLSA record that does not match stops mail. An answer about TLSA that does not validate stops it too, and is critical.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7672, 2.2"}, {Name: "RFC 7672, 3.1"}, {Name: "RFC 7671, 5.1"}},
	},
	Needs: []*checks.Check{mx.Exists, dnssec.ResolverValidates},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return eachHost(ctx, env, func(v *diagnosis.Verdict, set facts.DANESet, h facts.DANEHost) { published(env, v, set, h) })
	},
})

func published(env *checks.Env, v *diagnosis.Verdict, set facts.DANESet, h facts.DANEHost) {
	host, at := record.Display(h.Name), record.Display(h.TLSA.Name)
	add := func(severity diagnosis.Severity, message string, steps ...string) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: host, Severity: severity, Message: message,
			Evidence: []diagnosis.Evidence{evidence(h)}, Remedy: diagnosis.Remedy{Steps: steps},
		})
	}
	if h.Addrs.Secure() && h.TLSA.Err == nil && h.TLSA.Proof.Security == resolve.Bogus {
		add(diagnosis.Critical, fmt.Sprintf("the answer for TLSA %s is bogus, and senders that go by DANE do not deliver: %s", at, h.TLSA.Proof.Why),
			"See that every server of the zone gives a signed answer for TLSA at "+at+", also where there is no such record.")
		return
	}
	if err := cmp.Or(h.TLSA.Err, h.Err); h.Addrs.Secure() && err != nil {
		doubt(v, h, fmt.Errorf("%w; senders that go by DANE hold mail back as long as they see the same", err))
		return
	}
	if undecided(v, h) {
		return
	}
	switch {
	case len(h.Records) == 0 && set.MX.Err != nil:
		doubt(v, h, set.MX.Err)
	case len(h.Records) == 0 && !set.MX.Secure():
		lacks(v, h, "no TLSA record; the zone of the domain is not signed")
	case len(h.Records) == 0 && !owned(env, h):
		lacks(v, h, "no TLSA record, which is its operator's to publish")
	case len(h.Records) == 0:
		add(diagnosis.Advice, fmt.Sprintf("%s is in a signed zone and has no TLSA record at %s", host, at),
			"See that the key of "+host+" stays the same when its certificate is renewed (certbot --reuse-key), or that the renewal publishes the next record first.",
			"Publish at "+at+" a record TLSA 3 1 1 with the SHA-256 digest of the public key; on the host: openssl x509 -in cert.pem -pubkey -noout | openssl pkey -pubin -outform DER | sha256sum")
	case len(h.Usable()) == 0:
		add(diagnosis.Warning, fmt.Sprintf("SMTP can use none of the TLSA records at %s: %s", at, useless(h.Records[0])),
			"Publish 3 1 1 records, with the SHA-256 digest of the public key of the host's certificate.")
	default:
		note(v, h, "%s", h.Answer.String())
	}
}

// useless says why a record cannot be used.
func useless(r facts.TLSA) string {
	if len(r.Problems) > 0 {
		return r.Problems[0].Message
	}
	return fmt.Sprintf("usage %d is not for SMTP", r.Usage)
}
