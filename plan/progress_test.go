package plan

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/record"
)

// half is a plan of four changes: a replacement beside a neighbour, a set, a
// removal, and a TTL, in the order MX, TXT, A, TXT.
func half(t testing.TB) (before []record.Record, p Plan) {
	before = []record.Record{
		txt(300, "v=spf1 a -all"), txt(300, "neighbour=1"),
		rr(zone, "MX", 300, "10 mail.example.org."),
		rr("old.example.org.", "A", 300, "192.0.2.1"),
		rr("ttl.example.org.", "TXT", 300, "stays"),
		rr("other.example.org.", "TXT", 300, "is not in the plan"),
	}
	p, conflicts := Make(before, []Wish{
		wish("a", record.SPF(zone), txt(0, "v=spf1 mx -all")),
		wish("b", record.MXSet(zone), rr(zone, "MX", 0, "5 mx.example.org.")),
		wish("c", record.Slot{Name: "old.example.org.", Type: "A"}),
		wish("d", record.Slot{Name: "ttl.example.org.", Type: "TXT"}, rr("ttl.example.org.", "TXT", 60, "stays")),
	}, Given{Zone: zone, TTLs: true})
	if len(conflicts) > 0 || len(p.Changes) != 4 {
		t.Fatal(p, conflicts)
	}
	return before, p
}

// pick is the part of a plan with some changes.
func pick(p Plan, which ...int) Plan {
	part := Plan{Zone: p.Zone}
	for _, i := range which {
		part.Changes = append(part.Changes, p.Changes[i])
	}
	return part
}

func TestProgress(t *testing.T) {
	before, p := half(t)
	with := func(records []record.Record, more ...record.Record) []record.Record {
		return append(slices.Clone(records), more...)
	}
	without := func(records []record.Record, data string) []record.Record {
		return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return r.Data == data })
	}
	ttl := func(records []record.Record, ttl uint32) []record.Record { return withTTL(records, ttl) }
	tests := []struct {
		name    string
		current []record.Record
		want    string // done, todo and stale
	}{
		{"nothing is done", before, "[] [MX TXT A TXT] []"},
		{"all is done", p.Apply(before), "[MX TXT A TXT] [] []"},
		{"the MX set is done", pick(p, 0).Apply(before), "[MX] [TXT A TXT] []"},
		{"SPF is done, beside its neighbour", pick(p, 1).Apply(before), "[TXT] [MX A TXT] []"},
		{"what goes is gone", pick(p, 2).Apply(before), "[A] [MX TXT TXT] []"},
		{"the TTL is done", pick(p, 3).Apply(before), "[TXT] [MX TXT A] []"},
		{"another set changed", with(before, rr("other.example.org.", "TXT", 300, "more")), "[] [MX TXT A TXT] []"},
		{"a neighbour came", with(before, txt(300, "new=1")), "[] [MX TXT A TXT] [TXT example.org.]"},
		{"a neighbour came after all was done", with(p.Apply(before), txt(300, "new=1")), "[MX TXT A TXT] [] [TXT example.org.]"},
		{"a neighbour went", without(before, "neighbour=1"), "[] [MX TXT A TXT] [TXT example.org.]"},
		{"the slot is as nobody said", with(without(before, "v=spf1 a -all"), txt(300, "v=spf1 ~all")), "[] [MX TXT A TXT] [TXT example.org.]"},
		{"the slot is empty", without(before, "v=spf1 a -all"), "[] [MX TXT A TXT] [TXT example.org.]"},
		{"both are there", with(before, txt(300, "v=spf1 mx -all")), "[] [MX TXT A TXT] [TXT example.org.]"},
		{"half a set is there", with(before, rr(zone, "MX", 300, "5 mx.example.org.")), "[] [MX TXT A TXT] [MX example.org.]"},
		{"what goes came again, as another", with(without(before, "192.0.2.1"), rr("old.example.org.", "A", 300, "192.0.2.2")), "[] [MX TXT A TXT] [A old.example.org.]"},
		{"an alias came", with(before, rr("ttl.example.org.", "CNAME", 300, "x.example.")), "[] [MX TXT A TXT] [CNAME ttl.example.org.]"},
		{"the zone is empty", nil, "[A] [MX TXT TXT] [MX example.org. TXT example.org. TXT ttl.example.org.]"},
		{"TTLs of others do not count", ttl(before, 7), "[] [MX TXT A TXT] []"},
		{"the wished TTL everywhere", ttl(p.Apply(before), 60), "[MX TXT A TXT] [] []"},
		{"a record twice is a record once", with(before, before...), "[] [MX TXT A TXT] []"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			todo, done, stale := p.Progress(tt.current)
			types := func(list []Change) []string {
				names := []string{}
				for _, c := range list {
					names = append(names, c.Slot.Type)
				}
				return names
			}
			sets := []string{}
			for _, s := range stale {
				sets = append(sets, s.Type+" "+s.Name)
			}
			if got := fmt.Sprint(types(done), types(todo.Changes), sets); got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
			if s := todo.Stale(tt.current); len(s) > 0 {
				t.Errorf("what is left rests on another zone: %v", s)
			}
			if len(stale) > 0 {
				return
			}
			after := todo.Apply(tt.current)
			if again, _, stale := p.Progress(after); !again.Empty() || len(stale) > 0 {
				t.Errorf("after the rest is done there is more: %v %v", again.Changes, stale)
			}
			roundTrip(t, todo)
		})
	}
}

// TestProgressConcerns holds that concerns about what is done are over.
func TestProgressConcerns(t *testing.T) {
	before, p := half(t)
	p.Concerns = append([]Concern{{ID: "of the whole plan"}}, p.Concerns...)
	ids := func(p Plan) (list []string) {
		for _, c := range p.Concerns {
			list = append(list, c.ID)
		}
		return list
	}
	if got := ids(p); !slices.Equal(got, []string{"of the whole plan", "mx-replaced", "deletion"}) {
		t.Fatal(got)
	}
	todo, _, _ := p.Progress(pick(p, 0).Apply(before))
	if got := ids(todo); !slices.Equal(got, []string{"of the whole plan", "deletion"}) {
		t.Errorf("after MX: %v", got)
	}
	todo, _, _ = p.Progress(pick(p, 0, 2).Apply(before))
	if got := ids(todo); !slices.Equal(got, []string{"of the whole plan"}) {
		t.Errorf("after MX and A: %v", got)
	}
}

// TestProgressOfAnyPart carries out any part of a plan, in any order: what is done
// and what is left are told exactly, and it is never stale.
func TestProgressOfAnyPart(t *testing.T) {
	before, p := half(t)
	g := rand.New(rand.NewPCG(1, 1))
	for range 64 {
		n := g.IntN(len(p.Changes) + 1)
		which := g.Perm(len(p.Changes))[:n]
		current := slices.Clone(before)
		for _, i := range which {
			current = pick(p, i).Apply(current)
		}
		todo, done, stale := p.Progress(current)
		if len(done) != n || len(todo.Changes) != len(p.Changes)-n || len(stale) > 0 {
			t.Errorf("of %v: %d done, %d left, stale %v", which, len(done), len(todo.Changes), stale)
		}
		if got, want := record.Sorted(todo.Apply(current)), record.Sorted(p.Apply(before)); !slices.Equal(got, want) {
			t.Errorf("of %v: in the end\n%v\nwant\n%v", which, got, want)
		}
	}
}
