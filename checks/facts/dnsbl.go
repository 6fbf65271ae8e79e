package facts

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

const (
	// maxListTexts and maxListText bound the reasons that a list may give in TXT
	// records, in number and in octets.
	maxListTexts = 3
	maxListText  = 400
)

// Blocklists is what the DNS blocklists say about a domain.
type Blocklists struct {
	Tests    []dnsbl.Status // of every list and family, whether used or not
	Subjects []ListSubject
	Entries  []ListEntry // a question each, by subject, then by list
	LeftOut  []string    // what was not asked about, and why
	Errs     []error     // addresses that could not be found out, so that none of their entries is here
}

// A ListEntry is one question to one list, and what came back.
type ListEntry struct {
	Subject  ListSubject
	Zone     dnsbl.Zone
	Question resolve.Question
	Answer   resolve.Answer
	Err      error
	Verdict  dnsbl.Verdict
	Texts    []string // the list's own reason for a listing; from the network
	TextErr  error    // of the question for Texts
}

// Family reports whether anything of the family was there to ask about.
func (b Blocklists) Family(f dnsbl.Family) bool {
	return slices.ContainsFunc(b.Subjects, func(s ListSubject) bool { return s.Target.Family() == f })
}

// About returns the entries of one subject.
func (b Blocklists) About(s ListSubject) []ListEntry {
	return slices.DeleteFunc(slices.Clone(b.Entries), func(e ListEntry) bool { return e.Subject != s })
}

// UsedTests returns the tests of the families that were asked about.
func (b Blocklists) UsedTests() []dnsbl.Status {
	return slices.DeleteFunc(slices.Clone(b.Tests), func(s dnsbl.Status) bool { return !b.Family(s.Family) })
}

// Listings is the fact of what the blocklists that anybody may ask say about the
// addresses and names of the domain. A list that refuses us, is dead, lists the
// whole world or cannot be reached is not asked about them; see Tests.
var Listings = checks.NewFact("the blocklists", func(ctx context.Context, env *checks.Env) (Blocklists, error) {
	var b Blocklists
	lists, err := listTests.Of(ctx, env)
	if err != nil {
		return b, err
	}
	var wg sync.WaitGroup
	wg.Go(func() { askAhead(ctx, env, lists) })
	who, err := listSubjects.Of(ctx, env)
	if err != nil {
		wg.Wait()
		return b, err
	}
	b.Subjects, b.LeftOut, b.Errs = who.subjects, who.leftOut, who.errs
	b.Entries = lists.ask(ctx, env, b.Subjects)
	wg.Wait()
	b.Tests = lists.statuses()
	return b, ctx.Err()
})

// askAhead asks about what may turn out to be a subject before it is known
// whether it is: the domain at once, the addresses that may send while SPF is
// evaluated, and their reverse names while those are confirmed. The resolver
// keeps the answers.
func askAhead(ctx context.Context, env *checks.Env, lists *listTester) {
	var wg sync.WaitGroup
	ask := func(targets ...dnsbl.Target) {
		for _, t := range targets {
			wg.Go(func() { lists.ask(ctx, env, []ListSubject{{Target: t}}) })
		}
	}
	ask(dnsbl.Name(env.Domain), dnsbl.Name(registrable(env.Domain)))
	var reverse []netip.Addr
	for _, addr := range candidates(ctx, env) {
		if SpecialUse(addr, env.Lab) == "" && len(reverse) < maxListAddrs {
			reverse = append(reverse, addr)
			ask(dnsbl.Address(addr))
		}
	}
	ask(reverseNames(ctx, env, reverse)...)
	wg.Wait()
}

// reverseNames is the registrable domains of the first names that addresses
// have in the reverse DNS, unconfirmed.
func reverseNames(ctx context.Context, env *checks.Env, addrs []netip.Addr) []dnsbl.Target {
	answers := make([]resolve.Answer, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { answers[i], _ = env.DNS.Resolve(ctx, resolve.Ask(record.Reverse(addr), "PTR")) })
	}
	wg.Wait()
	var names []dnsbl.Target
	for _, answer := range answers {
		for _, r := range answer.Records {
			if t := dnsbl.Name(registrable(r.Data)); len(names) < maxListNames && !slices.Contains(names, t) {
				names = append(names, t)
			}
		}
	}
	return names
}

// ask asks every usable list about every subject, all at once.
func (l *listTester) ask(ctx context.Context, env *checks.Env, subjects []ListSubject) []ListEntry {
	var entries []*ListEntry
	var wg sync.WaitGroup
	for _, s := range subjects {
		for _, test := range l.tests {
			q, ok := test.zone.Question(s.Target)
			if !ok || test.family != s.Target.Family() {
				continue
			}
			e := &ListEntry{Subject: s, Zone: test.zone, Question: q, Err: errUnasked}
			entries = append(entries, e)
			wg.Go(func() {
				if test.wait(ctx) && test.status.Answers() {
					e.ask(ctx, l.gate(env, test.zone))
				}
			})
		}
	}
	wg.Wait()
	var asked []ListEntry
	for _, e := range entries {
		if !errors.Is(e.Err, errUnasked) {
			asked = append(asked, *e)
		}
	}
	return asked
}

var errUnasked = errors.New("the list is not usable")

// ask fills in the answer and, for a listing, the list's own words.
func (e *ListEntry) ask(ctx context.Context, r resolve.Resolver) {
	e.Answer, e.Err = r.Resolve(ctx, e.Question)
	if e.Err != nil {
		return
	}
	e.Verdict = e.Zone.Decode(e.Answer)
	if e.Verdict.State != dnsbl.Listed || e.Subject.Stranger {
		return
	}
	var txt resolve.Answer
	txt, e.TextErr = r.Resolve(ctx, resolve.Ask(e.Question.Name, "TXT")) // RFC 5782, 2.1
	for _, text := range txt.Texts() {
		if len(e.Texts) < maxListTexts {
			e.Texts = append(e.Texts, text[:min(len(text), maxListText)])
		}
	}
}
