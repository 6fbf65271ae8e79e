package dns

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// Wildcard: made-up names mean nothing to mail.
var Wildcard = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.wildcard",
		Title:    "No wildcard lends records of mail to made-up names",
		Severity: diagnosis.Warning,
		Why:      "A wildcard answers for every name that you did not think of. What it says there of mail lets others send in your name, or decide on it.",
		Doc: `A name that nobody has is asked for, and its answer compared with those at the names that mail looks at: _dmarc, _mta-sts, _smtp._tls, autodiscover, autoconfig. A * record answers for all names below it that have no record of their own, of any type, and no name below them (RFC 4592, section 2.2.1).

A breach is a wildcard that gives those names an SPF record by which everybody may send: a made-up name below the domain counts as aligned with it (RFC 9989, relaxed mode), so that such mail passes DMARC for the domain itself. A breach is, too, a wildcard alias (CNAME) to a name of somebody else's that has an SPF record, an MX or a policy of its own: by the first, their customers may send in your name; by the second they get the mail to every made-up name below yours, that included by which authorities ask before they issue a certificate for it (admin@, hostmaster@); by the third they decide on your policy. Advice is given where such an alias leads mail programs, which look for their settings at autodiscover and autoconfig, to somebody else's server: some hand it the user's password when it asks for one.

A wildcard for web hosts, "v=spf1 -all" or a null MX for all names, and an MX for all names that you publish yourself, as some hosters want it for addresses at subdomains, pass. So does text that is no record of its kind: at _dmarc and its like it is discarded. Wildcards over DKIM selectors are the matter of dkim.no-wildcard, those that weaken the DMARC policy that of dmarc.effective-policy.

To fix it, publish the names that you use and take the wildcard away; or lead it to addresses (A and AAAA) in place of an alias, so that it says nothing of mail. A record of any type at a name keeps the wildcard from answering there: a TXT record is enough.`,
		Refs: []diagnosis.Ref{{Name: "RFC 4592, 2.2.1"}, {Name: "RFC 4592, 4"}, {Name: "RFC 9989, 4.4.2"}, {Name: "RFC 5321, 5.1"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   wildcard,
})

func wildcard(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	w, err := facts.ZoneWildcard.Of(ctx, env)
	if err == nil {
		err = w.Err
	}
	if err != nil {
		return v, err
	}
	v.Seen = []diagnosis.Evidence{
		{Question: w.TXT.Question.String(), Answer: w.TXT.String()},
		{Question: w.MX.Question.String(), Answer: w.MX.String()},
	}
	judge := wildcardJudge{env: env, w: w, v: &v, name: "*." + record.Display(env.Domain)}
	judge.everybody()
	judge.lent()
	judge.policies()
	judge.clients(ctx)
	if len(v.Findings) == 0 {
		v.Seen = append(v.Seen, diagnosis.Evidence{Question: "wildcard", Answer: judge.harmless()})
	}
	return v, nil
}

type wildcardJudge struct {
	env  *checks.Env
	w    facts.Wildcard
	v    *diagnosis.Verdict
	name string // of the wildcard, as shown
}

func (j wildcardJudge) find(severity diagnosis.Severity, subject string, remedy diagnosis.Remedy, format string, args ...any) {
	j.v.Findings = append(j.v.Findings, diagnosis.Finding{
		Subject: subject, Severity: severity, Message: fmt.Sprintf(format, args...), Evidence: j.v.Seen, Remedy: remedy,
	})
}

// foreign is where an alias leads that is not named under the owner's registrable
// domain; empty elsewhere.
func (j wildcardJudge) foreign() string {
	alias := j.w.Alias()
	if alias == "" || record.Within(alias, dmarc.ListedOrganizational(j.env.Domain)) {
		return ""
	}
	return alias
}

// everybody: an SPF record of the wildcard's own that passes everybody. That of a
// target in the domain is judged there.
func (j wildcardJudge) everybody() {
	text := j.w.SPF()
	if text == "" || j.w.Alias() != "" {
		return
	}
	parsed, problems := spf.Parse(text)
	if all, ok := parsed.All(); !ok || all.Qualifier != spf.Plus || len(spf.Fatal(problems)) > 0 {
		return
	}
	slot := record.SPF(j.name)
	remedy := diagnosis.Remedy{Edits: []record.Edit{record.Set(slot, record.TXT(slot.Name, spf.Deny().String()))}}
	j.find(diagnosis.Warning, j.name, remedy, "%s gives every name below %s without records of its own the SPF record %.120q: everybody may send as such a name, and is aligned with %s", j.name, record.Display(j.env.Domain), text, record.Display(j.env.Domain))
}

// lent: SPF and MX of a stranger's name.
func (j wildcardJudge) lent() {
	alias := j.foreign()
	if alias == "" {
		return
	}
	var lent []string
	if text := j.w.SPF(); text != "" {
		if parsed, _ := spf.Parse(text); !parsed.Denies() {
			lent = append(lent, fmt.Sprintf("its SPF record %.120q, by which its senders may send in that name", text))
		}
	}
	if j.w.TakesMail() {
		_, host, _ := j.w.MX.Records[0].MX()
		lent = append(lent, "its MX "+record.Display(host)+", which gets the mail")
	}
	if len(lent) == 0 {
		return
	}
	j.find(diagnosis.Warning, j.name, diagnosis.Remedy{Steps: []string{
		"Publish the names that you use, each with a CNAME of its own, and take " + j.name + " away.",
		"If all names have to lead there, lead " + j.name + " to the addresses of " + record.Display(alias) + " (A and AAAA) in place of the alias.",
	}}, "%s is an alias of %s: every name below %s without records of its own has %s", j.name, record.Display(alias), record.Display(j.env.Domain), strings.Join(lent, ", and "))
}

// policies: records of mail that a stranger publishes for the domain.
func (j wildcardJudge) policies() {
	alias := j.foreign()
	if alias == "" {
		return
	}
	for _, g := range j.w.Guests {
		if g.Text == "" {
			continue
		}
		name := record.Display(g.Name)
		j.find(diagnosis.Warning, name, diagnosis.Remedy{Steps: []string{"Publish a record of your own at " + name + "; it keeps the wildcard from answering there. Better still, take the wildcard away."}},
			"%s leads %s to %s, so that its owner decides on the %s policy of %s: %.120q", j.name, name, record.Display(alias), g.Kind, record.Display(j.env.Domain), g.Text)
	}
}

// clients: mail programs that are led to a stranger.
func (j wildcardJudge) clients(ctx context.Context) {
	alias := j.foreign()
	purpose, err := facts.Intent.Of(ctx, j.env)
	if alias == "" || len(j.w.Clients) == 0 || err != nil || !purpose.Receives {
		return
	}
	var names []string
	var remedy diagnosis.Remedy
	for _, g := range j.w.Clients {
		names = append(names, record.Display(g.Name))
		stop := record.TXT(g.Name, "no such service here")
		remedy.Edits = append(remedy.Edits, record.Set(record.Slot{Name: g.Name, Type: "TXT"}, stop))
	}
	remedy.Steps = []string{"If your mail server has settings for mail programs, publish these names for it in place of the TXT records."}
	j.find(diagnosis.Advice, strings.Join(names, ", "), remedy, "%s leads mail programs that look for their settings at %s to %s: some hand it the user's password", j.name, strings.Join(names, " and "), record.Display(alias))
}

// harmless says what the wildcard is, where it does nothing to mail.
func (j wildcardJudge) harmless() string {
	if !j.w.There() {
		return "none: a name that nobody has does not exist"
	}
	says := []string{"answers for every name without records of its own"}
	if alias := j.w.Alias(); alias != "" {
		says = append(says, "with an alias of "+record.Display(alias))
	}
	var at []string
	for _, g := range j.w.Guests {
		at = append(at, record.Display(g.Name))
	}
	if len(at) > 0 {
		says = append(says, "and at "+strings.Join(at, ", ")+" too, where text that is no record of its kind is discarded")
	}
	if j.w.TakesMail() {
		says = append(says, "and leads their mail to the MX that you publish")
	}
	return strings.Join(says, " ")
}
