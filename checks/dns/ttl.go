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

const (
	// shortest is the TTL below which every other delivery asks anew.
	shortest = time.Minute
	// apart is how many times as long the addresses of one family may be kept as
	// those of the other, where they are kept for longer than late.
	apart = 10
	late  = time.Hour
)

// TTL: records of mail are kept for as long as is good for them.
var TTL = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.ttl",
		Title:    "The records of mail are kept neither too long nor too short",
		Severity: diagnosis.Advice,
		Why:      "A mistake in a record lasts as long as its TTL after you have mended it, and a move to another mail host takes as long. Without a minute of memory every delivery depends on your name servers answering at once.",
		Doc: `The TTL of a record is how long a resolver may keep it. Looked at are the MX, SPF and DMARC records, the DKIM keys that were found, and the addresses of the MX hosts that are named in the domain's zone. At an alias it is the TTL of the alias; what it leads to is somebody else's.

More than a day is too long: whoever asked before you mended a mistake goes on with it for days, and nothing you do ends that. Less than a minute is too short: it gains nothing that a minute does not, and each short outage of the name servers becomes one of mail. Where the IPv4 addresses of a mail host are kept more than ten times as long as the IPv6 addresses, or the other way round, and for more than an hour, a move leaves the senders of one family behind.

A resolver tells how much of the TTL is left, not what was published. So one of the zone's own servers is asked too, and what it says with authority is judged. Where none answers from here, the resolver's word is a lower bound: too much is found, too little is not. A TTL of 0 is not judged; records that are only planned have it.

To fix it, set the TTL in the zone file or in the panel of your DNS hoster: an hour (3600) for what rarely changes, five minutes (300) on the day before a move. Lower it one old TTL before the change, and raise it when all is well.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1912, 2.2"}, {Name: "RFC 2181, 5.2"}, {Name: "RFC 1035, 3.2.1"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   ttl,
})

func ttl(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	list, err := facts.Lifetimes.Of(ctx, env)
	if err != nil {
		return v, err
	}
	var long, short []facts.Lifetime
	for _, l := range list {
		kept := seconds(l.TTL)
		switch {
		case l.Err != nil && l.Name == env.Domain:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(l.Name), Reason: l.Err.Error()})
		case l.Err != nil: // whether it is there is others' to say
		case kept > day:
			long = append(long, l)
		case l.Published && kept > 0 && kept < shortest:
			short = append(short, l)
		default:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: l.Answer.Question.String(), Answer: remaining(l)})
		}
	}
	domain := record.Display(env.Domain)
	find := func(subject, message, step string, list ...facts.Lifetime) {
		f := diagnosis.Finding{Subject: subject, Severity: diagnosis.Advice, Message: message, Remedy: diagnosis.Remedy{Steps: []string{step}}}
		for _, l := range list {
			f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: l.Answer.Question.String(), Answer: remaining(l)})
		}
		v.Findings = append(v.Findings, f)
	}
	if len(long) > 0 {
		find(domain, fmt.Sprintf("resolvers keep %s for more than a day: a mistake there lasts for days after it is mended", named(long)), "Set the TTL to an hour (3600); in the last days before a change that matters, to five minutes (300).", long...)
	}
	if len(short) > 0 {
		find(domain, fmt.Sprintf("resolvers keep %s for less than a minute: every delivery depends on the name servers answering at once", named(short)), "Set the TTL to an hour (3600), or to five minutes (300) where the record may change at any time.", short...)
	}
	for i := 1; i < len(list); i++ {
		a, aaaa := list[i-1], list[i]
		if a.Name != aaaa.Name || aaaa.Type != "AAAA" || !differ(a, aaaa) {
			continue
		}
		find(record.Display(a.Name), fmt.Sprintf("resolvers keep the IPv4 addresses of mail host %s for %s, its IPv6 addresses for %s: after a move one half of the senders follows that much later", record.Display(a.Name), lasting(seconds(a.TTL)), lasting(seconds(aaaa.TTL))),
			"Give the A and AAAA records of "+record.Display(a.Name)+" the same TTL.", a, aaaa)
	}
	return v, nil
}

// differ reports whether addresses of two families are kept for times too far
// apart. One that is too long itself is found as that.
func differ(a, b facts.Lifetime) bool {
	less, more := min(a.TTL, b.TTL), max(a.TTL, b.TTL)
	return a.Published && b.Published && less > 0 && seconds(more) <= day && seconds(more) > late && more/apart > less
}

func remaining(l facts.Lifetime) string {
	if l.Published {
		return fmt.Sprintf("TTL %d", l.TTL)
	}
	return fmt.Sprintf("TTL %d left at the resolver", l.TTL)
}

// named is records with their TTLs, cut short where there are many.
func named(list []facts.Lifetime) string {
	const most = 3
	var words []string
	for _, l := range list[:min(len(list), most)] {
		words = append(words, fmt.Sprintf("%s at %s (TTL %d)", l.What, record.Display(l.Name), l.TTL))
	}
	text := strings.Join(words, ", ")
	if n := len(list) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	return text
}
