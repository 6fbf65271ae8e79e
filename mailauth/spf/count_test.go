package spf

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// world makes a zone of lines "name TYPE data"; "name SERVFAIL" breaks a name.
func world(t *testing.T, lines string) testZone {
	t.Helper()
	z := testZone{map[resolve.Question][]record.Record{}, map[string]bool{}, map[string]resolve.Kind{}, map[string]string{}}
	for line := range strings.Lines(lines) {
		name, rest, ok := strings.Cut(strings.TrimSpace(line), " ")
		if !ok {
			continue
		}
		owner := record.Canonical(name)
		z.names[owner] = true
		typ, data, _ := strings.Cut(rest, " ")
		if typ == "SERVFAIL" {
			z.broken[owner] = resolve.ServFail
			continue
		}
		if typ == "MX" {
			data = "10 " + record.Canonical(data)
		}
		q := resolve.Ask(owner, typ)
		z.records[q] = append(z.records[q], record.Record{Name: owner, Type: typ, Data: data})
	}
	return z
}

// asked counts questions.
type asked struct {
	resolve.Resolver
	mu    sync.Mutex
	times map[resolve.Question]int
}

func (a *asked) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	a.mu.Lock()
	a.times[q]++
	a.mu.Unlock()
	return a.Resolver.Resolve(ctx, q)
}

func count(t *testing.T, lines string) (*Tree, *asked) {
	t.Helper()
	z := &asked{Resolver: world(t, lines), times: map[resolve.Question]int{}}
	rec := z.Resolver.(testZone).records[resolve.Ask("org.example", "TXT")]
	if len(rec) != 1 {
		t.Fatal("no record at org.example")
	}
	return Count(t.Context(), z, "org.example", must(t, rec[0].Data)), z
}

func TestCount(t *testing.T) {
	for _, c := range []struct {
		name, zone                    string
		lookups, voids, voids4, void6 int
		bound                         bool
	}{
		{"nothing", "org.example TXT v=spf1 ip4:192.0.2.1 -all", 0, 0, 0, 0, false},
		{"behind all", "org.example TXT v=spf1 ip4:192.0.2.1 -all a mx redirect=x.example", 0, 0, 0, 0, false},
		{"include twice counts twice", "org.example TXT v=spf1 include:i.example include:i.example -all\ni.example TXT v=spf1 mx:m.example -all\nm.example MX h.m.example\nh.m.example A 192.0.2.1\nh.m.example AAAA 2001:db8::1",
			4, 0, 0, 0, false},
		{"all inside an include ends only the include", "org.example TXT v=spf1 include:i.example a:h.example -all\ni.example TXT v=spf1 ?all mx\nh.example A 192.0.2.1\nh.example AAAA 2001:db8::1", 2, 0, 0, 0, false},
		{"redirect", "org.example TXT v=spf1 redirect=r.example\nr.example TXT v=spf1 exists:e.example -all\ne.example A 127.0.0.2", 2, 0, 0, 0, false},
		{"voids by family", "org.example TXT v=spf1 a:four.example a:six.example a:none.example a:text.example -all\nfour.example A 192.0.2.1\nsix.example AAAA 2001:db8::1\ntext.example TXT x", 4, 2, 3, 3, false},
		{"macro in include", "org.example TXT v=spf1 include:%{i}.x.example -all", 1, 0, 0, 0, true},
		{"macro in exists", "org.example TXT v=spf1 exists:%{i}.x.example -all", 1, 0, 0, 0, false},
		{"static macro", "org.example TXT v=spf1 include:%{d}.i.example -all\norg.example.i.example TXT v=spf1 include:%{o}.%{d2r}.j.example -all\norg.example.example.org.j.example TXT v=spf1 -all", 2, 0, 0, 0, false},
		{"servfail", "org.example TXT v=spf1 include:x.example a:y.example -all\nx.example SERVFAIL\ny.example SERVFAIL", 2, 0, 0, 0, true},
		{"include of nothing", "org.example TXT v=spf1 include:x.example -all", 1, 0, 0, 0, false},
		{"ptr", "org.example TXT v=spf1 ptr ptr:nowhere.example -all", 2, 0, 0, 0, false},
		{"null mx", "org.example TXT v=spf1 mx -all\norg.example MX .", 1, 0, 0, 0, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			tree, z := count(t, c.zone)
			got := fmt.Sprint(tree.Lookups, tree.Voids, tree.Voids4, tree.Voids6, tree.LowerBound)
			if want := fmt.Sprint(c.lookups, c.voids, c.voids4, c.void6, c.bound); got != want {
				t.Errorf("lookups, voids, voids4, voids6, lower bound = %s, want %s", got, want)
			}
			for q, n := range z.times {
				if n > 1 {
					t.Errorf("%s was asked %d times", q, n)
				}
			}
		})
	}
}

func TestCountStates(t *testing.T) {
	tree, _ := count(t, `org.example TXT v=spf1 include:gone.example include:text.example include:two.example include:broken.example a:%{h} mx:many.example a:a..%{d} include:org.example -all
text.example TXT hello
two.example TXT v=spf1 -all
two.example TXT v=spf1 ~all
broken.example TXT v=spf1 moo -all
`+strings.Repeat("many.example MX h.example\n", 11))
	var states []State
	var used []int
	for _, n := range tree.Root.Children {
		states, used = append(states, n.State), append(used, n.Used)
	}
	want := []State{NoName, NoRecord, Several, Broken, Varies, Empty, Unaskable, Loop}
	if !slices.Equal(states, want) {
		t.Errorf("states %v, want %v", states, want)
	}
	if !slices.Equal(used, []int{1, 2, 3, 4, 5, 6, 7, 8}) {
		t.Errorf("used %v", used)
	}
	if n := tree.Root.Children[5]; n.MXCount != 11 || n.String() != "mx:many.example costs 1" {
		t.Errorf("%s, %d MX records", n, n.MXCount)
	}
}

func TestCountCycles(t *testing.T) {
	tree, _ := count(t, `org.example TXT v=spf1 include:a.example include:b.example include:self.example -all
a.example TXT v=spf1 include:b.example -all
b.example TXT v=spf1 include:a.example -all
self.example TXT v=spf1 redirect=self.example`)
	var loops []string
	for _, c := range tree.Cycles {
		loops = append(loops, fmt.Sprint(c, c.Redirects()))
	}
	want := []string{"a.example -> b.example -> a.example false", "self.example -> self.example true"}
	if !slices.Equal(loops, want) {
		t.Errorf("cycles %q, want %q", loops, want)
	}
	if !tree.LowerBound {
		t.Error("a loop has no count, so what was counted is a lower bound")
	}
}

// A record that fans out without end is counted in bounded time and questions.
func TestCountBounded(t *testing.T) {
	fan := resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
		a := resolve.Answer{Question: q, Exists: true}
		if q.Type == "TXT" {
			txt := Version
			for i := range 50 {
				txt += fmt.Sprintf(" include:x%d.%%{d3}.example a:y%d.%%{d2}", i, i)
			}
			a.Records = []record.Record{record.TXT(q.Name, txt)}
		}
		return a, nil
	})
	z := &asked{Resolver: fan, times: map[resolve.Question]int{}}
	tree := Count(t.Context(), z, "org.example", must(t, "v=spf1 include:a.example include:b.example"))
	if len(z.times) > MaxAsked {
		t.Errorf("%d questions, the bound is %d", len(z.times), MaxAsked)
	}
	if tree.Lookups <= MaxLookups || !tree.LowerBound {
		t.Errorf("%d lookups, lower bound %v", tree.Lookups, tree.LowerBound)
	}
}

// Siblings are asked at the same time, children as soon as their record is there.
func TestCountParallel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		zone := world(t, `a.example TXT v=spf1 include:aa.example -all
b.example TXT v=spf1 include:bb.example -all
aa.example TXT v=spf1 mx:m.example -all
bb.example TXT v=spf1 a:m.example -all
m.example MX h.example
h.example A 192.0.2.1`)
		slow := resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
			time.Sleep(20 * time.Millisecond)
			return zone.Resolve(ctx, q)
		})
		start := time.Now()
		Count(t.Context(), slow, "org.example", must(t, "v=spf1 include:a.example include:b.example a:m.example -all"))
		// a.example, aa.example, the MX set, the host's addresses
		if took := time.Since(start); took != 80*time.Millisecond {
			t.Errorf("took %s, want four questions after one another", took)
		}
	})
}
