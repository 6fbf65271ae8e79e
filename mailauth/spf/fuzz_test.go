package spf

import (
	"context"
	"hash/fnv"
	"net/netip"
	"sync/atomic"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

var seeds = []string{
	"v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 include:a.example a mx/24//64 ptr:b.example exists:%{ir}.%{l1r-}.c.example ~all",
	"v=spf1 redirect=%{d2}.example exp=e.example x=%{s}", "v=spf1 ip4:1.2.3.4~all", "v=spf1 include:a.example-all mx -all ?all",
	"v=spf1 a:x/24/64 ip4:1.2.3.4/033 -a//129 moo", "v=spf1 \x80 mx\t-all", "V=SPF1   ", "v=spf1 +mx+mx+mx-all", "v=spf1 %{", "v=spf1 =all -",
	"v=spf1 ip6:::ffff:192.0.2.1/97 ip6:fe80::1%eth0", "v =spf10", "v=spf1 include:org.example include:a.example include:b.example",
}

func FuzzParse(f *testing.F) {
	for _, s := range seeds {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, txt string) {
		r, problems := Parse(txt)
		once := r.String()
		again, _ := Parse(once)
		if again.String() != once {
			t.Errorf("%q: %q becomes %q", txt, once, again)
		}
		for _, p := range problems {
			if p.Term >= 0 && (p.Offset < 0 || p.Length < 1 || p.Offset+p.Length > len(txt)) {
				t.Errorf("%q: problem %+v lies outside", txt, p)
			}
			if p.Term >= len(r.Terms) || p.Text == "" {
				t.Errorf("%q: problem %+v", txt, p)
			}
		}
		repaired, _ := Repair(txt)
		built := []Record{r.Tidy(), repaired, r.WithInclude("a.example"), r.WithIP(netip.MustParseAddr("192.0.2.1")), r.WithAll(Minus), Merge(r, Deny())}
		for _, b := range built {
			if _, problems := Parse(b.String()); len(Fatal(problems)) > 0 {
				t.Errorf("%q: built an invalid record %q: %v", txt, b, problems)
			}
		}
		if meant, _, ok := NearMiss(txt); ok && !IsSPF(meant) {
			t.Errorf("NearMiss(%q) means %q", txt, meant)
		}
	})
}

// FuzzEvaluate throws one record at every name of a world whose other answers
// follow from the names.
func FuzzEvaluate(f *testing.F) {
	for _, s := range seeds {
		f.Add(s, "bob@org.example", []byte{192, 0, 2, 1})
		f.Add(s, "@", []byte{0x20, 1, 0xd, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1})
	}
	f.Fuzz(func(t *testing.T, txt, sender string, ip []byte) {
		addr, ok := netip.AddrFromSlice(ip)
		if !ok {
			return
		}
		var questions atomic.Int64
		world := resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
			questions.Add(1)
			return synthetic(q, txt)
		})
		got := Evaluate(t.Context(), world, Params{IP: addr, Sender: sender, HELO: "h.example", Domain: "org.example", Now: time.Unix(1, 0)})
		if n := questions.Load(); n > MaxQuestions {
			t.Errorf("%d questions, the bound is %d", n, MaxQuestions)
		}
		if got.Lookups > MaxLookups+1 || got.Voids > MaxVoids+1 || got.Code == "" {
			t.Errorf("%+v", got)
		}
		_, _, _ = got.Decisive()
		_ = got.String()
		if rec, _ := Parse(txt); len(txt) < 2000 {
			questions.Store(0)
			tree := Count(t.Context(), world, "org.example", rec)
			if n := questions.Load(); n > MaxAsked {
				t.Errorf("count: %d questions, the bound is %d", n, MaxAsked)
			}
			sum := 0
			for n := range tree.Root.All() {
				sum += n.Cost
			}
			if sum != tree.Lookups {
				t.Errorf("nodes cost %d, the tree %d", sum, tree.Lookups)
			}
		}
	})
}

func synthetic(q resolve.Question, txt string) (resolve.Answer, error) {
	h := fnv.New32()
	h.Write([]byte(q.Name + q.Type))
	n := h.Sum32()
	a := resolve.Answer{Question: q, Exists: n%5 != 0}
	if n%7 == 0 && q.Name != "org.example." {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.ServFail}
	}
	put := func(data string) {
		a.Exists = true
		a.Records = append(a.Records, record.Record{Name: q.Name, Type: q.Type, Data: data})
	}
	switch {
	case q.Type == "TXT" && (n%3 != 0 || q.Name == "org.example."):
		put(txt)
	case q.Type == "A" && n%3 == 0:
		put("192.0.2.1")
	case q.Type == "AAAA" && n%3 == 0:
		put("2001:db8::1")
	case q.Type == "MX" || q.Type == "PTR":
		for i := range n % 13 {
			name := string(rune('a'+i)) + ".org.example."
			if q.Type == "MX" {
				name = "10 " + name
			}
			put(name)
		}
	}
	return a, nil
}
