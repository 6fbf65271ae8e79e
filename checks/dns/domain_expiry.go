package dns

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// DomainExpiry: the registration goes on. Its findings are about the registration
// and not about the domain, so that they stand, and tell why, where the domain
// has left the DNS already.
var DomainExpiry = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.domain-expiry",
		Title:    "The registration does not end soon",
		Severity: diagnosis.Warning,
		Why:      "When a registration ends the domain is taken out of the DNS: all its mail bounces, and some weeks later a stranger can register it and receive it.",
		Doc: `The registry is asked over RDAP when the registration ends and what state it is in. 30 days before the end it is a warning, in case nobody else reminds you: the notices go to the address that the registrar knows, which may be a mailbox in this very domain, or that of a colleague who has left.

After the end a domain goes through stages that differ from registry to registry. Under most generic top-level domains the registry renews by itself at first, and gives the registrar some weeks to take that back; then follow 30 days of redemption, in which only the former holder can have it back, for a fee, and 5 days of pending deletion, in which nobody can. A hold takes the domain out of the DNS at once: "client hold" is the registrar's, for a bill that is not paid or an address that was not confirmed; "server hold" is the registry's, for a dispute or abuse.

To fix it, log in at the registrar, see that the automatic renewal is on and the means of payment is valid, and that the contact address is read by somebody. Register what matters for several years.

Many registries tell no date, and some renew on the day itself. Then only the state is judged.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9083, 4.5"}, {Name: "RFC 8056, 2"}, {Name: "RFC 3915, 3.1"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRegistration(ctx, env, func(r facts.Registration, v *diagnosis.Verdict) { domainExpiry(env.Now(), r, v) })
	},
})

// soon is how long before the end of a registration it is time to act.
const soon = 30 * 24 * time.Hour

// ended is the states of a registration whose domain is out of the DNS or about
// to leave it (RFC 8056, 2), in the order in which they tell most: one that can be
// redeemed is pending deletion too (RFC 3915, 3.1).
var ended = []struct{ status, means, step string }{
	{"redemption period", "it was deleted, and only its former holder can have it back", "Ask the registrar to restore it today: the redemption period ends after some weeks, and the domain is then lost."},
	{"pending restore", "it was deleted, and its restoration waits for the registrar's report", "Ask the registrar whether the restoration goes on."},
	{"pending delete", "it is about to be deleted, and nobody can stop that", "Be ready to register it again the moment it is free: registrars offer to try for you (backorder)."},
	{"server hold", "the registry has taken it out of the DNS", "Ask the registrar what the registry wants: mostly it is about a dispute, abuse, or proof of who you are."},
	{"client hold", "the registrar has taken it out of the DNS", "Log in at the registrar: mostly a bill is not paid, or the holder's address was not confirmed."},
}

func domainExpiry(now time.Time, r facts.Registration, v *diagnosis.Verdict) {
	name, end := record.Unicode(r.Domain), r.Answer.Expiration
	left := end.Sub(now)
	found := func(severity diagnosis.Severity, steps []string, format string, args ...any) {
		v.Findings = []diagnosis.Finding{{
			Subject: "registration of " + name, Severity: severity, Evidence: []diagnosis.Evidence{r.Evidence()},
			Message: "the registration of " + name + fmt.Sprintf(format, args...), Remedy: diagnosis.Remedy{Steps: steps},
		}}
	}
	for _, state := range ended {
		if r.Answer.Has(state.status) {
			found(diagnosis.Critical, []string{state.step}, " has the status %q: %s, so its mail is lost", state.status, state.means)
			return
		}
	}
	switch {
	case end.IsZero():
		v.Seen = []diagnosis.Evidence{{Question: name, Answer: "the registry tells no date at which the registration ends" + states(r)}}
	case left <= 0:
		found(diagnosis.Critical, renew(r), " ended on %s: the domain can be taken out of the DNS any hour", end.Format(time.DateOnly))
	case left <= soon:
		found(diagnosis.Warning, renew(r), " ends on %s, in %s", end.Format(time.DateOnly), days(left))
	default:
		v.Seen = []diagnosis.Evidence{{Question: name, Answer: fmt.Sprintf("registered until %s, for another %s%s", end.Format(time.DateOnly), age(left), states(r))}}
	}
}

// states is what else the registry says of the registration.
func states(r facts.Registration) string {
	if len(r.Answer.Status) == 0 {
		return ""
	}
	return " (" + strings.Join(r.Answer.Status, ", ") + ")"
}

func renew(r facts.Registration) []string {
	at := "the registrar"
	if r.Answer.Registrar != "" {
		at = fmt.Sprintf("the registrar, %q,", r.Answer.Registrar)
	}
	return []string{
		fmt.Sprintf("See at %s that %s is renewed: that the automatic renewal is on and the means of payment is valid.", at, record.Unicode(r.Domain)),
		"See that the contact address there is read by somebody, best at another domain.",
	}
}
