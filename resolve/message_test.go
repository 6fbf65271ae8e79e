package resolve

import (
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

func TestToRecord(t *testing.T) {
	tests := []struct{ line, typ, data string }{
		{`x. 60 IN TXT "a" "" "b c"`, "TXT", "ab c"},
		{`x. 60 IN TXT "\000\009\127\255\"\\\;"`, "TXT", "\x00\x09\x7f\xff\"\\;"},
		{`x. 60 IN SPF "v=spf1" " -all"`, "SPF", "v=spf1 -all"},
		{"x. 60 IN A 192.0.2.1", "A", "192.0.2.1"},
		{"x. 60 IN AAAA 2001:0DB8:0::1", "AAAA", "2001:db8::1"},
		{"x. 60 IN AAAA ::ffff:192.0.2.1", "AAAA", "::ffff:192.0.2.1"},
		{"x. 60 IN MX 10 Mail.Example.ORG.", "MX", "10 mail.example.org."},
		{"x. 60 IN MX 0 .", "MX", "0 ."},
		{"x. 60 IN NS NS.Example.org.", "NS", "ns.example.org."},
		{"x. 60 IN PTR A\\ B.Example.org.", "PTR", `a\032b.example.org.`},
		{"x. 60 IN CNAME X.Y.", "CNAME", "x.y."},
		{"x. 60 IN DNAME X.Y.", "DNAME", "x.y."},
		{"x. 60 IN SOA NS.X. Host\\.Master.X. 1 2 3 4 5", "SOA", `ns.x. host\.master.x. 1 2 3 4 5`},
		{"x. 60 IN SRV 1 2 443 Host.X.", "SRV", "1 2 443 host.x."},
		{`x. 60 IN CAA 0 issue "CA.example"`, "CAA", `0 issue "CA.example"`},
		{"x. 60 IN TLSA 3 1 1 ABCDEF", "TLSA", "3 1 1 abcdef"},
		{"x. 60 IN HTTPS 1 Svc.X. alpn=h2", "HTTPS", `1 svc.x. alpn="h2"`},
		{`x. 60 IN TYPE65280 \# 2 ABCD`, "TYPE65280", `\# 2 abcd`},
		{`x. 60 IN TYPE65280 \# 0`, "TYPE65280", `\# 0`},
		{"x. 60 IN RP Who.X. Txt.X.", "RP", "who.x. txt.x."},
		{"x. 60 IN NAPTR 1 2 \"S\" \"x\" \"\" Rep.X.", "NAPTR", `1 2 "S" "x" "" rep.x.`},
	}
	for _, tt := range tests {
		rr, err := dns.NewRR(tt.line)
		if err != nil {
			t.Fatal(tt.line, err)
		}
		// Over the wire and back: what a parser of zone files keeps of the source is lost.
		wire := make([]byte, 1000)
		n, err := dns.PackRR(rr, wire, 0, nil, false)
		if err != nil {
			t.Fatal(tt.line, err)
		}
		rr, _, err = dns.UnpackRR(wire[:n], 0)
		if err != nil {
			t.Fatal(tt.line, err)
		}
		if got, want := toRecord(rr), (record.Record{Name: "x.", Type: tt.typ, TTL: 60, Data: tt.data}); got != want {
			t.Errorf("%s\n got %+v\nwant %+v", tt.line, got, want)
		}
	}
}

func TestTypeCode(t *testing.T) {
	for mnemonic, want := range map[string]uint16{
		"TXT": 16, "TYPE16": 16, "TYPE65280": 65280, "TYPE65535": 65535, "CAA": 257,
		"TYPE0": 0, "TYPE65536": 0, "TYPE": 0, "TYPE-1": 0, "ANY": 0, "AXFR": 0, "OPT": 0, "txt": 0, "": 0, "TYPE123456": 0,
	} {
		if got, ok := typeCode(mnemonic); got != want || ok != (want != 0) {
			t.Errorf("%q: %d, %v", mnemonic, got, ok)
		}
	}
}

func TestExtendedErrors(t *testing.T) {
	m := withEDE(new(dns.Msg), 6, "x")
	opt := m.IsEdns0()
	for range 100 {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: 6, ExtraText: "x"})
	}
	opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: 49152, ExtraText: strings.Repeat("y", 5000)})
	got := extendedOf(m)
	if len(got) != 2 || got[0] != (Extended{6, "DNSSEC Bogus", "x"}) || got[1].Name != "" || len(got[1].Text) != maxExtendedText {
		t.Errorf("%+v", got)
	}
	for code := range uint16(100) {
		opt.Option = append(opt.Option, &dns.EDNS0_EDE{InfoCode: code})
	}
	if got := extendedOf(m); len(got) != maxExtended {
		t.Errorf("%d kept", len(got))
	}
}

func FuzzReply(f *testing.F) {
	q, err := newQuery("example.org.", "TXT", manner{recurse: true}, true)
	if err != nil {
		f.Fatal(err)
	}
	m := new(dns.Msg).SetQuestion("example.org.", dns.TypeTXT)
	for _, r := range []*dns.Msg{
		answer(m, 0, spfLine, "www.example.org. 1 IN CNAME example.org."),
		withSOA(answer(m, dns.RcodeNameError, "example.org. 1 IN CNAME x.")),
		withEDE(answer(m, dns.RcodeServerFailure), 6, "why"),
	} {
		r.Compress = true
		wire, err := r.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(wire, uint16(dns.TypeTXT))
	}
	f.Add([]byte("\x00\x00\x80\x00\x00\x00\x00\x01\x00\x00\x00\x00\xc0\x0c\x00\x10\x00\x01\x00\x00\x00\x00\x00\x00"), uint16(16))
	f.Fuzz(func(t *testing.T, msg []byte, typ uint16) {
		q := q
		q.typ = typ
		q.answeredBy(msg)
		r, err := readReply(msg, q)
		if err != nil {
			return
		}
		name := typeName(typ)
		path := newTrail(Question{Name: "example.org.", Type: name})
		path.walk(r)
		if len(path.ans.Chain) > maxChain || len(path.ans.Records) > maxRecords {
			t.Errorf("a chain of %d, %d records", len(path.ans.Chain), len(path.ans.Records))
		}
		for _, rec := range slices.Concat(path.ans.Records, path.ans.Chain) {
			if rec.Name != record.Canonical(rec.Name) || rec.Type == "" || rec.TTL > 1<<31-1 {
				t.Errorf("%+v", rec)
			}
			if !rec.IsText() && strings.ContainsFunc(rec.Data, unicode.IsControl) {
				t.Errorf("control octets in %q", rec.Data)
			}
		}
	})
}
