package rfc2136

import (
	"encoding/binary"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// signed is a message of a transfer, as a server signs it: with what it sent before
// and did not sign.
func signed(t *testing.T, k *Key, m *dns.Msg, prior, unsigned []byte, first bool) (wire, mac []byte) {
	t.Helper()
	m.Extra = nil
	wire, err := m.Pack()
	if err != nil {
		t.Fatal(err)
	}
	sig := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: k.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: k.Algorithm + ".", TimeSigned: uint64(time.Now().Unix()), Fudge: fudge, OrigId: m.Id,
	}
	vars := timers(sig)
	if first {
		vars = variables(sig)
	}
	mac = k.mac(binary.BigEndian.AppendUint16(nil, uint16(len(prior))), prior, unsigned, wire, vars)
	sig.MAC, sig.MACSize = hex.EncodeToString(mac), uint16(len(mac))
	m.Extra = []dns.RR{sig}
	if wire, err = m.Pack(); err != nil {
		t.Fatal(err)
	}
	return wire, mac
}

// Not every message of a transfer need be signed (RFC 8945, 5.3.1), but the first
// and the last, and those between are covered by the next that is.
func TestTransferSignedNowAndThen(t *testing.T) {
	k, err := ParseKey("hmac-sha256:k:" + secret)
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		signed string // of each message: s, u for unsigned, x for unsigned and changed on the way
		want   string
	}{
		{"all", "ssss", ""},
		{"some", "suus", ""},
		{"some more", "susuuus", ""},
		{"not the first", "uss", "is not signed"},
		{"not the last", "ssu", "is not signed"},
		{"changed between", "suxus", "BADSIG"},
		{"none", "uuu", "is not signed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := &signing{key: k, now: time.Now}
			q := new(dns.Msg).SetAxfr("example.org.")
			if _, err := s.sign(q); err != nil {
				t.Fatal(err)
			}
			x := incoming{zone: "example.org."}
			prior, unsigned := s.prior, []byte(nil)
			var failed error
			for i, how := range tt.signed {
				m := new(dns.Msg).SetReply(q)
				if i == 0 {
					m.Answer = append(m.Answer, record1(t, "example.org. 1 IN SOA a. b. 1 2 3 4 5"))
				}
				m.Answer = append(m.Answer, record1(t, "x.example.org. 1 IN TXT text"))
				if i == len(tt.signed)-1 {
					m.Answer = append(m.Answer, record1(t, "example.org. 1 IN SOA a. b. 1 2 3 4 5"))
				}
				var wire []byte
				if how == 's' {
					wire, prior = signed(t, k, m, prior, unsigned, i == 0)
					unsigned = nil
				} else {
					wire, _ = m.Pack()
					unsigned = append(unsigned, wire...)
				}
				if how == 'x' {
					wire = []byte(strings.Replace(string(wire), "text", "tixt", 1))
				}
				got := new(dns.Msg)
				if err := got.Unpack(wire); err != nil {
					t.Fatal(err)
				}
				if failed = x.authentic(s, wire, got); failed != nil {
					break
				}
				if _, failed = x.take(got, len(wire)); failed != nil {
					t.Fatal(failed)
				}
			}
			var fake *authenticityError
			if tt.want == "" && (failed != nil || !x.ended) {
				t.Error(failed)
			}
			if tt.want != "" && (!errors.As(failed, &fake) || !strings.Contains(failed.Error(), tt.want)) {
				t.Errorf("%v, want %q", failed, tt.want)
			}
		})
	}
}

func record1(t *testing.T, line string) dns.RR {
	t.Helper()
	rr, err := dns.NewRR(line)
	if err != nil {
		t.Fatal(err)
	}
	return rr
}

// Where the last record of a message begins is found whatever the message is.
func FuzzLastRecord(f *testing.F) {
	m := new(dns.Msg).SetQuestion("example.org.", dns.TypeTXT)
	m.Answer = []dns.RR{&dns.TXT{Hdr: dns.RR_Header{Name: "example.org.", Rrtype: dns.TypeTXT, Class: dns.ClassINET}, Txt: []string{"x"}}}
	m.Compress = true
	wire, err := m.Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(wire)
	f.Add(wire[:20])
	f.Fuzz(func(t *testing.T, wire []byte) {
		start, err := lastRecord(wire)
		if err != nil {
			return
		}
		rr, end, err := dns.UnpackRR(wire, start)
		if err == nil && end != len(wire) {
			t.Errorf("%v ends at %d of %d", rr, end, len(wire))
		}
	})
}
