package dns

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/caa"
	"github.com/maildoctor/maildoctor/record"
)

// CAAIssuer: the certificates that mail needs can be renewed.
var CAAIssuer = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.caa-issuer",
		Title:    "CAA lets the authority in use issue",
		Severity: diagnosis.Warning,
		Why:      "A certification authority that CAA does not name must not renew the certificate. It expires, weeks after the change that nobody remembers, and senders that verify, as MTA-STS wants it, stop delivering.",
		Doc: `The certificates are those that were seen: of the MX hosts under your registrable domain, after STARTTLS, and of the host that serves the MTA-STS policy. Who issued each is told from the organization named in its issuer, which a list maps to the identifiers by which CAA records name that authority (as of ` + caa.AsOf + `). The CAA records that count are those at the nearest name, from the host itself up to the top-level domain, that has any; an alias leads to those of its target (RFC 8659, section 3). For a host that a wildcard certificate stands for, issuewild records count in place of issue records, where there are any.

A breach is a set that names other authorities, or nobody, or that holds a critical property which no authority knows. It does no harm today: CAA is looked at when a certificate is issued, and says nothing to those who verify one. Without CAA records every authority may issue; that passes, as nothing breaks. Certificates of private authorities are no matter of CAA.

Advice is given on records that say nothing or not what they were meant to: a misspelled tag, an iodef that is no URL, an issue value that is no name of an authority (which permits nobody). The conditions accounturi and validationmethods (RFC 8657) are shown and not judged: only the authority knows its accounts. After a move to a new server the old account may be what bars you.

To fix it, publish a CAA record that names the authority, beside those that are there: 0 issue "letsencrypt.org". ZeroSSL goes by sectigo.com, Google Trust Services by pki.goog.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8659, 3"}, {Name: "RFC 8659, 4"}, {Name: "RFC 8657, 3"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   caaIssuer,
})

func caaIssuer(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	is, err := facts.CertificateIssuance.Of(ctx, env)
	if err != nil {
		return diagnosis.Verdict{}, err
	}
	j := caaJudge{v: new(diagnosis.Verdict)}
	if is.DomainErr != nil {
		j.doubt(record.Display(env.Domain), is.DomainErr.Error())
	} else {
		j.of(is.Domain)
	}
	for _, h := range is.Hosts {
		j.host(h)
	}
	for _, set := range j.sets {
		set.conclude(j.v, env)
	}
	return *j.v, nil
}

// A caaJudge goes through the hosts, and sorts what is wrong by the set of
// records that it is wrong with.
type caaJudge struct {
	v    *diagnosis.Verdict
	sets []*caaSet
}

// A caaSet is one set of CAA records and what it bars.
type caaSet struct {
	caa.Set
	barred []barred
}

// barred is a host whose authority may not issue.
type barred struct {
	host      facts.CertifiedHost
	authority caa.Authority
	decision  caa.Decision
}

func (j *caaJudge) doubt(subject, reason string) {
	for _, d := range j.v.Doubts {
		if d.Reason == reason {
			return
		}
	}
	j.v.Doubts = append(j.v.Doubts, diagnosis.Doubt{Subject: subject, Reason: reason})
}

// of is the entry of a set, and shows it the first time it is met.
func (j *caaJudge) of(set caa.Set) *caaSet {
	for _, s := range j.sets {
		if s.At == set.At {
			return s
		}
	}
	seen := diagnosis.Evidence{Question: set.Answer.Question.String(), Answer: set.Answer.String()}
	if set.At == "" {
		seen.Answer = "no CAA record here or above: every authority may issue"
	}
	j.v.Seen = append(j.v.Seen, seen)
	s := &caaSet{Set: set}
	j.sets = append(j.sets, s)
	return s
}

func (j *caaJudge) host(h facts.CertifiedHost) {
	name := record.Display(h.Name)
	if h.Err != nil {
		j.doubt(name, h.Err.Error())
		return
	}
	set := j.of(h.CAA)
	restricted := caa.Restricts(h.CAA.Records, h.Wildcard)
	authority, known := caa.AuthorityOf(h.Issuer)
	seen := func(format string, args ...any) {
		j.v.Seen = append(j.v.Seen, diagnosis.Evidence{Question: "certificate of " + name, Answer: fmt.Sprintf(format, args...)})
	}
	switch {
	case h.Unseen != "" && restricted:
		j.doubt(name, "the certificate of "+name+", and who issued it, was not seen: "+h.Unseen)
	case !h.Shown:
		seen("none that names it and that a public authority has issued was seen")
	case !known && restricted:
		j.doubt(name, fmt.Sprintf("who issued the certificate of %s, %.80q, is not known by the name that CAA records have for it", name, h.Issuer))
	case !restricted:
		seen("issued by %.80q, as anybody may", h.Issuer)
	default:
		d := h.Decision(authority)
		if !d.Permitted() {
			set.barred = append(set.barred, barred{h, authority, d})
			return
		}
		seen("issued by %s, which CAA lets do so: %s", authority.Name, conditions(d))
	}
}

// conditions is the properties that permit, with what they demand.
func conditions(d caa.Decision) string {
	var list []string
	for _, r := range d.By {
		list = append(list, r.String())
		issuer, _ := r.Issuer()
		if account := issuer.Account(); account != "" {
			list = append(list, fmt.Sprintf("only for the account %q", account))
		}
		if methods := issuer.Methods(); len(methods) > 0 {
			list = append(list, fmt.Sprintf("only by %q", strings.Join(methods, ", ")))
		}
	}
	return strings.Join(list, "; ")
}
