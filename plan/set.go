package plan

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Set is all records of one type at one name, sorted.
type Set struct {
	Name, Type string
	Records    []record.Record
}

// Hash is SHA-256 over what the set holds, in hexadecimal. TTLs, the order and
// records that are there twice do not count.
func (s Set) Hash() string {
	h := sha256.New()
	fmt.Fprintf(h, "%s %s\n", s.Name, s.Type)
	for _, c := range contents(s.Records) {
		fmt.Fprintf(h, "%d:%s\n", len(c), c) // the length tells where an entry ends, whatever is in it
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Stale returns the sets of the plan's basis that are not any more as they were,
// as they are now. A plan that is stale must not be carried out.
func (p Plan) Stale(current []record.Record) []Set {
	now := index(current)
	var stale []Set
	for _, was := range p.Basis {
		s := Set{was.Name, was.Type, record.Sorted(now[key{was.Name, was.Type}])}
		if s.Hash() != was.Hash() {
			stale = append(stale, s)
		}
	}
	return stale
}

// A key is the name and type of a set.
type key struct{ name, typ string }

// index is records by set.
func index(records []record.Record) map[key][]record.Record {
	sets := make(map[key][]record.Record)
	for _, r := range records {
		k := key{r.Name, r.Type}
		sets[k] = append(sets[k], r)
	}
	return sets
}

// content is by what two records of a set are the same: the data, in which the
// case of hexadecimal digits does not count.
func content(r record.Record) string {
	switch r.Type {
	case "TLSA", "SMIMEA", "SSHFP", "DS":
		return strings.ToLower(r.Data)
	}
	return r.Data
}

// contents are those of records, sorted, each once.
func contents(records []record.Record) []string {
	list := make([]string, len(records))
	for i, r := range records {
		list[i] = content(r)
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// same reports whether two lists hold the same, TTLs aside.
func same(a, b []record.Record) bool { return slices.Equal(contents(a), contents(b)) }

// distinct is records without those that are there already, sorted.
func distinct(records []record.Record) []record.Record {
	sorted := record.Sorted(records)
	return slices.CompactFunc(sorted, func(a, b record.Record) bool { return content(a) == content(b) })
}

// lowest is the lowest TTL of records; 0 if there are none.
func lowest(records []record.Record) uint32 {
	if len(records) == 0 {
		return 0
	}
	return slices.MinFunc(records, func(a, b record.Record) int { return int(int64(a.TTL) - int64(b.TTL)) }).TTL
}

// withTTL is a copy of records with another TTL.
func withTTL(records []record.Record, ttl uint32) []record.Record {
	list := slices.Clone(records)
	for i := range list {
		list[i].TTL = ttl
	}
	return list
}

// held is those of records that stand in a slot.
func held(slot record.Slot, records []record.Record) []record.Record {
	var list []record.Record
	for _, r := range records {
		if slot.Holds(r) {
			list = append(list, r)
		}
	}
	return list
}
