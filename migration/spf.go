package migration

import (
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// senders has one SPF record that authorises both sides until the old one is gone,
// and then the one that is wanted.
func (b *builder) senders() {
	slot := record.SPF(b.Domain)
	have, want := held(slot, b.Today), b.finally(slot)
	if same(have, want) {
		return
	}
	both := b.bothSend(have, want)
	r := record.TXT(b.Domain, both.String())
	r.TTL = ttlOf(want)
	b.wish(Prepare, slot, "the old and the new server may both send; a second record would be a permanent error (RFC 7208, 4.5)", r)
	b.wish(Retire, slot, "nothing is sent by the old side any more", want...)
	b.fates[slot] = fate{Change, "both sides may send until the old one is gone", Prepare}
	if same(have, []record.Record{r}) {
		b.fates[slot] = fate{Change, "both sides may send already; in the end the new one alone", Retire}
	}
}

// bothSend is the record that lets both sides send, whichever of them the MX
// records and the addresses of names lead to.
func (b *builder) bothSend(have, want []record.Record) spf.Record {
	var records []spf.Record
	for _, r := range have { // several are none; what they meant is all of them
		old, _ := spf.Parse(r.Data)
		if old.Denies() {
			continue // that nobody sends ends with the first who does
		}
		records = append(records, b.lasting(old, b.Old))
	}
	for _, r := range want {
		next, _ := spf.Parse(r.Data)
		if next.Denies() && len(records) > 0 {
			continue // not before the old side is gone
		}
		records = append(records, b.lasting(next, b.New))
	}
	if len(records) == 0 {
		return spf.NewRecord()
	}
	return cheapFirst(spf.Merge(records...))
}

// lasting is r with addresses in place of what means another host before the
// switch than after it.
func (b *builder) lasting(r spf.Record, side Side) spf.Record {
	for _, t := range r.Terms {
		addrs, moves := b.moves(t, side)
		if !moves || len(addrs) == 0 || t.Qualifier != spf.Plus {
			continue
		}
		r = r.Without(t)
		for _, addr := range addrs {
			r = r.WithIP(addr)
		}
	}
	return r
}

// moves reports whether a term means another host after the switch, and whom it
// means on its side.
func (b *builder) moves(t spf.Term, side Side) ([]netip.Addr, bool) {
	if t.Bits4 != 32 || t.Bits6 != 128 {
		return nil, false
	}
	switch t.Kind {
	case spf.MX:
		here := t.Domain == "" || record.Canonical(t.Domain) == b.Domain
		return side.Addrs, here && b.mxMoves()
	case spf.A:
		name := b.Domain
		if t.Domain != "" {
			name = record.Canonical(t.Domain)
		}
		was, is := b.addresses(name, false), b.addresses(name, true)
		if slices.Equal(was, is) {
			return nil, false
		}
		if slices.Equal(side.Hosts, b.New.Hosts) && !slices.Equal(b.Old.Hosts, b.New.Hosts) || slices.Equal(side.Addrs, b.New.Addrs) {
			return is, true
		}
		return was, true
	}
	return nil, false
}

// mxMoves reports whether the MX records lead to other addresses in the end than when
// the move began.
func (b *builder) mxMoves() bool {
	slot := record.MXSet(b.Domain)
	was, is := hostsOf(held(slot, b.Before)), hostsOf(b.finally(slot))
	return !slices.Equal(was, is) || slices.Equal(b.Old.Hosts, b.New.Hosts) && !slices.Equal(b.Old.Addrs, b.New.Addrs)
}

// addresses are those of a name today, or in the end.
func (b *builder) addresses(name string, end bool) []netip.Addr {
	var records []record.Record
	for _, typ := range []string{"A", "AAAA"} {
		slot := record.Slot{Name: name, Type: typ}
		if end {
			records = append(records, b.finally(slot)...)
		} else {
			records = append(records, held(slot, b.Today)...)
		}
	}
	return addressesOf([]string{name}, records)
}

// cheapFirst is r with what costs no lookup in front: a sender that passes there
// passes whatever becomes of the rest.
func cheapFirst(r spf.Record) spf.Record {
	rank := func(t spf.Term) int {
		switch {
		case t.Kind == spf.IP4, t.Kind == spf.IP6:
			return 0
		case t.Kind == spf.All:
			return 2
		case t.Kind.Modifier():
			return 3
		}
		return 1
	}
	if slices.ContainsFunc(r.Terms, func(t spf.Term) bool { return t.Qualifier != spf.Plus && t.Kind.Mechanism() && t.Kind != spf.All }) {
		return r // the order means something
	}
	terms := slices.Clone(r.Terms)
	slices.SortStableFunc(terms, func(x, y spf.Term) int { return rank(x) - rank(y) })
	return spf.NewRecord(terms...)
}
