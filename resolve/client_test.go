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
		case "A restarts.example.org.", "A b.restarts.example.org.": // as BIND and unbound do
			w.WriteMsg(answer(m, dns.RcodeServerFailure))
		case "CNAME restarts.example.org.":
			w.WriteMsg(answer(m, 0, "restarts.example.org. 300 IN CNAME b.restarts.example.org."))
		case "CNAME b.restarts.example.org.":
			w.WriteMsg(answer(m, 0, "b.restarts.example.org. 300 IN CNAME restarts.example.org."))
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
		{"A restarts.example.org", "A restarts.example.org: CNAME chain too long or looping"},
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
