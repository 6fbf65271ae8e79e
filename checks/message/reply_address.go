package message

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// ReplyAddress: who answers is heard.
var ReplyAddress = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.reply-address",
		Title:    "The domains of From and Reply-To take mail",
		Severity: diagnosis.Warning,
		Why:      "Readers answer, and where the domain takes no mail their answer comes back as undeliverable. Filters look whether the sender could be answered; a domain that does not exist is refused by many.",
		Doc: `The domains of the addresses in From and Reply-To are asked for in the DNS: they must exist, and have MX records, or address records in their place, and no null MX (RFC 7505, 3). Whether the mailbox exists is not asked.

A Reply-To at a mailbox provider in a message of a domain of your own is advice: it is how fraud looks that diverts the answers, and filters count it (SpamAssassin: FREEMAIL_FORGED_REPLYTO).

To fix it, use addresses of a domain that takes mail. A noreply address, too, should be one that exists, and may throw away what it gets.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}, {Name: "RFC 7505, 4.2"}, {Name: "RFC 5322, 3.6.2"}},
	},
	Of:  checks.Messages,
	Run: with(replyAddress),
})

// maxAddresses bounds the domains that are asked for.
const maxAddresses = 10

// An addressee is a domain that answers go to.
type addressee struct {
	field  mail.Field
	domain string
	mx     resolve.Answer
	err    error
	facts.HostAddrs
}

func replyAddress(ctx context.Context, env *checks.Env, v *diagnosis.Verdict, m *facts.Mail) {
	list := addressees(m)
	var wg sync.WaitGroup
	for i := range list {
		a := &list[i]
		wg.Go(func() { a.mx, a.err = env.DNS.Resolve(ctx, resolve.Ask(a.domain, "MX")) })
		wg.Go(func() { a.HostAddrs = facts.Addresses(ctx, env, a.domain) })
	}
	wg.Wait()
	if len(list) == 0 {
		v.Skip = "there is no address with a domain in From or Reply-To"
		return
	}
	for _, a := range list {
		a.judge(v)
	}
	if f, ok := m.First("Reply-To"); ok {
		elsewhere(v, m, f, list)
	}
}

// addressees is the domains of From and Reply-To, each once.
func addressees(m *facts.Mail) []addressee {
	var list []addressee
	for _, name := range []string{"From", "Reply-To"} {
		for _, f := range m.All(name) {
			addresses, _ := f.Addresses()
			for _, a := range addresses {
				known := slices.ContainsFunc(list, func(other addressee) bool { return other.domain == a.Domain })
				if a.Domain != "" && !known && len(list) < maxAddresses {
					list = append(list, addressee{field: f, domain: a.Domain})
				}
			}
		}
	}
	return list
}

func (a addressee) judge(v *diagnosis.Verdict) {
	domain := record.Display(a.domain)
	asked := []diagnosis.Evidence{{Question: a.mx.Question.String(), Answer: a.mx.String()}}
	for _, answer := range a.Answers {
		asked = append(asked, diagnosis.Evidence{Question: answer.Question.String(), Answer: answer.String()})
	}
	null := slices.ContainsFunc(a.mx.Records, func(r record.Record) bool { _, host, ok := r.MX(); return ok && host == "." })
	switch {
	case a.err != nil:
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: domain, Reason: a.err.Error()})
	case len(a.mx.Records) == 1 && null:
		find(v, diagnosis.Warning, domain, fmt.Sprintf("%s names an address of %s, which says that it takes no mail (null MX)", a.field.Name, domain), asked, "Use an address of a domain that takes mail, or give "+domain+" an MX record.")
	case len(a.mx.Records) > 0:
		saw(v, a.field.Name, "%s takes mail", domain)
	case len(a.Addrs) > 0:
		saw(v, a.field.Name, "%s takes mail at its own address", domain)
	case !a.Known():
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: domain, Reason: a.Errs[0].Error()})
	case !a.mx.Exists && !a.Exists:
		find(v, diagnosis.Warning, domain, fmt.Sprintf("%s names an address of %s, which does not exist", a.field.Name, domain), asked, "Use an address of a domain that exists and takes mail.")
	default:
		find(v, diagnosis.Warning, domain, fmt.Sprintf("%s names an address of %s, which has neither MX nor address records, so that answers go nowhere", a.field.Name, domain), asked, "Give "+domain+" an MX record, or use an address of a domain that takes mail.")
	}
}

// elsewhere tells that answers to a domain go to a mailbox provider.
func elsewhere(v *diagnosis.Verdict, m *facts.Mail, replyTo mail.Field, list []addressee) {
	author := m.AuthorDomain()
	if _, ok := freemail(author); ok || author == "" {
		return
	}
	for _, a := range list {
		if _, ok := freemail(a.domain); ok && a.domain != author {
			find(v, diagnosis.Advice, "Reply-To", fmt.Sprintf("answers to the message from %s go to a mailbox at %s", record.Display(author), record.Display(a.domain)), shown(replyTo),
				"Let answers go to an address of "+record.Display(author)+".")
			return
		}
	}
}
