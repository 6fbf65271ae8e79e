package message

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	mail "github.com/maildoctor/maildoctor/message"
)

// ReceivedPath: the message went its way quickly and under cover.
var ReceivedPath = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.received-path",
		Title:    "Every hop was quick, and encrypted between hosts",
		Severity: diagnosis.Advice,
		Why:      "The Received fields show where a message waited: in greylisting, in a queue, in a filter. And they show where it went through the internet in the clear; Gmail shows readers a red lock then.",
		Doc: `Each host that takes a message over writes a Received field on top (RFC 5321, 4.4). What it says is as true as the host; the order and the clocks of strangers may be wrong. Between two hosts more than ten minutes are told, unless a clock runs backwards there. A hop from a public address by SMTP without TLS is told: the protocol would be ESMTPS (RFC 3848), or the comment would name the TLS version. Not every server writes that down: the finding says what is written.

To fix a delay, look into the log of the host that took the message before the gap: greylisting of the receiver, a queue that is full, a filter that is slow. To fix the encryption, switch on TLS for sending (Postfix: smtp_tls_security_level = may).`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 4.4"}, {Name: "RFC 3848"}, {Name: "RFC 3207"}},
	},
	Of:  checks.Messages,
	Run: with(receivedPath),
})

// slow is how long a message may take from host to host.
const slow = 10 * time.Minute

func receivedPath(_ context.Context, env *checks.Env, v *diagnosis.Verdict, m *facts.Mail) {
	if len(m.Hops) == 0 {
		saw(v, "Received", "none: the message was not sent yet")
		return
	}
	for i, h := range m.Hops {
		if len(v.Findings) >= 10 {
			return
		}
		field := m.Fields[h.Index]
		if h.Delay > slow {
			find(v, diagnosis.Advice, fmt.Sprintf("hop %d", i+1), fmt.Sprintf("the message waited %s before %.100s took it", span(h.Delay), by(h)), shown(field), "Look into the log of the host that had the message before.")
		}
		if inTheClear(env, h) && !judged(env, h) {
			find(v, diagnosis.Advice, fmt.Sprintf("hop %d", i+1), fmt.Sprintf("%.100s took the message from %s without TLS (%.20s), as far as it says", by(h), h.Addr, h.With), shown(field), "Switch on TLS in the host that sent it, or in the one that took it.")
		}
	}
	if len(v.Findings) == 0 {
		saw(v, "Received", "%d hops", len(m.Hops))
	}
}

func by(h mail.Hop) string {
	if h.By == "" {
		return "a host that does not name itself"
	}
	return h.By
}

// judged reports whether auth.tls tells of the hop: it is that of the client.
func judged(env *checks.Env, h mail.Hop) bool {
	return env.Envelope.Cover != judge.CoverUnknown && h.Addr.Unmap() == env.Envelope.Client
}

// inTheClear reports whether a hop says that it went through the internet by
// SMTP without encryption. Hops that do not name a protocol say nothing.
func inTheClear(env *checks.Env, h mail.Hop) bool {
	if h.TLS.Used || !h.Addr.IsValid() || facts.SpecialUse(h.Addr.Unmap(), env.Lab) != "" {
		return false
	}
	switch strings.ToUpper(h.With) {
	case "SMTP", "ESMTP", "ESMTPA", "UTF8SMTP", "UTF8SMTPA":
		return h.Addr.IsGlobalUnicast()
	}
	return false
}
