package resolve

import (
	"context"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

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
		{"servfail", rcode(dns.RcodeServerFailure), Fault{Kind: ServFail}, 3, false},
		{"servfail with reason", func(w dns.ResponseWriter, m *dns.Msg) {
			w.WriteMsg(withEDE(answer(m, dns.RcodeServerFailure), 6, "signature expired"))
		}, Fault{Kind: ServFail, Extended: bogus}, 3, false},
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
