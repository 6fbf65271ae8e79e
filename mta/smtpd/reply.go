package smtpd

import (
	"fmt"
	"strings"
)

// A Reply is an answer of the server. A [Store], [Judge] or [Config].Mailbox
// that returns one as its error chooses what the client hears.
type Reply struct {
	Code   int    // RFC 5321, 4.2; as an error 4xx or 5xx
	Status string // enhanced status code (RFC 3463): "5.7.1"; empty for none
	Text   string // printable ASCII; "\n" parts lines
}

func (r *Reply) Error() string {
	if r.Status == "" {
		return fmt.Sprintf("%d %s", r.Code, r.Text)
	}
	return fmt.Sprintf("%d %s %s", r.Code, r.Status, r.Text)
}

// Temporary tells that the client may try again.
func (r *Reply) Temporary() bool { return r.Code/100 == 4 }

// maxReplyText bounds a line: with code, status and CRLF it is at most 512 octets
// (RFC 5321, 4.5.3.1.5).
const maxReplyText = 480

// append writes the reply as it goes over the wire. The status stands on every
// line (RFC 2034, 4).
func (r *Reply) append(b []byte) []byte {
	text := r.Text
	for more := true; more; {
		var line string
		line, text, more = strings.Cut(text, "\n")
		sep := byte(' ')
		if more {
			sep = '-'
		}
		b = fmt.Appendf(b, "%03d%c", r.Code, sep)
		if r.Status != "" {
			b = append(append(b, r.Status...), ' ')
		}
		b = appendPrintable(b, line[:min(len(line), maxReplyText)])
		b = append(b, "\r\n"...)
	}
	return b
}

// appendPrintable writes what is not printable ASCII as "?".
func appendPrintable(b []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c < ' ' || c > '~' {
			c = '?'
		}
		b = append(b, c)
	}
	return b
}

// The answers that are the same each time.
var (
	replyOK             = &Reply{250, "2.0.0", "OK"}
	replyGoAhead        = &Reply{354, "", "Send the message; end it with <CRLF>.<CRLF>"}
	replyBye            = &Reply{221, "2.0.0", "Bye"}
	replyVerify         = &Reply{252, "2.0.0", "Mailboxes are not verified; send the message to find out"}
	replyHelp           = &Reply{214, "2.0.0", "RFC 5321: EHLO MAIL RCPT DATA BDAT RSET NOOP VRFY STARTTLS AUTH QUIT"}
	replyReadyTLS       = &Reply{220, "2.0.0", "Start TLS"}
	replyUnknown        = &Reply{500, "5.5.2", "Command not recognised"}
	replyNotHere        = &Reply{502, "5.5.1", "Command not implemented"}
	replyLineTooLong    = &Reply{500, "5.5.2", "Line too long"}
	replyBareEnding     = &Reply{500, "5.5.2", "A command ends in CRLF and has no other CR or LF (RFC 5321, 2.3.8)"}
	replyControl        = &Reply{500, "5.5.2", "Control character in a command"}
	replyHTTP           = &Reply{421, "4.7.0", "This is SMTP, not HTTP"}
	replyNoArgument     = &Reply{501, "5.5.4", "The command takes no argument"}
	replyGreetFirst     = &Reply{503, "5.5.1", "Say EHLO first"}
	replyMailFirst      = &Reply{503, "5.5.1", "Say MAIL first"}
	replyNested         = &Reply{503, "5.5.1", "A transaction is open; RSET ends it"}
	replyNoRecipients   = &Reply{554, "5.5.1", "No valid recipients"}
	replyInChunks       = &Reply{503, "5.5.1", "The message has begun with BDAT"}
	replyTooManyBad     = &Reply{421, "4.7.0", "Too many bad commands"}
	replyTooManyRefused = &Reply{421, "4.7.0", "Too many recipients were refused"}
	replyOutOfStep      = &Reply{421, "4.7.0", "The dialogue is out of step"}
	replyIdle           = &Reply{421, "4.4.2", "Timed out waiting for the client"}
	replySessionEnd     = &Reply{421, "4.4.2", "The session has lasted too long"}
	replySlow           = &Reply{421, "4.4.2", "The message came too slowly"}
	replyStopping       = &Reply{421, "4.3.2", "The service is stopping; try again later"}
	replyBusy           = &Reply{421, "4.3.2", "Too many sessions; try again later"}
	replyBusyWithYou    = &Reply{421, "4.7.0", "Too many sessions from your address; try again later"}
	replyInternal       = &Reply{421, "4.3.0", "Internal error; try again later"}
	replyTooBig         = &Reply{552, "5.3.4", "Message too big"}
	replyHeaderBig      = &Reply{552, "5.3.4", "The header is too big"}
	replyFields         = &Reply{554, "5.6.0", "Too many header fields"}
	replyLoop           = &Reply{554, "5.4.6", "Too many hops: a mail loop"}
	replyBare           = &Reply{550, "5.6.11", "Bare CR or LF in the message: lines end in CRLF (RFC 5321, 2.3.8)"}
	replyFull           = &Reply{452, "4.3.1", "No room; try again later"}
	replyLater          = &Reply{451, "4.3.0", "Not taken in; try again later"}
	replyMailboxFull    = &Reply{452, "4.2.2", "The mailbox is full"}
	replyNoMailbox      = &Reply{550, "5.1.1", "No such mailbox here"}
	replyRelay          = &Reply{550, "5.7.1", "Relaying denied: not a domain of ours"}
	replyRouted         = &Reply{553, "5.1.3", "Source routes are not followed (RFC 5321, 3.6.1)"}
	replyLiteral        = &Reply{550, "5.7.1", "Relaying denied: not an address of ours"}
	replyIndirect       = &Reply{550, "5.7.1", "Relaying denied: no %, ! or @ in the local part"}
	replyRecipients     = &Reply{452, "4.5.3", "Too many recipients"}
	replyNotYours       = &Reply{553, "5.7.1", "Sender address is not one of the user that logged in"}
	replyNeedTLS        = &Reply{530, "5.7.0", "Say STARTTLS first"}
	replyNeedAuth       = &Reply{530, "5.7.0", "Authentication required"}
	replyAuthTLS        = &Reply{538, "5.7.11", "Encryption required: say STARTTLS first"}
	replyNoTLS          = &Reply{454, "4.7.0", "TLS is not available now"}
	replyUTF8           = &Reply{553, "5.6.7", "A non-ASCII address needs SMTPUTF8 (RFC 6531, 3.5)"}
	replyRefused        = &Reply{554, "5.3.0", "Not accepted"}
	replyAuthenticated  = &Reply{235, "2.7.0", "Authentication succeeded"}
)
