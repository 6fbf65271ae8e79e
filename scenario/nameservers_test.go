package scenario

import (
	"net/netip"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/resolve"
)

const serversWorld = `Name servers that differ.
domain: example.org

-- zone . --
@ NS a.root-servers.net.
a.root-servers.net. A 203.0.113.254
-- zone --
@ NS ns1
@ NS ns2
@ MX 10 mx1
@ TXT "v=spf1 -all"
ns1 A 192.0.2.53
ns2 A 198.51.100.53
ns2 AAAA 2001:db8:53::2
www CNAME host.example.net.
-- zone sub.example.org --
@ NS ns.example.net.
-- zone example.net --
ns A 192.0.2.99
host A 192.0.2.80
-- server/198.51.100.53 --
!without TXT @
!transfer
@ MX 20 old
-- server/2001:db8:53::2 --
!silent
-- server/203.0.113.254 --
!notcp
ns1 A 192.0.2.7
-- server/9.9.9.9 --
!recursive
`

func TestNameServers(t *testing.T) {
	world := playText(t, serversWorld)
	tests := []struct {
		ask  string // server, type, name
		want string
	}{
		{"192.0.2.53 MX example.org.", "10 mx1.example.org."},
		{"192.0.2.53 A nosuch.example.org.", "NXDOMAIN"},
		{"192.0.2.53 A www.example.org.", "CNAME host.example.net"},
		{"192.0.2.53 A host.example.net.", "REFUSED"},
		{"192.0.2.53 TXT sub.example.org.", "referral to the servers of sub.example.org\nns.example.net"},
		{"192.0.2.53 AXFR example.org.", "REFUSED"},
		{"198.51.100.53 MX example.org.", "20 old.example.org."},
		{"198.51.100.53 TXT example.org.", "no TXT record"},
		{"198.51.100.53 AXFR example.org.", "the zone, which begins with its SOA record"},
		{"198.51.100.53 AXFR sub.example.org.", "REFUSED"},
		{"203.0.113.254 NS example.org.", "referral to the servers of example.org\nns1.example.org\nns2.example.org\nns1.example.org A 192.0.2.7\nns2.example.org A 198.51.100.53\nns2.example.org AAAA 2001:db8:53::2"},
		{"203.0.113.254 SOA . TCP", "DNS server unreachable"},
		{"203.0.113.254 SOA .", "a.root-servers.net. hostmaster"},
		{"2001:db8:53::2 SOA example.org.", "timed out"},
		{"192.0.2.1 SOA example.org.", "DNS server unreachable"},
		{"9.9.9.9 MX example.org. RD", "10 mx1.example.org."},
		{"9.9.9.9 MX example.org.", "REFUSED"},
	}
	for _, tt := range tests {
		t.Run(tt.ask, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fields := strings.Fields(tt.ask + " -")
				q := resolve.Inquiry{Server: netip.MustParseAddr(fields[0]), Type: fields[1], Name: fields[2], TCP: fields[3] == "TCP", Recurse: fields[3] == "RD"}
				s, err := world.NameServers().Inquire(t.Context(), q)
				got := s.String()
				if err != nil {
					got = resolve.KindOf(err).String()
				}
				if !strings.HasPrefix(got, tt.want) {
					t.Errorf("%q, want %q", got, tt.want)
				}
			})
		})
	}
}

// TestQuestionsAt: a question that names its server is answered by that one.
func TestQuestionsAt(t *testing.T) {
	dns := playText(t, serversWorld).DNS()
	for at, want := range map[string]string{"192.0.2.53": "10 mx1.example.org.", "198.51.100.53": "20 old.example.org.", "203.0.113.254": "lame", "192.0.2.99": "REFUSED", "192.0.2.1": "unreachable"} {
		answer, err := dns.Resolve(t.Context(), resolve.Question{Name: "example.org.", Type: "MX", At: at})
		got := answer.String()
		if err != nil {
			got = resolve.KindOf(err).String()
		}
		if !strings.Contains(got, want) {
			t.Errorf("at %s: %q, want %q", at, got, want)
		}
	}
}

// TestDefaultServers: a zone without NS records has two, and one that is like
// another has those of the other.
func TestDefaultServers(t *testing.T) {
	files := fstest.MapFS{
		"base.txtar": {Data: []byte("domain: example.org\n\n-- zone --\n@ NS ns1\nns1 A 192.0.2.53\n")},
		"like.txtar": {Data: []byte("like: base\n\n-- zone --\n@ MX 10 mx1\n-- zone example.net --\n@ A 192.0.2.1\n")},
	}
	s, err := Load(files, "like.txtar")
	if err != nil {
		t.Fatal(err)
	}
	named := make(map[string]int)
	for _, r := range s.Records {
		if r.Type == "NS" {
			named[r.Name]++
		}
	}
	if named["example.org."] != 1 || named["example.net."] != 2 {
		t.Errorf("NS records: %v", named)
	}
}

func TestServerSectionErrors(t *testing.T) {
	for body, want := range map[string]string{"!nonsense\n": "no directive", "!silent now\n": "no directive", "!without TXT\n": "no directive", "@ A nonsense\n": "nonsense"} {
		_, err := Parse([]byte("domain: example.org\n\n-- server/192.0.2.53 --\n" + body))
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v", body, err)
		}
	}
	if _, err := Parse([]byte("-- server/nowhere --\n")); err == nil {
		t.Error("a server without an address")
	}
}

func playText(t *testing.T, text string) *World {
	t.Helper()
	s, err := Load(fstest.MapFS{"w.txtar": {Data: []byte(text)}}, "w.txtar")
	if err != nil {
		t.Fatal(err)
	}
	w, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	return w
}
