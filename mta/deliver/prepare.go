package deliver

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/record"
)

// prepare looks at the message and its envelope before anybody is bothered with
// it, and reports whether some recipient is left.
func (a *attempt) prepare() bool {
	in, err := a.job.Open()
	if err != nil {
		a.all(ours(Temporary, 451, "4.3.0", "the message cannot be read: "+err.Error()))
		return false
	}
	lines, err := client.Look(in)
	in.Close()
	switch {
	case errors.Is(err, client.ErrBareCR), errors.Is(err, client.ErrBareLF):
		// Nothing that some host could take for the end of a message leaves this one.
		a.all(ours(Permanent, 550, "5.6.11", err.Error()))
		return false
	case err != nil:
		a.all(ours(Temporary, 451, "4.3.0", "the message cannot be read: "+err.Error()))
		return false
	case lines.Hops > a.bounds.Hops:
		a.all(ours(Permanent, 554, "5.4.6", fmt.Sprintf("the message has been through %d hosts: it runs in a circle", lines.Hops)))
		return false
	}
	a.mail = client.Mail{
		From: a.job.From, Open: a.job.Open, Size: lines.Size, EightBit: lines.Eight,
		SMTPUTF8:   a.job.SMTPUTF8 && lines.Header, // else nothing needs it, whatever was declared
		RequireTLS: a.job.RequireTLS, Ret: a.job.Ret, EnvID: a.job.EnvID,
	}
	return a.addresses()
}

// addresses puts addresses into the form in which they are sent, and refuses those
// that have none.
func (a *attempt) addresses() bool {
	from, ok := sent(a.job.From)
	if !ok && a.job.From != "" || client.Sendable(a.job.Ret) != nil || client.Sendable(a.job.EnvID) != nil {
		a.all(ours(Permanent, 553, "5.1.7", "the sender's address is not one that can be sent"))
		return false
	}
	a.mail.From = from
	a.mail.SMTPUTF8 = a.mail.SMTPUTF8 || !ascii(from)
	a.rcpts = slices.Clone(a.job.Rcpts)
	a.open = slices.DeleteFunc(a.open, func(i int) bool {
		rcpt := &a.rcpts[i]
		addr, ok := sent(rcpt.Addr)
		for _, text := range append([]string{rcpt.ORcpt}, rcpt.Notify...) {
			ok = ok && client.Sendable(text) == nil
		}
		if !ok {
			a.set(i, ours(Permanent, 553, "5.1.3", "the recipient's address is not one that can be sent"))
			return true
		}
		rcpt.Addr = addr
		a.mail.SMTPUTF8 = a.mail.SMTPUTF8 || !ascii(addr)
		return false
	})
	return len(a.open) > 0
}

// sent is an address as commands have it: with the domain in A-labels where the
// local part is ASCII, so that only those need SMTPUTF8 that cannot do without.
func sent(addr string) (string, bool) {
	at := strings.LastIndexByte(addr, '@')
	if at < 1 || at == len(addr)-1 || client.Sendable(addr) != nil {
		return "", false
	}
	local, domain := addr[:at], addr[at+1:]
	if !ascii(domain) && ascii(local) {
		name, err := record.ParseDomain(domain)
		if err != nil {
			return "", false
		}
		domain = record.Display(name)
	}
	return local + "@" + domain, true
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r >= 0x80 })
}

// destinationOf is a destination in canonical form, or an address literal as it is.
func destinationOf(text string) string {
	if strings.HasPrefix(text, "[") {
		return text
	}
	if name, err := record.ParseDomain(text); err == nil {
		return name
	}
	return record.Canonical(text)
}
