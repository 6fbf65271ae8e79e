package dns

import (
	"context"
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// weekend is from Friday evening to Monday morning.
const weekend = 60 * time.Hour

// SOAValues: the timers of the zone do no harm.
var SOAValues = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.soa-values",
		Title:    "The timers in the SOA record do no harm",
		Severity: diagnosis.Advice,
		Why:      "They decide how long the zone, and all mail with it, outlives a primary name server that is down, and how long the world goes on believing that a record is not there after you have published it.",
		Doc: `Only values that cost something are found; of the rest there are as many opinions as hosters, and the form of the serial number is taste.

The negative TTL is the less of the SOA record's own TTL and of its last field (RFC 2308, section 5). For so long a resolver remembers that a name or a type does not exist. With more than a day, the DKIM key or the DMARC record that you publish now is missing for that long to everybody who asked a minute too early. RFC 2308 found one to three hours to work well. Many resolvers cap it at an hour or three, not all. The TTL is asked of a server of the zone itself; where none answers from here, what a resolver has left of it is a lower bound, and good enough to find too much.

Expire is for how long a secondary goes on serving the zone without having reached the primary; then it stops, and the domain is gone although servers are up. It must exceed refresh and retry together, or a single failed attempt may end it, and it should last at least from Friday evening to Monday morning, 60 hours beyond refresh, as up to that much of it may have passed when the outage begins. RFC 1912 suggests two to four weeks. These timers are judged only where the primary (MNAME) is named under the domain: a DNS hoster moves zones between its servers by its own means, and does not wait for them.

To fix it, change the SOA record in the zone file and raise its serial number, or look for the zone's settings in the panel of the DNS server: "refresh 7200, retry 3600, expire 1209600, minimum 3600" serves nearly everybody. Windows DNS comes with an expire of one day.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1912, 2.2"}, {Name: "RFC 2308, 5"}, {Name: "RFC 1035, 3.3.13"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   soaValues,
})

func soaValues(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	soa, err := facts.ZoneSOA.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = noSOA(env, soa); v.Skip != "" {
		return v, nil
	}
	zone := record.Display(soa.Apex)
	evidence := diagnosis.Evidence{Question: soa.Answer.Question.String(), Answer: soa.Answer.String()}
	find := func(step, format string, args ...any) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: zone, Severity: diagnosis.Advice, Message: fmt.Sprintf(format, args...), Evidence: []diagnosis.Evidence{evidence},
			Remedy: diagnosis.Remedy{Steps: []string{step, "Raise the serial number, so that the secondaries take the change over."}},
		})
	}
	refresh, retry, expire := seconds(soa.Refresh), seconds(soa.Retry), seconds(soa.Expire)
	switch {
	case !soa.OwnServer(env.Domain):
	case expire <= refresh+retry: // RFC 1912, 2.2
		find("Set expire in the SOA record to two weeks (1209600).",
			"the secondaries of %s drop the zone after %s without its primary (expire %d), before they have tried twice to reach it (refresh %d, retry %d)", zone, lasting(expire), soa.Expire, soa.Refresh, soa.Retry)
	case expire-refresh < weekend:
		find("Set expire in the SOA record to two weeks (1209600).",
			"the secondaries of %s may drop the zone %s after its primary goes down (expire %d, refresh %d): a weekend ends it, and all mail with it", zone, lasting(expire-refresh), soa.Expire, soa.Refresh)
	}
	if negative := soa.Negative(); negative > day { // RFC 2308, 5
		find("Set the last field of the SOA record to an hour (3600).",
			"the negative TTL of %s is %s%s (TTL %d, minimum %d): a record that you publish stays missing for so long to whoever asked before", zone, least(soa), lasting(negative), soa.TTL, soa.Minimum)
	}
	if len(v.Findings) == 0 {
		v.Seen = []diagnosis.Evidence{evidence, {Question: "timers of " + zone, Answer: timers(env, soa)}}
	}
	return v, nil
}

// noSOA is why there is no SOA record to judge; empty where there is one.
func noSOA(env *checks.Env, soa facts.SOA) string {
	switch {
	case soa.Apex != "":
		return ""
	case len(soa.Answer.Chain) > 0:
		return record.Display(env.Domain) + " is an alias, which hides the SOA record of its zone"
	}
	return "no zone of the owner's begins at " + record.Display(env.Domain) + " or above it"
}

// timers is what the record says, in words.
func timers(env *checks.Env, soa facts.SOA) string {
	text := "absence is remembered for " + least(soa) + lasting(soa.Negative())
	if !soa.OwnServer(env.Domain) {
		return text + "; the other timers are the matter of who runs " + record.Display(soa.MName)
	}
	return text + "; secondaries go on for " + lasting(seconds(soa.Expire)) + " without the primary"
}

// least is "at least " where the negative TTL may be longer: what the resolver has
// left of the TTL decides it.
func least(soa facts.SOA) string {
	if !soa.Exact && soa.TTL < soa.Minimum {
		return "at least "
	}
	return ""
}
