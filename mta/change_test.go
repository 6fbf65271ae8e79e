package mta_test

import (
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// TestChange: domains, keys, routes and what DMARC does change under a running
// server, and a change that is wrong changes nothing.
func TestChange(t *testing.T) {
	w := newWorld(t, nil)
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	w.to.arrivals(t, 1)

	if err := w.to.Change(mta.Settings{Domains: []string{"a@b"}}); err == nil {
		t.Error("a@b passes for a domain")
	}
	if err := w.from.Change(mta.Settings{Domains: []string{"sender.example"}, Keys: []mta.Key{{Domain: "sender.example", Selector: "s"}}}); err == nil {
		t.Error("a key without a key passes")
	}
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	if msg, _ := message.Parse([]byte(w.to.read(t, w.to.arrivals(t, 2)[1]))); len(msg.All("DKIM-Signature")) != 2 {
		t.Error("keys are gone after a change that failed")
	}

	if err := w.from.Change(mta.Settings{Domains: []string{"sender.example"}, Keys: w.keys[:1]}); err != nil {
		t.Fatal(err)
	}
	if err := w.to.Change(mta.Settings{Domains: []string{"other.example", "receiver.example"}, DMARC: mta.Note}); err != nil {
		t.Fatal(err)
	}
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	if msg, _ := message.Parse([]byte(w.to.read(t, w.to.arrivals(t, 3)[2]))); len(msg.All("DKIM-Signature")) != 1 {
		t.Error("the keys are still the old ones")
	}
	forged := text("carol@sender.example")
	w.dns.set("mx.receiver.example TXT ")
	if a := w.send(w.to.mx, "", "carol@sender.example", forged, "bob@other.example", "postmaster"); a.Err != nil {
		t.Errorf("a new domain, and mail that fails DMARC: %s", said(a))
	}
	got := w.to.arrivals(t, 5)
	if got[3].Box != "bob@other.example" || got[4].Box != "postmaster@other.example" {
		t.Errorf("in %s and %s", got[3].Box, got[4].Box)
	}
	if err := w.to.Change(mta.Settings{Domains: []string{"receiver.example"}}); err != nil {
		t.Fatal(err)
	}
	if a := w.send(w.to.mx, "", "x@example.org", text("x@example.org"), "bob@other.example"); a.Err == nil || !strings.Contains(said(a), "5.7.1") {
		t.Errorf("a domain that is gone: %s", said(a))
	}

	if err := w.from.Change(mta.Settings{Domains: []string{"sender.example"}, Routes: deliver.Routes{Rules: []deliver.Rule{{Relay: "nowhere"}}}}); err != nil {
		t.Fatal(err)
	}
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err != nil {
		t.Fatal(said(a), a.Err)
	}
	w.from.until(t, func(e queue.Event) bool { return strings.Contains(e.Reply.Text, `no relay "nowhere" is set up`) })
}

// until waits for an event.
func (h *host) until(t *testing.T, is func(queue.Event) bool) {
	t.Helper()
	for range 1000 {
		h.mu.Lock()
		for _, e := range h.events {
			if is(e) {
				h.mu.Unlock()
				return
			}
		}
		h.mu.Unlock()
		time.Sleep(5 * time.Millisecond)
	}
	t.Fatal("it does not happen")
}

// TestNoRoom: a client hears at MAIL that there is no room, before it sends the
// message; mail from outside needs no place in the queue.
func TestNoRoom(t *testing.T) {
	w := newWorld(t, func(name string, o *mta.Options) {
		switch name {
		case "sender.example":
			o.Spool.MaxBytes = 10
		case "receiver.example":
			o.Spool = spool.Options{MinFree: 1, MaxMessages: -1}
		}
	})
	if a := w.submit(text("ann@sender.example"), "bob@receiver.example"); a.Err == nil || a.Reply.Code != 452 || !strings.Contains(said(a), "4.3.1") {
		t.Errorf("the spool is full: %s", said(a))
	}
	if a := w.send(w.to.mx, "", "x@example.org", text("x@example.org"), "bob@receiver.example"); a.Err != nil {
		t.Errorf("from outside: %s", said(a))
	}
	w = newWorld(t, func(_ string, o *mta.Options) { o.Spool.MinFree = 1 << 62 })
	if a := w.send(w.to.mx, "", "x@example.org", text("x@example.org"), "bob@receiver.example"); a.Err == nil || a.Reply.Code != 452 {
		t.Errorf("the disk is full: %s", said(a))
	}
}
