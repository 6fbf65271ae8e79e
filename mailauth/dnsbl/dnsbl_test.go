package dnsbl

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// zone is a list by name; unlike Find it also serves in fuzz targets.
func zone(t testing.TB, name string) Zone {
	t.Helper()
	z, err := Find(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func TestQuestion(t *testing.T) {
	long := strings.Repeat("a23456789.", 24) + "org"
	tests := []struct {
		zone   string
		target Target
		want   string // empty: not asked
	}{
		{"zen.spamhaus.org", Address(netip.MustParseAddr("192.0.2.25")), "25.2.0.192.zen.spamhaus.org."},
		{"zen.spamhaus.org", Address(netip.MustParseAddr("::ffff:192.0.2.25")), "25.2.0.192.zen.spamhaus.org."},
		// The example of RFC 5782, 2.4, by nibble.
		{"zen.spamhaus.org", Address(netip.MustParseAddr("2001:db8:1:2:3:4:567:89ab")),
			"b.a.9.8.7.6.5.0.4.0.0.0.3.0.0.0.2.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.zen.spamhaus.org."},
		{"zen.spamhaus.org", Address(netip.MustParseAddr("fe80::1%eth0")), "1." + strings.Repeat("0.", 28) + "8.e.f.zen.spamhaus.org."},
		{"dbl.spamhaus.org", Name("Example.ORG"), "example.org.dbl.spamhaus.org."},
		{"hostkarma.junkemailfilter.com", Name("mx.example.org"), "mx.example.org.hostkarma.junkemailfilter.com."},
		// An address never reaches a list of domains, in no disguise.
		{"dbl.spamhaus.org", Address(netip.MustParseAddr("192.0.2.25")), ""},
		{"dbl.spamhaus.org", Name("192.0.2.25"), ""},
		{"dbl.spamhaus.org", Name("[192.0.2.25]"), ""},
		{"dbl.spamhaus.org", Name("2001:db8::1"), ""},
		{"dbl.spamhaus.org", Name("25.2.0.192.in-addr.arpa"), ""},
		{"dbl.spamhaus.org", Name("org"), ""},
		{"dbl.spamhaus.org", Name("a..example"), ""},
		{"dbl.spamhaus.org", Name(`a.exa\\mple`), ""},
		{"dbl.spamhaus.org", Name("."), ""},
		{"dbl.spamhaus.org", Name(long), ""},
		{"dbl.spamhaus.org", Target{}, ""},
		// Nor a domain a list of addresses, nor IPv6 a list of IPv4.
		{"zen.spamhaus.org", Name("example.org"), ""},
		{"bl.spamcop.net", Address(netip.MustParseAddr("2001:db8::1")), ""},
		{"bl.ipv6.spameatingmonkey.net", Address(netip.MustParseAddr("192.0.2.25")), ""},
		{"zen.dq.spamhaus.net", Address(netip.MustParseAddr("192.0.2.25")), ""}, // the key is missing
	}
	for _, tt := range tests {
		q, ok := zone(t, tt.zone).Question(tt.target)
		if ok != (tt.want != "") || ok && q != resolve.Ask(tt.want, "A") {
			t.Errorf("%s about %s: %v %v, want %q", tt.zone, tt.target, q, ok, tt.want)
		}
	}
}

// By group of 16 bits, as one well-known mail-in-a-box reverses IPv6 addresses,
// the name never matches an entry.
func TestQuestionIsNotByGroup(t *testing.T) {
	q, _ := zone(t, "zen.spamhaus.org").Question(Address(netip.MustParseAddr("2001:db8::25")))
	if q.Name == "25.0.0.0.0.0.db8.2001.zen.spamhaus.org." || len(record.Labels(q.Name)) != 32+3 {
		t.Errorf("asked %s", q.Name)
	}
}

func TestLookupURL(t *testing.T) {
	got := zone(t, "psbl.surriel.com").LookupURL(Address(netip.MustParseAddr("192.0.2.25")))
	if got != "https://psbl.org/listing?ip=192.0.2.25" {
		t.Error(got)
	}
}

func TestFind(t *testing.T) {
	tests := []struct{ name, err string }{
		{"zen.spamhaus.org", ""},
		{"ZEN.spamhaus.org.", ""},
		{"dul.dnsbl.sorbs.net", "ended on 5 June 2024"},
		{"list.dsbl.org", "ended in 2009"},
		{"cbl.abuseat.org", "ask zen.spamhaus.org"},
		{"dnsbl-3.uceprotect.net", "dnsbl-1.uceprotect.net"},
		{"nothing.example", `no list "nothing.example" is known`},
		{"", "is known"},
	}
	for _, tt := range tests {
		_, err := Find(tt.name)
		if (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
			t.Errorf("%q: %v, want %q", tt.name, err, tt.err)
		}
	}
}

// TestZones holds what every entry of the tables promises.
func TestZones(t *testing.T) {
	seen := map[string]bool{}
	for _, z := range All() {
		t.Run(z.String(), func(t *testing.T) {
			if seen[z.Name] || z.Name != record.Canonical(z.Name) {
				t.Errorf("name %q is not canonical, or is there twice", z.Name)
			}
			seen[z.Name] = true
			if _, err := Find(z.Name); err != nil {
				t.Error(err)
			}
			if z.Title == "" || z.Operator == "" || z.Families == 0 || z.Tier == 0 || len(z.Codes) == 0 || !strings.HasPrefix(z.Lookup, "https://") {
				t.Errorf("incomplete: %+v", z)
			}
			judges := false
			for _, c := range z.Codes {
				judges = judges || c.Class <= Policy
				if c.Meaning == "" || !listRange.Overlaps(c.Answers) || errorRange.Overlaps(c.Answers) || c.Answers != c.Answers.Masked() {
					t.Errorf("code %+v", c)
				}
				if b := c.Answers.Addr().As4()[3]; z.Bitmask && (!c.Answers.IsSingleIP() || b == 0 || b&(b-1) != 0) {
					t.Errorf("code %v of a bitmask is not one bit", c.Answers)
				}
				if v := z.Decode(answer(c.Answers.Addr().Next().Prev().String())); c.Answers.IsSingleIP() && v.State != Listed && v.State != Noted {
					t.Errorf("its own code %v reads as %v", c.Answers, v)
				}
			}
			if judges && len(z.Delisting) == 0 {
				t.Error("no advice on delisting")
			}
			for _, step := range z.Delisting {
				if s := strings.ToLower(step); strings.Contains(s, "pay") && !strings.Contains(s, "do not pay") || strings.Contains(s, "express") {
					t.Errorf("advises paying: %s", step)
				}
			}
		})
	}
}

// TestDefault holds that every list that is asked by default can be tested, and
// needs nothing.
func TestDefault(t *testing.T) {
	for _, z := range Default() {
		if z.Need != NeedNothing || z.Tier == TierAllow {
			t.Errorf("%s is asked by default", z)
		}
		for _, f := range z.Families.Each() {
			test, ok := z.TestOf(f)
			if !ok {
				t.Errorf("%s has no test entry for %s", z, f)
			}
			if _, fits := record.Below(test.Listed, z.Name); !fits {
				t.Errorf("%s: test entry too long", z)
			}
		}
	}
	if n := len(Default()); n < 15 {
		t.Errorf("only %d lists", n)
	}
}

func TestFamilyString(t *testing.T) {
	if got := (IPv4 | IPv6 | Domain).String(); got != "IPv4, IPv6, domains" {
		t.Error(got)
	}
}

func TestPublicResolver(t *testing.T) {
	tests := []struct{ server, want string }{
		{"udp://8.8.8.8:53", "Google Public DNS"},
		{"8.8.4.4", "Google Public DNS"},
		{"tcp://[2001:4860:4860::8888]:53", "Google Public DNS"},
		{"tls://1.1.1.1:853", "Cloudflare 1.1.1.1"},
		{"https://dns.quad9.net/dns-query", "Quad9"},
		{"udp://[2620:fe::fe]:53", "Quad9"},
		{"udp://[::ffff:9.9.9.9]:53", "Quad9"},
		{"udp://192.0.2.53:53", ""},
		{"udp://8.8.8.80:53", ""},
		{"https://resolver.example/dns-query", ""},
		{"", ""},
		{"::::", ""},
	}
	for _, tt := range tests {
		if got, ok := PublicResolver(tt.server); got != tt.want || ok != (tt.want != "") {
			t.Errorf("%q: %q %v, want %q", tt.server, got, ok, tt.want)
		}
	}
}

func TestOperators(t *testing.T) {
	of := Operators()
	for name, want := range map[string]string{
		"2.0.0.127.zen.spamhaus.org.":                     "Spamhaus",
		"example.org.dbl.spamhaus.org.":                   "Spamhaus",
		"2.0.0.127." + keyLabel + ".zen.dq.spamhaus.net.": "Spamhaus",
		"2.0.0.127.list.dnswl.org.":                       "DNSWL",
		"example.org.":                                    "",
		"spamhaus.org.":                                   "",
	} {
		if got := of(resolve.Ask(name, "A")); got != want {
			t.Errorf("%s is asked of %q, want %q", name, got, want)
		}
	}
}
