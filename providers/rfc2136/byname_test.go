package rfc2136_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/providers/rfc2136/primary"
	"github.com/maildoctor/maildoctor/record"
)

// wild is a zone in which wildcards answer for much that is not there.
func wild() []record.Record {
	r := func(name, typ, data string) record.Record {
		return record.Record{Name: name + "." + zone, Type: typ, TTL: 300, Data: data}
	}
	return append(small(),
		r("*", "TXT", "w"),
		r("real", "TXT", "w"),
		r("other", "TXT", "v"),
		r("address", "A", "192.0.2.1"),
		r("child.ent", "TXT", "w"),
		r("deep", "TXT", "w"), r("*.deep", "TXT", "of its own"),
		r("*.www", "A", "192.0.2.1"), r("www", "A", "192.0.2.1"),
		r("*.c", "CNAME", "target.example.net."), r("real.c", "CNAME", "target.example.net."), r("other.c", "CNAME", "example.net."),
		r("*.mx", "MX", "10 mail.example.net."), r("*.mx", "TXT", "w"), r("part.mx", "MX", "10 mail.example.net."),
		r("cut", "NS", "ns.example.net."),
	)
}

// asked are names of that zone, there and not.
var asked = []string{
	"*", "real", "other", "none", "no.ne", "address", "x.address", "ent", "child.ent", "other.ent", "deep", "x.deep", "*.deep", "x.y.deep",
	"www", "*.www", "x.www", "c", "*.c", "real.c", "other.c", "none.c", "mx", "*.mx", "part.mx", "none.mx", "*.real", "*.none",
}

// holdsByName reads names one by one, and compares with what is there.
func holdsByName(t *testing.T, s *service) {
	to, err := s.Open(t.Context(), zone)
	if err != nil || to.Traits().Whole {
		t.Fatalf("%v, %+v", err, to.Traits())
	}
	all := s.Records(t)
	for _, label := range asked {
		name := label + "." + zone
		reading, err := to.Read(t.Context(), []string{name})
		if err != nil {
			t.Fatal(err)
		}
		at := func(list []record.Record) []record.Record {
			return slices.DeleteFunc(record.Sorted(list), func(r record.Record) bool { return r.Name != name })
		}
		if got, want := at(reading.Records), at(all); !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", label, got, want)
		}
		for _, r := range reading.Records {
			if !slices.Contains(all, r) {
				t.Errorf("%s: %v is not there", label, r)
			}
		}
		for above := record.Parent(name); record.Within(above, zone); above = record.Parent(above) {
			for _, r := range all {
				if r.Name == "*."+above && !slices.Contains(reading.Records, r) {
					t.Errorf("%s: the wildcard %v is not read", label, r)
				}
			}
		}
		if !slices.ContainsFunc(reading.Records, func(r record.Record) bool { return r.Type == "SOA" }) {
			t.Errorf("%s: no SOA record", label)
		}
	}
	for _, below := range []string{"cut.", "x.cut."} {
		if reading, err := to.Read(t.Context(), []string{below + zone}); err == nil || !strings.Contains(err.Error(), "delegates cut.example.org") {
			t.Errorf("%s: %v, %v", below, reading, err)
		}
	}
}

func TestByName(t *testing.T) {
	holdsByName(t, servePrimary(t, zone, wild(), rights["by name"]))
}

// What is read by name is what is there, whatever wildcards there are.
func TestByNameRandom(t *testing.T) {
	for seed := range uint64(12) {
		g := rand.New(rand.NewPCG(seed, 0))
		name := func() string {
			labels := []string{zone}
			for range 1 + g.IntN(3) {
				labels = append([]string{[]string{"*", "a", "b", "*"}[g.IntN(4)]}, labels...)
			}
			return strings.Join(labels, ".")
		}
		records := small()
		for i := range 10 {
			data := fmt.Sprint("of its own ", i)
			if g.IntN(4) == 0 && i < 2 {
				data = "the same" // of a name and one wildcard at most: see synthesised
			}
			records = append(records, record.Record{Name: name(), Type: "TXT", TTL: 300, Data: data})
		}
		s := servePrimary(t, zone, records, map[string]primary.Rights{owner: {}})
		to, err := s.Open(t.Context(), zone)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for range 20 {
			names = append(names, name())
		}
		reading, err := to.Read(t.Context(), names)
		if err != nil {
			t.Fatal(err)
		}
		at := func(list []record.Record) []record.Record {
			return slices.DeleteFunc(record.Sorted(list), func(r record.Record) bool { return !slices.Contains(names, r.Name) })
		}
		if got, want := at(reading.Records), at(s.Records(t)); !slices.Equal(got, want) {
			t.Errorf("seed %d: got %v\nwant %v", seed, got, want)
		}
	}
}
