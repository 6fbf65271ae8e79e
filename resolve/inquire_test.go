package resolve

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/miekg/dns"
)

var nameServer = netip.MustParseAddr("192.0.2.53")

// theServer answers as a name server of example.org that recurses for nobody.
func theServer(w dns.ResponseWriter, m *dns.Msg) {
	r := new(dns.Msg).SetReply(m)
	q := m.Question[0]
	switch dns.Type(q.Qtype).String() + " " + q.Name {
	case "SOA example.org.":
		r.Authoritative = true
		r.Answer = rrs("example.org. 300 IN SOA ns.example.org. h.example.org. 7 2 3 4 5")
	case "AXFR example.org.":
		r.Authoritative = true
		r.Answer = rrs("example.org. 300 IN SOA ns.example.org. h.example.org. 7 2 3 4 5", "example.org. 300 IN MX 10 mx.example.org.")
	case "AXFR closed.example.":
		r.Rcode = dns.RcodeRefused
	case "TXT sub.example.org.":
		r.Ns = rrs("sub.example.org. 300 IN NS ns.sub.example.org.", "sub.example.org. 300 IN NS ns.example.net.")
		r.Extra = rrs("ns.sub.example.org. 300 IN A 192.0.2.7")
	case "MX example.org.":
		r.Authoritative = true
		r.Answer = rrs("example.org. 300 IN MX 20 b.example.org.", "example.org. 300 IN MX 10 a.example.org.", "example.org. 300 IN RRSIG MX 13 2 300 20300101000000 20200101000000 1 example.org. AAAA")
	case "TXT example.org.":
		r.Authoritative = true
		r.Answer = rrs(`example.org. 300 IN CNAME other.example.net.`, `other.example.net. 300 IN TXT "v=spf1 -all"`)
	case "A nosuch.example.org.":
		r.Authoritative = true
		r.Rcode = dns.RcodeNameError
	case "A recursive.example.":
		r.RecursionAvailable = m.RecursionDesired
		r.Answer = rrs("recursive.example. 300 IN A 192.0.2.9")
	default:
		r.Rcode = dns.RcodeRefused
	}
	w.WriteMsg(r)
}

// asker is a client to which every server is p.
func asker(t *testing.T, p *peer) *Client {
	return client(t, Options{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.addr)
	}})
}

func TestInquire(t *testing.T) {
	c := asker(t, serve(t, theServer))
	tests := []struct {
		q     Inquiry
		asked string
		said  string
		aa    bool
	}{
		{Inquiry{Name: "example.org.", Type: "SOA"}, "SOA example.org @192.0.2.53", "ns.example.org. h.example.org. 7 2 3 4 5", true},
		{Inquiry{Name: "Example.org", Type: "soa", TCP: true}, "SOA example.org @192.0.2.53 over TCP", "ns.example.org. h.example.org. 7 2 3 4 5", true},
		{Inquiry{Name: "example.org.", Type: Transfer}, "AXFR example.org @192.0.2.53", "the zone, which begins with its SOA record", true},
		{Inquiry{Name: "closed.example.", Type: Transfer}, "AXFR closed.example @192.0.2.53", "REFUSED", false},
		{Inquiry{Name: "sub.example.org.", Type: "TXT"}, "TXT sub.example.org @192.0.2.53", "referral to the servers of sub.example.org\nns.example.net\nns.sub.example.org\nns.sub.example.org A 192.0.2.7", false},
		{Inquiry{Name: "example.org.", Type: "MX"}, "MX example.org @192.0.2.53", "10 a.example.org.\n20 b.example.org.", true},
		{Inquiry{Name: "example.org.", Type: "TXT"}, "TXT example.org @192.0.2.53", "CNAME other.example.net", true},
		{Inquiry{Name: "nosuch.example.org.", Type: "A"}, "A nosuch.example.org @192.0.2.53", "NXDOMAIN", true},
		{Inquiry{Name: "elsewhere.example.", Type: "A"}, "A elsewhere.example @192.0.2.53", "REFUSED", false},
		{Inquiry{Name: "recursive.example.", Type: "A", Recurse: true}, "A recursive.example @192.0.2.53, recursion desired", "192.0.2.9", false},
	}
	for _, tt := range tests {
		t.Run(tt.asked, func(t *testing.T) {
			tt.q.Server = nameServer
			s, err := c.Inquire(t.Context(), tt.q)
			if err != nil {
				t.Fatal(err)
			}
			if s.Inquiry.String() != tt.asked || s.String() != tt.said || s.Authoritative != tt.aa {
				t.Errorf("%s: %q, AA %t\nwant %s: %q", s.Inquiry, s.String(), s.Authoritative, tt.asked, tt.said)
			}
		})
	}
	s, err := c.Inquire(t.Context(), Inquiry{Name: "example.org.", Type: Transfer, Server: nameServer})
	if err != nil || len(s.Answer) != 1 || s.Answer[0].Type != "SOA" {
		t.Errorf("of a transfer there is the first record only: %+v, %v", s, err)
	}
	s, _ = c.Inquire(t.Context(), Inquiry{Name: "recursive.example.", Type: "A", Server: nameServer, Recurse: true})
	if !s.Recursive {
		t.Error("RD was not sent, or RA not read")
	}
	for _, q := range []Inquiry{{Name: "example.org.", Type: "SOA"}, {Name: "a..b.", Type: "SOA", Server: nameServer}, {Name: "a..b.", Type: Transfer, Server: nameServer}} {
		if _, err := c.Inquire(t.Context(), q); KindOf(err) != Invalid {
			t.Errorf("%v: %v", q, err)
		}
	}
}

// TestInquireOverTCP: what is asked over TCP alone does not go over UDP.
func TestInquireOverTCP(t *testing.T) {
	p := serve(t, theServer)
	if _, err := asker(t, p).Inquire(t.Context(), Inquiry{Name: "example.org.", Type: "SOA", Server: nameServer, TCP: true}); err != nil {
		t.Fatal(err)
	}
	if p.udp.Load() != 0 || p.tcp.Load() != 1 {
		t.Errorf("%d questions over UDP, %d over TCP", p.udp.Load(), p.tcp.Load())
	}
}

// TestInquireOfNobody: a server out of reach is told from one that refuses, and
// silence ends sooner than a resolver's.
func TestInquireOfNobody(t *testing.T) {
	refused := client(t, Options{Dial: func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: net.ErrClosed}
	}})
	for _, typ := range []string{"SOA", Transfer} {
		if _, err := refused.Inquire(t.Context(), Inquiry{Name: "example.org.", Type: typ, Server: nameServer}); KindOf(err) != Unreachable {
			t.Errorf("%s: %v", typ, err)
		}
	}
	synctest.Test(t, func(t *testing.T) {
		silent := NewClient(Options{Dial: func(context.Context, string, string) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				buf := make([]byte, 512)
				for {
					if _, err := there.Read(buf); err != nil {
						return
					}
				}
			}()
			return here, nil
		}})
		defer silent.Close()
		for _, q := range []Inquiry{{Type: "SOA"}, {Type: "SOA", TCP: true}, {Type: Transfer}} {
			start := time.Now()
			q.Name, q.Server = "example.org.", nameServer
			_, err := silent.Inquire(t.Context(), q)
			if took := time.Since(start); KindOf(err) != Timeout || took != maxInquiry {
				t.Errorf("%s: %v after %v", q, err, took)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if _, err := silent.Inquire(ctx, Inquiry{Name: "example.org.", Type: "SOA", Server: nameServer}); KindOf(err) != Canceled {
			t.Errorf("cut short: %v", err)
		}
	})
}

func TestInquiries(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := 0, 0
		count := func(by int) {
			mu.Lock()
			defer mu.Unlock()
			now += by
			most = max(most, now)
		}
		i := NewInquiries(inquirer(func() {
			count(1)
			defer count(-1)
			time.Sleep(time.Second) // the time is the bubble's
		}), 8, 2)
		var wg sync.WaitGroup
		var refused int
		for range 10 {
			wg.Go(func() {
				if _, err := i.Inquire(t.Context(), Inquiry{Server: nameServer}); KindOf(err) == Budget {
					mu.Lock()
					refused++
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if refused != 2 || i.Spent() != 8 || most != 2 {
			t.Errorf("%d refused, %d spent, %d at once", refused, i.Spent(), most)
		}
	})
}

type inquirer func()

func (i inquirer) Inquire(context.Context, Inquiry) (Statement, error) {
	i()
	return Statement{}, nil
}

func TestFits(t *testing.T) {
	s := Statement{Inquiry: Inquiry{Name: "example.org.", Type: "TXT"}, Answer: ordinary(rrs(`example.org. 300 IN TXT "short"`))}
	if !s.Fits() {
		t.Error("a short answer does not fit")
	}
	long := strings.Repeat("x", 250)
	s.Answer = ordinary(rrs(`example.org. 300 IN TXT "` + long + `" "` + long + `" "` + long + `" "` + long + `" "` + long + `"`))
	if s.Fits() {
		t.Error("1250 octets fit into 1232")
	}
}

// FuzzStatement: whatever a server sends, reading it ends, and what was read
// shows on one screen.
func FuzzStatement(f *testing.F) {
	for _, lines := range [][]string{{"example.org. 300 IN MX 10 a.example.org."}, {`example.org. 300 IN TXT "a\200"`}, {"www.example.org. 300 IN CNAME example.org."}} {
		m := new(dns.Msg).SetQuestion("example.org.", dns.TypeMX)
		m.Response = true
		m.Answer, m.Ns, m.Extra = rrs(lines...), rrs("sub.example.org. 300 IN NS ns.sub.example.org."), rrs("ns.sub.example.org. 300 IN A 192.0.2.7")
		wire, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire)
	}
	f.Fuzz(func(t *testing.T, wire []byte) {
		if len(wire) < headerLen {
			return
		}
		for _, q := range []Inquiry{{Name: "example.org.", Type: "MX", Server: nameServer}, {Name: "sub.example.org.", Type: Transfer, Server: nameServer}} {
			s, err := statement(q, wire)
			if err == nil && s.String() == "" && len(s.Own()) == 0 {
				t.Errorf("%+v says nothing", s)
			}
			if s, err := transferred(q, wire); err == nil && len(s.Answer) > 1 {
				t.Errorf("%d records of a transfer", len(s.Answer))
			}
		}
	})
}
