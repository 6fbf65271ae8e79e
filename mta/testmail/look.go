package testmail

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// look judges a mail as its receivers will, and takes down what speaks against it.
func (s *Sender) look(ctx context.Context, p *Prepared) {
	now := time.Now()
	if s.Deliver.Now != nil {
		now = s.Deliver.Now()
	}
	msg, _ := message.Parse(p.Message)
	p.Seen = s.public(p)
	clients := p.Seen
	if len(clients) == 0 {
		clients = []netip.Addr{{}}
	}
	for _, addr := range clients {
		e := judge.Envelope{Client: addr, HELO: s.Deliver.Client.Name, MailFrom: p.From, Known: true}
		p.Judged = append(p.Judged, judge.Message(ctx, s.DNS, msg, e, now))
	}
	w := &looking{Prepared: p, dns: s.DNS, name: s.Deliver.Client.Name}
	w.header(msg)
	w.keys(ctx)
	w.helo()
	for _, j := range p.Judged {
		w.address(j)
	}
	w.dmarc()
}

// public is the addresses that receivers will see, as far as that is known: those
// that were named or, without a relay, those by which this machine gets to them.
func (s *Sender) public(p *Prepared) []netip.Addr {
	if p.Via != "" {
		return nil
	}
	if len(s.Public) > 0 || s.Route == nil {
		return s.Public
	}
	var list []netip.Addr
	asked := map[bool]bool{} // by family
	for _, plan := range p.Plans {
		for _, h := range plan.Hosts {
			for _, to := range h.Addrs {
				if asked[to.Is4()] {
					continue
				}
				asked[to.Is4()] = true
				if from, err := s.Route(to); err == nil && deliver.Special(from) == "" && !slices.Contains(list, from.Unmap()) {
					list = append(list, from.Unmap())
				}
			}
		}
	}
	return list
}

// looking is one look under way.
type looking struct {
	*Prepared
	dns  resolve.Resolver
	name string // in EHLO
}

func (w *looking) warn(id, do, format string, args ...any) {
	warning := Warning{ID: id, Do: do, Text: fmt.Sprintf(format, args...)}
	if !slices.Contains(w.Warnings, warning) {
		w.Warnings = append(w.Warnings, warning)
	}
}

// header looks at what a message that was written elsewhere may lack.
func (w *looking) header(msg *message.Message) {
	if w.Author == "" {
		_, why := msg.Author().Domain()
		w.warn("from", "Write one From field with one address.", "The message has no author domain: %s. Large receivers refuse it", why)
	}
	for _, need := range []string{"Date", "Message-ID"} {
		if len(msg.All(need)) != 1 {
			w.warn("header", "Write it once.", "The message has %d %s fields, and it has to have one (RFC 5322, 3.6)", len(msg.All(need)), need)
		}
	}
	if parts, _ := msg.Parts(); len(parts) > 0 && parts[0].Type == "text/html" {
		w.warn("html-only", "Give a text beside it, with --text.", "The message has HTML and no text; filters count that against it, and some people read text only")
	}
	if len(msg.All("Bcc")) > 0 {
		w.warn("bcc", "Take it out of the file.", "The message has a Bcc field: its receivers see who else got it")
	}
}

// keys holds what is published against the keys that sign.
func (w *looking) keys(ctx context.Context) {
	if len(w.Signed) == 0 {
		w.warn("no-key", "Name the private key with --key SELECTOR=FILE, or in maildoctor.yaml; maildoctor dkim keygen makes one.",
			"Nothing is signed with DKIM: no key of %s is given", orDomain(w.Author, domainOf(w.From)))
		return
	}
	for _, k := range w.Signed {
		at := record.DKIMKey(k.Selector, k.Domain).Name
		answer, err := w.dns.Resolve(ctx, resolve.Ask(at, "TXT"))
		if err != nil {
			w.warn("key-unknown", "", "Whether the key of selector %s is published could not be told: %v", k.Selector, err)
			continue
		}
		if match, why := dkim.Compare(answer.Texts(), k.Public()); match != dkim.Same {
			w.warn("key", "maildoctor dkim print shows the record that belongs to the private key; publish it, or sign with the other key.",
				"The published key of selector %s does not fit the private one: %s. The signature will fail", k.Selector, why)
		}
	}
}

func orDomain(domain, or string) string {
	if domain == "" {
		return or
	}
	return name(domain)
}

func (w *looking) helo() {
	switch {
	case w.Via != "":
	case w.name == "":
		w.warn("helo", "Name the host with --helo; the name has to lead to the address, and the address back to the name.",
			"The full name of this host is not known, so EHLO is said with an address literal, which many receivers refuse")
	case !strings.Contains(strings.TrimSuffix(w.name, "."), "."):
		w.warn("helo", "Give the full name with --helo.", "EHLO is said with %q, which is no full name; many receivers refuse that", w.name)
	}
}

// address looks at what belongs to an address: SPF and reverse DNS.
func (w *looking) address(j judge.Judgement) {
	client := j.Envelope.Client
	if !client.IsValid() {
		if w.Via == "" {
			w.warn("address", "Name it with --ip, and SPF and PTR are looked at before.",
				"The public address of this machine is not known: it has a private one, or none. SPF and PTR cannot be judged from here")
		}
		return
	}
	domain := name(domainOf(w.From))
	switch r := j.MailFrom; {
	case !r.Evaluated || r.Code == spf.Pass:
	case r.Code == spf.TempError:
		w.warn("spf-unknown", "", "SPF of %s could not be told: %s", domain, r.Result)
	case r.Code == spf.None:
		w.warn("spf", "maildoctor check "+domain+" says what to publish.", "%s publishes no SPF record that could name %s", domain, client)
	default:
		w.warn("spf", "Send from a host that the record names, or add this one; maildoctor check "+domain+" --ip "+client.String()+" gives the record.",
			"SPF of %s does not let %s send: %s", domain, client, r.Result)
	}
	switch {
	case j.IPRev.Code == "" || j.IPRev.Code == "pass":
	case j.IPRev.Code == "temperror":
		w.warn("ptr-unknown", "", "The PTR record of %s could not be told: %s", client, j.IPRev.Cause)
	default:
		w.warn("ptr", "The provider of the address sets it to the full name of the host, and that name gets the address.",
			"%s has no PTR record that leads back to it (%s); Gmail, T-Online and many others refuse such mail", client, j.IPRev.Cause)
	}
}

// dmarc looks whether anything is aligned.
func (w *looking) dmarc() {
	for _, j := range w.Judged {
		v := j.DMARC.RFC9989
		author := name(v.Author)
		switch {
		case w.Author == "":
		case v.Code == dmarc.Fail && v.Disposition != "" && v.Disposition != dmarc.None:
			w.warn("dmarc", "Sign with a key of the From domain, or send from an address that SPF of that domain names, with an envelope sender of it.",
				"DMARC of %s asks for %s, and nothing in this mail is aligned: %s", author, v.Disposition, v.Cause)
		case v.Code == dmarc.Fail:
			w.warn("dmarc", "Sign with a key of the From domain.", "DMARC does not pass: %s", v.Cause)
		case v.Code == dmarc.TempError && !j.Envelope.Client.IsValid() && v.Requested != "" && v.Requested != dmarc.None:
			w.warn("dmarc", "Sign with a key of the From domain.", "DMARC of %s asks for %s, no signature is aligned, and whether SPF will be is not known here", author, v.Requested)
		}
	}
}
