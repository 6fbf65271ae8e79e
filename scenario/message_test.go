package scenario

import (
	"bytes"
	"testing"
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
