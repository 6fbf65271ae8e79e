package facts

import (
	"regexp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// roles is the mailboxes every mail domain has: postmaster (RFC 5321, 4.5.1) and
// abuse (RFC 2142, 4). They are the first recipients of a session's first
// envelope. After them come mailboxes that DMARC reports go to, and last Unlikely.
var roles = [Roles]string{"postmaster", "abuse"}

// Roles is how many recipients of the first envelope are such mailboxes.
const Roles = 2

// Envelopes after the first, where the owner consents to the relay test.
const (
	RelayEnvelope    = 1 // from the null reverse-path
	RelayOwnEnvelope = 2 // from an address of the domain
)

// stranger is a mailbox in a domain that is nobody's and takes no mail (RFC 2606, 3).
const stranger = "relay-test@example.com"

// unlikely is a local part that no domain has, and that explains itself in a log.
const unlikely = "maildoctor-no-such-mailbox"

// Unlikely is a mailbox of the domain that does not exist, by which to tell a host
// that takes mail for any local part. Each session asks for it once.
func Unlikely(env *checks.Env) string { return unlikely + "@" + record.Display(env.Domain) }

// envelopes is what the MX hosts are asked to take. None of it is sent. With
// PIPELINING it costs one round trip, however many the recipients.
func envelopes(env *checks.Env, reports []string) []probe.Envelope {
	domain := record.Display(env.Domain)
	var first probe.Envelope
	for _, role := range roles {
		first.Rcpts = append(first.Rcpts, role+"@"+domain)
	}
	for _, mailbox := range append(reports, Unlikely(env)) {
		if !slices.Contains(first.Rcpts, mailbox) {
			first.Rcpts = append(first.Rcpts, mailbox)
		}
	}
	list := []probe.Envelope{first}
	if env.Want.RelayTest {
		list = append(list,
			probe.Envelope{Rcpts: relayForms(domain)},
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

// A Reception is what a host said to a recipient.
type Reception int

const (
	Unasked   Reception = iota // the conversation did not get that far
	Accepted                   // 250 or 251
	NoMailbox                  // refused for good: there is no such mailbox, or it takes nothing
	NotServed                  // refused for good: the host is not there for the domain
	Rejected                   // refused for good, for reasons that need not hold for other senders
	Deferred                   // refused for now, or not answered
)

// Reception tells what a conversation says of a recipient of its first envelope,
// and the step in which it does. That the others of the envelope were accepted
// shows a refusal to be about the mailbox.
func (s HostSession) Reception(mailbox string) (Reception, probe.Step) {
	return reception(s.Session, mailbox)
}

func reception(s probe.Session, mailbox string) (Reception, probe.Step) {
	steps := s.Envelope(0)
	if len(steps) == 0 {
		return Unasked, probe.Step{}
	}
	if mail := steps[0]; mail.Err != nil { // what follows is out of order
		return max(kindOfRefusal(mail), Rejected), mail
	}
	others := false
	for _, step := range steps[1:] {
		others = others || step.Err == nil
	}
	for _, step := range steps[1:] {
		if step.Command != "RCPT TO:<"+mailbox+">" {
			continue
		}
		r := kindOfRefusal(step)
		if r == Rejected && others {
			r = NoMailbox
		}
		return r, step
	}
	return Unasked, probe.Step{}
}

func kindOfRefusal(step probe.Step) Reception {
	switch {
	case step.Err == nil:
		return Accepted
	case step.Err.Kind != probe.Permanent:
		return Deferred
	case AboutRelaying(step):
		return NotServed
	case AboutMailbox(step):
		return NoMailbox
	}
	return Rejected
}

var (
	// relaying is how hosts say that they are not there for a domain.
	relaying = regexp.MustCompile(`(?i)relay(ing)? (access )?(is )?(denied|not (permitted|allowed))|unable to relay|not (permitted|allowed) to relay|do(es)? not relay|no relaying|relaying (prohibited|refused)|list of allowed rcpthosts`)
	// absent is how hosts without enhanced codes say that there is no such mailbox.
	absent = regexp.MustCompile(`(?i)(unknown|no such|invalid|bad|non-?existent) (local )?(user|recipient|mailbox|address|account|person)|(user|recipient|mailbox|address|account)( is| was)? (unknown|not found|unavailable|disabled)|does(n't| not) (exist|have an account)|mailbox not found|no mailbox|unrouteable address`)
)

// AboutRelaying reports whether a refusal says that the host does not take the
// mail of a domain.
func AboutRelaying(step probe.Step) bool { return relaying.MatchString(step.Reply.String()) }

// AboutMailbox reports whether a refusal of RCPT speaks of the mailbox, and not
// of the sender or of policy (RFC 3463, 3.2 and 3.3; 5.4.1 is what Microsoft 365
// says of mailboxes that it does not have).
func AboutMailbox(step probe.Step) bool {
	switch code := step.Reply.Enhanced; {
	case code == "5.1.7" || code == "5.1.8": // the sender's address
		return false
	case strings.HasPrefix(code, "5.1."), strings.HasPrefix(code, "5.2."), code == "5.4.1":
		return true
	case code != "" && code != "5.0.0":
		return false
	}
	return absent.MatchString(step.Reply.String())
}
