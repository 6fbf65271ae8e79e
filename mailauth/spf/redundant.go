package spf

// An Overlap is a mechanism that changes nothing, and the one of the same
// record that matches its senders with the same result.
type Overlap struct{ Term, By Term }

// maxCompared bounds the mechanisms that are compared with each other: every one
// with every other. Records of real domains have fewer.
const maxCompared = 300

// Redundant returns the mechanisms without which the record of domain means the
// same: those that repeat an earlier one, and addresses inside a block. It tells
// by the text alone; what names resolve to may overlap besides.
func (r Record) Redundant(domain string) []Overlap {
	var list []Overlap
	live := r.Mechanisms()
	for i, t := range live {
		if j := coveredBy(live, i, domain); j >= 0 {
			list = append(list, Overlap{Term: t, By: live[j]})
		}
	}
	return list
}

// WithoutRedundant is the record of domain without its redundant mechanisms.
func (r Record) WithoutRedundant(domain string) Record {
	live := r.Mechanisms()
	var rest []Term
	i := 0
	for _, t := range r.Terms {
		redundant := false
		if t.Kind.Mechanism() && i < len(live) {
			redundant = coveredBy(live, i, domain) >= 0
			i++
		}
		if !redundant {
			rest = append(rest, t)
		}
	}
	return Record{rest}
}

// coveredBy is the index of the mechanism that makes live[i] redundant: an
// earlier one, as the first match decides (RFC 7208, 4.6.2), or a later block
// with nothing but addresses of the same result between. It is -1 for none.
func coveredBy(live []Term, i int, domain string) int {
	if i >= maxCompared {
		return -1
	}
	t := live[i]
	for j := range i {
		if live[j].Qualifier.Code() == t.Qualifier.Code() && live[j].covers(t, domain) {
			return j
		}
	}
	if t.Kind != IP4 && t.Kind != IP6 {
		return -1
	}
	for j := i + 1; j < min(len(live), maxCompared); j++ {
		o := live[j]
		if o.Kind != IP4 && o.Kind != IP6 || o.Qualifier.Code() != t.Qualifier.Code() {
			break
		}
		if o.covers(t, domain) && !t.covers(o, domain) {
			return j
		}
	}
	return -1
}

// covers reports whether every sender that o matches is one that t matches, for
// all that the text of a record of domain tells.
func (t Term) covers(o Term, domain string) bool {
	if t.Kind == IP4 || t.Kind == IP6 {
		return t.Kind == o.Kind && t.Prefix.Bits() <= o.Prefix.Bits() && t.Prefix.Contains(o.Prefix.Addr())
	}
	return t.at(domain) == o.at(domain)
}

// at is the essence of t in a record of domain, where "a" and "a:<domain>" are
// the same.
func (t Term) at(domain string) Term {
	e := t.essence()
	e.Qualifier = 0
	if (e.Kind == A || e.Kind == MX || e.Kind == PTR) && e.Domain == "" {
		e.Domain = shown(lower(domain))
	}
	return e
}
