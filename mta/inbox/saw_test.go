package inbox_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var reverse = judge.IPRev{Code: "pass", Name: "mx.example.net.", Names: []string{"mx.example.net."}}

// seen is a message against which nothing can be said.
func seen() inbox.Mail {
	return inbox.Mail{
		ID: "x", At: begin.Add(1500 * time.Millisecond), Size: 500, From: "ann@example.net", Message: 1, Rcpts: 1,
		Given: smtpd.Given{Size: 300, Octets: 290, Begun: begin.Add(time.Second)},
		Session: &smtpd.Session{
			Started: begin, Remote: netip.MustParseAddrPort("198.51.100.25:40000"), HELO: "mx.example.net", Extended: true,
			TLS: smtpd.TLS{Offered: true, Used: true, Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256"},
		},
	}
}

// world is a DNS; what is not there does not exist, and silent.example is silent.
func world() resolve.Resolver {
	zone := resolve.NewZone([]record.Record{
		record.Address("mx.example.net.", netip.MustParseAddr("198.51.100.25")),
		record.Address("other.example.net.", netip.MustParseAddr("203.0.113.9")),
		record.TXT("text.example.net.", "x"),
		record.MX("example.net.", 10, "mx.example.net."),
		record.MX("null.example.", 0, "."),
		record.MX("lost.example.", 10, "gone.example."),
		record.MX("leads.example.", 10, "mx.silent.example."),
		record.Address("implicit.example.", netip.MustParseAddr("198.51.100.25")),
	})
	return resolver(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if strings.HasSuffix(q.Name, "silent.example.") {
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Timeout}
		}
		return zone.Resolve(ctx, q)
	})
}

type resolver func(context.Context, resolve.Question) (resolve.Answer, error)

func (r resolver) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	return r(ctx, q)
}

func TestSaw(t *testing.T) {
	note := func(kind smtpd.NoteKind, message int) func(*inbox.Mail) {
		return func(m *inbox.Mail) {
			m.Session.Noted = append(m.Session.Noted, smtpd.Note{Kind: kind, Count: 2, Message: message, Detail: "EHLO\x1b"})
		}
	}
	helo := func(name string) func(*inbox.Mail) { return func(m *inbox.Mail) { m.Session.HELO = name } }
	from := func(name string) func(*inbox.Mail) { return func(m *inbox.Mail) { m.From = name } }
	for name, c := range map[string]struct {
		change func(*inbox.Mail)
		row    string // that is not as in a good mail
		want   string // severity and the beginning of the finding; or the outcome and what is said
	}{
		"nothing":           {func(*inbox.Mail) {}, "", ""},
		"early":             {note(smtpd.EarlyTalk, 0), "greeting", "warning the client speaks before"},
		"HELO":              {func(m *inbox.Mail) { m.Session.Extended, m.Session.TLS.Used = false, false }, "dialogue", "warning the client says HELO"},
		"no dot":            {helo("laptop"), "EHLO", `warning the client greets as "laptop", which is no full name`},
		"localhost":         {helo("localhost.localdomain"), "EHLO", "warning the client greets"},
		"a literal":         {helo("[198.51.100.25]"), "EHLO", "warning the client greets as \"[198.51.100.25]\", which is an address in place of a name"},
		"an address":        {helo("198.51.100.25"), "EHLO", "warning the client greets as \"198.51.100.25\", which is an address without brackets"},
		"no host name":      {func(m *inbox.Mail) { helo("a_b.example.net")(m); note(smtpd.BadHELO, 0)(m) }, "EHLO", "warning the client greets as \"a_b.example.net\", which is no host name"},
		"no such name":      {helo("gone.example.net"), "EHLO", "warning the client greets as \"gone.example.net\", which does not exist"},
		"no address":        {helo("text.example.net"), "EHLO", "warning the client greets as \"text.example.net\", which has no address"},
		"another host":      {helo("other.example.net"), "EHLO", "advice the client greets as \"other.example.net\", which leads to 203.0.113.9, not to the client"},
		"a silent name":     {helo("mx.silent.example"), "EHLO", "unknown \"mx.silent.example\": whether"},
		"in the clear":      {func(m *inbox.Mail) { m.Session.TLS = smtpd.TLS{Offered: true} }, "TLS", "warning the mail came in the clear"},
		"no TLS offered":    {func(m *inbox.Mail) { m.Session.TLS = smtpd.TLS{} }, "TLS", "skipped none; it was not offered"},
		"TLS 1.0":           {func(m *inbox.Mail) { m.Session.TLS.Version = "TLS 1.0" }, "TLS", "warning the mail came under TLS 1.0"},
		"null sender":       {from(""), "MAIL FROM", "advice the mail has the null sender"},
		"null MX":           {from("ann@null.example"), "MAIL FROM", "warning the domain of the sender, null.example, says that it takes no mail"},
		"no such sender":    {from("ann@gone.example"), "MAIL FROM", "warning the domain of the sender, gone.example, has neither"},
		"no MX":             {from("ann@implicit.example"), "MAIL FROM", "passed <ann@implicit.example>: its domain has no MX record"},
		"a silent sender":   {from("ann@silent.example"), "MAIL FROM", "unknown <ann@silent.example>: whether"},
		"pipelining":        {note(smtpd.Pipelined, 0), "dialogue", "warning the client goes on without waiting"},
		"of another mail":   {note(smtpd.BareLF, 2), "", ""},
		"bare LF":           {note(smtpd.BareLF, 1), "lines", "critical lines end in a bare CR or LF"},
		"a bare LF command": {note(smtpd.CommandBareLF, 0), "dialogue", "critical the client ends commands with LF alone"},
		"NUL":               {note(smtpd.NUL, 1), "lines", "failed 2 NUL"},
		"a long line":       {note(smtpd.LongLine, 1), "lines", "failed a line over 998 octets"},
		"private":           {func(m *inbox.Mail) { m.Session.Remote = netip.MustParseAddrPort("10.0.0.1:9") }, "client", "skipped 10.0.0.1, which is no address of the internet"},
		"chunks": {func(m *inbox.Mail) {
			m.Given.Chunked, m.Given.Size, m.Body, m.SMTPUTF8, m.RequireTLS, m.Rcpts = true, 0, "8BITMIME", true, true, 2
		}, "size", "skipped no SIZE BODY=8BITMIME SMTPUTF8 REQUIRETLS; 290 octets in chunks (BDAT), for 2 recipients"},
		"the second": {func(m *inbox.Mail) { m.Message = 2 }, "time", "skipped 1.50 s from the connection to the end of the message, which was number 2 of the session, 0.50 s of it for the message"},
	} {
		t.Run(name, func(t *testing.T) {
			good := brief(t, seen())
			m := seen()
			c.change(&m)
			got := brief(t, m)
			if c.row != "" && !strings.HasPrefix(got[c.row], c.want) {
				t.Errorf("%s: %q, want %q", c.row, got[c.row], c.want)
			}
			for row, text := range got {
				if row != c.row && row != "TLS" && row != "HELO" && name != "private" && text != good[row] {
					t.Errorf("%s: %q, want %q", row, text, good[row])
				}
				if strings.ContainsAny(text, "\x1b\x00") {
					t.Errorf("%s: %q", row, text)
				}
			}
		})
	}
}

// brief is what was seen, a row each: its severity and finding, or its outcome and
// what is said.
func brief(t *testing.T, m inbox.Mail) map[string]string {
	t.Helper()
	rows := make(map[string]string)
	for _, s := range inbox.Saw(m, reverse, inbox.Look(t.Context(), world(), m)) {
		if rows[s.Name] != "" || s.Said == "" || (s.Finding != nil && s.Outcome != diagnosis.Failed) {
			t.Errorf("row %+v", s)
		}
		rows[s.Name] = s.Outcome.String() + " " + s.Said
		if s.Finding != nil {
			rows[s.Name] = s.Finding.Severity.String() + " " + s.Finding.Message
			if len(s.Finding.Remedy.Steps) == 0 {
				t.Errorf("%s: nothing to do", s.Name)
			}
		}
	}
	return rows
}

// TestSawReverse: the finding about the reverse DNS is the judgement's own.
func TestSawReverse(t *testing.T) {
	for code, want := range map[string]diagnosis.Outcome{"pass": diagnosis.Passed, "fail": diagnosis.Failed, "permerror": diagnosis.Failed, "temperror": diagnosis.Unknown, "": diagnosis.Skipped} {
		s := inbox.Saw(seen(), judge.IPRev{Code: code, Cause: "why"}, inbox.Names{})[0]
		if s.Outcome != want || s.Finding != nil {
			t.Errorf("%q: %+v", code, s)
		}
	}
	queued := inbox.Saw(inbox.Mail{}, judge.IPRev{}, inbox.Names{})
	if len(queued) != 1 || queued[0].Outcome != diagnosis.Skipped {
		t.Errorf("%+v", queued)
	}
}

// TestVerdicts: each rule has one result, which tells what was seen.
func TestVerdicts(t *testing.T) {
	m := seen()
	m.Session.Extended, m.Session.TLS, m.From = false, smtpd.TLS{}, "ann@silent.example"
	m.Session.Noted = []smtpd.Note{{Kind: smtpd.CommandBareLF, Count: 1, Detail: "NOOP"}, {Kind: smtpd.NUL, Count: 1, Message: 1}}
	want := map[string]string{
		"session.greeting": "passed warning 0", "session.name": "passed warning 0", "session.tls": "skipped warning 0",
		"session.sender": "unknown warning 0", "session.dialogue": "failed critical 2", "session.lines": "passed critical 0",
	}
	results := inbox.Verdicts(inbox.Saw(m, reverse, inbox.Look(t.Context(), world(), m)))
	for i, r := range results {
		rule := inbox.Rules()[i]
		if r.Rule.ID != rule.ID || rule.Title == "" || rule.Why == "" || rule.Doc == "" || len(rule.Refs) == 0 {
			t.Errorf("rule %+v", rule)
		}
		if got := fmt.Sprint(r.Outcome, " ", r.Severity, " ", len(r.Findings)); got != want[rule.ID] {
			t.Errorf("%s: %s, want %s", rule.ID, got, want[rule.ID])
		}
		if (r.Outcome == diagnosis.Skipped || r.Outcome == diagnosis.Unknown) != (r.Reason != "") || r.Outcome == diagnosis.Passed && len(r.Seen) == 0 {
			t.Errorf("%s: %+v", rule.ID, r)
		}
	}
	if len(results) != len(want) {
		t.Errorf("%d results", len(results))
	}
	for _, r := range inbox.Verdicts(inbox.Saw(inbox.Mail{}, judge.IPRev{}, inbox.Names{})) {
		if r.Outcome != diagnosis.Skipped || r.Reason == "" {
			t.Errorf("%+v", r)
		}
	}
}

func ExampleSaw() {
	for _, s := range inbox.Saw(seen(), reverse, inbox.Look(context.Background(), world(), seen())) {
		fmt.Printf("%s: %s\n", s.Name, s.Said)
	}
	// Output:
	// client: 198.51.100.25, called mx.example.net, which leads back to it
	// greeting: the client waited for it
	// EHLO: "mx.example.net": its name in the reverse DNS, which leads back
	// TLS: TLS 1.3, TLS_AES_128_GCM_SHA256
	// MAIL FROM: <ann@example.net>: its domain takes bounces at mx.example.net
	// dialogue: in order: the client waited where it has to wait, and used what it was offered
	// size: SIZE=300; 290 octets by DATA
	// lines: all end in CRLF, and none is too long
	// time: 1.50 s from the connection to the end of the message, 0.50 s of it for the message
}
