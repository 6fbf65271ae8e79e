package facts_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// sessionsWorld is a domain with two names for one address, and one with two.
const sessionsWorld = `domain: example.org

-- zone --
@ MX 10 mx1
@ MX 20 mx2
@ TXT "v=spf1 mx -all"
mx1 A 192.0.2.25
mx2 A 192.0.2.25
mx2 A 192.0.2.26
-- smtp/192.0.2.25:25 --
220 mx1.example.org ESMTP
-- smtp/192.0.2.26:25 --
220 mx2.example.org ESMTP
`

func playSessions(t *testing.T, text string) *scenario.World {
	t.Helper()
	s, err := scenario.Parse([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	return world
}

// TestSessionsArePolite: hosts are asked what is allowed, in the order in which
// senders ask, by few conversations; whether they relay, only by consent.
func TestSessionsArePolite(t *testing.T) {
	for _, consent := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			world := playSessions(t, sessionsWorld)
			world.Want.RelayTest = consent
			set, err := facts.Sessions.Of(t.Context(), world.Env(t.Context()))
			if err != nil || len(set.List) != 3 {
				t.Fatalf("%d sessions, error %v", len(set.List), err)
			}
			synctest.Wait()
			sent := world.Hosts[netip.MustParseAddrPort("192.0.2.26:25")].Sent()
			if len(sent) != 2 {
				t.Fatalf("%d conversations with an address of one name, want 2: %q", len(sent), sent)
			}
			full := slices.MaxFunc(sent, func(a, b []string) int { return len(a) - len(b) }) // the other is about old TLS
			var verbs []string
			for _, line := range full {
				verb, _, _ := strings.Cut(line, " ")
				verbs = append(verbs, verb)
			}
			asked := "MAIL RCPT RCPT RCPT RSET "
			if consent {
				asked += "MAIL RCPT RCPT RCPT RCPT RCPT RSET MAIL RCPT RSET "
			}
			if got, want := strings.Join(verbs, " "), "EHLO STARTTLS EHLO "+asked+"VRFY QUIT"; got != want {
				t.Errorf("consent %t: sent %q, want %q", consent, got, want)
			}
			foreign := slices.ContainsFunc(full, func(line string) bool { return strings.Contains(line, "example.com") })
			if foreign != consent {
				t.Errorf("consent %t: asked to relay: %t", consent, foreign)
			}
			if n := len(world.Hosts[netip.MustParseAddrPort("192.0.2.25:25")].Sent()); n != 2 {
				t.Errorf("%d conversations with an address of two names, want 2", n)
			}
		})
	}
}

// TestSessionsPerAddress: two names of one address ask for two certificates, and a
// third is not asked for.
func TestSessionsPerAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := playSessions(t, strings.Replace(sessionsWorld, "mx1 A", "@ MX 30 mx3\nmx3 A 192.0.2.25\nmx1 A", 1))
		set, err := facts.Sessions.Of(t.Context(), world.Env(t.Context()))
		if err != nil || len(set.List) != 3 {
			t.Fatalf("%d sessions, error %v", len(set.List), err)
		}
	})
}

// TestSessionsDepth: from the MX question to the last word of a healthy host it
// takes two rounds of questions and eight of SMTP: connect, greeting, EHLO,
// STARTTLS, TLS, EHLO, all recipients with RSET and VRFY at once, QUIT.
func TestSessionsDepth(t *testing.T) {
	const round = 20 * time.Millisecond
	synctest.Test(t, func(t *testing.T) {
		// Reports go to the domain itself and to another one on the same host.
		world := playSessions(t, strings.Replace(sessionsWorld, "mx1 A", "_dmarc TXT \"v=DMARC1; p=none; rua=mailto:a@example.org,mailto:b@example.net\"\nexample.net. MX 10 mx1\nmx1 A", 1))
		world.Want.RelayTest = false
		world.Faults = append(world.Faults, resolve.Fault{Type: "*", Name: "*", Delay: round})
		env := world.EnvOver(t.Context(), world.DNS(), func(ctx context.Context, network, address string) (net.Conn, error) {
			time.Sleep(round)
			conn, err := world.Dial(ctx, network, address)
			return &far{Conn: conn, round: round, waiting: true}, err
		})
		start := time.Now()
		go facts.Intent.Of(t.Context(), env) // as others do at time zero
		go facts.DMARC.Of(t.Context(), env)
		set, err := facts.Sessions.Of(t.Context(), env)
		if took := time.Since(start); err != nil || took > 10*round {
			t.Errorf("took %v, error %v; want %v", took, err, 10*round)
		}
		for _, s := range set.List {
			if s.Err != nil || !s.Done(probe.StageQuit) {
				t.Errorf("%s: %v", s.Target.Endpoint(), s.Err)
			}
			for _, mailbox := range []string{"a@example.org", "b@example.net", facts.Unlikely(env)} {
				if r, _ := s.Reception(mailbox); r != facts.Accepted {
					t.Errorf("%s: %s: %v", s.Target.Endpoint(), mailbox, r)
				}
			}
		}
	})
}

// A far host answers a round trip after it was spoken to.
type far struct {
	net.Conn
	round   time.Duration
	waiting bool
}

func (f *far) Write(p []byte) (int, error) {
	f.waiting = true
	return f.Conn.Write(p)
}

func (f *far) Read(p []byte) (int, error) {
	if f.waiting {
		f.waiting = false
		time.Sleep(f.round)
	}
	return f.Conn.Read(p)
}
