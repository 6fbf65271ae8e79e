package mta

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// submitted makes the message of a user ready to leave (RFC 6409, 8): what it lacks
// is added, what must not leave is left out, and it is signed.
func (s judging) submitted(m *smtpd.Mail, text smtpd.Message) (smtpd.Verdict, error) {
	head := make([]byte, min(text.Size(), message.MaxHeader+4))
	if _, err := text.ReadAt(head, 0); err != nil && !errors.Is(err, io.EOF) {
		return smtpd.Verdict{}, err
	}
	msg, _ := message.Parse(head)
	if err := s.authorised(m.Session.User, msg); err != nil {
		return smtpd.Verdict{}, err
	}
	left, taken := s.cleaned(msg)
	v := smtpd.Verdict{Fields: s.lacking(left), Without: spans(taken)}
	if len(v.Fields) > 0 {
		added, _ := message.Parse(append(v.Fields[:len(v.Fields):len(v.Fields)], '\r', '\n'))
		left = append(added.Fields, left...)
	}
	signatures, err := sign(KeysFor(s.now.Load().keys, author(msg, m.From.Domain)), left, func() io.Reader { return spliced(v, text) })
	if err != nil {
		return smtpd.Verdict{}, err
	}
	v.Fields = append(signatures, v.Fields...)
	return v, nil
}

// spliced is a message as it is signed: with the fields of v, and without its spans.
func spliced(v smtpd.Verdict, text smtpd.Message) io.Reader {
	parts := []io.Reader{bytes.NewReader(v.Fields)}
	at := int64(0)
	for _, span := range v.Without {
		parts = append(parts, io.NewSectionReader(text, at, span.From-at))
		at = span.To
	}
	return io.MultiReader(append(parts, io.NewSectionReader(text, at, text.Size()-at))...)
}

// authorised refuses a message in the name of somebody else: we would sign it, and
// so vouch for it (RFC 6409, 6.1).
func (s judging) authorised(user string, msg *message.Message) error {
	a := msg.Author()
	if len(a.Addresses) == 0 || a.Fields != 1 {
		return &smtpd.Reply{Code: 550, Status: "5.6.0", Text: "a message has one From field with an address (RFC 5322, 3.6.2)"}
	}
	for _, address := range a.Addresses {
		domain := strings.TrimSuffix(address.Domain, ".")
		if address.Literal != "" {
			domain = "[" + address.Literal + "]"
		}
		if !s.o.Receive.Users.MaySend(user, smtpd.Address{Local: address.Local, Domain: domain}) {
			return &smtpd.Reply{Code: 550, Status: "5.7.1", Text: "the From field names an address that is not yours"}
		}
	}
	return nil
}

// cleaned is the fields that stay, and those that must not leave: Bcc tells who else
// got it (RFC 5322, 3.6.3), Return-Path is the last host's (RFC 5321, 4.4), and what
// we find out about mail we say ourselves (RFC 8601, 5).
func (s judging) cleaned(msg *message.Message) (left, taken []message.Field) {
	_, forged := authres.Strip(msg, s.o.Receive.Hostname)
	ours := make(map[int]bool, len(forged))
	for _, f := range forged {
		ours[f.Offset] = true
	}
	for _, f := range msg.Fields {
		if ours[f.Offset] || f.Is("Bcc") || f.Is("Return-Path") {
			taken = append(taken, f)
		} else {
			left = append(left, f)
		}
	}
	return left, taken
}

// lacking is the fields that a message must have and the user's program left to us
// (RFC 6409, 8.2 and 8.3).
func (s judging) lacking(fields []message.Field) []byte {
	has := func(name string) bool {
		for _, f := range fields {
			if f.Is(name) {
				return true
			}
		}
		return false
	}
	var b bytes.Buffer
	if !has("Date") {
		fmt.Fprintf(&b, "Date: %s\r\n", s.o.Now().Format(time.RFC1123Z))
	}
	if !has("Message-ID") {
		random := make([]byte, 16)
		rand.Read(random)
		fmt.Fprintf(&b, "Message-ID: <%s@%s>\r\n", hex.EncodeToString(random), s.o.Receive.Hostname)
	}
	return b.Bytes()
}

// author is the domain that a message is signed for: that of its author, else of its
// sender.
func author(msg *message.Message, sender string) string {
	if domain, _ := msg.Author().Domain(); domain != "" {
		return domain
	}
	return sender
}

// Submit signs a message that is made here and has it delivered. Its line ends may
// be any; they leave as CRLF. The envelope needs a reverse-path, which may be null,
// and recipients.
func (s *Server) Submit(e spool.Envelope, text []byte) (spool.Envelope, error) {
	text = message.ToCRLF(text)
	msg, _ := message.Parse(text)
	signatures, err := Sign(KeysFor(s.now.Load().keys, author(msg, parse(e.From).Domain)), text)
	if err != nil {
		return spool.Envelope{}, err
	}
	if e.Received.IsZero() {
		e.Received = time.Now()
	}
	e.Size = int64(len(signatures) + len(text))
	return s.queue.Accept(e, bytes.NewReader(signatures), bytes.NewReader(text))
}
