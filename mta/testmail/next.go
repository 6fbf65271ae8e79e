package testmail

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/probe"
)

// next is what to do about what became of a recipient.
func next(r Rcpt, via string, port25 probe.Reach, waited bool) string {
	switch r.Fate {
	case Delivered:
		if via != "" {
			return "The relay has the message. Whether the host of the recipient takes it, the mailbox shows, the log of the relay, or a notice to the sender."
		}
		return "Look into the mailbox, and into its junk folder: a host that takes a message may still put it there. Its Authentication-Results field tells what the receiver found; maildoctor message reads it."
	case Maybe:
		return fmt.Sprintf("Look into the mailbox before anything is sent again: %s got all of the message, and its answer did not come.", host(r.Result))
	case Untried:
		return untried(r, via, port25)
	}
	if r.Meaning.Do != "" && r.again() && !waited {
		return r.Meaning.Do + " Here, --wait does."
	}
	if r.Meaning.Do != "" {
		return r.Meaning.Do
	}
	switch {
	case r.Fate == Refused && r.Said:
		return "What the host says is all that is known; its postmaster knows more."
	case r.Fate == Refused:
		return ""
	case waited:
		return "It is put off for longer than was waited. Send again later, from the same address."
	}
	return "Send again in some minutes from the same address; --wait does that. A mail server does it by itself."
}

// untried is what to do where nobody could be asked.
func untried(r Rcpt, via string, port25 probe.Reach) string {
	switch {
	case via != "" && r.Stage == probe.StageAuth:
		return "Check the user and the password of the relay; some providers want one that is made for programs."
	case via != "":
		return "Check the host and the port of the relay: 587 for STARTTLS, 465 for TLS from the first octet."
	case port25 == probe.ReachClosed:
		return "Port 25 is closed on the way out of this machine: no mail host anywhere can be reached. Many providers open it on request; until then send by a relay, with --relay."
	case port25 == probe.ReachNone:
		return "This machine has no way to that network; --from-ip chooses an address of the other family, and --relay sends by a host that has one."
	case r.Stage == probe.StageConnect && port25 == probe.ReachOpen:
		return "Other mail hosts can be reached from here, this one cannot. Try again later; if it stays, its owner has to look, or blocks this address."
	case r.Stage == probe.StageConnect:
		return "The host may be down, or something on the way lets nothing through. Try again later, or send by a relay, with --relay."
	case strings.HasPrefix(r.Enhanced, "4.7."):
		return "Nothing is sent below what TLS has to be like. If the domain itself asks for it (DANE, MTA-STS), its owner has to mend the host or the policy; maildoctor check shows him what."
	case r.Stage == 0:
		return "maildoctor check examines the domain of the recipient."
	}
	return "The host did not hold the conversation to its end. Try again later; if it stays, look whether it does so to others, or blocks this address."
}
