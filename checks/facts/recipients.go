package facts

import (
	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// roles is the mailboxes every mail domain has: postmaster (RFC 5321, 4.5.1) and
// abuse (RFC 2142, 4). They are the recipients of a session's first envelope.
var roles = []string{"postmaster", "abuse"}

// Envelopes after the first, where the owner consents to the relay test.
const (
	RelayEnvelope    = 1 // from the null reverse-path; its first recipient is no mailbox of the domain's
	RelayOwnEnvelope = 2 // from an address of the domain
)

// stranger is a mailbox in a domain that is nobody's and takes no mail (RFC 2606, 3).
const stranger = "relay-test@example.com"

// unlikely is a local part that no domain has, by which to tell a host that takes
// mail for any local part.
const unlikely = "maildoctor-no-such-mailbox"

// envelopes is what the MX hosts are asked to take. None of it is sent.
func envelopes(env *checks.Env) []probe.Envelope {
	domain := record.Display(env.Domain)
	var first probe.Envelope
	for _, role := range roles {
		first.Rcpts = append(first.Rcpts, role+"@"+domain)
	}
	list := []probe.Envelope{first}
	if env.Want.RelayTest {
		list = append(list,
			probe.Envelope{Rcpts: append([]string{unlikely + "@" + domain}, relayForms(domain)...)},
			probe.Envelope{From: "postmaster@" + domain, Rcpts: []string{stranger}})
	}
	return list
}

// relayForms is the ways to name a foreign mailbox to a host that could be fooled
// by one: plainly, by a source route (RFC 5321, appendix C), and hidden in a local
// part of the domain, as relays of old read them (RFC 1123, 5.2.16).
func relayForms(domain string) []string {
	return []string{
		stranger,
		"@" + domain + ":" + stranger,
		"relay-test%example.com@" + domain,
		"example.com!relay-test@" + domain,
		`"` + stranger + `"@` + domain,
	}
}
