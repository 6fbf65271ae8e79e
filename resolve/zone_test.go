package resolve

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// world reads one record a line: owner, type, data.
func world(t testing.TB, lines ...string) []record.Record {
	t.Helper()
	var records []record.Record
	for _, line := range lines {
		f := strings.SplitN(line, " ", 3)
		if len(f) != 3 {
			t.Fatalf("no record: %q", line)
		}
		records = append(records, record.Record{Name: record.Canonical(f[0]), Type: f[1], TTL: 300, Data: f[2]})
	}
	return records
}

// said is the outcome of a question in one line.
func said(ans Answer, err error) string {
	if err != nil {
		return err.Error()
	}
	return strings.ReplaceAll(ans.String(), "\n", " | ")
}

func TestZone(t *testing.T) {
	z := NewZone(world(t,
		"example.org SOA ns.example.org. hostmaster.example.org. 1 7200 3600 1209600 60",
		"example.org TXT v=spf1 -all",
		"example.org TXT v=spf1 -all",
		"example.org TXT other",
		"www.example.org CNAME host.example.org.",
		"host.example.org A 192.0.2.1",
		"a.b.c.example.org A 192.0.2.2",
		"*.wild.example.org TXT wild",
		"*.wild.example.org MX 10 mx.example.net.",
		"there.wild.example.org A 192.0.2.3",
		"x.ent.wild.example.org A 192.0.2.4",
		"*.cn.example.org CNAME host.example.org.",
		"loop.example.org CNAME pool.example.org.",
		"pool.example.org CNAME loop.example.org.",
		"self.example.org CNAME self.example.org.",
		"dangling.example.org CNAME nowhere.example.net.",
		"void.example.org CNAME example.org.",
		"both.example.org CNAME host.example.org.",
		"both.example.org TXT hidden",
		"old.example.org DNAME new.example.org.",
		"m.new.example.org A 192.0.2.5",
		"odd.example.org TYPE65280 \\# 2 abcd",
		`esc\.aped.example.org A 192.0.2.6`,
	))
	tests := []struct{ q, want string }{
		{"TXT example.org", "v=spf1 -all | other"},
		{"txt EXAMPLE.org.", "v=spf1 -all | other"},
		{"MX example.org", "no MX record"},
		{"A nosuch.example.org", "NXDOMAIN"},
		{"A www.example.org", "CNAME host.example.org | 192.0.2.1"},
		{"CNAME www.example.org", "host.example.org."},
		{"CNAME host.example.org", "no CNAME record"},
		{"A b.c.example.org", "no A record"}, // empty non-terminal
		{"A c.example.org", "no A record"},
		{"A d.c.example.org", "NXDOMAIN"},
		{"A org", "no A record"},
		{"NS .", "no NS record"},
		{"A net", "NXDOMAIN"},
		// RFC 4592, 2.2.1 and 3.3.1: a wildcard answers only below its closest encloser.
		{"TXT any.wild.example.org", "wild"},
		{"TXT deep.any.wild.example.org", "wild"},
		{"A any.wild.example.org", "no A record"},
		{"TXT there.wild.example.org", "no TXT record"},
		{"TXT below.there.wild.example.org", "NXDOMAIN"},
		{"TXT ent.wild.example.org", "no TXT record"},
		{"TXT y.ent.wild.example.org", "NXDOMAIN"},
		{"TXT *.wild.example.org", "wild"},
		{"TXT wild.example.org", "no TXT record"},
		{"A z.cn.example.org", "CNAME host.example.org | 192.0.2.1"},
		{"A loop.example.org", "A loop.example.org: CNAME chain too long or looping"},
		{"A self.example.org", "A self.example.org: CNAME chain too long or looping"},
		{"A dangling.example.org", "CNAME nowhere.example.net | NXDOMAIN"},
		{"A void.example.org", "CNAME example.org | no A record"},
		{"TXT both.example.org", "CNAME host.example.org | no TXT record"},
		{"A m.old.example.org", "CNAME m.new.example.org | 192.0.2.5"},
		{"CNAME m.old.example.org", "m.new.example.org."},
		{"A n.old.example.org", "CNAME n.new.example.org | NXDOMAIN"},
		{"A old.example.org", "no A record"},
		{"TYPE65280 odd.example.org", "\\# 2 abcd"},
		{`A esc\.aped.example.org`, "192.0.2.6"},
		{"A aped.example.org", "NXDOMAIN"},
		{"A a..example.org", "A a..example.org: not a name the DNS can hold (it has an empty label)"},
		{"NOSUCH example.org", "NOSUCH example.org: not a name the DNS can hold (no such record type)"},
		{"ANY example.org", "ANY example.org: not a name the DNS can hold (no such record type)"},
	}
	for _, tt := range tests {
		typ, name, _ := strings.Cut(tt.q, " ")
		if got := said(z.Resolve(t.Context(), Question{Name: name, Type: typ})); got != tt.want {
			t.Errorf("%s\n got %s\nwant %s", tt.q, got, tt.want)
		}
	}
}

func TestZoneOwnerAndTTL(t *testing.T) {
	z := NewZone(world(t,
		"example.org SOA ns.example.org. h.example.org. 1 7200 3600 1209600 60",
		"*.example.org A 192.0.2.1",
		"www.example.org CNAME a.example.org.",
	))
	ans, err := z.Resolve(t.Context(), Ask("www.example.org", "A"))
	if err != nil {
		t.Fatal(err)
	}
	if got := ans.Records[0].Name; got != "a.example.org." {
		t.Errorf("synthesised owner %s", got)
	}
	if ans.TTL != 300*time.Second {
		t.Errorf("TTL %v", ans.TTL)
	}
	if z.Records()[1].Name != "*.example.org." {
		t.Error("an answer changed the zone")
	}
	ans, _ = z.Resolve(t.Context(), Ask("www.example.org", "MX"))
	if ans.TTL != 60*time.Second {
		t.Errorf("negative TTL %v, want the SOA's minimum (RFC 2308, 5)", ans.TTL)
	}
	ans, _ = z.Resolve(t.Context(), Ask("example.net", "MX"))
	if ans.TTL != negativeTTL || ans.Authoritative {
		t.Errorf("no SOA: %+v", ans)
	}
	ans, _ = z.Resolve(t.Context(), Question{Name: "example.org.", Type: "SOA", At: "192.0.2.53"})
	if !ans.Authoritative || len(ans.Records) != 1 {
		t.Errorf("asked itself: %+v", ans)
	}
	if !z.Exists("org") || z.Exists("a.example.org") {
		t.Error("Exists")
	}
	if soa, ok := z.SOA("a.b.example.org"); !ok || soa.Name != "example.org." {
		t.Error("SOA", soa)
	}
	if _, ok := z.SOA("example.net"); ok {
		t.Error("SOA of nobody")
	}
}

func TestZoneChainLimit(t *testing.T) {
	var lines []string
	for i := range maxChain + 1 {
		lines = append(lines, fmt.Sprintf("c%d.example.org CNAME c%d.example.org.", i, i+1))
	}
	lines = append(lines, fmt.Sprintf("c%d.example.org A 192.0.2.1", maxChain+1))
	z := NewZone(world(t, lines...))
	if _, err := z.Resolve(t.Context(), Ask("c0.example.org", "A")); KindOf(err) != Chain {
		t.Errorf("nine CNAMEs: %v", err)
	}
	if ans, err := z.Resolve(t.Context(), Ask("c1.example.org", "A")); err != nil || len(ans.Chain) != maxChain {
		t.Errorf("eight CNAMEs: %v", err)
	}
}

func TestZoneCanceled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := NewZone(nil).Resolve(ctx, Ask("example.org", "A")); KindOf(err) != Canceled {
		t.Error(err)
	}
}

func TestNameFault(t *testing.T) {
	l63 := strings.Repeat("a", 63)
	long := strings.Join([]string{l63, l63, l63, strings.Repeat("b", 61)}, ".") + "."
	tests := []struct{ name, want string }{
		{".", ""},
		{"example.org.", ""},
		{l63 + ".org.", ""},
		{l63 + "a.org.", "a label of it is longer than 63 octets"},
		{strings.Repeat(`\255`, 63) + ".org.", ""},
		{strings.Repeat(`\255`, 64) + ".org.", "a label of it is longer than 63 octets"},
		{long, ""}, // 255 octets on the wire
		{"x" + long[1:len(long)-1] + "b.", "it is longer than 255 octets"},
		{".org.", "it has an empty label"},
		{"a..org.", "it has an empty label"},
		{`a\.b.org.`, ""},
		{`a\25.org.`, "it has a broken escape"},
		{`a\256.org.`, "it has a broken escape"},
	}
	for _, tt := range tests {
		if got := nameFault(tt.name); got != tt.want {
			t.Errorf("%q: %q, want %q", tt.name, got, tt.want)
		}
	}
}

func FuzzZone(f *testing.F) {
	f.Add("a CNAME b.\nb CNAME a.\n*.c DNAME c.", "a", "A")
	f.Add("* CNAME x.*.\n. DNAME a.", "q.w.e", "TXT")
	f.Add(`a\ A 192.0.2.1`, `\`, "A")
	f.Fuzz(func(t *testing.T, text, name, typ string) {
		var records []record.Record
		for line := range strings.Lines(text) {
			if p := strings.SplitN(strings.TrimSpace(line), " ", 3); len(p) == 3 && len(records) < 50 {
				records = append(records, record.Record{Name: p[0], Type: p[1], Data: p[2]})
			}
		}
		ans, err := NewZone(records).Resolve(t.Context(), Question{Name: name, Type: typ})
		switch {
		case err != nil && KindOf(err) == 0:
			t.Errorf("an error that is no *Error: %v", err)
		case err == nil && len(ans.Chain) > maxChain:
			t.Errorf("a chain of %d", len(ans.Chain))
		case err == nil && !ans.Exists && len(ans.Records) > 0:
			t.Errorf("records of a name that does not exist: %v", ans)
		}
	})
}
