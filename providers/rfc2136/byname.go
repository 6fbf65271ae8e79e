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
	return append(soa[0].records, rrs...), nil
}

func question(name, typ string) dns.Question {
	return dns.Question{Name: name, Qtype: dns.StringToType[typ], Qclass: dns.ClassINET}
}

// standing returns the records of types that stand at names in the zone. Those that
// the server makes of a wildcard's for a name that does not exist (RFC 4592, 3.3.1)
// do not.
func (p *Provider) standing(ctx context.Context, names []string, types func(name string) []string) ([]dns.RR, error) {
	at := make(map[string][]dns.RR)
	gone := make(map[string]bool)
	ask := func(questions []dns.Question) error {
		said, err := p.answered(ctx, questions)
		for i, s := range said {
			name := questions[i].Name
			at[name] = append(at[name], s.records...)
			gone[name] = gone[name] || s.nobody
		}
		return err
	}
	var first, rest []dns.Question
	for _, name := range names {
		for i, typ := range types(name) {
			if _, ok := dns.StringToType[typ]; !ok {
				return nil, fmt.Errorf("records of the type %q cannot be asked for by name", typ)
			}
			if i == 0 {
				first = append(first, question(name, typ))
			} else {
				rest = append(rest, question(name, typ))
			}
		}
	}
	if err := ask(first); err != nil {
		return nil, err
	}
	rest = slices.DeleteFunc(rest, func(q dns.Question) bool { return gone[q.Name] }) // NXDOMAIN is for all types (RFC 8020, 2)
	if err := ask(rest); err != nil {
		return nil, err
	}
	made, err := p.synthesised(ctx, names, at)
	if err != nil {
		return nil, err
	}
	var found []dns.RR
	for _, name := range names {
		if !slices.Contains(made, name) {
			found = append(found, at[name]...)
		}
	}
	return found, nil
}

// synthesised are those of names whose records come from a wildcard. Then a name
// that surely does not exist beside it has the same; and one below it, too,
// because a name that exists keeps wildcards from what is below it (RFC 4592, 2.2.1). It
// is mistaken where a name, the wildcard that would answer for it, and a wildcard below
// it all hold the same; then the prerequisites of an update tell.
func (p *Provider) synthesised(ctx context.Context, names []string, at map[string][]dns.RR) ([]string, error) {
	suspects := slices.DeleteFunc(slices.Clone(names), func(name string) bool { return name == p.zone || len(at[name]) == 0 })
	beside, below := record.Parent, func(name string) string { return name }
	for _, above := range []func(string) string{beside, below} {
		var questions []dns.Question
		var about []string // which name each question is about
		for _, name := range suspects {
			nobody, ok := record.Below(noname(), above(name))
			if !ok {
				nobody, ok = record.Below("-", above(name))
			}
			if !ok { // nothing fits below it
				continue
			}
			var asked []uint16
			for _, rr := range at[name] {
				if typ := rr.Header().Rrtype; !slices.Contains(asked, typ) {
					asked = append(asked, typ)
					questions = append(questions, dns.Question{Name: nobody, Qtype: typ, Qclass: dns.ClassINET})
					about = append(about, name)
				}
			}
		}
		said, err := p.answered(ctx, questions)
		if err != nil {
			return nil, err
		}
		same := make(map[string][]dns.RR)
		for i, s := range said {
			same[about[i]] = append(same[about[i]], s.records...)
		}
		suspects = slices.DeleteFunc(suspects, func(name string) bool { return slices.Contains(about, name) && !sameData(same[name], at[name]) })
	}
	return suspects, nil
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

// said is what the server says with authority to one question.
type said struct {
	records []dns.RR
	nobody  bool // the name does not exist
}

// answered asks questions. An answer that cannot tell is an error.
func (p *Provider) answered(ctx context.Context, questions []dns.Question) ([]said, error) {
	answers, err := p.server.ask(ctx, questions)
	if err != nil {
		return nil, err
	}
	list := make([]said, len(questions))
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
		list[i].nobody = m.Rcode == dns.RcodeNameError && len(m.Answer) == 0 // behind an alias it is about another name
		for _, rr := range m.Answer {
			h := rr.Header()
			switch owner := canonicalName(h.Name); {
			case h.Rrtype == dns.TypeDNAME && owner != q.Name && record.Within(q.Name, owner):
				return nil, fmt.Errorf("%s lies below a DNAME at %s: nothing can stand there (RFC 6672, 2.4)", record.Display(q.Name), record.Display(owner))
			case owner == q.Name && h.Rrtype == q.Qtype && h.Class == dns.ClassINET:
				list[i].records = append(list[i].records, rr)
			}
		}
	}
	return list, nil
}
