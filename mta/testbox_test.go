package mta_test

import (
	"fmt"
	"io"
	"net/textproto"
	"strings"
	"sync"
	"testing"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// watched takes mail for addresses that begin with "test-", and fails once it is told to.
type watched struct {
	mu    sync.Mutex
	kept  []mta.Arrival
	texts []string
	err   error
}

func (b *watched) Takes(a smtpd.Address) bool { return strings.HasPrefix(a.Local, "test-") }

func (b *watched) Keep(a mta.Arrival, r io.Reader) error {
	text, err := io.ReadAll(r)
	b.mu.Lock()
	defer b.mu.Unlock()
	if err == nil {
		err = b.err
	}
	if err == nil {
		b.kept, b.texts = append(b.kept, a), append(b.texts, string(text))
	}
	return err
}

// raw speaks SMTP as it is told, and returns the last reply.
func raw(t *testing.T, address, text string, to ...string) string {
	t.Helper()
	c, err := textproto.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	say := func(line string) string {
		if line != "" {
			if err := c.PrintfLine("%s", line); err != nil {
				t.Fatal(err)
			}
		}
		code, said, err := c.ReadResponse(0)
		if code == 0 {
			t.Fatal(err)
		}
		return fmt.Sprint(code, " ", said)
	}
	say("")
	say("EHLO client.example")
	say("MAIL FROM:<ann@sender.example>")
	for _, r := range to {
		if said := say("RCPT TO:<" + r + ">"); said[0] != '2' {
			return said
		}
	}
	say("DATA")
	return say(text + "\r\n.")
}

// TestTestMailbox: addresses that are watched take what others refuse, and only
// where nobody else gets the message too.
func TestTestMailbox(t *testing.T) {
	box := new(watched)
	w := newWorld(t, func(name string, o *mta.Options) {
		o.Test, o.Receive.Mailbox = box, nobody
		if name == "receiver.example" {
			o.Receive.Mailbox = nil
		}
	})
	const forged, bare = "From: ann@sender.example\r\n\r\nforged", "From: a@nobody.example\r\n\r\none\ntwo"
	for _, c := range []struct {
		text string
		to   []string
		want string
	}{
		{forged, []string{"test-1@receiver.example"}, "250 2.0.0"},
		{bare, []string{"test-1@receiver.example", "test-2@receiver.example"}, "250 2.0.0"},
		{forged, []string{"bob@receiver.example"}, "550 5.7.26"},
		{bare, []string{"bob@receiver.example"}, "550 5.6.11"},
		{forged, []string{"test-1@receiver.example", "bob@receiver.example"}, "550 5.7.26"},
		{bare, []string{"test-1@receiver.example", "bob@receiver.example"}, "550 5.6.11"},
		{"From: a@nobody.example\r\n\r\nfine", []string{"test-1@receiver.example", "bob@receiver.example"}, "250 2.0.0"},
		{forged, []string{"test-1@elsewhere.example"}, "550 5.7.1"},
	} {
		w.dns.set("sender.example TXT v=spf1 -all")
		if got := raw(t, w.to.mx, c.text, c.to...); !strings.HasPrefix(got, c.want) {
			t.Errorf("%q to %v: %s, want %s", c.text, c.to, got, c.want)
		}
	}
	if len(box.kept) != 4 {
		t.Fatalf("%d messages kept, want 4", len(box.kept))
	}
	first := box.kept[0]
	if !first.Test || first.Rcpt != "test-1@receiver.example" || first.From != "ann@sender.example" || first.Judgement.Fate != judge.Rejected || first.Mail == nil {
		t.Errorf("kept %+v", first)
	}
	if text := box.texts[1]; !strings.HasSuffix(text, bare+"\r\n") || !strings.HasPrefix(text, "Authentication-Results:") {
		t.Errorf("kept %q", text)
	}
	if a := w.to.arrivals(t, 5); !a[0].Test || a[4].Test || a[4].Box != "bob@receiver.example" {
		t.Errorf("arrivals %+v", a)
	}
}

// TestTestMailboxOfUser: mail of our own users to a watched address comes out of
// the queue, and nothing is known of a session.
func TestTestMailboxOfUser(t *testing.T) {
	box := new(watched)
	w := newWorld(t, func(name string, o *mta.Options) { o.Test, o.Receive.Mailbox = box, nobody })
	if a := w.submit(text("ann@sender.example"), "test-1@sender.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	w.from.arrivals(t, 1)
	w.from.idle(t)
	if a := box.kept[0]; a.Mail != nil || a.From != "ann@sender.example" || a.Rcpt != "test-1@sender.example" {
		t.Errorf("kept %+v", a)
	}
}

// TestTestMailboxFull: the client hears of it.
func TestTestMailboxFull(t *testing.T) {
	box := &watched{err: &smtpd.Reply{Code: 452, Status: "4.2.2", Text: "the mailbox is full"}}
	w := newWorld(t, func(_ string, o *mta.Options) { o.Test = box })
	if got := raw(t, w.to.mx, "From: a@nobody.example\r\n\r\nx", "test-1@receiver.example"); !strings.HasPrefix(got, "452 4.2.2") {
		t.Error(got)
	}
}
