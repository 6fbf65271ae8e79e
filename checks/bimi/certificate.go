package bimi

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/bimi"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// warnDays is how long before its end a certificate should have been renewed:
// the authority has to look at the mark again, which takes days.
const warnDays = 14

// Certificate: the certificate vouches for the logo.
var Certificate = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "bimi.certificate",
		Title:    "The mark certificate, if there is one, vouches for the logo",
		Severity: diagnosis.Advice,
		Why:      "Gmail and Apple Mail show a logo only with a certificate that they can verify: with one that has expired, or is for another domain or logo, it disappears from all your mail at once.",
		Doc: `The file at a= is fetched once over HTTPS. It has to hold one mark certificate in PEM, first, and above it those of the authorities, in order; the root may be left out. A mark certificate has the key purpose for BIMI (1.3.6.1.5.5.7.3.31), names the domain or default._bimi of the domain, says what kind of mark was verified, is within its dates for fourteen days more, and holds the logo itself, which has to be the same as the file at l=.

A verified mark certificate (VMC) is for a registered trademark or a government's mark, a common mark certificate (CMC) for a mark in prior use. Gmail shows the logo with either, and its blue tick with a VMC only. Yahoo shows logos without a certificate, to senders of good repute; Apple Mail goes by what the mailbox provider has verified. Without a= there is nothing to judge here.

The signatures from the mark certificate up are verified. Which roots a receiver trusts is for each receiver to say: they stand in no list of an operating system, so an unknown root is named and is no fault. Revocation and the timestamps of public logs are not looked up.

To fix it, renew the certificate with the authority that issued it (DigiCert, GlobalSign, SSL.com and others), put the whole chain at the same URL, and change logo and certificate together: a certificate for the old logo does not vouch for a new one.`,
		Refs: []diagnosis.Ref{draft, marks, {Name: "RFC 9399, 4.1"}, gmail, yahoo, apple},
	},
	Needs: []*checks.Check{Record},
	Run:   judgeCertificate,
})

func judgeCertificate(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.BIMI.Of(ctx, env)
	if err != nil {
		return v, err
	}
	switch {
	case !r.Published():
		v.Seen = absent(r)
		return v, nil
	case r.Record.Declines():
		v.Seen = remarks(r)
		return v, nil
	case r.Record.Evidence == "":
		v.Seen = []diagnosis.Evidence{{Question: at(r), Answer: "no certificate (a=): Yahoo shows logos without one, Gmail and Apple Mail do not"}}
		return v, nil
	}
	file, logo, err := both(ctx, env)
	switch {
	case err != nil:
		return v, err
	case file.Off != "":
		v.Skip = file.Off
		return v, nil
	}
	s := served{file, r, "mark certificate", r.Record.Evidence}
	readable, err := s.delivery(&v)
	if err != nil || !readable {
		return v, err
	}
	s.judgeEvidence(env, logo, &v)
	return v, nil
}

// both is the certificate and the logo, fetched at the same time.
func both(ctx context.Context, env *checks.Env) (certificate, logo facts.BIMIFile, err error) {
	var errs [2]error
	var wg sync.WaitGroup
	wg.Go(func() { certificate, errs[0] = facts.BIMIEvidence.Of(ctx, env) })
	wg.Go(func() { logo, errs[1] = facts.BIMILogo.Of(ctx, env) })
	wg.Wait()
	return certificate, logo, cmp.Or(errs[0], errs[1])
}

// A vouching is a mark certificate and what is found about it.
type vouching struct {
	served
	bimi.Evidence
	v *diagnosis.Verdict
}

func (s served) judgeEvidence(env *checks.Env, logo facts.BIMIFile, v *diagnosis.Verdict) {
	e, err := bimi.ParseEvidence(s.Last().Body)
	if err != nil {
		v.Findings = append(v.Findings, s.finding(fault{fmt.Sprintf("the file at %s is no mark certificate: %s", s.Last().URL, err),
			[]string{"Put the PEM file of the authority there: the mark certificate first, and the certificates above it."}}))
		return
	}
	m := vouching{s, e, v}
	if !e.Purposed() {
		m.add(m.reissue(), "is not meant for BIMI: it lacks the key purpose 1.3.6.1.5.5.7.3.31, as a web server's certificate does")
		return
	}
	m.chain()
	m.dates(env.Now())
	m.names(env)
	m.mark(logo)
	v.Seen = append(v.Seen, m.seen())
}

// add adds a finding. The words follow "the mark certificate at URL".
func (m vouching) add(steps []string, format string, args ...any) {
	f := m.finding(fault{fmt.Sprintf("the %s at %s %s", m.what, m.Last().URL, fmt.Sprintf(format, args...)), steps})
	f.Evidence = []diagnosis.Evidence{m.seen()}
	m.v.Findings = append(m.v.Findings, f)
}

func (m vouching) reissue() []string {
	return []string{"Get a mark certificate for the domain and the logo (DigiCert, GlobalSign, SSL.com and others issue them), and put it, with its chain, at " + m.url + "."}
}

// seen is the certificate as a reader follows it.
func (m vouching) seen() diagnosis.Evidence {
	kind := m.Kind()
	if !m.Purposed() {
		kind = "certificate"
	}
	if mark := m.MarkType(); mark != "" {
		kind += fmt.Sprintf(" (%q)", clip(mark))
	}
	lines := []string{fmt.Sprintf("%s for %s, valid until %s", kind, names(m.Leaf.DNSNames), day(m.Leaf.NotAfter))}
	for _, c := range m.Chain {
		lines = append(lines, fmt.Sprintf("signed by %q", clip(c.Subject.String())))
	}
	switch root := bimi.KnownRoot(m.Top()); {
	case root != "":
		lines = append(lines, "the root is "+root+", an authority for marks")
	case m.Complete():
		lines = append(lines, "whether Gmail and others trust that root cannot be told here")
	default:
		lines = append(lines, fmt.Sprintf("the next above is not in the file: %q; whether Gmail and others trust it cannot be told here", clip(m.Top().Issuer.String())))
	}
	if !m.Logged() {
		lines = append(lines, "no timestamps of public logs")
	}
	return diagnosis.Evidence{Question: m.Last().URL, Answer: strings.Join(lines, "\n")}
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func names(list []string) string {
	const most = 5
	var shown []string
	for _, name := range list[:min(len(list), most)] {
		quoted := fmt.Sprintf("%q", clip(name))
		shown = append(shown, quoted[1:len(quoted)-1])
	}
	switch {
	case len(list) == 0:
		return "no domain"
	case len(list) > most:
		return fmt.Sprintf("%s and %d more", strings.Join(shown, ", "), len(list)-most)
	}
	return strings.Join(shown, ", ")
}

// chain judges the way up.
func (m vouching) chain() {
	steps := []string{"Put the whole chain of the authority at " + m.url + ": the mark certificate first, then the one that signed it, and so on."}
	switch {
	case len(m.Chain) == 0 && m.Complete():
		m.add(m.reissue(), "is self-signed: no authority vouches for it")
	case len(m.Chain) == 0 && m.Loose > 0:
		m.add(steps, "is signed by none of the %d other certificates in the file; its issuer is %q", m.Loose, clip(m.Leaf.Issuer.String()))
	case len(m.Chain) == 0:
		m.add(steps, "stands alone: the certificate of its issuer, %q, is not in the file", clip(m.Leaf.Issuer.String()))
	case !m.Ordered:
		m.add(steps, "is not in issuing order in its file: the mark certificate has to be first, and then each that signed the one before")
	}
}

// dates judges the validity of all on the way up.
func (m vouching) dates(now time.Time) {
	until, whose := m.Expiry()
	of := ""
	if whose != m.Leaf {
		of = fmt.Sprintf(", as the certificate of %q above it does,", clip(whose.Subject.String()))
	}
	renew := []string{"Renew it with the authority that issued it, and put the new file at " + m.url + "."}
	switch left := until.Sub(now); {
	case left < 0:
		m.add(renew, "expired%s on %s", of, day(until))
	case left < warnDays*24*time.Hour:
		m.add(renew, "expires%s in %d days, on %s", of, int(left.Hours()/24), day(until))
	}
	if begin := m.Begins(); now.Before(begin) {
		m.add([]string{"Keep the certificate before it in place until then."}, "is not valid before %s", day(begin))
	}
}

// names judges whom the certificate is for.
func (m vouching) names(env *checks.Env) {
	domains := []string{env.Domain}
	for _, d := range []string{m.record.Domain, dmarc.ListedOrganizational(env.Domain)} {
		if !slices.Contains(domains, d) {
			domains = append(domains, d)
		}
	}
	if !m.Covers(domains...) {
		m.add(m.reissue(), "is for %s, not for %s", names(m.Leaf.DNSNames), record.Display(env.Domain))
	}
	if m.MarkType() == "" {
		m.add(m.reissue(), "does not say what kind of mark was verified")
	}
}

// mark judges the logo in the certificate, and compares it with the one at l=.
func (m vouching) mark(file facts.BIMIFile) {
	logo, err := m.Logo()
	if err != nil {
		m.add(m.reissue(), "holds no logo: %s", err)
		return
	}
	if logo.HashFault != "" {
		m.add(m.reissue(), "does not hold together: %s", logo.HashFault)
	}
	if file.Served() {
		together := []string{"Put the logo that the certificate was issued for at " + m.record.Record.Location + ", or have the certificate reissued for the one that is there."}
		switch same, nearly := bimi.SameLogo(logo.Document, file.Last().Body); {
		case same:
			return // judged there
		case nearly:
			m.add(together, "holds a logo that differs from the one at %s in white space or line ends: they have to be the same to the octet", file.Last().URL)
		default:
			m.add(together, "holds another logo than the one at %s: they have to be the same, and receivers may show neither", file.Last().URL)
		}
	}
	if _, faults := bimi.InspectLogo(logo.Document); len(faults) > 0 {
		m.add(m.reissue(), "holds a logo that is not SVG Tiny PS: %s", faults[0].Message)
	}
}
