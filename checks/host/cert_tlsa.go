package host

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	danechecks "github.com/maildoctor/maildoctor/checks/dane"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/mailauth/dane"
	"github.com/maildoctor/maildoctor/record"
)

// CertTLSA: the certificate that comes next does not stop mail.
var CertTLSA = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "host.cert-tlsa",
		Title:    "The certificates on disk are those that the TLSA records name",
		Severity: diagnosis.Critical,
		Why:      "The file on disk is what the server shows next. If its key is new and no TLSA record is of it, senders that go by DANE stop delivering the moment the server reads it.",
		Doc: `On the mail host itself (--local), the certificates that the mail server is configured to show are read: smtpd_tls_chain_files, smtpd_tls_cert_file and smtpd_tls_eccert_file of Postfix, tls_certificate of Exim, and those of mailcow, Mailu, docker-mailserver, mox and Stalwart. Each is held against the usable TLSA records of the MX hosts that this machine is, where DNSSEC secures them, just as senders hold the one that is shown (RFC 7672, 3). Of a server with an RSA and an ECDSA certificate both must be named: the sender's TLS chooses.

From outside a renewed certificate is seen only when the server has read it, and mail stands still by then. Postfix reads it within minutes, as its processes come and go. Keys are not read, but for those for which mox fetches certificates, and of these the public half is kept.

To fix it, publish the record in the finding beside those there are, wait two TTLs, then let the server read the new certificate; afterwards take the old record out. So that it does not happen again, let renewals keep the key: certbot renew --reuse-key.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7672, 3.1"}, {Name: "RFC 7671, 8.1"}, {Name: "RFC 7671, 8.4"}},
	},
	Of:    checks.Hosts,
	Needs: []*checks.Check{danechecks.Published},
	Run:   certTLSA,
})

func certTLSA(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	in, err := facts.Local.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if in.MXErr != nil {
		return v, in.MXErr
	}
	set, err := facts.DANE.Of(ctx, env)
	switch {
	case err != nil:
		return v, err
	case len(in.MX) == 0:
		v.Skip = "this host is no MX of the domain"
	default:
		v.Skip = set.Off
	}
	if v.Skip != "" {
		return v, nil
	}
	var bound []facts.DANEHost
	for _, h := range in.MX {
		d, known := set.Host(h.Name)
		switch {
		case !known || slices.ContainsFunc(bound, func(b facts.DANEHost) bool { return b.Name == d.Name }):
		case d.Addrs.Err != nil:
			doubt(&v, record.Display(h.Name), d.Addrs.Err)
		case d.Addrs.Secure() && d.TLSA.Err != nil:
			doubt(&v, record.Display(h.Name), d.TLSA.Err)
		case d.Addrs.Secure() && d.Err != nil:
			doubt(&v, record.Display(h.Name), d.Err)
		case !d.Secure() || len(d.Usable()) == 0:
			saw(&v, record.Display(h.Name), "no TLSA record that senders go by")
		default:
			bound = append(bound, d)
		}
	}
	if len(bound) == 0 || open(&v, in, local.Certificates, len(in.Certificates) > 0, "no certificate of a mail server is known on this host") {
		return v, nil
	}
	sessions, err := facts.Sessions.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, d := range bound {
		for _, c := range in.Certificates {
			nextCertificate(env, &v, set, d, sessions, c)
		}
	}
	return v, nil
}

// nextCertificate judges one certificate as that of one host.
func nextCertificate(env *checks.Env, v *diagnosis.Verdict, set facts.DANESet, d facts.DANEHost, sessions facts.SessionSet, c local.Certificate) {
	host := record.Display(d.Name)
	match, why := named(env, d, c)
	switch {
	case match != nil:
		saw(v, c.File, "matches TLSA %d %d %d of %s", match.Usage, match.Selector, match.Matching, host)
		return
	case shown(sessions, d, c):
		saw(v, c.File, "is what %s shows, of which dane.chain-match speaks", host)
		return
	}
	what := "certificate"
	if len(c.Chain) == 0 {
		what = "host key"
	}
	f := diagnosis.Finding{
		Subject: host, Severity: diagnosis.Critical,
		Message: fmt.Sprintf("the %s in %s (%s) is named by none of the TLSA records of %s (%s): senders that go by DANE stop delivering when the server uses it", what, c.File, c.Source, host, why),
		Evidence: []diagnosis.Evidence{
			{Question: d.Answer.Question.String(), Answer: d.Answer.String()}, {Question: c.File, Answer: "TLSA " + ofKey(c).String()},
		},
		Remedy: diagnosis.Remedy{Steps: []string{
			"Publish the record of the new key beside the others, and wait two TTLs before the server is restarted.",
			"Or put the certificate with the old key back, and renew with the same key (certbot renew --reuse-key).",
		}},
	}
	if !set.MX.Secure() { // not all senders go by DANE then (RFC 7672, 2.2.1)
		f.Severity = diagnosis.Warning
	}
	if len(d.Answer.Chain) == 0 && record.Within(d.TLSA.Name, env.Domain) {
		slot := record.Slot{Name: d.TLSA.Name, Type: "TLSA"}
		both := append(slices.Clone(d.Answer.Records), record.Record{Name: slot.Name, Type: slot.Type, Data: ofKey(c).String()})
		f.Remedy.Edits = []record.Edit{record.Set(slot, both...)}
	}
	v.Findings = append(v.Findings, f)
}

// named is the record that names a certificate; nil if none does, and why. Of one
// whose key alone is known, only records of keys can.
func named(env *checks.Env, d facts.DANEHost, c local.Certificate) (*dane.Record, string) {
	usable := d.Usable()
	if len(c.Chain) > 0 {
		m := d.Match(env, c.Chain)
		if m.Record < 0 {
			return nil, m.Why
		}
		return &usable[m.Record], ""
	}
	for i, r := range usable {
		want := dane.Record{Usage: dane.EE, Selector: dane.Key, Matching: r.Matching, Data: c.Key}
		if r.Matching == dane.SHA256 {
			want = ofKey(c)
		}
		if r.Usage == want.Usage && r.Selector == want.Selector && r.Matching != dane.SHA512 && bytes.Equal(r.Data, want.Data) {
			return &usable[i], ""
		}
	}
	return nil, "no record matches its key"
}

// ofKey is the record 3 1 1 of a certificate (RFC 7671, 5.1).
func ofKey(c local.Certificate) dane.Record {
	sum := sha256.Sum256(c.Key)
	return dane.Record{Usage: dane.EE, Selector: dane.Key, Matching: dane.SHA256, Data: sum[:]}
}

// shown reports whether the host shows the certificate, or one of the same key,
// already.
func shown(sessions facts.SessionSet, d facts.DANEHost, c local.Certificate) bool {
	return slices.ContainsFunc(sessions.List, func(s facts.HostSession) bool {
		if s.Host.Name != d.Name || s.TLS == nil || len(s.TLS.Chain) == 0 {
			return false
		}
		leaf, err := x509.ParseCertificate(s.TLS.Chain[0])
		return err == nil && bytes.Equal(leaf.RawSubjectPublicKeyInfo, c.Key)
	})
}
