package scenario

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/judge"
)

// TestQuotedMessage: every octet of a message survives a recording.
func TestQuotedMessage(t *testing.T) {
	raw := []byte("Subject: a\r\n\tb\r\n\r\n-- want --\nbare\rCR \x00 \xff caf\xc3\xa9\r\n\r\nno end")
	got, err := unquote(string(bytes.Join(quoteMessage(raw), []byte("\n"))))
	if err != nil || !bytes.Equal(got, raw) {
		t.Errorf("%q, %v; want %q", got, err, raw)
	}
	if got, err := unquote(""); err != nil || got == nil || len(got) > 0 {
		t.Errorf("an empty message: %v, %v", got, err)
	}
	if _, err := unquote("\"a\"\nb\n"); err == nil {
		t.Error("a line without quotes is taken")
	}
}

// TestMessageSection: the lines of a message end in CRLF, as it travels.
func TestMessageSection(t *testing.T) {
	s, err := Parse([]byte("A mail.\n\n-- message --\nFrom: a@example.org\n\nHello\n"))
	if err != nil || string(s.Message) != "From: a@example.org\r\n\r\nHello\r\n" {
		t.Errorf("%q, %v", s.Message, err)
	}
}

// TestEnvelopeSection: what is given survives a recording, whatever is in it.
func TestEnvelopeSection(t *testing.T) {
	name, sender, null := "x\n-- want --", "b\"@example.org", ""
	for _, g := range []judge.Given{{}, {Received: 2}, {HELO: &name, MailFrom: &sender, Client: netip.MustParseAddr("2001:db8::25"), At: time.Date(2026, 11, 22, 12, 0, 0, 5, time.UTC)}, {MailFrom: &null}} {
		got, err := readEnvelope(string(bytes.Join(writeEnvelope(g), []byte("\n"))))
		if err != nil || !reflect.DeepEqual(*got, g) {
			t.Errorf("%+v, %v; want %+v", got, err, g)
		}
	}
	for _, body := range []string{"client: x", "at: noon", "received: one", "nothing", "rcpt: a@example.org", "helo: \"x"} {
		if _, err := readEnvelope(body); err == nil {
			t.Errorf("%q is taken", body)
		}
	}
	s, err := Parse([]byte("A mail.\n\n-- message --\nFrom: a@example.org\n\nHello\n-- envelope --\nclient: 192.0.2.25\nmail-from: <b@example.org>\n"))
	if err != nil {
		t.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	if e := world.Env(t.Context()).Envelope; e.Client.String() != "192.0.2.25" || e.MailFrom != "b@example.org" || !e.Known {
		t.Errorf("envelope %+v", e)
	}
}
