package rfc2136

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"slices"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// types are those that are asked for at each name, where the zone is not transferred.
var types = []string{
	"A", "AAAA", "CNAME", "MX", "TXT", "NS", "SRV", "CAA", "TLSA", "PTR", "SPF", "SVCB", "HTTPS",
	"NAPTR", "SSHFP", "SMIMEA", "OPENPGPKEY", "URI", "HINFO", "LOC", "RP", "DNAME", "CERT", "AFSDB", "DS", "CDS", "CDNSKEY",
}

// byName reads what stands at names and at the wildcards above them, and the
// zone's SOA record.
func (p *Provider) byName(ctx context.Context, names []string) ([]dns.RR, error) {
	all := map[string]bool{p.zone: true}
	for _, name := range names {
		name = record.Canonical(name)
		if !record.Within(name, p.zone) {
			return nil, fmt.Errorf("%q is not in the zone %s", name, record.Display(p.zone))
		}
		all[name] = true
		for name != p.zone {
			name = record.Parent(name)
			if wildcard, ok := record.Below("*", name); ok {
				all[wildcard] = true
			}
		}
	}
	var list []string
	for name := range all {
		if name != p.zone || slices.ContainsFunc(names, func(n string) bool { return record.Canonical(n) == p.zone }) {
			list = append(list, name)
		}
	}
	slices.SortFunc(list, record.CompareNames)
	rrs, err := p.standing(ctx, list, func(string) []string { return types })
	if err != nil {
		return nil, err
	}
	soa, err := p.answered(ctx, []dns.Question{question(p.zone, "SOA")})
	if err != nil {
		return nil, err
	}
	return append(soa[0], rrs...), nil
}

func question(name, typ string) dns.Question {
	return dns.Question{Name: name, Qtype: dns.StringToType[typ], Qclass: dns.ClassINET}
}

// standing returns the records of types that stand at names in the zone. Those that
// the server makes of a wildcard's for a name that does not exist (RFC 4592, 3.3.1)
// do not.
func (p *Provider) standing(ctx context.Context, names []string, types func(name string) []string) ([]dns.RR, error) {
	var questions []dns.Question
	for _, name := range names {
		for _, typ := range types(name) {
			if _, ok := dns.StringToType[typ]; !ok {
				return nil, fmt.Errorf("records of the type %q cannot be asked for by name", typ)
			}
			questions = append(questions, question(name, typ))
		}
	}
	sets, err := p.answered(ctx, questions)
	if err != nil {
		return nil, err
	}
	at := make(map[string][]dns.RR)
	for i, set := range sets {
		at[questions[i].Name] = append(at[questions[i].Name], set...)
	}
	var found []dns.RR
	for _, name := range names {
		if len(at[name]) == 0 {
			continue
		}
		made, err := p.synthesised(ctx, name, at[name])
		if err != nil {
			return nil, err
		}
		if !made {
			found = append(found, at[name]...)
		}
	}
	return found, nil
}

// synthesised reports whether the records at a name come from a wildcard. Then a
// name that surely does not exist beside it has the same; and one below it, too,
// because a name that exists keeps wildcards from what is below it (RFC 4592, 2.2.1). It
// is mistaken where a name, the wildcard that would answer for it, and a wildcard below
// it all hold the same; then the prerequisites of an update tell.
func (p *Provider) synthesised(ctx context.Context, name string, set []dns.RR) (bool, error) {
	if name == p.zone {
		return false, nil
	}
	for _, above := range []string{record.Parent(name), name} {
		nobody, ok := record.Below(noname(), above)
		if !ok {
			return false, fmt.Errorf("it cannot be told whether %s comes from a wildcard: no name fits below it", record.Display(name))
		}
		var questions []dns.Question
		for _, rr := range set {
			q := dns.Question{Name: nobody, Qtype: rr.Header().Rrtype, Qclass: dns.ClassINET}
			if !slices.Contains(questions, q) {
				questions = append(questions, q)
			}
		}
		sets, err := p.answered(ctx, questions)
		if err != nil {
			return false, err
		}
		if !sameData(slices.Concat(sets...), set) {
			return false, nil
		}
	}
	return true, nil
}

// noname is a label that nobody has.
func noname() string {
	var b [12]byte
	rand.Read(b[:]) // never fails
	return "maildoctor-" + hex.EncodeToString(b[:])
}

// sameData reports whether two lists hold the same data, whatever the names.
func sameData(a, b []dns.RR) bool {
	all := func(rrs []dns.RR) []string {
		list := make([]string, len(rrs))
		for i, rr := range rrs {
			r := toRecord(rr)
			list[i] = fmt.Sprint(r.Type, " ", r.TTL, " ", r.Data)
		}
		slices.Sort(list)
		return list
	}
	return slices.Equal(all(a), all(b))
}

// answered returns, question by question, the records that the server has with
// authority. An answer that cannot tell is an error.
func (p *Provider) answered(ctx context.Context, questions []dns.Question) ([][]dns.RR, error) {
	answers, err := p.server.ask(ctx, questions)
	if err != nil {
		return nil, err
	}
	sets := make([][]dns.RR, len(questions))
	for i, m := range answers {
		q := questions[i]
		fault := unfit(m)
		cut := delegation(m, q.Name)
		switch {
		case fault != nil:
		case cut != "":
			fault = fmt.Errorf("the zone delegates %s to other servers", record.Display(cut))
		case !m.Authoritative:
			fault = fmt.Errorf("the answer is not authoritative")
		}
		if fault != nil {
			return nil, fmt.Errorf("%s %s: %w", dns.Type(q.Qtype), record.Display(q.Name), fault)
		}
		for _, rr := range m.Answer {
			h := rr.Header()
			switch owner := canonicalName(h.Name); {
			case h.Rrtype == dns.TypeDNAME && owner != q.Name && record.Within(q.Name, owner):
				return nil, fmt.Errorf("%s lies below a DNAME at %s: nothing can stand there (RFC 6672, 2.4)", record.Display(q.Name), record.Display(owner))
			case owner == q.Name && h.Rrtype == q.Qtype && h.Class == dns.ClassINET:
				sets[i] = append(sets[i], rr)
			}
		}
	}
	return sets, nil
}
