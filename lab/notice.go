package lab

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/mail"
	"net/textproto"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
)

// A Notice is a delivery status notification that came to the sender (RFC 3464).
type Notice struct {
	Action string // failed, delayed
	Status string // 5.1.1
	Said   string // by the receiver: "550 5.1.1 no such mailbox"; empty where it said nothing
	Signed int    // signatures, all of which pass
	Err    error  // what is wrong with it
}

// String is "returned (5.1.1)".
func (n Notice) String() string {
	switch n.Action {
	case "failed":
		return "returned (" + n.Status + ")"
	case "delayed":
		return "sender told of the delay"
	}
	return "a message to the sender that is no notice"
}

// notice reads what came to the sender, and holds it against what a notice about
// rcpt has to be.
func (c *Chaos) notice(text []byte, rcpt string) (n Notice) {
	n, n.Err = parseNotice(text, rcpt)
	if n.Err != nil {
		return n
	}
	msg, _ := message.Parse(text)
	verdicts := dkim.Verify(context.Background(), c.dns, msg, c.lab.Clock()())
	for _, v := range verdicts {
		if v.Code != dkim.Pass {
			n.Err = fmt.Errorf("its signature %s does not pass: %s", v.Signature.Selector, v.Cause)
		}
	}
	if n.Signed = len(verdicts); n.Err == nil && n.Signed != len(c.keys) {
		n.Err = fmt.Errorf("it has %d signatures, with %d keys", n.Signed, len(c.keys))
	}
	return n
}

// parseNotice reads a notice (RFC 3464, 2; RFC 6522, 3).
func parseNotice(text []byte, rcpt string) (n Notice, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(text))
	if err != nil {
		return n, err
	}
	kind, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	switch {
	case err != nil:
		return n, err
	case kind != "multipart/report" || params["report-type"] != "delivery-status":
		return n, fmt.Errorf("it is %s", kind)
	case m.Header.Get("Auto-Submitted") == "" || m.Header.Get("Auto-Submitted") == "no":
		return n, errors.New("it has no Auto-Submitted field (RFC 3834, 5)")
	case m.Header.Get("Return-Path") != "<>":
		return n, fmt.Errorf("its reverse-path is %s, not null", m.Header.Get("Return-Path"))
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for _, want := range []string{"text/plain", "message/delivery-status", "text/rfc822-headers"} {
		part, err := parts.NextPart()
		if err != nil {
			return n, fmt.Errorf("its part %s: %w", want, err)
		}
		if kind, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")); kind != want {
			return n, fmt.Errorf("a part is %s, not %s", kind, want)
		}
		if want == "message/delivery-status" {
			if err := n.status(part, rcpt); err != nil {
				return n, err
			}
		}
	}
	return n, nil
}

// status reads the part for programs: fields of the message, then of the recipient.
func (n *Notice) status(r io.Reader, rcpt string) error {
	in := textproto.NewReader(bufio.NewReader(r))
	if of, err := in.ReadMIMEHeader(); err != nil || of.Get("Reporting-MTA") == "" {
		return fmt.Errorf("it names no Reporting-MTA (RFC 3464, 2.2.2): %v", err)
	}
	of, err := in.ReadMIMEHeader()
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	n.Action, n.Status = of.Get("Action"), of.Get("Status")
	n.Said, _ = strings.CutPrefix(of.Get("Diagnostic-Code"), "smtp; ")
	more, _ := in.ReadMIMEHeader()
	switch {
	case len(more) > 0:
		return errors.New("it is about others, too")
	case !strings.HasSuffix(of.Get("Final-Recipient"), ";"+rcpt) && !strings.HasSuffix(of.Get("Final-Recipient"), "; "+rcpt):
		return fmt.Errorf("it is about %q", of.Get("Final-Recipient"))
	case n.Action == "delayed" && !strings.HasPrefix(n.Status, "4."): // one that failed may have either: RFC 3463, 3.1
		return fmt.Errorf("it says %s with the status %s", n.Action, n.Status)
	}
	return nil
}
