package record

import (
	"net/netip"
	"strings"
	"testing"
)

func TestString(t *testing.T) {
	tests := []struct {
		r    Record
		want string
	}{
		{TXT("Example.ORG", `v=spf1 -all`), `example.org. IN TXT "v=spf1 -all"`},
		{TXT("a.", `quote " back \ bell `+"\a\xff"), `a. IN TXT "quote \" back \\ bell \007\255"`},
		{TXT("a.", strings.Repeat("x", 256)), `a. IN TXT "` + strings.Repeat("x", 255) + `" "x"`},
		{TXT("a.", ""), `a. IN TXT ""`},
		{MX("a", 10, "B"), `a. IN MX 10 b.`},
		{Address("a", netip.MustParseAddr("2001:db8::1")), `a. IN AAAA 2001:db8::1`},
		{Record{Name: "a.", Type: "A", TTL: 300, Data: "192.0.2.1"}, `a. 300 IN A 192.0.2.1`},
	}
	for _, tt := range tests {
		if got := tt.r.String(); got != tt.want {
			t.Errorf("got %s\nwant %s", got, tt.want)
		}
	}
}

func TestReverse(t *testing.T) {
	tests := map[string]string{
		"192.0.2.25":       "25.2.0.192.in-addr.arpa.",
		"::ffff:192.0.2.9": "9.2.0.192.in-addr.arpa.",
		"2001:db8::25":     "5.2.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
	}
	for addr, want := range tests {
		if got := Reverse(netip.MustParseAddr(addr)); got != want {
			t.Errorf("Reverse(%s) = %s, want %s", addr, got, want)
		}
	}
}

func TestParseDomain(t *testing.T) {
	tests := []struct{ in, want, err string }{
		{"example.org", "example.org.", ""},
		{" Example.ORG. ", "example.org.", ""},
		{"anna@example.org", "example.org.", ""},
		{"Anna <anna@example.org>", "example.org.", ""},
		{"https://user@www.example.org:8443/path?q=a@b", "www.example.org.", ""},
		{"mailto:anna@example.org", "example.org.", ""},
		{"bücher.example", "xn--bcher-kva.example.", ""},
		{"BÜCHER.example", "xn--bcher-kva.example.", ""},
		{"例え。テスト", "xn--r8jz45g.xn--zckzah.", ""},
		{"_dmarc.example.org", "_dmarc.example.org.", ""},
		{"", "", "is empty"},
		{".", "", "root"},
		{"localhost", "", "single label"},
		{"nosuch..domain", "", "empty label"},
		{".example.org", "", "empty label"},
		{"192.0.2.1", "", "is an IP address"},
		{"[2001:db8::1]", "", "is an IP address"},
		{"ex ample.org", "", "character that no domain has"},
		{"a\x1b[2J.org", "", "character that no domain has"},
		{strings.Repeat("a", 64) + ".org", "", "a label"},
		{strings.Repeat("a.", 130) + "org", "", "too long"},
		{"0.\xff", "", "not UTF-8"},
		{"xn--a.example", "", "not a valid domain name"},
	}
	for _, tt := range tests {
		got, err := ParseDomain(tt.in)
		switch {
		case tt.err == "" && (err != nil || got != tt.want):
			t.Errorf("ParseDomain(%q) = %q, %v; want %q", tt.in, got, err, tt.want)
		case tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)):
			t.Errorf("ParseDomain(%q) = %q, %v; want an error with %q", tt.in, got, err, tt.err)
		}
	}
}

func FuzzParseDomain(f *testing.F) {
	for _, s := range []string{"example.org", "a@b.c", "https://x.y/z", "bücher.example", "..", "xn--a.b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		name, err := ParseDomain(s)
		if err != nil {
			return
		}
		if again, err := ParseDomain(name); err != nil || again != name {
			t.Errorf("ParseDomain(%q) = %q, which reads back as %q, %v", s, name, again, err)
		}
		Unicode(name)
	})
}

func TestNames(t *testing.T) {
	if got := Labels(`a\.b.c.`); len(got) != 2 || got[0] != `a\.b` {
		t.Errorf("labels %q", got)
	}
	within := []struct {
		name, zone string
		want       bool
	}{
		{"a.example.org.", "example.org.", true},
		{"example.org", "EXAMPLE.org.", true},
		{"badexample.org.", "example.org.", false},
		{"example.org.", "a.example.org.", false},
		{`a\.example.org.`, "example.org.", false},
		{"anything.", ".", true},
	}
	for _, tt := range within {
		if got := Within(tt.name, tt.zone); got != tt.want {
			t.Errorf("Within(%q, %q) = %v", tt.name, tt.zone, got)
		}
	}
	for name, want := range map[string]string{"a.b.c.": "b.c.", "c.": ".", ".": "."} {
		if got := Parent(name); got != want {
			t.Errorf("Parent(%q) = %q, want %q", name, got, want)
		}
	}
	for name, want := range map[string]string{"example.org.": "@", "a.b.example.org.": "a.b", "example.net.": "example.net."} {
		if got := Relative(name, "example.org."); got != want {
			t.Errorf("Relative(%q) = %q, want %q", name, got, want)
		}
	}
	if got := Unicode("xn--bcher-kva.example."); got != "bücher.example" {
		t.Errorf("Unicode = %q", got)
	}
}

func TestSlotHolds(t *testing.T) {
	slot := SPF("example.org")
	tests := map[string]bool{
		"v=spf1": true, "V=SPF1 -all": true, "v=spf1;x": true,
		"v=spf10 -all": false, "v=spf": false, " v=spf1 -all": false, "google-site-verification=x": false,
	}
	for text, want := range tests {
		if got := slot.Holds(TXT("example.org", text)); got != want {
			t.Errorf("Holds(%q) = %v", text, got)
		}
	}
	if slot.Holds(TXT("www.example.org", "v=spf1")) || !MXSet("example.org").Holds(MX("example.org", 1, "a")) {
		t.Error("a slot holds records of its name and type")
	}
}

func TestSorted(t *testing.T) {
	got := Sorted([]Record{MX("a.org", 20, "a"), TXT("z.a.org", "x"), MX("a.org", 3, "b"), TXT("a.org", "y")})
	var names []string
	for _, r := range got {
		names = append(names, r.Type+" "+r.Data)
	}
	if s := strings.Join(names, ", "); s != "MX 3 b., MX 20 a., TXT y, TXT x" {
		t.Errorf("order: %s", s)
	}
}
