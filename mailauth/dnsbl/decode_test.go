package dnsbl

import (
	"encoding/binary"
	"net/netip"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// answer is the answer with these A records; with none NXDOMAIN.
func answer(addrs ...string) resolve.Answer {
	a := resolve.Answer{Question: resolve.Ask("25.2.0.192.list.example", "A"), Exists: len(addrs) > 0}
	for _, s := range addrs {
		a.Records = append(a.Records, record.Address(a.Question.Name, netip.MustParseAddr(s)))
	}
	return a
}

func TestDecode(t *testing.T) {
	tests := []struct {
		zone    string
		answers string
		want    string // of Verdict.String, in part
	}{
		{"zen.spamhaus.org", "", "not listed"},
		{"zen.spamhaus.org", "127.0.0.2", "listed: source of spam, or a service to spammers (SBL, 127.0.0.2)"},
		{"zen.spamhaus.org", "127.0.0.2 127.0.0.9", "(SBL, 127.0.0.2); hijacked"},
		{"zen.spamhaus.org", "127.0.0.10", "listed: by its network's own policy"},
		{"zen.spamhaus.org", "127.0.0.5", "unknown code: 127.0.0.5"}, // defined once, unused since
		{"zen.spamhaus.org", "127.0.0.2 127.0.0.77", "listed: source"},
		{"zen.spamhaus.org", "127.0.0.1", "out of range: 127.0.0.1"},
		{"zen.spamhaus.org", "127.255.255.252", "refused: the name of the list is mistyped (127.255.255.252)"},
		{"zen.spamhaus.org", "127.255.255.254", "refused: the question came through a public or open resolver"},
		{"zen.spamhaus.org", "127.255.255.255", "refused: too many questions"},
		{"zen.spamhaus.org", "127.255.255.250", "refused: the key is disabled"},
		{"zen.spamhaus.org", "127.255.255.251", "refused: the key is refused"},
		{"zen.spamhaus.org", "127.255.255.7", "refused: an error code without a known meaning (127.255.255.7)"},
		{"zen.spamhaus.org", "127.0.0.2 127.255.255.255", "refused: too many"},
		{"zen.spamhaus.org", "203.0.113.80", "out of range: 203.0.113.80"},
		{"zen.spamhaus.org", "127.0.0.2 203.0.113.80", "out of range: 203.0.113.80"},
		{"bl.spamcop.net", "127.255.255.254", "refused"}, // nobody lists in that range
		{"dbl.spamhaus.org", "127.0.1.2", "listed: domain of low reputation"},
		{"dbl.spamhaus.org", "127.0.1.255", "refused: it was asked about an address"},
		{"dbl.spamhaus.org", "127.0.0.2", "unknown code"}, // a code of another zone
		{"multi.surbl.org", "127.0.0.80", "listed: malware (MW, 127.0.0.80); advertised in spam (ABUSE, 127.0.0.80)"},
		{"multi.surbl.org", "127.0.0.1", "refused: the resolver asks too much"},
		{"multi.surbl.org", "127.0.0.9", "refused"},
		{"multi.surbl.org", "127.0.0.2", "unknown code: 127.0.0.2"},
		{"multi.surbl.org", "127.0.0.0", "unknown code"},
		{"multi.surbl.org", "127.255.255.254", "refused"},
		{"multi.surbl.org", "203.0.113.8", "out of range"},
		{"multi.uribl.com", "127.0.0.14", "domain of a spammer (black, 127.0.0.14); seen in bulk mail"},
		{"multi.uribl.com", "127.0.0.255", "refused"},
		{"hostkarma.junkemailfilter.com", "127.0.0.1", "noted: sends no spam (white, 127.0.0.1)"},
		{"hostkarma.junkemailfilter.com", "127.0.0.5", "noted: shall not be blocked (NOBL"},
		{"hostkarma.junkemailfilter.com", "127.0.0.3", "noted: sends both spam and wanted mail"},
		{"hostkarma.junkemailfilter.com", "127.0.0.4", "listed: sends spam, not enough"},
		{"hostkarma.junkemailfilter.com", "127.0.0.3 127.0.0.2", "listed: sends both spam and wanted mail, as large providers do (yellow, 127.0.0.3); sends spam (black"},
		{"bl.blocklist.de", "127.0.0.16", "listed: attacked"},
		{"bl.blocklist.de", "127.0.0.1", "out of range"},
		{"bl.blocklist.de", "127.0.5.1", "unknown code"},
		{"list.dnswl.org", "127.0.5.2", "noted: medium trust"},
		{"list.dnswl.org", "127.0.0.255", "refused"},
		{"list.dnswl.org", "127.0.10.3", "refused"},
		{"bl.score.senderscore.com", "127.255.255.255", "refused: the resolver is not registered"},
		{"zen.spamhaus.org", "2001:db8::1", "out of range"},
		{"multi.surbl.org", "2001:db8::1", "out of range"},
	}
	for _, tt := range tests {
		got := zone(t, tt.zone).Decode(answer(strings.Fields(tt.answers)...)).String()
		if !strings.Contains(got, tt.want) {
			t.Errorf("%s: %s: %q, want %q", tt.zone, tt.answers, got, tt.want)
		}
	}
}

func TestDecodeGarbage(t *testing.T) {
	a := answer("127.0.0.2")
	a.Records[0].Data = "no address"
	if v := zone(t, "zen.spamhaus.org").Decode(a); v.State != Unread {
		t.Errorf("a record without an address reads as %v", v)
	}
}

func TestHeld(t *testing.T) {
	v := zone(t, "zen.spamhaus.org").Decode(answer("127.0.0.3", "127.0.0.10", "127.0.0.3"))
	if len(v.Held(Abuse)) != 1 || len(v.Held(Policy)) != 1 || len(v.Held(Good)) != 0 {
		t.Errorf("%+v", v.Reasons)
	}
}

func FuzzDecode(f *testing.F) {
	for _, s := range []string{"", "\x7f\x00\x00\x02", "\x7f\xff\xff\xfe", "\x7f\x00\x00\x01\x7f\x00\x00\x02", "\xcb\x00\x71\x50", strings.Repeat("\x00", 33)} {
		for i := range All() {
			f.Add(i, []byte(s))
		}
	}
	zones := All()
	f.Fuzz(func(t *testing.T, i int, raw []byte) {
		z := zones[uint(i)%uint(len(zones))]
		var a resolve.Answer
		for ; len(raw) >= 4; raw = raw[4:] {
			a.Records = append(a.Records, record.Address("x.example.", netip.AddrFrom4([4]byte(raw))))
		}
		if len(raw) > 0 { // a stray AAAA, mapped or not
			var six [16]byte
			binary.BigEndian.PutUint64(six[8:], uint64(raw[0])|0x0000ffff7f000000)
			a.Records = append(a.Records, record.Record{Name: "x.example.", Type: "AAAA", Data: netip.AddrFrom16(six).String()})
		}
		v := z.Decode(a)
		if (v.State == Listed || v.State == Noted) != (len(v.Reasons) > 0) || len(v.Reasons) > maxReasons {
			t.Errorf("%s: %v with reasons %v", z, v.State, v.Reasons)
		}
		for _, r := range v.Reasons {
			if !listRange.Contains(r.Answer) || errorRange.Contains(r.Answer) {
				t.Errorf("%s: %v counts as a listing", z, r.Answer)
			}
		}
		if v.String() == "" {
			t.Error("no words")
		}
	})
}

func FuzzQuestion(f *testing.F) {
	f.Add([]byte{192, 0, 2, 25}, "example.org")
	f.Add([]byte("0"), ".\\")
	f.Add(netip.MustParseAddr("2001:db8::25").AsSlice(), "a..b")
	f.Add(netip.MustParseAddr("::ffff:7f00:2").AsSlice(), "192.0.2.1")
	f.Fuzz(func(t *testing.T, raw []byte, name string) {
		addr, _ := netip.AddrFromSlice(raw)
		for _, z := range All() {
			if q, ok := z.Question(Address(addr)); ok {
				want := 4
				if addr.Unmap().Is6() {
					want = 32
				}
				labels, within := strings.CutSuffix(q.Name, "."+z.Name)
				if n := len(record.Labels(labels)); !within || n != want || z.Families&(IPv4|IPv6) == 0 {
					t.Errorf("%s about %s: %s", z, addr, q.Name)
				}
			}
			if q, ok := z.Question(Name(name)); ok && (z.Families&Domain == 0 || !record.Within(q.Name, z.Name) || len(q.Name) > 254) {
				t.Errorf("%s about %q: %s", z, name, q.Name)
			}
		}
	})
}
