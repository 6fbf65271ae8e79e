package dmarc

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// AlignmentMode: the policy does not ask for more than the mail has.
var AlignmentMode = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dmarc.alignment-mode",
		Title:    "Strict alignment fits the domains with which the message is sent",
		Severity: diagnosis.Warning,
		Why:      "With adkim=s or aspf=s a signature or an envelope sender of a subdomain does not count. Mail that is sent that way, as by most services, fails DMARC.",
		Doc: `The domains of the message are held against the policy of its author domain: d= of the DKIM signatures, and the domain of the envelope sender, from the topmost Return-Path or as given. In strict mode they must be the author domain itself, in relaxed mode of the same organization (RFC 9989, 4.4). It is a finding if one that would be aligned in relaxed mode is not, and nothing else of its kind is; whether SPF and DKIM pass is not judged here.

A message passes DMARC by either of the two: with adkim=s alone, an envelope sender that is aligned carries it to the first receiver, but not through a forwarder.

To fix it, take adkim=s or aspf=s out of the record: strict mode helps only whoever gives subdomains to strangers. Or have the sender sign with the author domain itself.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.4"}, {Name: "RFC 9989, 4.7"}},
	},
	Of:  checks.Messages,
	Run: alignmentMode,
})

func alignmentMode(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	m, err := facts.Message.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if m == nil {
		v.Skip = "no message is examined"
		return v, nil
	}
	author := m.AuthorDomain()
	if author == "" {
		v.Skip = "the message has no author domain"
		return v, nil
	}
	p := dmarc.Discover(ctx, env.DNS, author)
	switch {
	case len(p.Undecided) > 0:
		return v, p.Undecided[0]
	case p.Policy == nil:
		v.Skip = "no DMARC policy applies to " + record.Display(author)
		return v, nil
	}
	strict(&v, p, "adkim", p.Policy.Record.DKIM, "signed by", signers(m))
	strict(&v, p, "aspf", p.Policy.Record.SPF, "sent with the envelope sender", envelopeSender(env, m))
	if len(v.Findings) == 0 {
		v.Seen = []diagnosis.Evidence{answer(*p.Policy)}
	}
	return v, nil
}

// strict tells that the domains used are aligned in relaxed mode alone, and the
// policy wants strict.
func strict(v *diagnosis.Verdict, p dmarc.Discovery, tag, mode, how string, used []string) {
	if mode != "s" {
		return
	}
	lost := ""
	for _, name := range used {
		if name == p.Domain {
			return
		}
		if dmarc.ListedOrganizational(name) == dmarc.ListedOrganizational(p.Domain) {
			lost = name
		}
	}
	if lost == "" {
		return
	}
	r := *p.Policy.Record
	if tag == "adkim" {
		r.DKIM = ""
	} else {
		r.SPF = ""
	}
	domain := record.Display(p.Domain)
	v.Findings = append(v.Findings, diagnosis.Finding{
		Subject: domain, Severity: diagnosis.Warning,
		Message:  fmt.Sprintf("the message from %s is %s %s, which %s=s does not let count", domain, how, record.Display(lost), tag),
		Evidence: []diagnosis.Evidence{answer(*p.Policy)},
		Remedy: diagnosis.Remedy{Steps: []string{
			"Publish " + line(p.Policy.Domain, r) + ".",
			"Or have the sender use " + domain + " itself in place of " + record.Display(lost) + ".",
		}},
	})
}

// signers is the domains of the signatures.
func signers(m *facts.Mail) []string {
	var list []string
	for _, s := range m.Signatures {
		if name := s.SDID(); name != "" {
			list = append(list, name)
		}
	}
	return list
}

// envelopeSender is the domain of the envelope sender; none where it is not known.
func envelopeSender(env *checks.Env, m *facts.Mail) []string {
	sender := env.Envelope.MailFrom
	if !env.Envelope.Known {
		if f, ok := m.First("Return-Path"); ok { // RFC 5321, 4.4
			sender = strings.Trim(f.Unfolded(), "<>")
		}
	}
	if i := strings.LastIndexByte(sender, '@'); i >= 0 {
		if name, err := record.ParseDomain(sender[i+1:]); err == nil {
			return []string{name}
		}
	}
	return nil
}
