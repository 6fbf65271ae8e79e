package spf

import (
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/record"
)

// NewRecord is the record of terms, put in order as Tidy does.
func NewRecord(terms ...Term) Record { return Record{terms}.Tidy() }

// Deny is the record of a domain that sends no mail: "v=spf1 -all".
func Deny() Record { return Record{[]Term{allTerm(Minus)}} }

func allTerm(q Qualifier) Term { return Term{Kind: All, Qualifier: q} }

// Repair is the record that the author of txt means, as far as that is plain:
// problems with a Meant are mended, other unreadable terms are left out, and
// the order is set right. left holds the problems that took a term away for
// good; the repaired record does what its author wants only if there are none.
func Repair(txt string) (repaired Record, left []Problem) {
	r, problems := Parse(txt)
	mend := map[int]Problem{}
	for _, p := range problems {
		if p.Meant != "" {
			mend[p.Term] = p
		} else if p.Term >= 0 && r.Terms[p.Term].Kind == Invalid {
			left = append(left, p)
		}
	}
	var terms []Term
	for i, t := range r.Terms {
		p, ok := mend[i]
		if !ok {
			terms = append(terms, t)
			continue
		}
		meant, _ := Parse(Version + " " + p.Meant)
		terms = append(terms, meant.Terms...)
	}
	terms = slices.DeleteFunc(terms, func(t Term) bool { return t.Kind == Unknown && t.Name == "v" })
	return Record{terms}.Tidy(), left
}

// Tidy is the record with every term where it takes effect: no Invalid terms,
// no repeated ones, the mechanisms behind an all moved before it, one all at
// the end of the mechanisms, no redirect beside it, each modifier once.
func (r Record) Tidy() Record {
	var out Record
	var modifiers []Term
	all, hasAll := r.All()
	seen := map[Term]bool{}
	for _, t := range r.Terms {
		same := t.essence()
		if t.Kind == Redirect || t.Kind == Exp {
			same = Term{Kind: t.Kind} // each may stand once, whatever it says
		}
		if t.Kind == Invalid || t.Kind == All || t.Kind == Redirect && hasAll || seen[same] {
			continue
		}
		seen[same] = true
		if t.Kind.Modifier() {
			modifiers = append(modifiers, t)
		} else {
			out.Terms = append(out.Terms, t)
		}
	}
	if hasAll {
		out.Terms = append(out.Terms, all)
	}
	out.Terms = append(out.Terms, modifiers...)
	return out
}

func (r Record) has(t Term) bool {
	return slices.ContainsFunc(r.Terms, func(o Term) bool { return o.Same(t) })
}

// insert puts t where it is evaluated before any all.
func (r Record) insert(at int, t Term) Record {
	r = Record{slices.Insert(slices.Clone(r.Terms), at, t)}
	return r.Tidy()
}

// WithInclude is the record with an include of host, behind the mechanisms it
// has. A host that is no domain name leaves the record as it is, tidied.
func (r Record) WithInclude(host string) Record {
	r = r.Tidy()
	t, f := parseTerm2("include:" + shown(record.Canonical(host)))
	if f != nil || r.has(t) {
		return r
	}
	at := slices.IndexFunc(r.Terms, func(t Term) bool { return t.Kind == All || t.Kind.Modifier() })
	if at < 0 {
		at = len(r.Terms)
	}
	return r.insert(at, t)
}

// WithIP is the record with addr authorised, behind the addresses that it begins
// with: they cost no lookup, so such a sender passes whatever follows. A record
// that has addr already is only tidied.
func (r Record) WithIP(addr netip.Addr) Record {
	r = r.Tidy()
	addr = addr.Unmap().WithZone("")
	if !addr.IsValid() || r.covers(addr) {
		return r
	}
	kind := IP4
	if addr.Is6() {
		kind = IP6
	}
	t := Term{Kind: kind, Qualifier: Plus, Prefix: netip.PrefixFrom(addr, addr.BitLen())}
	at := slices.IndexFunc(r.Terms, func(t Term) bool { return t.Kind != IP4 && t.Kind != IP6 })
	if at < 0 {
		at = len(r.Terms)
	}
	// An address that the record denies by name must come before the denial.
	if denied := slices.IndexFunc(r.Terms[:at], func(t Term) bool { return t.Qualifier != Plus && t.Prefix.Contains(addr) }); denied >= 0 {
		r.Terms = slices.DeleteFunc(slices.Clone(r.Terms), func(o Term) bool { return o.Same(t) && o.Qualifier != Plus })
		at = min(denied, len(r.Terms))
	}
	return r.insert(at, t)
}

// covers reports whether an ip4 or ip6 term matches addr first, with a pass.
func (r Record) covers(addr netip.Addr) bool {
	for _, t := range r.Mechanisms() {
		if (t.Kind == IP4 || t.Kind == IP6) && t.Prefix.Contains(addr) {
			return t.Qualifier == Plus
		}
	}
	return false
}

// Without is the record without the terms that say the same as t.
func (r Record) Without(t Term) Record {
	return Record{slices.DeleteFunc(slices.Clone(r.Terms), func(o Term) bool { return o.Same(t) })}.Tidy()
}

// WithAll is the record that ends in all with the qualifier q; a redirect, which
// would be ignored beside it, is left out.
func (r Record) WithAll(q Qualifier) Record {
	terms := slices.DeleteFunc(slices.Clone(r.Terms), func(t Term) bool { return t.Kind == All })
	return Record{append(terms, allTerm(q))}.Tidy()
}

// withRedirectIncluded is the record whose effective redirect became an include,
// so that terms and an all can stand beside it. The caller adds the all.
func (r Record) withRedirectIncluded() Record {
	t, ok := r.Redirect()
	if !ok {
		return r
	}
	terms := slices.Clone(r.Terms)
	for i := range terms {
		if terms[i].Kind == Redirect {
			terms[i] = Term{Kind: Include, Qualifier: Plus, Domain: t.Domain}
		}
	}
	return Record{terms}
}

// Merge makes one record of several: the mechanisms of all in order, each once,
// and one all that rejects nobody whom one of the records would have let in
// softly: -all if all that have an all agree on it, else ~all. Redirects become
// includes unless all records agree on one and have nothing against it.
func Merge(records ...Record) Record {
	if len(records) == 1 {
		return records[0].Tidy()
	}
	if r, ok := sameRedirect(records); ok {
		return r
	}
	q := mergedAll(records)
	var merged Record
	for _, r := range records {
		r = r.Tidy().withRedirectIncluded()
		for _, t := range r.Terms {
			if t.Kind != All {
				merged.Terms = append(merged.Terms, t)
			}
		}
	}
	return merged.WithAll(q)
}

// sameRedirect merges records of which none has an all and all that have a
// redirect have the same.
func sameRedirect(records []Record) (Record, bool) {
	var merged Record
	var to Term
	for _, r := range records {
		if _, ok := r.All(); ok {
			return Record{}, false
		}
		t, ok := r.Redirect()
		if ok && to.Kind == Redirect && !to.Same(t) {
			return Record{}, false
		}
		if ok {
			to = t
		}
		merged.Terms = append(merged.Terms, r.Terms...)
	}
	return merged.Tidy(), to.Kind == Redirect
}

func mergedAll(records []Record) Qualifier {
	strict := false
	for _, r := range records {
		all, ok := r.All()
		switch {
		case !ok:
		case all.Qualifier != Minus:
			return Tilde
		default:
			strict = true
		}
	}
	if strict {
		return Minus
	}
	return Tilde
}
