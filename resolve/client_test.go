package resolve

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A peer is a DNS server on loopback, over UDP and TCP on one port.
type peer struct {
	addr     string
	udp, tcp atomic.Int32 // questions that came
}

// serve starts a peer that answers with h, which may write any number of messages.
func serve(t testing.TB, h dns.HandlerFunc) *peer {
	t.Helper()
	p := &peer{}
	for range 20 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		pc, err := net.ListenPacket("udp", l.Addr().String())
		if err != nil {
			l.Close()
			continue
		}
		p.addr = l.Addr().String()
		counted := func(n *atomic.Int32) dns.HandlerFunc {
			return func(w dns.ResponseWriter, m *dns.Msg) { n.Add(1); h(w, m) }
		}
		start(t, &dns.Server{PacketConn: pc, Handler: counted(&p.udp)})
		start(t, &dns.Server{Listener: l, Handler: counted(&p.tcp), MaxTCPQueries: -1})
		return p
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil
}

func start(t testing.TB, s *dns.Server) {
	ready := make(chan struct{})
	s.NotifyStartedFunc = func() { close(ready) }
	go s.ActivateAndServe()
	<-ready
	t.Cleanup(func() { s.Shutdown() })
}

func (p *peer) server(network string) Server {
	s, err := ParseServer(network + "://" + p.addr)
	if err != nil {
		panic(err)
	}
	return s
}

// client returns a client of peers that gives up quickly.
func client(t testing.TB, o Options, peers ...*peer) *Client {
	for _, p := range peers {
		o.Servers = append(o.Servers, p.server("udp"))
	}
	if o.Timeout == 0 {
		o.Timeout = 200 * time.Millisecond
	}
	c := NewClient(o)
	t.Cleanup(func() { c.Close() })
	return c
}

// rrs parses records in zone-file form.
func rrs(lines ...string) []dns.RR {
	var list []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			panic(err)
		}
		list = append(list, rr)
	}
	return list
}

// answer is the reply to m with answers, and RA as a recursive server has it.
func answer(m *dns.Msg, rcode int, lines ...string) *dns.Msg {
	r := new(dns.Msg).SetRcode(m, rcode)
	r.RecursionAvailable = true
	r.Answer = rrs(lines...)
	return r
}

func withSOA(r *dns.Msg) *dns.Msg {
	r.Ns = rrs("example.org. 900 IN SOA ns.example.org. h.example.org. 1 7200 3600 1209600 60")
	return r
}

func withEDE(r *dns.Msg, code uint16, text string) *dns.Msg {
	r.SetEdns0(1232, true)
	r.IsEdns0().Option = append(r.IsEdns0().Option, &dns.EDNS0_EDE{InfoCode: code, ExtraText: text})
	return r
}

const spfLine = `example.org. 300 IN TXT "v=spf1 " "-all"`

func TestClientAnswers(t *testing.T) {
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		q := m.Question[0]
		switch dns.Type(q.Qtype).String() + " " + strings.ToLower(q.Name) {
		case "TXT example.org.":
			r := answer(m, 0, spfLine, `example.org. 200 IN TXT "a\200\"\\b"`)
			r.AuthenticatedData = true
			w.WriteMsg(r)
		case "MX example.org.":
			w.WriteMsg(answer(m, 0, "Example.ORG. 300 IN MX 10 Mail.Example.Net."))
		case "A nodata.example.org.":
			w.WriteMsg(withSOA(answer(m, 0)))
		case "A bare.example.org.":
			w.WriteMsg(answer(m, 0))
		case "A nosuch.example.org.":
			w.WriteMsg(withSOA(answer(m, dns.RcodeNameError)))
		case "A www.example.org.":
			w.WriteMsg(answer(m, 0, "www.example.org. 50 IN CNAME Host.example.org.", "host.example.org. 300 IN A 192.0.2.1", "stray.example.org. 300 IN A 192.0.2.9"))
		case "A short.example.org.":
			w.WriteMsg(answer(m, 0, "short.example.org. 300 IN CNAME www.example.org."))
		case "A dangling.example.org.":
			w.WriteMsg(withSOA(answer(m, dns.RcodeNameError, "dangling.example.org. 300 IN CNAME nosuch.example.org.")))
		case "A void.example.org.":
			w.WriteMsg(withSOA(answer(m, 0, "void.example.org. 300 IN CNAME nodata.example.org.")))
		case "A loop.example.org.":
			w.WriteMsg(answer(m, 0, "loop.example.org. 300 IN CNAME pool.example.org.", "pool.example.org. 300 IN CNAME loop.example.org."))
		case "A slowloop.example.org.":
			w.WriteMsg(answer(m, 0, "slowloop.example.org. 300 IN CNAME slowpool.example.org."))
		case "A slowpool.example.org.":
			w.WriteMsg(answer(m, 0, "slowpool.example.org. 300 IN CNAME slowloop.example.org."))
		case "TYPE65280 odd.example.org.":
			w.WriteMsg(answer(m, 0, `odd.example.org. 300 IN TYPE65280 \# 3 ABCDEF`))
		case "SPF example.org.":
			w.WriteMsg(answer(m, 0, `example.org. 300 IN SPF "v=spf1 " "?all"`))
		default:
			if q.Name[0] == 'n' { // n5.chain -> n4.chain ...
				var n int
				fmt.Sscanf(q.Name, "n%d.", &n)
				if n == 0 {
					w.WriteMsg(answer(m, 0, q.Name+" 300 IN A 192.0.2.1"))
				} else {
					w.WriteMsg(answer(m, 0, fmt.Sprintf("%s 300 IN CNAME n%d.chain.example.org.", q.Name, n-1)))
				}
			}
		}
	})
	c := client(t, Options{}, p)
	tests := []struct{ q, want string }{
		{"TXT example.org", "v=spf1 -all | a\xc8\"\\b"},
		{"TXT EXAMPLE.org.", "v=spf1 -all | a\xc8\"\\b"},
		{"TYPE16 example.org.", "v=spf1 -all | a\xc8\"\\b"},
		{`TXT ex\097mple.org`, "v=spf1 -all | a\xc8\"\\b"},
		{"SPF example.org", "v=spf1 ?all"},
		{"MX example.org", "10 mail.example.net."},
		{"A nodata.example.org", "no A record"},
		{"A bare.example.org", "no A record"},
		{"A nosuch.example.org", "NXDOMAIN"},
		{"A www.example.org", "CNAME host.example.org | 192.0.2.1"},
		{"A short.example.org", "CNAME www.example.org | CNAME host.example.org | 192.0.2.1"},
		{"A dangling.example.org", "CNAME nosuch.example.org | NXDOMAIN"},
		{"A void.example.org", "CNAME nodata.example.org | no A record"},
		{"A loop.example.org", "A loop.example.org: CNAME chain too long or looping"},
		{"A slowloop.example.org", "A slowloop.example.org: CNAME chain too long or looping"},
		{"A n9.chain.example.org", "A n9.chain.example.org: CNAME chain too long or looping"},
		{"TYPE65280 odd.example.org", `\# 3 abcdef`},
		{"A a..example.org", "A a..example.org: not a name the DNS can hold (it has an empty label)"},
	}
	for _, tt := range tests {
		typ, name, _ := strings.Cut(tt.q, " ")
		if got := said(c.Resolve(t.Context(), Question{Name: name, Type: typ})); got != tt.want {
			t.Errorf("%s\n got %q\nwant %q", tt.q, got, tt.want)
		}
	}

	ans, err := c.Resolve(t.Context(), Ask("n8.chain.example.org", "A"))
	if err != nil || len(ans.Chain) != maxChain {
		t.Errorf("eight CNAMEs: %v", err)
	}
	ans, _ = c.Resolve(t.Context(), Ask("example.org", "TXT"))
	if !ans.Authenticated || ans.TTL != 200*time.Second || ans.Server != "udp://"+p.addr {
		t.Errorf("%+v", ans)
	}
	ans, _ = c.Resolve(t.Context(), Ask("nosuch.example.org", "A"))
	if ans.TTL != time.Minute || ans.Exists || ans.Authenticated {
		t.Errorf("negative TTL (RFC 2308, 5): %+v", ans)
	}
	ans, _ = c.Resolve(t.Context(), Ask("www.example.org", "A"))
	if want := (record.Record{Name: "host.example.org.", Type: "A", TTL: 300, Data: "192.0.2.1"}); len(ans.Records) != 1 || ans.Records[0] != want || ans.TTL != 50*time.Second {
		t.Errorf("%+v", ans)
	}
}

func TestClientSendsEDNS(t *testing.T) {
	var got atomic.Pointer[dns.Msg]
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) { got.Store(m); w.WriteMsg(answer(m, 0, spfLine)) })
	if _, err := client(t, Options{}, p).Resolve(t.Context(), Ask("example.org", "TXT")); err != nil {
		t.Fatal(err)
	}
	m := got.Load()
	opt := m.IsEdns0()
	if opt == nil || opt.UDPSize() != 1232 || !opt.Do() || !m.RecursionDesired || m.CheckingDisabled || !m.AuthenticatedData {
		t.Errorf("asked %v", m)
	}
}

func TestClientWithoutEDNS(t *testing.T) {
	for _, rcode := range []int{dns.RcodeFormatError, dns.RcodeNotImplemented} {
		t.Run(dns.RcodeToString[rcode], func(t *testing.T) {
			p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
				if m.IsEdns0() == nil {
					w.WriteMsg(answer(m, 0, spfLine))
					return
				}
				r := new(dns.Msg).SetRcode(m, rcode)
				r.Question = nil // as old servers do
				w.WriteMsg(r)
			})
			c := client(t, Options{}, p)
			for range 2 {
				if got := said(c.Resolve(t.Context(), Ask("example.org", "TXT"))); got != "v=spf1 -all" {
					t.Error(got)
				}
			}
			if n := p.udp.Load(); n != 3 {
				t.Errorf("%d questions, want 3: the server is remembered", n)
			}
		})
	}
}

// TestClientFaults holds that one fault reads the same from a server and from Faults.
func TestClientFaults(t *testing.T) {
	silence := func(dns.ResponseWriter, *dns.Msg) {}
	rcode := func(code int) dns.HandlerFunc {
		return func(w dns.ResponseWriter, m *dns.Msg) { w.WriteMsg(answer(m, code)) }
	}
	bogus := []Extended{ExtendedError(6, "signature expired")}
	tests := []struct {
		name  string
		h     dns.HandlerFunc
		fault Fault
		asked int32
		at    bool
	}{
		{"servfail", rcode(dns.RcodeServerFailure), Fault{Kind: ServFail}, 2, false},
		{"servfail with reason", func(w dns.ResponseWriter, m *dns.Msg) {
			w.WriteMsg(withEDE(answer(m, dns.RcodeServerFailure), 6, "signature expired"))
		}, Fault{Kind: ServFail, Extended: bogus}, 2, false},
		{"refused", rcode(dns.RcodeRefused), Fault{Kind: Refused}, 2, false},
		{"formerr", rcode(dns.RcodeFormatError), Fault{Kind: Malformed}, 4, false},
		{"silence", silence, Fault{Kind: Timeout}, 2, false},
		{"lame", rcode(dns.RcodeSuccess), Fault{Kind: Lame}, 2, true},
		{"refused itself", rcode(dns.RcodeRefused), Fault{Kind: Refused}, 2, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, tt.h)
			q := Ask("example.org", "TXT")
			o := Options{Timeout: 100 * time.Millisecond}
			if tt.at {
				q.At = "192.0.2.53"
				o.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
					if address != "192.0.2.53:53" {
						t.Errorf("dialled %s", address)
					}
					return new(net.Dialer).DialContext(ctx, network, p.addr)
				}
			}
			_, err := client(t, o, p).Resolve(t.Context(), q)
			tt.fault.Type, tt.fault.Name = "*", "*"
			f := NewFaults(NewZone(nil), []Fault{tt.fault})
			f.Timeout = time.Millisecond
			_, simulated := f.Resolve(t.Context(), q)
			if err == nil || simulated == nil || err.Error() != simulated.Error() {
				t.Errorf("real      %v\nsimulated %v", err, simulated)
			}
			if n := p.udp.Load(); n != tt.asked {
				t.Errorf("asked %d times, want %d", n, tt.asked)
			}
		})
	}
}

func TestClientNextServer(t *testing.T) {
	good := serve(t, func(w dns.ResponseWriter, m *dns.Msg) { w.WriteMsg(answer(m, 0, spfLine)) })
	bad := map[string]dns.HandlerFunc{
		"silence":  func(dns.ResponseWriter, *dns.Msg) {},
		"servfail": func(w dns.ResponseWriter, m *dns.Msg) { w.WriteMsg(answer(m, dns.RcodeServerFailure)) },
		"refused":  func(w dns.ResponseWriter, m *dns.Msg) { w.WriteMsg(answer(m, dns.RcodeRefused)) },
		"blocked":  func(w dns.ResponseWriter, m *dns.Msg) { w.WriteMsg(withEDE(answer(m, dns.RcodeNameError), 15, "")) },
		"referral": func(w dns.ResponseWriter, m *dns.Msg) {
			r := new(dns.Msg).SetReply(m)
			r.Ns = rrs("org. 300 IN NS a.example.")
			w.WriteMsg(r)
		},
		"records cut": func(w dns.ResponseWriter, m *dns.Msg) {
			wire, _ := answer(m, 0, spfLine).Pack()
			w.Write(wire[:len(wire)-3])
		},
	}
	for name, h := range bad {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := serve(t, h)
			c := client(t, Options{Timeout: 300 * time.Millisecond}, p, good)
			ans, err := c.Resolve(t.Context(), Ask("example.org", "TXT"))
			if got := said(ans, err); got != "v=spf1 -all" || ans.Server != "udp://"+good.addr {
				t.Errorf("%s from %s", got, ans.Server)
			}
			if name != "silence" {
				return
			}
			// The silent server is the second choice now.
			before := p.udp.Load()
			c.Resolve(t.Context(), Ask("example.org", "TXT"))
			if p.udp.Load() != before {
				t.Error("the silent server was asked first again")
			}
		})
	}
}

func TestClientUnreachable(t *testing.T) {
	l, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := &peer{addr: l.LocalAddr().String()}
	l.Close()
	q := Ask("example.org", "TXT")
	for _, network := range []string{"udp", "tcp", "tls", "https"} {
		c := NewClient(Options{Servers: []Server{closed.server(network)}, Timeout: time.Second})
		_, err := c.Resolve(t.Context(), q)
		if err == nil || err.Error() != "TXT example.org: DNS server unreachable" {
			t.Errorf("%s: %v", network, err)
		}
		c.Close()
		if _, err := c.Resolve(t.Context(), q); err == nil {
			t.Errorf("%s: a closed client answers", network)
		}
	}
	if _, err := NewClient(Options{}).Resolve(t.Context(), q); KindOf(err) != Unreachable {
		t.Errorf("no server: %v", err)
	}
}

func TestClientIgnoresForgeries(t *testing.T) {
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		forged := answer(m, 0, `example.org. 300 IN TXT "forged"`)
		forged.Id++
		w.WriteMsg(forged)
		forged.Id--
		forged.Question[0].Name = "example.net."
		w.WriteMsg(forged)
		forged.Question[0] = dns.Question{Name: "example.org.", Qtype: dns.TypeMX, Qclass: dns.ClassINET}
		w.WriteMsg(forged)
		forged.Question[0] = dns.Question{Name: "example.org.", Qtype: dns.TypeTXT, Qclass: dns.ClassCHAOS}
		w.WriteMsg(forged)
		forged.Question = nil
		w.WriteMsg(forged)
		forged.SetReply(m)
		forged.Response = false
		w.WriteMsg(forged)
		w.Write([]byte{1})
		w.Write([]byte{byte(m.Id >> 8), byte(m.Id), 0x80, 0})
		right := answer(m, 0, spfLine)
		right.Question[0].Name = "eXaMpLe.ORG."
		w.WriteMsg(right)
	})
	if got := said(client(t, Options{}, p).Resolve(t.Context(), Ask("example.org", "TXT"))); got != "v=spf1 -all" {
		t.Error(got)
	}
	if p.udp.Load() != 1 {
		t.Error("asked again because of a forgery")
	}
}

func TestClientTruncation(t *testing.T) {
	long := strings.Repeat("x", 250)
	text := make([]string, 250)
	for i := range text {
		text[i] = long
	}
	big := func(m *dns.Msg) *dns.Msg {
		r := answer(m, 0)
		r.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: m.Question[0].Name, Rrtype: dns.TypeTXT, Class: 1, Ttl: 60}, Txt: text}}
		return r
	}
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		if w.RemoteAddr().Network() == "udp" {
			r := answer(m, 0)
			r.Truncated = true
			w.WriteMsg(r)
			return
		}
		w.WriteMsg(big(m))
	})
	for _, network := range []string{"udp", "tcp"} {
		c := NewClient(Options{Servers: []Server{p.server(network)}})
		ans, err := c.Resolve(t.Context(), Ask("example.org", "TXT"))
		if err != nil || len(ans.Texts()) != 1 || len(ans.Texts()[0]) != 62500 {
			t.Errorf("%s: %v, %d texts", network, err, len(ans.Texts()))
		}
		c.Close()
	}
}

func TestClientTruncatedWithoutTCP(t *testing.T) {
	pc, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	start(t, &dns.Server{PacketConn: pc, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		r := answer(m, 0)
		r.Truncated = true
		w.WriteMsg(r)
	})})
	_, err = client(t, Options{}, &peer{addr: pc.LocalAddr().String()}).Resolve(t.Context(), Ask("example.org", "TXT"))
	if KindOf(err) != Truncated || err.Error() != "TXT example.org: truncated, and TCP failed" {
		t.Error(err)
	}
}

func TestClientTooLarge(t *testing.T) {
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		// 4,097 records do not fit in 64 KiB; the count alone is to be enough.
		wire, _ := answer(m, 0).Pack()
		wire[6], wire[7] = 0x10, 0x01
		w.Write(wire)
	})
	_, err := client(t, Options{}, p).Resolve(t.Context(), Ask("example.org", "A"))
	if KindOf(err) != TooLarge {
		t.Error(err)
	}
}

func TestClientCanceled(t *testing.T) {
	p := serve(t, func(dns.ResponseWriter, *dns.Msg) {})
	c := client(t, Options{Timeout: time.Minute}, p)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := c.Resolve(ctx, Ask("example.org", "TXT"))
	if KindOf(err) != Canceled || err.Error() != "TXT example.org: cut short" {
		t.Error(err)
	}
	done := make(chan error, 1)
	go func() {
		_, err := c.Resolve(context.Background(), Ask("example.org", "TXT"))
		done <- err
	}()
	for p.udp.Load() < 2 {
		runtime.Gosched()
	}
	c.Close()
	if err := <-done; KindOf(err) != Canceled {
		t.Errorf("closed: %v", err)
	}
}

func TestClientAt(t *testing.T) {
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		if m.RecursionDesired {
			t.Error("RD set towards an authoritative server")
		}
		r := new(dns.Msg).SetReply(m)
		switch m.Question[0].Name {
		case "example.org.":
			r.Authoritative = true
			r.Answer = rrs("example.org. 300 IN SOA ns.example.org. Host\\.Master.example.org. 1 2 3 4 5")
		case "www.example.org.":
			r.Authoritative = true
			r.Answer = rrs("www.example.org. 300 IN CNAME host.example.net.")
		default:
			r.Ns = rrs("example.org. 300 IN NS ns.example.org.")
		}
		w.WriteMsg(r)
	})
	c := client(t, Options{Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, p.addr)
	}})
	ask := func(name string) (Answer, error) {
		return c.Resolve(t.Context(), Question{Name: name, Type: "SOA", At: "192.0.2.53"})
	}
	ans, err := ask("example.org.")
	if got := said(ans, err); got != `ns.example.org. host\.master.example.org. 1 2 3 4 5` || !ans.Authoritative || ans.Server != "udp://192.0.2.53:53" {
		t.Errorf("%s %+v", got, ans)
	}
	if got := said(ask("www.example.org.")); got != "CNAME host.example.net | no SOA record" {
		t.Error(got)
	}
	if _, err := ask("sub.example.org."); KindOf(err) != Lame {
		t.Errorf("a referral: %v", err)
	}
}

// TestClientSharesSockets asks many questions at once and counts the ports they come from.
func TestClientSharesSockets(t *testing.T) {
	var mu sync.Mutex
	ports := map[string]bool{}
	ids := map[uint16]bool{}
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		mu.Lock()
		ports[w.RemoteAddr().String()] = true
		ids[m.Id] = true
		mu.Unlock()
		w.WriteMsg(answer(m, 0, m.Question[0].Name+" 60 IN TXT "+m.Question[0].Name))
	})
	for _, network := range []string{"udp", "tcp"} {
		mu.Lock()
		ports, ids = map[string]bool{}, map[uint16]bool{}
		mu.Unlock()
		c := NewClient(Options{Servers: []Server{p.server(network)}})
		const n = 600
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				name := fmt.Sprintf("n%d.example.org.", i)
				if got := said(c.Resolve(t.Context(), Ask(name, "TXT"))); got != name {
					t.Errorf("%s: %s", name, got)
				}
			})
			if i%50 == 49 {
				wg.Wait()
			}
		}
		wg.Wait()
		mu.Lock()
		if len(ids) < n*9/10 {
			t.Errorf("%s: %d IDs in %d questions", network, len(ids), n)
		}
		if len(ports) > 16 || network == "tcp" && len(ports) != 1 {
			t.Errorf("%s: %d ports for %d questions", network, len(ports), n)
		}
		if network == "udp" && len(ports) < 2 {
			t.Error("one port for all questions")
		}
		mu.Unlock()
		c.Close()
	}
}

func TestClientLeavesNothing(t *testing.T) {
	p := serve(t, func(w dns.ResponseWriter, m *dns.Msg) {
		r := answer(m, 0, spfLine)
		r.Truncated = w.RemoteAddr().Network() == "udp"
		w.WriteMsg(r)
	})
	before := runtime.NumGoroutine()
	for range 20 {
		c := NewClient(Options{Servers: []Server{p.server("udp")}})
		c.Resolve(t.Context(), Ask("example.org", "TXT"))
		c.Close()
	}
	deadline := time.Now().Add(5 * time.Second)
	for runtime.NumGoroutine() > before+5 {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines, %d before", runtime.NumGoroutine(), before)
		}
		runtime.Gosched()
	}
}
