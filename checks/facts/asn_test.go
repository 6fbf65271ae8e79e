package facts

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

func TestParseOrigin(t *testing.T) {
	tests := []struct{ text, want string }{
		{"23028 | 216.90.108.0/24 | US | arin | 1998-09-25", "216.90.108.0/24 by AS23028 in US"},
		{"64501 64500 64501 | 2001:db8::/32 | nl | ripencc |", "2001:db8::/32 by AS64500 and AS64501 in NL"},
		{"64500 | 192.0.2.7/24 | | ", "192.0.2.0/24 by AS64500"},
		{"1 2 3 4 5 | 192.0.2.0/24 | ZZ", "192.0.2.0/24 by AS1 and AS2 and AS3 and AS4 in ZZ"},
		{"64500 | 192.0.2.0/24", "not of the form"},
		{"NA | 192.0.2.0/24 | ZZ", `"NA" is not the number`},
		{"0 | 192.0.2.0/24 | ZZ", `"0" is not the number`},
		{"4294967296 | 192.0.2.0/24 | ZZ", "is not the number"},
		{" | 192.0.2.0/24 | ZZ", "no network is named"},
		{"64500 | 192.0.2.0 | ZZ", `"192.0.2.0" is not a prefix`},
		{"64500 | ::ffff:192.0.2.0/120 | ZZ", "is not a prefix"},
	}
	for _, tt := range tests {
		r, err := ParseOrigin(tt.text)
		got := r.Prefix.String() + " by " + r.By(nil)
		if r.Country != "" {
			got += " in " + r.Country
		}
		if err != nil {
			got = err.Error()
		}
		if err == nil && got != tt.want || !strings.Contains(got, tt.want) {
			t.Errorf("%q: %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestRouteOf(t *testing.T) {
	addr := netip.MustParseAddr("192.0.2.25")
	texts := []string{
		"64502 | 192.0.0.0/16 | ZZ", "64501 | 192.0.2.0/24 | ZZ", "64500 | 192.0.2.0/24 | ZZ", "64509 | 198.51.100.0/24 | ZZ", "nonsense",
	}
	for range 2 {
		r, ok := routeOf(texts, addr)
		if !ok || r.Prefix.String() != "192.0.2.0/24" || r.By(nil) != "AS64500 and AS64501" {
			t.Errorf("%+v, %t", r, ok)
		}
		slices.Reverse(texts)
	}
	if r, ok := routeOf(texts[3:4], addr); ok {
		t.Errorf("a route that leads elsewhere: %+v", r)
	}
}

func TestOriginQuestion(t *testing.T) {
	for addr, want := range map[string]string{
		"192.0.2.25":               "TXT 2.0.192.origin.asn.cymru.com",
		"2001:db8:25:7:8:9:a:beef": "TXT 7.0.0.0.5.2.0.0.8.b.d.0.1.0.0.2.origin6.asn.cymru.com",
	} {
		if got := originQuestion(netip.MustParseAddr(addr)).String(); got != want {
			t.Errorf("%s: %s, want %s", addr, got, want)
		}
	}
}

func TestParseOperator(t *testing.T) {
	tests := []struct{ text, want string }{
		{"23028 | US | arin | 2002-01-04 | TEAM-CYMRU - Team Cymru Inc., US", "AS1 TEAM-CYMRU - Team Cymru Inc. (US)"},
		{"64500 | | ripencc | 2002-01-04 | A | B", "AS1 A | B"},
		{"64500 | US | arin | 2002-01-04 |", "AS1"},
		{"64500 | US | arin", "AS1"},
	}
	for _, tt := range tests {
		o := Operator{ASN: 1}
		if name, cc, ok := ParseOperator(tt.text); ok {
			o.Name, o.Country = name, cc
		}
		if o.String() != tt.want {
			t.Errorf("%q: %s, want %s", tt.text, o, tt.want)
		}
	}
}

const drop = `{"asn":64509,"rir":"ripencc","domain":"x.example","cc":"zz","asname":"BULLETPROOF"}
{"asn":64510,"cc":"","asname":""}
{"type":"metadata","timestamp":1763683200,"records":2,"copyright":"(c)"}
`

func TestParseASNDrop(t *testing.T) {
	list, asOf, err := ParseASNDrop([]byte(drop))
	if err != nil || len(list) != 2 || list[64509].String() != "AS64509 BULLETPROOF (ZZ)" || list[64510].String() != "AS64510" {
		t.Errorf("%v, %v", list, err)
	}
	if want := time.Date(2025, 11, 21, 0, 0, 0, 0, time.UTC); !asOf.Equal(want) {
		t.Errorf("as of %v, want %v", asOf, want)
	}
	for _, text := range []string{"", "<html>", "{}", `{"type":"metadata","timestamp":1}`, `{"asn":"many"}`, `{"asn":1} trailing`, `{"asn":-1}`} {
		if list, _, err := ParseASNDrop([]byte(text)); err == nil {
			t.Errorf("%q is taken for a list: %v", text, list)
		}
	}
}

func FuzzParseOrigin(f *testing.F) {
	f.Add("23028 | 216.90.108.0/24 | US | arin | 1998-09-25")
	f.Add("64500 64501 | 2001:db8::/32 | ZZ | iana |")
	f.Add("23028 | US | arin | 2002-01-04 | TEAM-CYMRU, US")
	f.Fuzz(func(t *testing.T, text string) {
		if r, err := ParseOrigin(text); err == nil {
			if !r.Prefix.IsValid() || len(r.Origins) == 0 || len(r.Origins) > maxOrigins || slices.Contains(r.Origins, 0) || !slices.IsSorted(r.Origins) {
				t.Errorf("%q: %+v", text, r)
			}
		}
		if name, cc, ok := ParseOperator(text); ok && (name == "" || len(name) > maxOperator+len("…") || len(cc) != 0 && len(cc) != 2) {
			t.Errorf("%q: %q, %q", text, name, cc)
		} else if utf8.ValidString(text) && !utf8.ValidString(name) {
			t.Errorf("%q: the name is cut within a character: %q", text, name)
		}
	})
}

func FuzzParseASNDrop(f *testing.F) {
	f.Add([]byte(drop))
	f.Add([]byte(`[{"asn":1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		list, _, err := ParseASNDrop(body)
		if err == nil && len(list) == 0 {
			t.Error("an empty list is no list")
		}
		for n, o := range list {
			if n == 0 || o.ASN != n || len(o.Name) > maxOperator+len("…") {
				t.Errorf("%v: %+v", n, o)
			}
		}
	})
}
