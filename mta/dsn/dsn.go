// Package dsn writes delivery status notifications: the mail that tells a sender
// that his message was not delivered, or not yet, or as he asked for it that it
// was (RFC 3464 in a multipart/report of
// RFC 6522).
//
// A notice says in plain words what happened, who said so and what comes next, then
// the same for programs, then shows the header of the message. Of the message
// itself nothing more goes back. Whom to tell, and when, is the queue's to say.
package dsn

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// A Kind is what a sender is told.
type Kind int

const (
	Failed  Kind = iota + 1 // for good
	Delayed                 // not delivered yet
	Success                 // delivered, or passed on to a host that tells nothing
)

// A Notice is what a notification is made of.
type Notice struct {
	Kind     Kind
	Envelope spool.Envelope
	Rcpts    []spool.Rcpt // those it is about
	Until    time.Time    // when trying ends; for Delayed
	Original []byte       // the message, or the beginning of it with the header
	Host     string       // of this MTA: it reports, and its mailer-daemon writes
	Now      time.Time
}

// ErrNoSender tells that a message came with the null reverse-path: nobody may be
// told about it (RFC 5321, 6.1).
var ErrNoSender = errors.New("a message with the null reverse-path gets no notification")

// Compose is the notification with the envelope that it travels in: from the null
// reverse-path, to the sender, and never answered with another one. Its lines end
// in CRLF and have at most 998 octets.
func (n Notice) Compose() (spool.Envelope, []byte, error) {
	if n.Envelope.From == "" {
		return spool.Envelope{}, nil, ErrNoSender
	}
	if len(n.Rcpts) == 0 {
		return spool.Envelope{}, nil, errors.New("a notification about nobody")
	}
	text, utf8 := n.text()
	e := spool.Envelope{
		Rcpts:    []spool.Rcpt{{Addr: n.Envelope.From, Notify: []string{"NEVER"}, Status: spool.Waiting}}, // RFC 3461, 6.1
		Received: n.Now, Size: int64(len(text)), SMTPUTF8: utf8,
		RequireTLS: n.Envelope.RequireTLS, // RFC 8689, 5
	}
	return e, text, nil
}

// text is the message; utf8 tells that its header needs SMTPUTF8.
func (n Notice) text() (text []byte, utf8 bool) {
	original, _ := message.Parse(n.Original)
	parts := []part{
		{"text/plain; charset=utf-8", "Notification", []byte(n.words())},
		{"message/delivery-status", "Delivery report", []byte(n.status())},
		{"text/rfc822-headers", "Header of the message", header(original)},
	}
	var body bytes.Buffer
	sum := sha256.New()
	for _, p := range parts {
		sum.Write(p.content)
	}
	digest := sum.Sum([]byte(n.Envelope.ID + n.Now.String()))
	mark := fmt.Sprintf("=_%x", sha256.Sum256(digest))[:40] // in no text, but by the worst of luck
	for _, p := range parts {
		fmt.Fprintf(&body, "--%s\r\n", mark)
		p.write(&body)
	}
	fmt.Fprintf(&body, "--%s--\r\n", mark)

	var b bytes.Buffer
	host := clean(n.Host)
	fmt.Fprintf(&b, "Date: %s\r\n", n.Now.Format(time.RFC1123Z))
	fmt.Fprintf(&b, "From: \"Mail delivery at %s\" <mailer-daemon@%s>\r\n", host, host)
	fmt.Fprintf(&b, "To: <%s>\r\n", clean(n.Envelope.From))
	fmt.Fprintf(&b, "Subject: %s\r\n", n.subject())
	fmt.Fprintf(&b, "Message-ID: <%s.%s@%s>\r\n", clean(n.Envelope.ID), mark[2:14], host)
	if id := original.ID(); plausibleID(id) {
		fmt.Fprintf(&b, "In-Reply-To: <%s>\r\nReferences: <%s>\r\n", id, id)
	}
	b.WriteString("Auto-Submitted: auto-replied\r\n") // RFC 3834, 5
	b.WriteString("MIME-Version: 1.0\r\n")
	fmt.Fprintf(&b, "Content-Type: multipart/report; report-type=delivery-status;\r\n boundary=\"%s\"\r\n\r\n", mark)
	b.Write(body.Bytes())
	return b.Bytes(), !ascii(n.Envelope.From)
}

func (n Notice) subject() string {
	switch n.Kind {
	case Delayed:
		return "Not delivered yet: your message is being tried again"
	case Success:
		return "Delivered: your message has arrived"
	}
	return "Not delivered: your message has come back"
}

// plausibleID keeps out what would not stand in a header field as one identifier.
func plausibleID(id string) bool {
	left, right, ok := strings.Cut(id, "@")
	return ok && left != "" && right != "" && len(id) <= 250 && ascii(id) && !strings.ContainsAny(id, " \t<>\r\n\x00,;")
}
