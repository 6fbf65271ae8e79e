package rcpt_test

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/rcpt"
)

// A server answers conversations by a function of the recipient.
type server struct {
	say      func(session int, address string) string // a reply; "" hangs up
	mail     string                                   // the reply to MAIL, if it is not 250
	refuse   bool                                     // connections
	sessions int
	at       []time.Time // of each conversation
	asked    []string
	froms    []string
}

func (s *server) Converse(_ context.Context, t probe.Target) probe.Session {
	s.sessions++
	s.at = append(s.at, time.Now())
	session := probe.Session{Target: t}
	if s.refuse {
		session.Err = &probe.Error{Stage: probe.StageConnect, Kind: probe.Refused}
		session.Steps = []probe.Step{{Stage: probe.StageConnect, Err: session.Err}}
		return session
	}
	session.Steps = []probe.Step{{Stage: probe.StageConnect}, {Stage: probe.StageEHLO, Command: "EHLO x", Reply: probe.Reply{Code: 250, Lines: []string{"250-x", "250 SIZE 52428800"}}}}
	for _, e := range t.Envelopes {
		s.froms = append(s.froms, e.From)
		mail := step(probe.StageMail, "MAIL FROM:<"+e.From+">", "250 ok")
		if s.mail != "" {
			mail = step(probe.StageMail, "MAIL FROM:<"+e.From+">", s.mail)
		}
		session.Steps = append(session.Steps, mail)
		reply := "503 5.5.1 need MAIL"
		if s.mail == "" {
			reply = s.say(s.sessions, e.Rcpts[0])
		}
		if reply == "" {
			session.Err = &probe.Error{Stage: probe.StageRcpt, Kind: probe.Closed}
			session.Steps = append(session.Steps, probe.Step{Stage: probe.StageRcpt, Err: session.Err})
			return session
		}
		s.asked = append(s.asked, e.Rcpts[0])
		session.Steps = append(session.Steps, step(probe.StageRcpt, "RCPT TO:<"+e.Rcpts[0]+">", reply))
		if strings.HasPrefix(reply, "421") {
			return session
		}
		session.Steps = append(session.Steps, step(probe.StageReset, "RSET", "250 ok"))
	}
	return session
}

func step(stage probe.Stage, command, reply string) probe.Step {
	s := probe.Step{Stage: stage, Command: command, Reply: probe.Reply{Lines: []string{reply}}}
	fmt.Sscan(reply[:3], &s.Reply.Code)
	if len(reply) > 8 && strings.Count(reply[4:9], ".") == 2 {
		s.Reply.Enhanced = reply[4:9]
	}
	switch reply[0] {
	case '4':
		s.Err = &probe.Error{Stage: stage, Kind: probe.Temporary}
	case '5':
		s.Err = &probe.Error{Stage: stage, Kind: probe.Permanent}
	}
	return s
}

var host = rcpt.Host{Name: "mail.example.org.", Addr: netip.MustParseAddr("192.0.2.25")}

func addresses(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("u%d@example.org", i))
	}
	return list
}

func TestVerdicts(t *testing.T) {
	for reply, want := range map[string]struct {
		verdict    rcpt.Verdict
		greylisted bool
	}{
		"250 2.1.5 ok":                                               {rcpt.Taken, false},
		"251 will forward":                                           {rcpt.Taken, false},
		"550 5.1.1 unknown user":                                     {rcpt.Refused, false},
		"550 No such user here":                                      {rcpt.Refused, false},
		"552 5.2.2 mailbox full":                                     {rcpt.Refused, false},
		"554 5.7.1 <a@b>: Relay access denied":                       {rcpt.Denied, false},
		"550 relay not permitted":                                    {rcpt.Denied, false},
		"550 5.7.1 Service unavailable; client host blocked":         {rcpt.Denied, false},
		"553 5.1.8 sender's domain does not exist":                   {rcpt.Denied, false},
		"450 4.2.0 <a@b>: Recipient address rejected: Greylisted":    {rcpt.Later, true},
		"451 4.7.1 Greylisting in action, please come back later":    {rcpt.Later, true},
		"452 4.2.2 mailbox full":                                     {rcpt.Later, false},
		"450 4.1.1 unverified recipient: address lookup in progress": {rcpt.Later, false},
	} {
		s := &server{say: func(int, string) string { return reply }}
		r := rcpt.Try(t.Context(), s, host, []string{"a@example.org"}, rcpt.Options{})
		if a := r.Answers[0]; a.Verdict != want.verdict || a.Greylisted != want.greylisted || a.Reply != reply {
			t.Errorf("%q: %+v", reply, a)
		}
		if !r.Connected || r.Size != 52428800 || r.TLS != nil || r.TLSFault != "STARTTLS is not offered" {
			t.Errorf("the host: %+v", r)
		}
	}
}

// TestSender: a host that does not take the sender has said nothing of the mailbox.
func TestSender(t *testing.T) {
	s := &server{mail: "550 5.7.1 no mail from you"}
	r := rcpt.Try(t.Context(), s, host, []string{"a@example.org"}, rcpt.Options{From: "x@example.net"})
	if a := r.Answers[0]; a.Verdict != rcpt.Denied || a.Reply != s.mail || s.froms[0] != "x@example.net" {
		t.Errorf("%+v", a)
	}
}

// TestPolite: a connection is asked for so many recipients, with pauses between,
// the unlikely one first, and each from the null reverse-path.
func TestPolite(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &server{say: func(_ int, a string) string {
			if strings.HasPrefix(a, "nobody") {
				return "550 5.1.1 no such user"
			}
			return "250 ok"
		}}
		all, heard := addresses(120), 0
		r := rcpt.Try(t.Context(), s, host, all, rcpt.Options{Unlikely: "nobody@example.org", Observe: func(rcpt.Answer) { heard++ }})
		if s.sessions != 3 || r.Sessions != 3 || s.at[1].Sub(s.at[0]) < time.Second || heard != 121 || s.asked[0] != "nobody@example.org" || r.CatchAll.Verdict != rcpt.Refused {
			t.Errorf("%d conversations at %v, %d answers, %+v", s.sessions, s.at, heard, r.CatchAll)
		}
		if slices.ContainsFunc(s.froms, func(f string) bool { return f != "" }) {
			t.Errorf("from %q", s.froms)
		}
		for i, a := range r.Answers {
			if a.Address != all[i] || a.Verdict != rcpt.Taken {
				t.Errorf("answer %d: %+v", i, a)
			}
		}
	})
}

// TestHangsUp: a host that closes the connection after ten is asked for the rest
// later, more slowly.
func TestHangsUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, last := 0, 0
		s := &server{say: func(session int, _ string) string {
			if session != last {
				n, last = 0, session
			}
			if n++; n > 10 {
				return "421 4.7.0 too many errors"
			}
			return "250 ok"
		}}
		r := rcpt.Try(t.Context(), s, host, addresses(25), rcpt.Options{})
		if s.sessions != 3 || s.at[1].Sub(s.at[0]) != 2*time.Second || s.at[2].Sub(s.at[1]) != 4*time.Second {
			t.Errorf("conversations at %v", s.at)
		}
		for _, a := range r.Answers {
			if a.Verdict != rcpt.Taken {
				t.Errorf("%+v", a)
			}
		}
	})
}

// TestGivesUp: a host that answers nothing is left alone after three tries, one
// that refuses the connection after one; and what it did not say is unknown.
func TestGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			server   *server
			sessions int
			reason   string
		}{
			"421 at once": {&server{say: func(int, string) string { return "421 4.3.2 shutting down" }}, 3, "the host closed the connection: 421 4.3.2 shutting down"},
			"hangs up":    {&server{say: func(int, string) string { return "" }}, 3, "rcpt: connection closed"},
			"refuses":     {&server{refuse: true}, 1, "connect: connection refused"},
		} {
			r := rcpt.Try(t.Context(), test.server, host, addresses(70), rcpt.Options{})
			if test.server.sessions != test.sessions || len(r.Answers) != 70 {
				t.Errorf("%s: %d conversations", name, test.server.sessions)
			}
			for _, a := range r.Answers {
				if a.Verdict != rcpt.Unknown || a.Reason != test.reason || a.Address == "" {
					t.Errorf("%s: %+v", name, a)
				}
			}
		}
	})
}

// TestAgain: those whom greylisting put off are asked for once more, they alone.
func TestAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		s := &server{say: func(_ int, a string) string {
			if a == "u1@example.org" && time.Since(start) < 5*time.Minute {
				return "450 4.2.0 Greylisted"
			}
			return "250 ok"
		}}
		r := rcpt.Try(t.Context(), s, host, addresses(3), rcpt.Options{Again: 6 * time.Minute, Unlikely: "nobody@example.org"})
		if len(s.asked) != 5 || s.asked[4] != "u1@example.org" || r.Answers[1].Verdict != rcpt.Taken {
			t.Errorf("%q, %+v", s.asked, r.Answers)
		}
	})
}

// TestCanceled: what was not asked when time ran out is unknown.
func TestCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 1500*time.Millisecond)
		defer cancel()
		s := &server{say: func(int, string) string { return "250 ok" }}
		r := rcpt.Try(ctx, s, host, addresses(300), rcpt.Options{})
		if s.sessions != 2 || r.Answers[99].Verdict != rcpt.Taken || r.Answers[100].Verdict != rcpt.Unknown || r.Answers[100].Reason != "there was no time to ask" {
			t.Errorf("%d conversations, %+v", s.sessions, r.Answers[100])
		}
	})
}
