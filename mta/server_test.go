package mta_test

import (
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// results is the one Authentication-Results field of a message.
func results(t *testing.T, text string) authres.Results {
	t.Helper()
	msg, _ := message.Parse([]byte(text))
	fields := msg.All(authres.FieldName)
	if len(fields) != 1 {
		t.Fatalf("%d Authentication-Results fields in\n%s", len(fields), text)
	}
	r, problems := authres.Parse(fields[0].Value())
	if len(problems) > 0 {
		t.Errorf("%s: %v", fields[0].Raw, problems)
	}
	return r
}

// inShort is a result in short: "spf=pass dkim=pass,pass dmarc=pass".
func inShort(r authres.Results) string {
	var list []string
	for _, method := range []string{"spf", "dkim", "dmarc", "iprev"} {
		var values []string
		for _, one := range r.All(method) {
			if one.Get("smtp.helo") == "" {
				values = append(values, one.Value)
			}
		}
		list = append(list, method+"="+strings.Join(values, ","))
	}
	return strings.Join(list, " ")
}

// TestAllTheWay: what a user submits is signed, queued, delivered over STARTTLS,
// judged, and lies in the mailbox.
func TestAllTheWay(t *testing.T) {
	w := newWorld(t, nil)
	forged := "Authentication-Results: mx.receiver.example; dkim=pass\r\nAuthentication-Results: mx.sender.example; spf=pass\r\nBcc: carol@example.org\r\n"
	if a := w.submit(text("ann@sender.example", forged), "bob@receiver.example", "eve@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	for i, a := range w.to.arrivals(t, 2) {
		got := w.to.read(t, a)
		r := results(t, got)
		if want := "spf=pass dkim=pass,pass dmarc=pass iprev=pass"; r.ID != "mx.receiver.example" || inShort(r) != want {
			t.Errorf("%s: %s, want %s\n%s", r.ID, inShort(r), want, got)
		}
		if want := []string{"bob@receiver.example", "eve@receiver.example"}[i]; a.Box != want || a.Folder != "" || a.Rcpt != want {
			t.Errorf("%+v", a)
		}
		msg, _ := message.Parse([]byte(got))
		for name, n := range map[string]int{"Date": 1, "Message-ID": 1, "Bcc": 0, "Return-Path": 1, "DKIM-Signature": 2, "Received": 2, "Delivered-To": 1} {
			if len(msg.All(name)) != n {
				t.Errorf("%d fields %s, want %d", len(msg.All(name)), name, n)
			}
		}
		for _, v := range a.Judgement.DKIM {
			for _, name := range []string{"From", "Cc", "Reply-To", "List-Unsubscribe-Post"} {
				if !v.Oversigns(name) {
					t.Errorf("%s is not oversigned in %s", name, v.Signature.Selector)
				}
			}
		}
		if !a.Mail.Session.TLS.Used {
			t.Error("without TLS")
		}
	}
	w.from.idle(t)
}

// TestLocal: a user writes to somebody of the same host and to somebody elsewhere.
// The message has one ID, in the reply, its Received field and the queue.
func TestLocal(t *testing.T) {
	w := newWorld(t, nil)
	answer := w.submit(text("sales@sender.example"), "carol@Sender.Example", "bob@receiver.example")
	if answer.Err != nil {
		t.Fatal(said(answer), answer.Err)
	}
	w.to.arrivals(t, 1)
	a := w.from.arrivals(t, 1)[0]
	if reply, hop := said(answer), "id "+w.from.queued(0)+"\r\n"; !strings.HasSuffix(reply, w.from.queued(0)) || !strings.Contains(w.from.read(t, a), hop) {
		t.Errorf("the client heard %q, the queue has %s", reply, w.from.queued(0))
	}
	if got := w.from.read(t, a); a.Box != "carol@sender.example" || !strings.Contains(got, "DKIM-Signature:") || !strings.Contains(got, "Return-Path: <ann@sender.example>\r\n") {
		t.Errorf("%s: %s", a.Box, got)
	}
	w.from.idle(t)
}

// TestTemporary: what fails for now is tried again, until it goes.
func TestTemporary(t *testing.T) {
	w := newWorld(t, nil)
	w.dns.set("receiver.example MX 10 gone.receiver.example.", "gone.receiver.example A 192.0.2.77") // refuses connections
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	for w.from.attempts() < 2 {
		time.Sleep(5 * time.Millisecond)
	}
	w.dns.set("receiver.example MX 10 mx.receiver.example.")
	a := w.to.arrivals(t, 1)
	if r := results(t, w.to.read(t, a[0])); inShort(r) != "spf=pass dkim=pass,pass dmarc=pass iprev=pass" {
		t.Error(inShort(r))
	}
	w.from.idle(t)
	if n := len(w.to.arrivals(t, 1)); n != 1 {
		t.Errorf("arrived %d times", n)
	}
	if n := len(w.from.arrivals(t, 0)); n != 0 {
		t.Errorf("the sender was told %d times", n)
	}
}

// TestPool: messages that follow each other go over one conversation, with TLS.
func TestPool(t *testing.T) {
	w := newWorld(t, func(_ string, o *mta.Options) { o.Send.Pool = new(deliver.Pool) })
	for n := range 4 {
		if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
			t.Fatal(said(a), a.Err)
		}
		w.to.arrivals(t, n+1)
		w.from.idle(t)
	}
	w.from.mu.Lock()
	defer w.from.mu.Unlock()
	for n, r := range w.from.reports {
		if s := r.Sessions[0]; len(r.Sessions) != 1 || s.Before != n || s.TLS == nil {
			t.Errorf("message %d came after %d others", n, s.Before)
		}
	}
}

// queued is the ID of the nth message that came into the queue.
func (h *host) queued(n int) string {
	h.mu.Lock()
	defer h.mu.Unlock()
	var ids []string
	for _, e := range h.events {
		if e.What == queue.Queued {
			ids = append(ids, e.ID)
		}
	}
	if len(ids) <= n {
		return "none"
	}
	return ids[n]
}

func (h *host) attempts() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.reports)
}

// TestRestart: what was accepted is delivered by the next process.
func TestRestart(t *testing.T) {
	var kept mta.Options
	w := newWorld(t, func(name string, o *mta.Options) {
		if name == "sender.example" {
			o.Queue.Schedule = []time.Duration{0, 200 * time.Millisecond}
			kept = *o
		}
	})
	w.dns.set("receiver.example MX 10 gone.receiver.example.", "gone.receiver.example A 192.0.2.77")
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	for w.from.attempts() < 1 {
		time.Sleep(5 * time.Millisecond)
	}
	if err := w.from.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.dns.set("receiver.example MX 10 mx.receiver.example.")
	next, found, err := mta.Open(kept)
	if err != nil {
		t.Fatal(err)
	}
	defer next.Close(t.Context())
	if len(found.Entries) != 1 || len(found.Broken) != 0 {
		t.Errorf("found %+v", found)
	}
	if r := inShort(results(t, w.to.read(t, w.to.arrivals(t, 1)[0]))); r != "spf=pass dkim=pass,pass dmarc=pass iprev=pass" {
		t.Error(r)
	}
}

// TestPermanent: the user who wrote is told, by a signed notice that shows what the
// host said; a notice that fails is not answered by another one.
func TestPermanent(t *testing.T) {
	refuse := func(name string, o *mta.Options) {
		if name == "receiver.example" {
			o.Receive.Mailbox = nobody
		}
	}
	w := newWorld(t, refuse)
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	a := w.from.arrivals(t, 1)[0]
	got := w.from.read(t, a)
	for _, part := range []string{"Return-Path: <>\r\n", "DKIM-Signature:", "Auto-Submitted: auto-replied", "multipart/report", "Final-Recipient: rfc822;bob@receiver.example", "Status: 5.1.1", "Subject: test"} {
		if !strings.Contains(strings.ReplaceAll(got, "rfc822; ", "rfc822;"), part) {
			t.Errorf("no %q in\n%s", part, got)
		}
	}
	if strings.Contains(got, "Hello Bob") || a.Box != "ann@sender.example" {
		t.Errorf("%s: the body went back:\n%s", a.Box, got)
	}
	w.from.idle(t)

	// The null reverse-path, and a stranger's: nobody is told.
	for _, e := range []spool.Envelope{
		{Rcpts: []spool.Rcpt{{Addr: "bob@receiver.example"}}},
		{From: "ann@sender.example", Client: w.stranger(), Rcpts: []spool.Rcpt{{Addr: "bob@receiver.example"}}},
	} {
		before := w.from.attempts()
		if _, err := w.from.Submit(e, []byte(text("ann@sender.example"))); err != nil {
			t.Fatal(err)
		}
		w.from.idle(t)
		if w.from.attempts() != before+1 || len(w.from.arrivals(t, 1)) != 1 {
			t.Errorf("from <%s>: %d attempts, %d arrivals", e.From, w.from.attempts()-before, len(w.from.arrivals(t, 1)))
		}
	}
}

// TestPolicy: mail from outside is judged, and DMARC decides or is noted.
func TestPolicy(t *testing.T) {
	const other = "v=spf1 ip4:198.51.100.1 -all"
	for _, test := range []struct {
		name, policy string
		dmarc        mta.DMARC
		reply        string
		folder       string
	}{
		{"reject", "v=DMARC1; p=reject", mta.Apply, "550 5.7.26", ""},
		{"quarantine", "v=DMARC1; p=quarantine", mta.Apply, "250 2.0.0", mta.Junk},
		{"none", "v=DMARC1; p=none", mta.Apply, "250 2.0.0", ""},
		{"reject, noted", "v=DMARC1; p=reject", mta.Note, "250 2.0.0", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, func(_ string, o *mta.Options) { o.DMARC = test.dmarc })
			w.dns.set("sender.example TXT "+other, "_dmarc.sender.example TXT "+test.policy)
			forged := "Authentication-Results: mx.receiver.example; dmarc=pass\r\n"
			a := w.send(w.to.mx, "", "ann@sender.example", text("ann@sender.example", forged), "bob@receiver.example", "eve@receiver.example")
			if !strings.HasPrefix(said(a), test.reply) {
				t.Fatal(said(a))
			}
			if strings.HasPrefix(test.reply, "550") {
				if n := len(w.to.arrivals(t, 0)); n != 0 {
					t.Errorf("%d arrived", n)
				}
				return
			}
			for _, arrival := range w.to.arrivals(t, 2) {
				r := results(t, w.to.read(t, arrival))
				if arrival.Folder != test.folder || inShort(r) != "spf=fail dkim=none dmarc=fail iprev=pass" {
					t.Errorf("in %q: %s", arrival.Folder, inShort(r))
				}
			}
		})
	}
}

// TestFull: a client hears of a full mailbox, and then nobody has the message.
func TestFull(t *testing.T) {
	w := newWorld(t, func(_ string, o *mta.Options) { o.Mail.Quota = 4000 })
	big := text("ann@sender.example", "X-Long: "+strings.Repeat("x", 900)+"\r\n")
	for _, want := range []string{"250", "250", "452 4.2.2"} {
		if a := w.send(w.to.mx, "", "ann@sender.example", big, "bob@receiver.example"); !strings.HasPrefix(said(a), want) {
			t.Fatalf("%s, want %s", said(a), want)
		}
	}
	before, _ := w.to.mail.List("eve@receiver.example")
	if a := w.send(w.to.mx, "", "ann@sender.example", big, "eve@receiver.example", "bob@receiver.example"); !strings.HasPrefix(said(a), "452") {
		t.Error(said(a))
	}
	if after, _ := w.to.mail.List("eve@receiver.example"); len(after) != len(before) {
		t.Errorf("eve has %d messages, the client will come again", len(after))
	}
}

// TestInOnesName: nobody signs as somebody else, and what cannot be a message is
// refused at once.
func TestInOnesName(t *testing.T) {
	w := newWorld(t, nil)
	for message, want := range map[string]string{
		text("ann@sender.example"):                                                  "250",
		text("sales@sender.example"):                                                "250",
		text("boss@sender.example"):                                                 "550 5.7.1",
		text("ann@sender.example", "From: boss@sender.example\r\n"):                 "550 5.6.0",
		"Subject: who?\r\n\r\n":                                                     "550 5.6.0",
		text("ann@sender.example>, <boss@sender.example"):                           "550 5.7.1",
		strings.Replace(text("ann@sender.example"), "Hello", "Hel\nlo", 1) + "\r\n": "550 5.6.11",
	} {
		a := w.submit(message, "bob@receiver.example")
		if strings.HasPrefix(want, "550 5.6.11") { // our client does not send it at all
			if a.Err == nil {
				t.Errorf("%q was taken", message)
			}
		} else if !strings.HasPrefix(said(a), want) {
			t.Errorf("%q: %s, want %s", message, said(a), want)
		}
	}
}

// TestOpen: what cannot work is said at once.
func TestOpen(t *testing.T) {
	if _, _, err := mta.Open(mta.Options{}); err == nil {
		t.Error("opened without anything")
	}
	w := newWorld(t, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error)
	go func() { served <- w.to.Serve(l, smtpd.MX) }()
	if err := w.to.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, smtpd.ErrStopped) {
		t.Error(err)
	}
}
