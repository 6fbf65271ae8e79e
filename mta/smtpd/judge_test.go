package smtpd_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/smtpd"
)

type judge func(*smtpd.Mail, string) (smtpd.Verdict, error)

func (j judge) Judge(_ context.Context, m *smtpd.Mail, message smtpd.Message) (smtpd.Verdict, error) {
	text, err := io.ReadAll(io.NewSectionReader(message, 0, message.Size()))
	if err != nil {
		return smtpd.Verdict{}, err
	}
	if n, err := message.ReadAt(make([]byte, 4), message.Size()-2); n != 2 || err != io.EOF {
		return smtpd.Verdict{}, fmt.Errorf("ReadAt at the end: %d, %v", n, err)
	}
	return j(m, string(text))
}

func TestJudge(t *testing.T) {
	const text = "A: 1\r\nForged: 2\r\nB: 3\r\nForged: 4\r\n\r\nbody\r\n"
	spans := []smtpd.Span{{From: 6, To: 17}, {From: 23, To: 34}}
	for name, test := range map[string]struct {
		verdict smtpd.Verdict
		err     error
		reply   string
		stored  string // from the top; RECEIVED stands for our field
	}{
		"nothing":       {smtpd.Verdict{}, nil, "250 2.0.0", "RECEIVED" + text},
		"fields":        {smtpd.Verdict{Fields: []byte("X: y\r\n")}, nil, "250 2.0.0", "X: y\r\nRECEIVED" + text},
		"without":       {smtpd.Verdict{Without: spans}, nil, "250 2.0.0", "RECEIVEDA: 1\r\nB: 3\r\n\r\nbody\r\n"},
		"without all":   {smtpd.Verdict{Without: []smtpd.Span{{From: 0, To: int64(len(text))}}}, nil, "250 2.0.0", "RECEIVED"},
		"foolish spans": {smtpd.Verdict{Without: []smtpd.Span{{From: -1, To: 3}, {From: 4, To: 2}, {From: 0, To: 6}, {From: 3, To: 8}, {From: 7, To: 999}}}, nil, "250 2.0.0", "RECEIVED" + text[6:]},
		"refusal":       {smtpd.Verdict{}, &smtpd.Reply{Code: 550, Status: "5.7.1", Text: "DMARC"}, "550 5.7.1 DMARC", ""},
		"no DNS":        {smtpd.Verdict{}, errors.New("timeout"), "451 4.3.0", ""},
	} {
		t.Run(name, func(t *testing.T) {
			for _, memory := range []int64{0, 1} { // held in memory, and in a file
				w := play(t, func(c *smtpd.Config) {
					c.Limits.Memory = memory
					c.Judge = judge(func(m *smtpd.Mail, got string) (smtpd.Verdict, error) {
						if got != text || m.From.Domain != "sender.example" || m.Session.HELO != "client.example" || m.Envelope.Received.IsZero() {
							t.Errorf("judged: %q %+v", got, m)
						}
						return test.verdict, test.err
					})
				})
				c := greeted(w)
				c.envelope()
				c.say("DATA", "354")
				c.send(text + ".\r\n")
				c.expect(test.reply)
				if test.stored == "" {
					if w.store.count() != 0 {
						t.Error("stored")
					}
					return
				}
				stored := w.store.texts[0]
				from := strings.Index(stored, "Received: ")
				to := strings.Index(stored, " +0000\r\n") + len(" +0000\r\n")
				if got := stored[:from] + "RECEIVED" + stored[to:]; got != test.stored {
					t.Errorf("stored %q, want %q", got, test.stored)
				}
				if size := w.store.mails[0].Envelope.Size; size != int64(len(stored)) {
					t.Errorf("size %d, stored %d octets", size, len(stored))
				}
			}
		})
	}
}

func TestNoTLS(t *testing.T) {
	c := greeted(play(t, func(c *smtpd.Config) { c.TLS = func() *tls.Config { return nil } }))
	c.say("STARTTLS now", "501 5.5.4")
	c.say("STARTTLS", "454 4.7.0")
	c.say("NOOP", "250")
}

func TestParameters(t *testing.T) {
	type said struct{ line, want string }
	for _, test := range []struct {
		offer bool
		said  []said
	}{
		{false, []said{
			{"MAIL FROM:<a@sender.example> RET=HDRS", "555 5.5.4"},
			{"MAIL FROM:<a@sender.example> REQUIRETLS", "555 5.5.4"},
			{"MAIL FROM:<a@sender.example> BODY=BINARYMIME", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> BODY=7bit SIZE=0", "250"},
			{"RCPT TO:<b@local.example> NOTIFY=NEVER", "555 5.5.4"},
			{"RCPT TO:<b@local.example> X=", "501 5.5.4"},
			{"RSET", "250"},
			{"RSET now", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example>SIZE=1", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> SIZE=1 size=1", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> SIZE=-1", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> SIZE=1=2", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> =", "501 5.5.4"},
		}},
		{false, []said{
			{"MAIL FROM:<a@sender.example> SMTPUTF8=yes", "501 5.5.4"},
			{"MAIL TO:<a@sender.example>", "501 5.5.4"},
			{"MAIL", "501 5.5.4"},
			{"MAIL FROM:<a>", "553 5.1.7"},
			{"MAIL FROM:<a@>", "501 5.1.7"},
			{"MAIL FROM:<\xff@sender.example> SMTPUTF8", "501 5.1.7"},
			{"MAIL FROM:<a@b_c..example>", "501 5.1.7"},
			{"mail from:<\"a\\\"b>\"@sender.example>   ", "250"},
			{"VRFY b", "252"}, {"HELP", "214"}, {"EXPN b", "502 5.5.1"}, {"EHLO \xc3\xbc.example", "501 5.5.4"},
		}},
		{true, []said{
			{"MAIL FROM:<a@sender.example> RET=HEADERS", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> ENVID=a+2", "501 5.5.4"},
			{"MAIL FROM:<a@sender.example> RET=hdrs ENVID=a+2Bb REQUIRETLS", "250"},
			{"RCPT TO:<b@local.example> NOTIFY=NEVER,DELAY", "501 5.5.4"},
			{"RCPT TO:<b@local.example> NOTIFY=DELAY,DELAY", "501 5.5.4"},
			{"RCPT TO:<b@local.example> ORCPT=rfc822", "501 5.5.4"},
			{"RCPT TO:<b@local.example> NOTIFY=delay,FAILURE ORCPT=rfc822;x+2By@z.example", "250"},
			{"BDAT 0 LAST", "250"},
		}},
	} {
		w := play(t, func(c *smtpd.Config) { c.Offer.DSN, c.Offer.RequireTLS = test.offer, test.offer })
		c := greeted(w)
		if test.offer {
			c.startTLS()
			if hello := c.say("EHLO client.example", "250"); !strings.Contains(hello, "DSN") || !strings.Contains(hello, "REQUIRETLS") {
				t.Errorf("offered:\n%s", hello)
			}
		}
		for _, s := range test.said {
			c.say(s.line, s.want)
		}
		if test.offer {
			e := w.store.mails[0].Envelope
			if e.Ret != "HDRS" || e.EnvID != "a+2Bb" || !e.RequireTLS || strings.Join(e.Rcpts[0].Notify, ",") != "DELAY,FAILURE" || e.Rcpts[0].ORcpt != "rfc822;x+2By@z.example" {
				t.Errorf("envelope %+v", e)
			}
		}
	}
}

func TestNew(t *testing.T) {
	for name, change := range map[string]func(*smtpd.Config){
		"no store":     func(c *smtpd.Config) { c.Store = nil },
		"no name":      func(c *smtpd.Config) { c.Hostname = "" },
		"odd name":     func(c *smtpd.Config) { c.Hostname = "mx example" },
		"no domain":    func(c *smtpd.Config) { c.Domains = nil },
		"a bad domain": func(c *smtpd.Config) { c.Domains = []string{"a..b"} },
		"a literal":    func(c *smtpd.Config) { c.Domains = []string{"[192.0.2.1]"} },
	} {
		c := config(new(store))
		change(&c)
		if _, err := smtpd.New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	c := config(new(store))
	c.Users = nil
	s, err := smtpd.New(c)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Serve(newListener(), smtpd.Submission); err == nil || errors.Is(err, smtpd.ErrStopped) {
		t.Errorf("submission without users: %v", err)
	}
}
