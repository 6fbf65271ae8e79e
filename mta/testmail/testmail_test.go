package testmail_test

import (
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/compose"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/testmail"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A world is a DNS and mail hosts.
type world struct {
	key   mta.Key
	ca    *clienttest.CA
	hosts clienttest.Network
	zone  []record.Record
}

// sending is the address that mail leaves from.
var sending = netip.MustParseAddr("198.51.100.25")

func newWorld(t *testing.T) *world {
	t.Helper()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	w := &world{key: mta.Key{Domain: "example.com", Selector: "s1", Signer: private}, ca: clienttest.NewCA(t, time.Now()), hosts: clienttest.Network{}}
	w.add(
		record.TXT("example.com.", "v=spf1 ip4:198.51.100.25 -all"), record.TXT("_dmarc.example.com.", "v=DMARC1; p=reject"),
		record.TXT("s1._domainkey.example.com.", "v=DKIM1; k=ed25519; p="+base64.StdEncoding.EncodeToString(private.Public().(ed25519.PublicKey))),
		record.Address("mail.example.com.", sending), record.Record{Name: record.Reverse(sending), Type: "PTR", Data: "mail.example.com."},
		record.MX("example.net.", 10, "mx.example.net."), record.Address("mx.example.net.", netip.MustParseAddr("192.0.2.1")),
		record.MX("example.org.", 10, "mx.example.org."), record.Address("mx.example.org.", netip.MustParseAddr("192.0.2.2")),
		record.MX("null.example.", 0, "."), record.Address("relay.example.", netip.MustParseAddr("192.0.2.9")),
	)
	return w
}

func (w *world) add(records ...record.Record) { w.zone = append(w.zone, records...) }

// host puts one at an address; its certificate is for its name.
func (w *world) host(t *testing.T, addr, name string, answers map[string]string) *clienttest.Host {
	t.Helper()
	h := &clienttest.Host{Name: name, Offers: []string{"PIPELINING", "8BITMIME", "SIZE 10000000"}, Answers: answers, Cert: w.ca.Issue(t, name)}
	w.hosts[addr] = h
	return h
}

func (w *world) sender() *testmail.Sender {
	dns := resolve.NewZone(w.zone)
	return &testmail.Sender{
		DNS: dns, Public: []netip.Addr{sending},
		Deliver: &deliver.Sender{
			DNS: dns, Refuse: func(netip.Addr) string { return "" }, Memory: new(deliver.Store),
			Client: client.Client{Name: "mail.example.com", Dial: w.hosts.Dial, Roots: w.ca.Roots()},
		},
	}
}

func (w *world) mail(t *testing.T, rcpts ...string) testmail.Mail {
	t.Helper()
	from, err := compose.ParseAddress("ann@example.com")
	if err != nil {
		t.Fatal(err)
	}
	text, err := compose.Message{From: from, To: []compose.Address{{Local: "bob", Domain: "example.net"}}, Subject: "Grüße", Text: "hällo\n.\n"}.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return testmail.Mail{From: "ann@example.com", Rcpts: rcpts, Text: text, Keys: []mta.Key{w.key}}
}

// post sends a mail.
func post(t *testing.T, s *testmail.Sender, m testmail.Mail) (testmail.Prepared, testmail.Sending) {
	t.Helper()
	p, err := s.Prepare(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return p, s.Send(t.Context(), p)
}

func warned(p testmail.Prepared) []string {
	var ids []string
	for _, w := range p.Warnings {
		ids = append(ids, w.ID)
	}
	return ids
}

// What arrives passes everything that a receiver asks for.
func TestDelivered(t *testing.T) {
	w := newWorld(t)
	h := w.host(t, "192.0.2.1:25", "mx.example.net", map[string]string{".": "250 2.0.0 Ok: queued as 4cQx7B1Rz2z9t"})
	p, s := post(t, w.sender(), w.mail(t, "bob@example.net", "eve@example.net"))
	if len(p.Warnings) > 0 || len(p.Signed) != 1 || len(p.Plans) != 1 || p.Plans[0].Hosts[0].Policy.Source != deliver.Opportunistic {
		t.Errorf("%v, %+v", p.Warnings, p.Plans)
	}
	if len(s.Deliveries) != 1 || len(s.Deliveries[0].Rcpts) != 2 || h.Calls() != 1 {
		t.Fatalf("%+v", s)
	}
	for _, r := range s.Deliveries[0].Rcpts {
		if r.Fate != testmail.Delivered || r.QueueID != "4cQx7B1Rz2z9t" || r.Tries != 1 || r.Next == "" {
			t.Errorf("%+v", r)
		}
	}
	session := s.Deliveries[0].Tries[0].Sessions[0]
	if session.TLS == nil || !session.TLS.Trusted() || session.TLS.NameFault != "" {
		t.Errorf("TLS %v", session.TLS)
	}
	got := h.Messages()
	if len(got) != 1 || !got[0].TLS || len(got[0].Rcpts) != 2 {
		t.Fatalf("%+v", got)
	}
	arrived := strings.ReplaceAll(got[0].Data, "\r\n..", "\r\n.")
	if arrived != string(p.Message) {
		t.Errorf("sent\n%s\narrived\n%s", p.Message, arrived)
	}
	msg, _ := message.Parse([]byte(arrived))
	j := judge.Message(t.Context(), resolve.NewZone(w.zone), msg, judge.Envelope{Client: sending, HELO: "mail.example.com", MailFrom: "ann@example.com", Known: true}, time.Now())
	if j.MailFrom.Code != "pass" || len(j.DKIM) != 1 || j.DKIM[0].Code != "pass" || j.DMARC.RFC9989.Code != "pass" {
		t.Errorf("%s", j.Summary())
	}
}

func TestFates(t *testing.T) {
	for _, test := range []struct {
		name    string
		answers map[string]string
		to      string
		fate    testmail.Fate
		id      string // of the meaning
		next    string
	}{
		{"unauthenticated", map[string]string{".": "550-5.7.26 This mail is unauthenticated\r\n550 5.7.26 https://support.google.com/mail/answer/81126"}, "b@example.net", testmail.Refused, "authentication", "Examine"},
		{"listed", map[string]string{"banner": "554 5.7.1 Client host [198.51.100.25] blocked using zen.spamhaus.org"}, "b@example.net", testmail.Refused, "spamhaus", "Look the address up"},
		{"unknown user", map[string]string{"RCPT": "550 5.1.1 no such user"}, "b@example.net", testmail.Refused, "unknown-recipient", "spelling"},
		{"no words known", map[string]string{"RCPT": "550 no"}, "b@example.net", testmail.Refused, "", "all that is known"},
		{"put off", map[string]string{"RCPT": "451 4.7.1 Greylisting in action, please come back later"}, "b@example.net", testmail.Deferred, "greylisted", ""},
		{"put off without words", map[string]string{".": "451 4.3.0 hm"}, "b@example.net", testmail.Deferred, "", "--wait"},
		{"final reply lost", map[string]string{".": clienttest.Close}, "b@example.net", testmail.Maybe, "", "before anything is sent again"},
		{"final reply is garbage", map[string]string{".": clienttest.Garbage}, "b@example.net", testmail.Maybe, "", "before anything is sent again"},
		{"nobody there", nil, "b@example.org", testmail.Untried, "", "Port 25 is closed"},
		{"hangs up", map[string]string{"EHLO": clienttest.Close}, "b@example.net", testmail.Untried, "", "did not hold the conversation"},
		{"null MX", nil, "b@null.example", testmail.Refused, "", ""},
		{"no such domain", nil, "b@nothing.example", testmail.Refused, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.host(t, "192.0.2.1:25", "mx.example.net", test.answers)
			sender := w.sender()
			sender.Port25 = func(context.Context, netip.Addr) probe.Reach { return probe.ReachClosed }
			_, s := post(t, sender, w.mail(t, test.to))
			r := s.Deliveries[0].Rcpts[0]
			if r.Fate != test.fate || r.Meaning.ID != test.id || !strings.Contains(r.Next, test.next) {
				t.Errorf("fate %d, meaning %q, next %q: %s", r.Fate, r.Meaning.ID, r.Next, r.Text)
			}
			if asked := s.Port25 == probe.ReachClosed; asked != (test.name == "nobody there") {
				t.Errorf("port 25 was asked: %t", asked)
			}
		})
	}
}

// What is put off is tried again when the host says, with one clock for both.
func TestWait(t *testing.T) {
	const usual = 5 * time.Minute
	for _, test := range []struct {
		name, answer string
		wait         time.Duration
		tries        int
		took         time.Duration
	}{
		{"not asked for", "450 4.2.0 Greylisted", 0, 1, 0},
		{"until let in", "450 4.2.0 Greylisted, see http://postgrey.schweikert.ch/", 30 * time.Minute, 3, 2 * usual},
		{"when the host says", "451 4.7.1 Greylisting in action, please come back in 00:02:00", 30 * time.Minute, 3, 4 * time.Minute},
		{"in seconds", "450 4.7.1 try again in 240 seconds", 30 * time.Minute, 3, 8 * time.Minute},
		{"as long as there is time", "450 4.2.0 Greylisted for 7 minutes", 10 * time.Minute, 2, 7 * time.Minute},
		{"not for ever", "450 4.2.0 Greylisted, try again in 2 seconds", time.Hour, 10, 18 * time.Second},
		{"not for a bad name", "421 4.7.0 [TSS04] poor reputation, blocked using bl.example", 30 * time.Minute, 1, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				first := w.host(t, "192.0.2.1:25", "mx.example.net", map[string]string{"RCPT": test.answer})
				then := &clienttest.Host{Name: "mx.example.net"}
				sender := w.sender()
				sender.Wait = test.wait
				var waits []time.Time
				sender.Waiting = func(until time.Time, because deliver.Result) {
					waits = append(waits, until)
					if because.Host != "mx.example.net." {
						t.Errorf("because of %+v", because)
					}
				}
				begun := time.Now()
				sender.Deliver.Client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					if len(waits) < 2 || test.tries == 10 {
						return first.Dial(ctx, network, address)
					}
					return then.Dial(ctx, network, address)
				}
				_, s := post(t, sender, w.mail(t, "bob@example.net"))
				d := s.Deliveries[0]
				if len(d.Tries) != test.tries || d.Rcpts[0].Tries != test.tries || len(waits) != test.tries-1 {
					t.Errorf("%d attempts, %d waits", len(d.Tries), len(waits))
				}
				if took := time.Since(begun); took < test.took || took > test.took+time.Second {
					t.Errorf("took %s, want %s", took, test.took)
				}
				if delivered := d.Rcpts[0].Fate == testmail.Delivered; delivered != (test.tries == 3) {
					t.Errorf("%+v", d.Rcpts[0])
				}
			})
		})
	}
}

// Who was let in is not sent to again, and an interrupted wait says what was.
func TestWaitInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		h := w.host(t, "192.0.2.1:25", "mx.example.net", map[string]string{"RCPT late@example.net": "450 4.2.0 Greylisted"})
		sender := w.sender()
		sender.Wait = time.Hour
		ctx, cancel := context.WithCancel(t.Context())
		waits := 0
		sender.Waiting = func(time.Time, deliver.Result) {
			if waits++; waits == 2 {
				time.AfterFunc(time.Minute, cancel)
			}
		}
		p, err := sender.Prepare(ctx, w.mail(t, "bob@example.net", "late@example.net"))
		if err != nil {
			t.Fatal(err)
		}
		s := sender.Send(ctx, p)
		rcpts := s.Deliveries[0].Rcpts
		if !s.Interrupted || rcpts[0].Fate != testmail.Delivered || rcpts[0].Tries != 1 || rcpts[1].Fate != testmail.Deferred || rcpts[1].Tries != 2 {
			t.Errorf("%+v", s)
		}
		if got := h.Messages(); len(got) != 1 {
			t.Errorf("%d messages arrived", len(got))
		}
	})
}

func TestRelay(t *testing.T) {
	w := newWorld(t)
	relay := w.host(t, "192.0.2.9:587", "relay.example", nil)
	relay.Offers = append(relay.Offers, "AUTH PLAIN")
	send := func(host, user string) (testmail.Prepared, testmail.Sending) {
		s := w.sender()
		s.Deliver.Routes = deliver.Routes{Relays: map[string]deliver.Relay{"r": {Host: host, User: user, Password: "secret"}}, Rules: []deliver.Rule{{Relay: "r"}}}
		return post(t, s, w.mail(t, "bob@example.net", "eve@example.org"))
	}
	p, s := send("relay.example", "ann")
	if p.Via != "r" || p.Seen != nil || len(p.Warnings) > 0 || p.Plans[0].Hosts[0].Policy.Least != deliver.Verified {
		t.Errorf("%+v %+v", p.Warnings, p.Plans)
	}
	for _, d := range s.Deliveries {
		if r := d.Rcpts[0]; r.Fate != testmail.Delivered || r.Via != "r" || !strings.Contains(r.Next, "The relay has") {
			t.Errorf("%+v", d.Rcpts[0])
		}
		for _, step := range d.Tries[0].Sessions[0].Steps {
			if strings.Contains(step.Command, "secret") || strings.Contains(step.Command, "AGFubgBzZWNyZXQ") {
				t.Errorf("the password stands in %q", step.Command)
			}
		}
	}
	if !slices.ContainsFunc(relay.Commands(), func(c string) bool { return strings.HasPrefix(c, "AUTH PLAIN ") }) {
		t.Errorf("no login in %q", relay.Commands())
	}
	relay.Answers = map[string]string{"AUTH": "535 5.7.8 no"}
	if _, s = send("relay.example", "ann"); s.Deliveries[0].Rcpts[0].Fate != testmail.Untried || !strings.Contains(s.Deliveries[0].Rcpts[0].Next, "password") {
		t.Errorf("%+v", s.Deliveries[0].Rcpts[0])
	}
}

func TestWarnings(t *testing.T) {
	other := mta.Key{Domain: "example.com", Selector: "s1", Signer: ed25519.NewKeyFromSeed([]byte(strings.Repeat("x", ed25519.SeedSize)))}
	for _, test := range []struct {
		name   string
		change func(*world, *testmail.Sender, *testmail.Mail)
		want   []string
	}{
		{"none", func(*world, *testmail.Sender, *testmail.Mail) {}, nil},
		{"no key, but SPF", func(_ *world, _ *testmail.Sender, m *testmail.Mail) { m.Keys = nil }, []string{"no-key"}},
		{"a key of somebody else's", func(_ *world, _ *testmail.Sender, m *testmail.Mail) { m.Keys[0].Domain = "example.org" }, []string{"no-key"}},
		{"another key", func(_ *world, _ *testmail.Sender, m *testmail.Mail) { m.Keys = []mta.Key{other} }, []string{"key"}},
		{"a key of the domain above", func(_ *world, s *testmail.Sender, m *testmail.Mail) {
			m.Text = []byte(strings.Replace(string(m.Text), "From: ann@example.com", "From: ann@news.example.com", 1))
		}, nil},
		{"not in SPF", func(_ *world, s *testmail.Sender, _ *testmail.Mail) {
			s.Public = []netip.Addr{netip.MustParseAddr("203.0.113.1")}
		}, []string{"spf", "ptr"}},
		{"nothing aligned", func(_ *world, s *testmail.Sender, m *testmail.Mail) {
			m.Keys, s.Public = nil, []netip.Addr{netip.MustParseAddr("203.0.113.1")}
		}, []string{"no-key", "spf", "ptr", "dmarc"}},
		{"address not known", func(_ *world, s *testmail.Sender, _ *testmail.Mail) { s.Public = nil }, []string{"address"}},
		{"private address", func(_ *world, s *testmail.Sender, m *testmail.Mail) {
			s.Public, m.Keys = nil, nil
			s.Route = func(netip.Addr) (netip.Addr, error) { return netip.MustParseAddr("10.0.0.1"), nil }
		}, []string{"no-key", "address", "dmarc"}},
		{"public address by route", func(w *world, s *testmail.Sender, _ *testmail.Mail) {
			s.Public = nil
			s.Route = func(netip.Addr) (netip.Addr, error) { return netip.MustParseAddr("8.8.4.4"), nil }
		}, []string{"spf", "ptr"}},
		{"no name", func(_ *world, s *testmail.Sender, _ *testmail.Mail) { s.Deliver.Client.Name = "" }, []string{"helo"}},
		{"half a name", func(_ *world, s *testmail.Sender, _ *testmail.Mail) { s.Deliver.Client.Name = "mail" }, []string{"helo"}},
		{"header", func(_ *world, _ *testmail.Sender, m *testmail.Mail) {
			m.Text = []byte("From: ann@example.com\nBcc: eve@example.org\n\nhello\n")
		}, []string{"header", "header", "bcc"}},
		{"HTML only", func(_ *world, _ *testmail.Sender, m *testmail.Mail) {
			m.Text = []byte("From: ann@example.com\nDate: Sun, 22 Nov 2026 10:00:00 +0000\nMessage-ID: <1@example.com>\nMIME-Version: 1.0\nContent-Type: text/html\n\n<p>hello\n")
		}, []string{"html-only"}},
		{"two authors", func(_ *world, _ *testmail.Sender, m *testmail.Mail) {
			m.Text = append([]byte("From: eve@example.org\r\n"), m.Text...)
		}, []string{"from"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			s, m := w.sender(), w.mail(t, "bob@example.net")
			test.change(w, s, &m)
			p, err := s.Prepare(t.Context(), m)
			if err != nil || !slices.Equal(warned(p), test.want) {
				t.Errorf("%v, want %v (%v)\n%+v", warned(p), test.want, err, p.Warnings)
			}
			for _, w := range p.Warnings {
				if strings.HasSuffix(w.Text, ".") || w.Do != "" && !strings.HasSuffix(w.Do, ".") {
					t.Errorf("%+v", w)
				}
			}
		})
	}
}

func TestPrepareRefuses(t *testing.T) {
	w := newWorld(t)
	for name, m := range map[string]testmail.Mail{
		"no recipient":        w.mail(t),
		"too many recipients": w.mail(t, strings.Split(strings.Repeat("b@example.net ", 11), " ")[:11]...),
		"no message":          {From: "a@example.com", Rcpts: []string{"b@example.net"}},
	} {
		if _, err := w.sender().Prepare(t.Context(), m); err == nil {
			t.Errorf("%s: prepared", name)
		}
	}
}

// With a wish for TLS nothing goes out without it.
func TestLeast(t *testing.T) {
	w := newWorld(t)
	h := w.host(t, "192.0.2.1:25", "mx.example.net", nil)
	h.Cert = w.ca.Issue(t, "other.example")
	m := w.mail(t, "bob@example.net")
	m.Least = deliver.Verified
	_, s := post(t, w.sender(), m)
	if r := s.Deliveries[0].Rcpts[0]; r.Fate != testmail.Untried || !strings.Contains(r.Text, "the sender wants it") || !strings.Contains(r.Next, "below what TLS") || len(h.Messages()) > 0 {
		t.Errorf("%+v", r)
	}
}
