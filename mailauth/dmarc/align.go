package dmarc

import (
	"context"
	"fmt"

	"github.com/maildoctor/maildoctor/record"
)

// alignments compares what SPF and DKIM authenticated with the author domain,
// all of it at once.
func (e evaluation) alignments(ctx context.Context, v *Verdict) {
	var wants Record // relaxed, where no record says otherwise
	if r := v.Record(); r != nil {
		wants = *r
	}
	if s := e.in.SPF; s.Result != "" {
		v.Alignments = append(v.Alignments, Alignment{Mechanism: BySPF, Result: s.Result, Domain: s.Domain, HELO: s.HELO, Strict: wants.SPF == "s"})
	}
	for _, s := range e.in.DKIM[:min(len(e.in.DKIM), maxSignatures)] {
		v.Alignments = append(v.Alignments, Alignment{Mechanism: ByDKIM, Result: s.Result, Domain: s.Domain, Selector: s.Selector, Strict: wants.DKIM == "s"})
	}
	atOnce(len(v.Alignments), func(i int) { e.align(ctx, v, &v.Alignments[i]) })
}

func (e evaluation) align(ctx context.Context, v *Verdict, a *Alignment) {
	given := a.Domain
	name, ok := domainName(given)
	if !ok {
		a.Domain = ""
		a.end(NotAligned, "%.80q is not a domain", given)
		return
	}
	a.Domain = name
	a.Exact = name == v.Author
	author := record.Display(v.Author)
	switch {
	case a.Exact: // RFC 9989, 4.10.2: no walk is needed
		a.end(Aligned, "%s is the author domain itself", a.name())
	case a.Strict:
		a.end(NotAligned, "%s is not the author domain %s itself, as strict alignment wants", a.name(), author)
	case e.reading == RFC7489:
		a.Organizational = ListedOrganizational(name)
		a.compare(v.Author, v.Discovery.Organizational)
	default:
		e.walk(ctx, v, a)
	}
}

// walk finds the organizational domain by RFC 9989, where it can be the same: it
// is the domain itself or one above, so a domain that does not stand below the
// author's organizational domain has another.
func (e evaluation) walk(ctx context.Context, v *Verdict, a *Alignment) {
	org := v.Discovery.Organizational
	open := v.Discovery.OrganizationalUndecided
	switch {
	case len(open) > 0 && related(a.Domain, v.Author):
		a.end(Undecided, "the organizational domain of %s could not be found out: %s", record.Display(v.Author), said(open[0]))
		return
	case len(open) > 0:
		a.end(NotAligned, "%s and the author domain %s have not even the top-level domain in common", a.name(), record.Display(v.Author))
		return
	case !record.Within(a.Domain, org):
		a.end(NotAligned, "%s is not at or below %s, the author's organizational domain", a.name(), record.Display(org))
		return
	}
	d := Discover(ctx, e.dns, a.Domain)
	a.Walk = &d
	if len(d.OrganizationalUndecided) > 0 {
		a.end(Undecided, "the organizational domain of %s could not be found out: %s", a.name(), said(d.OrganizationalUndecided[0]))
		return
	}
	a.Organizational = d.Organizational
	a.compare(v.Author, org)
}

// compare is relaxed alignment: the same organizational domain.
func (a *Alignment) compare(author, org string) {
	if a.Organizational == org {
		a.end(Aligned, "%s and the author domain %s have the same organizational domain, %s", a.name(), record.Display(author), record.Display(org))
		return
	}
	a.end(NotAligned, "%s has the organizational domain %s, the author domain %s has %s", a.name(), record.Display(a.Organizational), record.Display(author), record.Display(org))
}

func (a *Alignment) end(state State, format string, args ...any) {
	a.State, a.Why = state, fmt.Sprintf(format, args...)
}

// name is "the domain example.org of MAIL FROM" or the like.
func (a *Alignment) name() string {
	switch {
	case a.Mechanism == ByDKIM:
		return "the signing domain " + record.Display(a.Domain)
	case a.HELO:
		return "the HELO domain " + record.Display(a.Domain)
	}
	return "the MAIL FROM domain " + record.Display(a.Domain)
}

// failure says in words why a does not make the message pass.
func (a Alignment) failure() string {
	domain := record.Display(a.Domain)
	if a.Domain == "" {
		domain = "what is no domain"
	}
	switch {
	case a.State == Aligned:
		return fmt.Sprintf("%s of %s is aligned, but ended in %.20q", a.Mechanism, domain, a.Result)
	case a.Result == "pass":
		return fmt.Sprintf("%s passed, but %s", a.Mechanism, a.Why)
	}
	return fmt.Sprintf("%s of %s neither passed nor is aligned", a.Mechanism, domain)
}

// related reports whether two names have the top-level domain in common.
func related(a, b string) bool {
	la, lb := record.Labels(a), record.Labels(b)
	return len(la) > 0 && len(lb) > 0 && la[len(la)-1] == lb[len(lb)-1]
}
