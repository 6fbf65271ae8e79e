package message

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// DKIMSignature: what a reader sees is signed.
var DKIMSignature = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.dkim-signature",
		Title:    "A DKIM signature of the author domain covers what readers see",
		Severity: diagnosis.Warning,
		Why:      "What is not signed anybody may change who passes the message on, without the signature telling. A signature of another domain than that in From does not help DMARC.",
		Doc: `The signatures of the author domain, or of its organizational domain or another name below it, are read; whether they verify is not judged here. One of them must cover those of From, Subject, Date and To that the message has: From must be signed, of the others RFC 6376, 5.4.1 says that they should be. It says so of Reply-To and Cc, too, which is advice here. The List fields are the matter of message.unsubscribe.

A length (l=) lets anybody add text behind the part that is signed (RFC 6376, 8.2). An expiry (x=) in less than a day is shorter than mail may wait in a queue. The simple canonicalisation of the header breaks where a host folds a line anew; relaxed does not. Fields that are listed once more often in h= than they are there cannot be added (RFC 6376, 8.15); that is shown, and its absence is no fault.

To fix it, list the fields in the signer: OpenDKIM OversignHeaders and SignHeaders, rspamd sign_headers; set Canonicalization relaxed/relaxed and no BodyLengths. If a service sends for you, have it sign with your domain: it gives you a record to publish.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 5.4.1"}, {Name: "RFC 6376, 8.2"}, {Name: "RFC 6376, 3.7"}},
	},
	Of:    checks.Messages,
	Needs: []*checks.Check{Author, FreemailFrom},
	Run:   of(dkimSignature),
})

// seen are the fields that readers see, those that matter most first; from minor
// on it is advice to sign them.
var seen = []string{"From", "Subject", "Date", "To", "Reply-To", "Cc"}

const minor = 4

// shortLived is less time than mail may wait in a queue on its way (RFC 5321,
// 4.5.4.1 has days).
const shortLived = 24 * time.Hour

func dkimSignature(v *diagnosis.Verdict, m *facts.Mail) {
	domain := m.AuthorDomain()
	switch {
	case domain == "":
		v.Skip = "the message has no author domain"
		return
	case len(m.Signatures) == 0 && !m.Carried():
		saw(v, "DKIM-Signature", "none: the message was not sent yet")
		return
	case len(m.Signatures) == 0:
		find(v, diagnosis.Warning, record.Display(domain), "the message has no DKIM signature", nil, "Have the mail server sign with a key of "+record.Display(domain)+".")
		return
	}
	var own []facts.MailSignature
	var others []string
	for _, s := range m.Signatures {
		if related(s.SDID(), domain) {
			own = append(own, s)
		} else {
			others = append(others, fmt.Sprintf("%.100s", record.Display(s.SDID())))
		}
	}
	if len(own) == 0 {
		find(v, diagnosis.Warning, record.Display(domain), fmt.Sprintf("the message is signed by %s and not by %s, so that DMARC has SPF alone to go by", names(others), record.Display(domain)),
			shown(m.Signatures[0].Field), "Have whoever sends sign with a key of "+record.Display(domain)+".")
		return
	}
	best := slices.MinFunc(own, func(a, b facts.MailSignature) int { return cmp.Compare(len(open(a, m)), len(open(b, m))) })
	if fields := open(best, m); len(fields) > 0 && !void(best) {
		s := diagnosis.Warning
		if slices.Contains(seen[minor:], fields[0]) {
			s = diagnosis.Advice
		}
		find(v, s, signer(best), fmt.Sprintf("the signature of %s does not cover %s: whoever passes the message on may change that", signer(best), names(fields)),
			shown(best.Field), "Have the signer list the fields in h=.")
	}
	for _, s := range own[:min(len(own), 5)] {
		frail(v, s)
	}
	if len(v.Findings) == 0 {
		saw(v, signer(best), "h=%d fields, From %d times", len(best.Fields), times(best, "From"))
	}
}

func void(s facts.MailSignature) bool { _, void := s.Void(); return void }

// frail tells what makes a signature weak, whatever it covers.
func frail(v *diagnosis.Verdict, s facts.MailSignature) {
	if why, void := s.Void(); void {
		find(v, diagnosis.Warning, signer(s), fmt.Sprintf("the signature of %s cannot be used: %s", signer(s), why), shown(s.Field), "Have the signer write the signature anew.")
		return
	}
	if s.Length >= 0 {
		find(v, diagnosis.Warning, signer(s), fmt.Sprintf("the signature of %s covers the first %d octets of the body (l=): anybody may add text behind them", signer(s), s.Length), shown(s.Field),
			"Switch l= off in the signer (OpenDKIM: no BodyLengths).")
	}
	if !s.Expires.IsZero() && !s.Signed.IsZero() && s.Expires.Sub(s.Signed) < shortLived {
		find(v, diagnosis.Advice, signer(s), fmt.Sprintf("the signature of %s expires after %s, and mail may wait for days", signer(s), span(s.Expires.Sub(s.Signed))), shown(s.Field),
			"Let signatures live for a week, or leave x= out.")
	}
	if s.HeaderCanon == "simple" {
		find(v, diagnosis.Advice, signer(s), fmt.Sprintf("the signature of %s takes the header as it is (c=simple): it breaks when a host folds a line anew", signer(s)), shown(s.Field),
			"Set the canonicalisation to relaxed/relaxed.")
	}
}

// signer is d= for a reader.
func signer(s facts.MailSignature) string { return fmt.Sprintf("%.100s", record.Display(s.SDID())) }

// open is the fields that readers see and the signature does not cover: all of
// them where nobody can use it.
func open(s facts.MailSignature, m *facts.Mail) []string {
	var list []string
	for _, name := range seen {
		if _, there := m.First(name); there && (void(s) || !s.Names(name)) {
			list = append(list, name)
		}
	}
	return list
}

// times counts how often h= has a field.
func times(s facts.MailSignature, field string) int {
	n := 0
	for _, f := range s.Fields {
		if strings.EqualFold(f, field) {
			n++
		}
	}
	return n
}

// related reports whether two domains are of one organization, by the public
// suffix list: what DMARC aligns, unless the policy wants more.
func related(a, b string) bool {
	return a != "" && b != "" && dmarc.ListedOrganizational(a) == dmarc.ListedOrganizational(b)
}
