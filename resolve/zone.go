package resolve

import (
	"context"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A Zone answers from a set of records: a small world, of one zone or many. All
// names that stand in it exist, and the names between them and the root
// (empty non-terminals, RFC 8020, 2); every other name does not. It holds CNAME,
// DNAME and wildcard semantics and answers a Question.At with authority,
// whatever the server: delegations are only data to it.
//
// A Zone does not change, so it may be asked by many at once.
type Zone struct {
	nodes map[string]node
	all   []record.Record
}

// node is the RRsets of one name by type; empty for an empty non-terminal.
type node map[string][]record.Record

// negativeTTL is how long "no" is good for where no SOA says so.
const negativeTTL = 5 * time.Minute

// NewZone returns the zone that holds records, in their order within a name
// and type. A record that is there twice counts once (RFC 2181, 5).
func NewZone(records []record.Record) *Zone {
	z := &Zone{nodes: map[string]node{".": nil}}
	type key struct{ name, typ, data string }
	seen := make(map[key]bool, len(records))
	for _, r := range records {
		r.Name = record.Canonical(r.Name)
		r.Type = strings.ToUpper(r.Type)
		k := key{r.Name, r.Type, r.Data}
		if seen[k] {
			continue
		}
		seen[k] = true
		z.all = append(z.all, r)
		z.add(r)
	}
	return z
}

func (z *Zone) add(r record.Record) {
	n := z.nodes[r.Name]
	if n == nil {
		n = node{}
		z.nodes[r.Name] = n
	}
	n[r.Type] = append(n[r.Type], r)
	for name := record.Parent(r.Name); ; name = record.Parent(name) {
		if _, ok := z.nodes[name]; ok {
			return
		}
		z.nodes[name] = nil
	}
}

// Records returns the records the zone was made of, without repeats. The
// caller does not change them.
func (z *Zone) Records() []record.Record { return z.all }

// Exists reports whether name stands in the zone as it is: as the owner of
// records or as an empty non-terminal. A name that only a wildcard answers for
// does not.
func (z *Zone) Exists(name string) bool {
	_, ok := z.nodes[record.Canonical(name)]
	return ok
}

// SOA returns the start of authority of the zone that name belongs to: that of
// the nearest name at or above it which has one.
func (z *Zone) SOA(name string) (record.Record, bool) {
	for name = record.Canonical(name); ; name = record.Parent(name) {
		if set := z.nodes[name]["SOA"]; len(set) > 0 {
			return set[0], true
		}
		if name == "." {
			return record.Record{}, false
		}
	}
}

// Resolve answers q from the zone. Its errors are Chain (a CNAME loop, or more
// than eight CNAMEs), Invalid, Malformed (a DNAME that makes a name too long) and Canceled.
func (z *Zone) Resolve(ctx context.Context, q Question) (Answer, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return Answer{}, fault
	}
	ans := Answer{Question: q, Exists: true, Authoritative: q.At != "", Server: "zone"}
	name := q.Name
	for {
		n, exists := z.find(name)
		cname, overlong := z.alias(name, n)
		switch {
		case overlong:
			// RFC 6672, 2.2: the substitution fails with YXDOMAIN.
			return Answer{}, &Error{Question: q, Kind: Malformed, Detail: "YXDOMAIN"}
		case cname == nil || q.Type == "CNAME":
			ans.Exists = exists || cname != nil
			ans.Records = owned(n[q.Type], name)
			if cname != nil && len(ans.Records) == 0 {
				ans.Records = []record.Record{*cname}
			}
			ans.TTL = z.ttl(ans, name)
			return ans, nil
		}
		// RFC 1034, 4.3.2, step 3a: the CNAME comes before what stands beside it.
		target := record.Canonical(cname.Data)
		if len(ans.Chain) == maxChain || met(ans, target) {
			return Answer{}, &Error{Question: q, Kind: Chain}
		}
		cname.Data = target
		ans.Chain = append(ans.Chain, *cname)
		name = target
	}
}

// met reports whether name was passed already, so that going there is a loop.
func met(ans Answer, name string) bool {
	if name == ans.Question.Name {
		return true
	}
	for _, c := range ans.Chain {
		if c.Data == name {
			return true
		}
	}
	return false
}

// find returns the node that answers for name, which may be that of a wildcard
// (RFC 4592, 3.3.1), and whether the name exists.
func (z *Zone) find(name string) (node, bool) {
	if n, ok := z.nodes[name]; ok {
		return n, true
	}
	encloser := record.Parent(name)
	for !z.Exists(encloser) {
		encloser = record.Parent(encloser)
	}
	source := "*." + strings.TrimPrefix(encloser, ".")
	n, ok := z.nodes[source]
	return n, ok
}

// alias returns the CNAME that stands at name or that a DNAME above it makes
// (RFC 6672, 2.3); nil where there is neither.
func (z *Zone) alias(name string, n node) (cname *record.Record, overlong bool) {
	if set := n["CNAME"]; len(set) > 0 {
		c := owned(set[:1], name)[0]
		return &c, false
	}
	if name == "." {
		return nil, false
	}
	for above := record.Parent(name); ; above = record.Parent(above) {
		if set := z.nodes[above]["DNAME"]; len(set) > 0 {
			head := strings.TrimSuffix(name, strings.TrimPrefix(above, "."))
			target := record.Canonical(head + strings.TrimPrefix(record.Canonical(set[0].Data), "."))
			c := record.Record{Name: name, Type: "CNAME", TTL: set[0].TTL, Data: target}
			return &c, nameFault(target) != ""
		}
		if above == "." {
			return nil, false
		}
	}
}

// owned returns records as those of name: as they are, or copies where they
// come from a wildcard (RFC 4592, 3.3.2).
func owned(records []record.Record, name string) []record.Record {
	if len(records) == 0 || records[0].Name == name {
		return records
	}
	out := make([]record.Record, len(records))
	for i, r := range records {
		r.Name = name
		out[i] = r
	}
	return out
}

// ttl is the least TTL of what the answer holds. For a void answer the
// negative TTL counts too: the SOA's own or its last field, whichever is less
// (RFC 2308, 5).
func (z *Zone) ttl(ans Answer, end string) time.Duration {
	least := leastTTL(ans.Chain, ans.Records)
	if !ans.Void() {
		return least
	}
	negative := negativeTTL
	if soa, ok := z.SOA(end); ok {
		negative = soaTTL(soa)
	}
	if len(ans.Chain) > 0 {
		return min(least, negative)
	}
	return negative
}
