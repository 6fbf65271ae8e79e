package dns

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// CNAMECoexistence: no alias hides a record of mail.
var CNAMECoexistence = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.cname-coexistence",
		Title:    "No CNAME stands beside records of mail",
		Severity: diagnosis.Critical,
		Why:      "A CNAME says that the name is another one, with all types. What stands beside it is seen by some and not by others: mail goes astray or is refused, and nobody can tell why.",
		Doc: `A name with a CNAME record has no other records (RFC 1034, section 3.6.2). Asked about are the domain, its _dmarc name, its MX hosts and the DKIM selectors that were found: first the resolver, then, where there is a CNAME, a server of the zone itself. Records of another type at the same name are a breach. So is every CNAME at a registered domain: a zone begins there, with SOA and NS records of its own.

BIND, Knot and NSD refuse to load such a zone. Other servers and some panels serve both: who asks for the MX first gets the MX; who has asked for the address before has the CNAME in the cache, follows it, and takes the MX and TXT records of its target for yours, or finds none. So mail arrives from some senders, and from others it goes to the web host or bounces.

A hoster that flattens (ALIAS, ANAME, "CNAME flattening") answers with the addresses of the target and shows no CNAME; that is fine. A subdomain that is nothing but an alias is fine too: its mail is then the matter of the target.

To fix it, take the CNAME away and publish the addresses of its target (A and AAAA), or let the DNS hoster flatten it. Where the alias is what you want, as for the DKIM keys of a mail service, take away what stands beside it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1034, 3.6.2"}, {Name: "RFC 2181, 10.1"}, {Name: "RFC 1912, 2.4"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   cnameCoexistence,
})

func cnameCoexistence(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	list, err := facts.Aliases.Of(ctx, env)
	if err != nil {
		return v, err
	}
	for _, a := range list {
		name := record.Display(a.Name)
		switch {
		case a.Err != nil && a.Name == env.Domain:
			v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: name, Reason: a.Err.Error(), Alone: true})
		case a.Err != nil:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: "CNAME " + name, Answer: "not known: " + a.Err.Error()})
		case a.Target() == "":
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: "CNAME " + name, Answer: "no alias"})
		case len(a.Beside) == 0 && !a.Apex:
			v.Seen = append(v.Seen, diagnosis.Evidence{Question: "CNAME " + name, Answer: "an alias of " + record.Display(a.Target()) + ", and nothing else"})
		default:
			v.Findings = append(v.Findings, coexistence(env, a))
		}
	}
	return v, nil
}

func coexistence(env *checks.Env, a facts.Alias) diagnosis.Finding {
	name, target := record.Display(a.Name), record.Display(a.Target())
	f := diagnosis.Finding{
		Subject: name, Severity: diagnosis.Critical, Alone: a.Name != env.Domain,
		Evidence: []diagnosis.Evidence{{Question: a.CNAME.Question.String(), Answer: a.CNAME.String()}},
	}
	var types []string
	for _, b := range a.Beside {
		types = append(types, b.Question.Type)
		f.Evidence = append(f.Evidence, diagnosis.Evidence{Question: b.Question.String(), Answer: b.String()})
	}
	if len(types) > 0 {
		f.Message = fmt.Sprintf("%s is an alias (CNAME) of %s and has %s records of its own: which of them counts depends on who asks, and when", name, target, strings.Join(types, ", "))
	} else {
		f.Message = fmt.Sprintf("%s is an alias (CNAME) of %s, which no registered domain may be: its own MX and TXT records are hidden, and its mail goes by those of %s", name, target, target)
	}
	f.Remedy = uncouple(env, a)
	return f
}

// uncouple takes the CNAME away and, where it led to addresses that the name does
// not have itself, publishes those.
func uncouple(env *checks.Env, a facts.Alias) diagnosis.Remedy {
	remedy := diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: a.Name, Type: "CNAME"})}}
	if a.Name != env.Domain {
		remedy.Steps = []string{"If the alias to " + record.Display(a.Target()) + " is what you want, keep it, and take away the other records at " + record.Display(a.Name) + "."}
		return remedy
	}
	byType := make(map[string][]record.Record)
	for _, addr := range a.Led.Addrs {
		r := record.Address(a.Name, addr)
		byType[r.Type] = append(byType[r.Type], r)
	}
	for _, typ := range []string{"A", "AAAA"} {
		if records := byType[typ]; len(records) > 0 && !has(a, typ) {
			remedy.Edits = append(remedy.Edits, record.Set(record.Slot{Name: a.Name, Type: typ}, records...))
		}
	}
	remedy.Steps = []string{"The addresses of " + record.Display(a.Target()) + " may change without notice. If your DNS hoster offers to flatten the CNAME (ALIAS, ANAME), use that in place of A and AAAA records."}
	return remedy
}

// has reports whether records of a type stand beside the CNAME.
func has(a facts.Alias, typ string) bool {
	for _, b := range a.Beside {
		if b.Question.Type == typ {
			return true
		}
	}
	return false
}
