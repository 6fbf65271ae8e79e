package judge_test

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
)

func TestGiven(t *testing.T) {
	name, null := "other.example", ""
	now := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	written := "Date: Sun, 22 Nov 2026 11:00:00 +0000\r\n"
	received := "Return-Path: <b@a.example>\r\nReceived: from a.example (a.example [192.0.2.25]) by mx.example.net with ESMTPS; Sun, 22 Nov 2026 12:00:00 +0000\r\n"
	for _, c := range []struct {
		name, header string
		given        judge.Given
		want         judge.Envelope
		at           string
		assumed      string // a part of it
	}{
		{"the header tells", received + written, judge.Given{}, judge.Envelope{Client: netip.MustParseAddr("192.0.2.25"), HELO: "a.example", MailFrom: "b@a.example", Known: true, Cover: judge.UnderTLS}, "2026-11-22T12:00:00Z", "The boundary is"},
		{"all is given", received + written, judge.Given{Client: netip.MustParseAddr("::ffff:192.0.2.9"), HELO: &name, MailFrom: &null, At: now}, judge.Envelope{Client: netip.MustParseAddr("192.0.2.9"), HELO: name, Known: true}, "2030-01-01T00:00:00Z", "in place of that"},
		{"only the Date", written, judge.Given{}, judge.Envelope{}, "2026-11-22T11:00:00Z", "as of its Date field"},
		{"nothing", "", judge.Given{}, judge.Envelope{}, "2030-01-01T00:00:00Z", "as of now"},
	} {
		m, _ := message.Parse([]byte(c.header + "From: me@a.example\r\n\r\n"))
		a, err := c.given.Arrival(m, now)
		if err != nil || a.Envelope != c.want || a.At.Format(time.RFC3339) != c.at || !strings.Contains(strings.Join(a.Assumed, " "), c.assumed) {
			t.Errorf("%s: %+v, %v", c.name, a, err)
		}
	}
	m, _ := message.Parse([]byte(received + "\r\n"))
	if _, err := (judge.Given{Received: 2}).Arrival(m, now); err == nil {
		t.Error("a Received field that is not there is taken")
	}
	if over := (judge.Given{Received: 1, HELO: &null}).Over(judge.Given{HELO: &name, Client: netip.MustParseAddr("192.0.2.9"), MailFrom: &null, At: now, Received: 3}); *over.HELO != name || over.Received != 3 || !over.Client.IsValid() || over.MailFrom == nil || over.At != now {
		t.Errorf("over: %+v", over)
	}
}
