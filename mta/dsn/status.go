package dsn

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// status is the notification for programs (RFC 3464, 2).
func (n Notice) status() string {
	var b strings.Builder
	if id, ok := fromXtext(n.Envelope.EnvID); ok && id != "" {
		field(&b, "Original-Envelope-Id", id) // RFC 3464, 2.2.1
	}
	field(&b, "Reporting-MTA", "dns; "+clean(n.Host))
	field(&b, "Arrival-Date", n.Envelope.Received.Format(time.RFC1123Z))
	if id := clean(n.Envelope.ID); id != "" {
		field(&b, "X-Maildoctor-Queue-Id", id) // RFC 3464, 2.4: an extension begins so
	}
	for _, r := range n.Rcpts {
		b.WriteString("\r\n")
		n.rcpt(&b, r)
	}
	return b.String()
}

// rcpt is the fields of one recipient (RFC 3464, 2.3).
func (n Notice) rcpt(b *strings.Builder, r spool.Rcpt) {
	if kind, addr, ok := strings.Cut(r.ORcpt, ";"); ok {
		if addr, ok := fromXtext(addr); ok {
			field(b, "Original-Recipient", kind+"; "+addr)
		}
	}
	field(b, "Final-Recipient", address(r.Addr))
	action := map[Kind]string{Failed: "failed", Delayed: "delayed", Success: "delivered"}[n.Kind]
	if n.Kind == Success && r.Reply.Host != "" {
		action = "relayed" // into an environment that may not tell (RFC 3464, 2.3.3)
	}
	field(b, "Action", action)
	field(b, "Status", n.code(r))
	if r.Reply.Host != "" && r.Reply.Code != 0 {
		field(b, "Remote-MTA", "dns; "+clean(r.Reply.Host))
	}
	switch {
	case r.Reply.Code != 0:
		field(b, "Diagnostic-Code", "smtp; "+reply(r.Reply))
	case r.Reply.Text != "":
		field(b, "Diagnostic-Code", "x-maildoctor; "+clip(clean(r.Reply.Text), 1000))
	}
	if !r.Tried.IsZero() {
		field(b, "Last-Attempt-Date", r.Tried.Format(time.RFC1123Z))
	}
	if n.Kind == Delayed && !n.Until.IsZero() {
		field(b, "Will-Retry-Until", n.Until.Format(time.RFC1123Z))
	}
}

// code is the enhanced status code of a recipient. That of the trouble itself says
// more than 4.4.7, delivery time expired (RFC 3463, 3.5).
func (n Notice) code(r spool.Rcpt) string {
	switch {
	case n.Kind == Success:
		return "2.0.0"
	case isTrouble(r.Reply.Enhanced):
		return r.Reply.Enhanced
	case r.Reply.Code/100 == 5:
		return "5.0.0"
	case r.Reply.Code/100 == 4, n.Kind == Delayed:
		return "4.0.0"
	}
	return "4.4.7"
}

// isTrouble reports whether s is an enhanced status code of a failure (RFC 3463, 2).
func isTrouble(s string) bool {
	class, rest, _ := strings.Cut(s, ".")
	subject, detail, _ := strings.Cut(rest, ".")
	number := func(s string) bool {
		return s != "" && len(s) <= 3 && strings.Trim(s, "0123456789") == ""
	}
	return (class == "4" || class == "5") && number(subject) && number(detail)
}

// address is a forward-path with its type. One that is not ASCII is written so that
// the report stays ASCII (RFC 6533, 3).
func address(path string) string {
	if ascii(path) {
		return "rfc822; " + clean(path)
	}
	var b strings.Builder
	b.WriteString("utf-8; ")
	for _, r := range clean(path) {
		if r > '~' || r == '\\' || r == '+' || r == '=' {
			fmt.Fprintf(&b, `\x{%X}`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// field writes a header field of ASCII, folded.
func field(b *strings.Builder, name, value string) {
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, value)
	b.WriteString(name + ": " + strings.Join(wrap(value, 74), "\r\n ") + "\r\n")
}

// fromXtext decodes xtext (RFC 3461, 4). ok tells that it is some, and stands for
// printable ASCII.
func fromXtext(s string) (text string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+3 > len(s) {
				return "", false
			}
			n, err := strconv.ParseUint(s[i+1:i+3], 16, 8)
			if err != nil {
				return "", false
			}
			c = byte(n)
			i += 2
		}
		if c < ' ' || c > '~' {
			return "", false
		}
		b.WriteByte(c)
	}
	return b.String(), true
}
