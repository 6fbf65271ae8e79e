package rfc2136_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/providers/rfc2136"
	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
)

// scripted is a server that says what a test has it say; nil passes a message on
// to a primary server, which does everything for everybody.
func scripted(t *testing.T, records []record.Record, say func(w dns.ResponseWriter, m *dns.Msg) []*dns.Msg) string {
	t.Helper()
	s, err := primary.New(primary.Options{Zone: zone, Records: records, Anyone: primary.Rights{Transfer: true, Update: true}})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, MsgAcceptFunc: s.Accept, Handler: dns.HandlerFunc(func(w dns.ResponseWriter, m *dns.Msg) {
		list := say(w, m)
		if list == nil {
			s.ServeDNS(w, m)
			return
		}
		for _, answer := range list {
			w.WriteMsg(answer)
		}
		w.Close()
	})}
	started := make(chan struct{})
	server.NotifyStartedFunc = func() { close(started) }
	go server.ActivateAndServe()
	<-started
	t.Cleanup(func() { server.Shutdown() })
	return l.Addr().String()
}

func rrs(t *testing.T, lines ...string) []dns.RR {
	t.Helper()
	var list []dns.RR
	for _, line := range lines {
		rr, err := dns.NewRR(line)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, rr)
	}
	return list
}

const (
	soa     = "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 1 7200 3600 1209600 300"
	nextSOA = "example.org. 3600 IN SOA ns1.example.org. hostmaster.example.org. 2 7200 3600 1209600 300"
	ns      = "example.org. 3600 IN NS ns1.example.org."
	address = "www.example.org. 300 IN A 192.0.2.80"
)

// A transfer is whole, or an error.
func TestTransfers(t *testing.T) {
	type parts [][]string
	tests := []struct {
		name  string
		parts parts // messages of records
		alter func(i int, m *dns.Msg)
		want  string // of the error; empty: three records
	}{
		{"one message", parts{{soa, ns, address, soa}}, nil, ""},
		{"a record each", parts{{soa}, {ns}, {address}, {soa}}, nil, ""},
		{"no questions in later ones", parts{{soa, ns}, {address, soa}}, func(i int, m *dns.Msg) {
			if i > 0 {
				m.Question = nil
			}
		}, ""},
		{"ends too soon", parts{{soa, ns, address}}, nil, "closed the connection"},
		{"begins with another record", parts{{ns, soa, address, soa}}, nil, "does not begin with the zone's SOA"},
		{"begins with another SOA record", parts{{strings.Replace(soa, "example.org.", "example.net.", 1), ns, soa}}, nil, "does not begin with the zone's SOA"},
		{"a new serial at the end", parts{{soa, ns, address, nextSOA}}, nil, "does not end with the SOA record that it begins with"},
		{"goes on behind the end", parts{{soa, ns, soa, address}}, nil, "does not end"},
		{"a name outside", parts{{soa, ns, "www.example.net. 1 IN A 192.0.2.1", soa}}, nil, "not of the zone"},
		{"a name that only ends alike", parts{{soa, ns, "notexample.org. 1 IN A 192.0.2.1", soa}}, nil, "not of the zone"},
		{"another class", parts{{soa, ns, "x.example.org. 1 CH A 192.0.2.1", soa}}, nil, "not of the zone"},
		{"an empty message", parts{{soa, ns}, {}, {address, soa}}, nil, "has no records"},
		{"another ID", parts{{soa, ns}, {address, soa}}, func(i int, m *dns.Msg) { m.Id += uint16(i) }, "none to the question"},
		{"another question", parts{{soa, ns, soa}}, func(_ int, m *dns.Msg) { m.Question[0].Name = "example.net." }, "none to the question"},
		{"an error in the middle", parts{{soa, ns}, {}}, func(i int, m *dns.Msg) { m.Rcode = i * dns.RcodeServerFailure }, "it answers SERVFAIL"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			transfers := 0
			address := scripted(t, small(), func(_ dns.ResponseWriter, m *dns.Msg) []*dns.Msg {
				if m.Question[0].Qtype != dns.TypeAXFR {
					return nil
				}
				if transfers++; transfers == 1 {
					return nil // the first is whether there are any
				}
				var list []*dns.Msg
				for i, part := range tt.parts {
					answer := new(dns.Msg).SetReply(m)
					answer.Answer = rrs(t, part...)
					if tt.alter != nil {
						tt.alter(i, answer)
					}
					list = append(list, answer)
				}
				return list
			})
			to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address})
			if err != nil {
				t.Fatal(err)
			}
			reading, err := to.Read(t.Context(), nil)
			if tt.want == "" && (err != nil || len(reading.Records) != 3) {
				t.Errorf("%v, %v", reading.Records, err)
			}
			if tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)) {
				t.Errorf("%v, %v, want %q", reading.Records, err, tt.want)
			}
		})
	}
}

// A transfer without end is ended.
func TestEndlessTransfer(t *testing.T) {
	address := scripted(t, small(), func(w dns.ResponseWriter, m *dns.Msg) []*dns.Msg {
		if m.Question[0].Qtype != dns.TypeAXFR {
			return nil
		}
		answer := new(dns.Msg).SetReply(m)
		answer.Compress = true
		answer.Answer = rrs(t, soa)
		for range 2500 {
			answer.Answer = append(answer.Answer, rrs(t, address)...)
		}
		for i := 0; ; i++ {
			if i == 1 {
				answer.Answer = answer.Answer[1:]
			}
			if w.WriteMsg(answer) != nil {
				return []*dns.Msg{}
			}
		}
	})
	to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := to.Read(t.Context(), nil); err == nil || !strings.Contains(err.Error(), "has more than 250000 records") {
		t.Error(err)
	}
}

// What cannot be told by name is an error, never "nothing there".
func TestByNameCannotTell(t *testing.T) {
	answers := map[string]struct {
		answer func(m *dns.Msg)
		want   string
	}{
		"SERVFAIL": {func(m *dns.Msg) { m.Rcode = dns.RcodeServerFailure }, "the server answers SERVFAIL"},
		"REFUSED":  {func(m *dns.Msg) { m.Rcode = dns.RcodeRefused }, "the server answers REFUSED"},
		"no authority": {func(m *dns.Msg) {
			m.Authoritative, m.Answer = false, nil
		}, "not authoritative"},
		"delegated": {func(m *dns.Msg) {
			m.Authoritative, m.Rcode, m.Answer = false, 0, nil
			m.Ns = rrs(t, "_dmarc.example.org. 300 IN NS ns.example.net.")
		}, "delegates _dmarc.example.org to other servers"},
		"cut off": {func(m *dns.Msg) { m.Truncated = true }, "cut off"},
		"a DNAME above": {func(m *dns.Msg) {
			m.Answer = rrs(t, "example.org. 300 IN DNAME example.net.", "_dmarc.example.org. 300 IN CNAME _dmarc.example.net.")
		}, "below a DNAME at example.org"},
		"nothing at all": {nil, "closed the connection"},
	}
	for name, tt := range answers {
		t.Run(name, func(t *testing.T) {
			address := scripted(t, small(), func(_ dns.ResponseWriter, m *dns.Msg) []*dns.Msg {
				q := m.Question[0]
				switch {
				case q.Qtype == dns.TypeAXFR:
					return []*dns.Msg{new(dns.Msg).SetRcode(m, dns.RcodeRefused)}
				case q.Name != "_dmarc.example.org.":
					return nil
				case tt.answer == nil:
					return []*dns.Msg{}
				}
				answer := new(dns.Msg).SetReply(m)
				answer.Authoritative = true
				tt.answer(answer)
				return []*dns.Msg{answer}
			})
			to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address})
			if err != nil || to.Traits().Whole {
				t.Fatalf("%v, %+v", err, to.Traits())
			}
			reading, err := to.Read(t.Context(), []string{"_dmarc." + zone})
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%v, %v, want %q", reading, err, tt.want)
			}
		})
	}
}

// A server that hangs up now and then is asked on.
func TestByNameHangsUp(t *testing.T) {
	s, err := primary.New(primary.Options{Zone: zone, Records: small()})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := &dns.Server{Listener: l, Handler: s, MaxTCPQueries: 7}
	go server.ActivateAndServe()
	t.Cleanup(func() { l.Close() })
	to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: l.Addr().String()})
	if err != nil {
		t.Fatal(err)
	}
	reading, err := to.Read(t.Context(), []string{zone, "ns1." + zone, "none." + zone})
	if err != nil || len(reading.Records) != len(small()) {
		t.Errorf("%v, %v", reading.Records, err)
	}
}

// What the server answers to an update becomes an error that says the next step.
func TestRefusals(t *testing.T) {
	tests := []struct {
		code   int
		denied bool
		want   []string
	}{
		{dns.RcodeRefused, true, []string{"REFUSED", "updates without a key are not allowed", "names ns1.example.org as the primary"}},
		{dns.RcodeNotAuth, true, []string{"NOTAUTH", "not the zone's primary (the zone's SOA record names ns1.example.org"}},
		{dns.RcodeNotZone, true, []string{"NOTZONE"}},
		{dns.RcodeNotImplemented, false, []string{"does not do dynamic updates"}},
		{dns.RcodeServerFailure, false, []string{"SERVFAIL", "its log says why"}},
		{dns.RcodeFormatError, false, []string{"FORMERR"}},
		{12, false, []string{"answers the update with RCODE 12"}},
		{dns.RcodeNXRrset, false, []string{"NXRRSET", "nothing was written"}},
		{dns.RcodeYXDomain, false, []string{"YXDOMAIN", "nothing was written"}},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.code), func(t *testing.T) {
			address := scripted(t, small(), func(_ dns.ResponseWriter, m *dns.Msg) []*dns.Msg {
				if m.Opcode != dns.OpcodeUpdate {
					return nil
				}
				answer := new(dns.Msg).SetReply(m)
				answer.Rcode = tt.code
				return []*dns.Msg{answer}
			})
			to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: address})
			if err != nil {
				t.Fatal(err)
			}
			err = to.Write(t.Context(), planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 -all")))
			if err == nil || errors.Is(err, providers.ErrDenied) != tt.denied {
				t.Fatal(err)
			}
			for _, want := range tt.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// An update whose answer does not come is not sent again.
func TestNoRepeat(t *testing.T) {
	for _, how := range []providertest.Fault{providertest.Lost, providertest.Cut} {
		each(t, small(), func(t *testing.T, s *service, to providers.Provider) {
			p := planned(t, to, set(zone, "TXT", "v=spf1", 0, "v=spf1 mx -all"))
			s.Break(t, how)
			err := to.Write(t.Context(), p)
			if err == nil || !strings.Contains(err.Error(), "whether it took effect is not known") {
				t.Error(err)
			}
			if n := len(s.relay.updates()); n != 1 {
				t.Errorf("%d updates", n)
			}
		})
	}
}

func TestOpen(t *testing.T) {
	records := append(small(),
		record.Record{Name: "cut.example.org.", Type: "NS", TTL: 300, Data: "ns.example.net."},
		record.Record{Name: "alias.example.org.", Type: "CNAME", TTL: 300, Data: "www.example.org."},
		record.Record{Name: "away.example.org.", Type: "CNAME", TTL: 300, Data: "www.example.net."},
	)
	address := scripted(t, records, pass)
	for domain, want := range map[string]string{
		zone: zone, "Example.ORG": zone, "a.b.c.example.org": zone, "alias.example.org": zone, "x.away.example.org.": zone, "away.example.org": zone,
		"cut.example.org": "no such zone", "x.cut.example.org": "refers to the servers of cut.example.org", "example.net": "no such zone", "org": "no such zone", "not-example.org": "it says REFUSED",
	} {
		to, err := rfc2136.Open(t.Context(), domain, rfc2136.Options{Server: address})
		switch {
		case err == nil && to.Zone() != want:
			t.Errorf("%s: %s, want %s", domain, to.Zone(), want)
		case err != nil && (!strings.Contains(err.Error(), want) || !errors.Is(err, providers.ErrNoZone)):
			t.Errorf("%s: %v, want %s", domain, err, want)
		}
	}
}

func TestOpenServer(t *testing.T) {
	refused := errors.New("nobody listens")
	for server, want := range map[string]string{
		"ns1.example.net": "ns1.example.net:53", "ns1.example.net.": "ns1.example.net:53", "ns1.example.net:5353": "ns1.example.net:5353",
		"192.0.2.53": "192.0.2.53:53", "2001:db8::53": "[2001:db8::53]:53", "[2001:db8::53]": "[2001:db8::53]:53", "[2001:db8::53]:5353": "[2001:db8::53]:5353",
		"": "", "a b": "", "ns1:0": "", "ns1:65536": "", "ns1:dns": "", ":53": "", "ns1\x1b:53": "", "a..b": "", "2001:db8::53:x": "",
	} {
		dialled := ""
		_, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: server, Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			dialled = address
			return nil, refused
		}})
		if dialled != want || err == nil || errors.Is(err, refused) != (want != "") {
			t.Errorf("%q: dialled %q, want %q; %v", server, dialled, want, err)
		}
	}
	to, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: "ns1.example.net", Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, scripted(t, small(), pass))
	}})
	if err != nil || to.String() != "ns1.example.net (RFC 2136)" {
		t.Errorf("%v, %v", to, err)
	}
	if _, err := rfc2136.Open(t.Context(), zone, rfc2136.Options{Server: "192.0.2.1", Key: &rfc2136.Key{Name: "k.", Algorithm: "hmac-sha256"}}); err == nil {
		t.Error("a key without a secret")
	}
}

// A reading that takes too long ends with its context.
func TestCancelled(t *testing.T) {
	address := scripted(t, small(), func(_ dns.ResponseWriter, m *dns.Msg) []*dns.Msg {
		if m.Question[0].Name == "slow.example.org." {
			<-t.Context().Done()
		}
		return nil
	})
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := rfc2136.Open(ctx, "slow."+zone, rfc2136.Options{Server: address}); !errors.Is(err, context.DeadlineExceeded) {
		t.Error(err)
	}
}

// pass says nothing.
func pass(dns.ResponseWriter, *dns.Msg) []*dns.Msg { return nil }
