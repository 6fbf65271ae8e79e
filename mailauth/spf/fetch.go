package spf

import (
	"context"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Bounds of one count. A record that reaches them is far beyond the ten lookups
// that any receiver makes; what was not asked is marked Cut.
const (
	MaxPages = 100 // records fetched
	MaxAsked = 400 // questions of all types
	MaxNodes = 2000
)

// A page is the record of one domain, fetched once however often it is included.
type page struct {
	fetched  bool
	answer   resolve.Answer
	err      error
	texts    []string // the SPF records
	record   Record   // of the only one
	problems []Problem
}

// A fetcher asks what a tree needs, everything at the moment its name is known.
type fetcher struct {
	resolver resolve.Resolver
	origin   string // the domain counted, for %{o}
	wg       sync.WaitGroup

	mu    sync.Mutex
	pages map[string]*page
	ends  map[resolve.Question]*got
}

// visit fetches the record of domain and, once it is there, all it leads to.
func (f *fetcher) visit(ctx context.Context, domain string) {
	f.mu.Lock()
	_, known := f.pages[domain]
	if known || len(f.pages) >= MaxPages {
		f.mu.Unlock()
		return
	}
	p := &page{}
	f.pages[domain] = p
	f.mu.Unlock()
	f.ask(ctx, resolve.Ask(domain, "TXT"), func(g *got) {
		p.fetched, p.answer, p.err = true, g.answer, g.err
		if p.texts = Records(g.answer.Texts()); len(p.texts) == 1 {
			p.record, p.problems = Parse(p.texts[0])
			f.follow(ctx, domain, p.record)
		}
	})
}

// follow asks what the terms of one record lead to.
func (f *fetcher) follow(ctx context.Context, domain string, r Record) {
	for _, t := range r.Counted() {
		name, ok := f.target(t, domain)
		if !ok {
			continue
		}
		switch t.Kind {
		case Include, Redirect:
			f.visit(ctx, name)
		case A:
			f.ask(ctx, resolve.Ask(name, "A"), nil)
			f.ask(ctx, resolve.Ask(name, "AAAA"), nil)
		case Exists, PTR:
			f.ask(ctx, resolve.Ask(name, "A"), nil)
		case MX:
			f.ask(ctx, resolve.Ask(name, "MX"), func(g *got) {
				for _, host := range firstHosts(g.answer) {
					f.ask(ctx, resolve.Ask(host, "A"), nil)
					f.ask(ctx, resolve.Ask(host, "AAAA"), nil)
				}
			})
		}
	}
}

func firstHosts(answer resolve.Answer) []string {
	hosts := mxHosts(answer)
	return hosts[:min(len(hosts), MaxMXHosts)]
}

// ask asks q once; then is called with the end, in the goroutine that asked.
func (f *fetcher) ask(ctx context.Context, q resolve.Question, then func(*got)) {
	f.mu.Lock()
	_, known := f.ends[q]
	if known || len(f.ends) >= MaxAsked {
		f.mu.Unlock()
		return
	}
	g := &got{}
	f.ends[q] = g
	f.mu.Unlock()
	f.wg.Go(func() {
		g.answer, g.err = f.resolver.Resolve(ctx, q)
		if then != nil {
			then(g)
		}
	})
}

// Counted returns the terms that count toward the ten lookups, in the order of
// evaluation: the querying mechanisms before any all, and the redirect that
// takes effect (RFC 7208, 4.6.4 and 6.1).
func (r Record) Counted() []Term {
	var terms []Term
	for _, t := range r.Mechanisms() {
		if t.Kind.Queries() {
			terms = append(terms, t)
		}
	}
	if t, ok := r.Redirect(); ok {
		terms = append(terms, t)
	}
	return terms
}

// target is the name that t asks in the record of domain; ok is false where it
// depends on the sender or is no name. Only %{d} and %{o} are known without one:
// a check of mail from the domain, or of a HELO by that name, has it for <sender>.
func (f *fetcher) target(t Term, domain string) (name string, ok bool) {
	if t.Domain == "" {
		return domain, true
	}
	pieces, bad := parseMacros(t.Domain, false)
	if bad != nil || varies(pieces) {
		return "", false
	}
	e := &evaluation{origin: record.Display(f.origin)}
	name, why := askName(e.expandDomain(context.Background(), t.Domain, domain))
	return name, why == ""
}

// varies reports whether a macro-string depends on who sends.
func varies(pieces []macro) bool {
	for _, m := range pieces {
		if m.letter != 0 && m.letter != 'd' && m.letter != 'o' {
			return true
		}
	}
	return false
}
