package rfc2136

import (
	"context"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// defaultTTL is the TTL in seconds of a set that had none and for which none is wished.
const defaultTTL = 3600

// A key is the name and type of a set.
type setKey struct{ name, typ string }

// sets returns the sets that a plan rests on as the server has them now.
func (p *Provider) sets(ctx context.Context, pl plan.Plan) ([]dns.RR, error) {
	wanted := make(map[setKey]bool)
	types := make(map[string][]string)
	var names []string
	for _, s := range pl.Basis {
		k := setKey{s.Name, s.Type}
		if !wanted[k] {
			types[s.Name] = append(types[s.Name], s.Type)
		}
		if wanted[k] = true; len(types[s.Name]) == 1 {
			names = append(names, s.Name)
		}
	}
	var all []dns.RR
	var err error
	if p.whole {
		all, err = p.transfer(ctx)
	} else {
		all, err = p.standing(ctx, names, func(name string) []string { return types[name] })
	}
	return slices.DeleteFunc(all, func(rr dns.RR) bool { return !wanted[keyOf(rr)] }), err
}

func keyOf(rr dns.RR) setKey {
	return setKey{canonicalName(rr.Header().Name), dns.Type(rr.Header().Rrtype).String()}
}

// update is the message that carries out a plan, if the sets it rests on are there
// (RFC 2136, 2).
func (p *Provider) update(pl plan.Plan, there []dns.RR) (*dns.Msg, error) {
	sets := make(map[setKey][]dns.RR)
	for _, rr := range there {
		sets[keyOf(rr)] = append(sets[keyOf(rr)], rr)
	}
	m := new(dns.Msg).SetUpdate(p.zone)
	m.Id = newID()
	m.Compress = true
	based := make(map[setKey]bool)
	for _, s := range pl.Basis {
		k := setKey{s.Name, s.Type}
		if based[k] {
			continue
		}
		based[k] = true
		if err := require(m, k, sets[k]); err != nil {
			return nil, err
		}
	}
	var deleted, added []dns.RR
	for k, changes := range bySet(pl.Changes) {
		if !based[k] {
			return nil, fmt.Errorf("the plan does not say what it rests on at %s", plan.Title(changes[0].Slot))
		}
		if !record.Within(k.name, p.zone) {
			return nil, fmt.Errorf("%s is not in the zone %s", record.Display(k.name), record.Display(p.zone))
		}
		del, add, err := difference(changes, sets[k])
		if err != nil {
			return nil, err
		}
		deleted, added = append(deleted, del...), append(added, add...)
	}
	// In this order: a CNAME is not added while something else stands at the name,
	// nor something else beside a CNAME (RFC 2136, 3.4.2.2).
	m.Remove(deleted)
	m.Insert(added)
	return m, nil
}

// require adds the prerequisite that a set is as it is: that it exists with just
// these records, octet for octet (RFC 2136, 2.4.2), or that there is none (2.4.3).
func require(m *dns.Msg, k setKey, set []dns.RR) error {
	typ, ok := dns.StringToType[k.typ]
	if !ok {
		rr, err := dns.NewRR(k.name + " IN " + k.typ + ` \# 0`)
		if err != nil || rr == nil {
			return fmt.Errorf("%q is no type of records", k.typ)
		}
		typ = rr.Header().Rrtype
	}
	if len(set) == 0 {
		m.RRsetNotUsed([]dns.RR{&dns.ANY{Hdr: dns.RR_Header{Name: k.name, Rrtype: typ}}})
		return nil
	}
	m.Used(copies(set))
	return nil
}

func copies(rrs []dns.RR) []dns.RR {
	list := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		list[i] = dns.Copy(rr)
	}
	return list
}

// bySet is changes by the set they are about.
func bySet(changes []plan.Change) map[setKey][]plan.Change {
	sets := make(map[setKey][]plan.Change)
	for _, c := range changes {
		k := setKey{c.Slot.Name, c.Slot.Type}
		sets[k] = append(sets[k], c)
	}
	return sets
}

// difference is what of a set goes and what comes. What stays is not touched, but
// where the TTL is another: then it goes and comes again, in the octets that are there.
// To add it once more with the new TTL should be enough (RFC 2136, 3.4.2.2), but
// Knot DNS 3.2 then leaves the old one.
func difference(changes []plan.Change, set []dns.RR) (deleted, added []dns.RR, err error) {
	ttl := settle(changes, set)
	for _, c := range changes {
		var stay []record.Record
		for _, rr := range set {
			r := toRecord(rr)
			if !c.Slot.Holds(r) {
				continue
			}
			i := slices.IndexFunc(c.After, func(a record.Record) bool { return equal(a, r) })
			if twice := slices.ContainsFunc(stay, func(s record.Record) bool { return equal(s, r) }); i < 0 || twice {
				deleted = append(deleted, dns.Copy(rr)) // twice: the same text, split elsewhere
				continue
			}
			stay = append(stay, r)
			if r.TTL != ttl {
				deleted = append(deleted, dns.Copy(rr))
				added = append(added, withTTL(dns.Copy(rr), ttl))
			}
		}
		for _, a := range c.After {
			if slices.ContainsFunc(stay, func(s record.Record) bool { return equal(s, a) }) {
				continue
			}
			stay = append(stay, a)
			if !c.Slot.Holds(a) {
				return nil, nil, fmt.Errorf("%s: a record of the plan does not stand in its slot", plan.Title(c.Slot))
			}
			rr, err := toRR(a)
			if err != nil {
				return nil, nil, err
			}
			added = append(added, withTTL(rr, ttl))
		}
	}
	return deleted, added, nil
}

func withTTL(rr dns.RR, ttl uint32) dns.RR {
	rr.Header().Ttl = ttl
	return rr
}

// settle is the TTL of a set after changes of it.
func settle(changes []plan.Change, set []dns.RR) uint32 {
	var neighbours, there, wished []uint32
	for _, rr := range set {
		r := toRecord(rr)
		there = append(there, r.TTL)
		if !slices.ContainsFunc(changes, func(c plan.Change) bool { return c.Slot.Holds(r) }) {
			neighbours = append(neighbours, r.TTL)
		}
	}
	for _, c := range changes {
		for _, r := range c.After {
			if r.TTL != 0 {
				wished = append(wished, r.TTL)
			}
		}
	}
	for _, list := range [][]uint32{neighbours, wished, there} {
		if len(list) > 0 {
			return slices.Min(list)
		}
	}
	return defaultTTL
}
