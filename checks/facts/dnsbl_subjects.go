package facts

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/record"
)

const (
	maxListAddrs = 16 // addresses that the lists are asked about
	maxListNames = 5  // names that they are asked about
)

// A ListSubject is something that blocklists are asked about.
type ListSubject struct {
	Target dnsbl.Target
	Why    string // what it is to the domain: "MX mx1.example.org"; empty where nothing else is examined
	// Sends tells an address that sends mail from one that only receives it, as
	// the shared MX hosts of the large providers do: a listing of the latter
	// rejects nobody's mail.
	Sends bool
	// Own tells the domain's own names from others, such as a hoster's. It is false for addresses.
	Own bool
	// Stranger tells an address of somebody else, for whom a listing need not be explained.
	Stranger bool
}

// String is "192.0.2.25 (MX mx1.example.org)".
func (s ListSubject) String() string {
	if s.Why == "" {
		return s.Target.String()
	}
	return s.Target.String() + " (" + s.Why + ")"
}

type subjects struct {
	subjects []ListSubject
	leftOut  []string
	errs     []error
}

// listSubjects is what the lists are asked about: sending addresses, MX
// addresses, the domain, and the names by which its own hosts send.
var listSubjects = checks.NewFact("what the blocklists are asked about", func(ctx context.Context, env *checks.Env) (subjects, error) {
	var s subjects
	var senders []Sender
	var set MXSet
	var errS, errM error
	var wg sync.WaitGroup
	wg.Go(func() { senders, errS = Senders.Of(ctx, env) })
	wg.Go(func() { set, errM = MX.Of(ctx, env) })
	wg.Wait()
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	for _, err := range []error{errM, errS} {
		if err != nil && !slices.ContainsFunc(s.errs, func(e error) bool { return e.Error() == err.Error() }) {
			s.errs = append(s.errs, err)
		}
	}
	for _, h := range set.Hosts {
		s.errs = append(s.errs, h.Errs...)
	}
	s.addresses(env, senders, set)
	s.names(ctx, env, senders)
	return s, nil
})

// addresses adds the senders, those that belong to the domain first, then the
// other MX addresses.
func (s *subjects) addresses(env *checks.Env, senders []Sender, set MXSet) {
	senders = slices.Clone(senders)
	slices.SortStableFunc(senders, func(a, b Sender) int { return cmp.Compare(b.relevance(env), a.relevance(env)) })
	var addrs []ListSubject
	for _, sender := range senders {
		addrs = append(addrs, ListSubject{Target: dnsbl.Address(sender.Addr), Why: sender.Why, Sends: true})
	}
	for _, h := range set.Hosts {
		for _, addr := range h.Addrs {
			addrs = append(addrs, ListSubject{Target: dnsbl.Address(addr), Why: "MX " + record.Unicode(h.Name)})
		}
	}
	beyond := 0
	for _, a := range addrs {
		switch use := SpecialUse(a.Target.Addr, env.Lab); {
		case s.holds(a.Target):
		case use != "":
			s.leftOut = append(s.leftOut, fmt.Sprintf("%s, which is %s", a, use))
		case len(s.subjects) < maxListAddrs:
			s.subjects = append(s.subjects, a)
		default:
			beyond++
		}
	}
	if beyond > 0 {
		s.leftOut = append(s.leftOut, fmt.Sprintf("%d more addresses, beyond the first %d", beyond, maxListAddrs))
	}
}

func (s Sender) relevance(env *checks.Env) int {
	switch {
	case s.Declared:
		return 2
	case s.Host != "" && record.Within(s.Host, env.Domain):
		return 1
	}
	return 0
}

// names adds the domain, its registrable domain, and those of the names that
// the senders give in EHLO and have in the reverse DNS.
func (s *subjects) names(ctx context.Context, env *checks.Env, senders []Sender) {
	own := registrable(env.Domain)
	s.name(env.Domain, "the domain itself", true)
	s.name(own, "its registrable domain", true)
	s.name(registrable(env.Want.HELO), "of the EHLO name "+record.Unicode(env.Want.HELO), registrable(env.Want.HELO) == own)
	reverses, err := Reverses.Of(ctx, env)
	if err != nil {
		return // the names of others; the reverse DNS has checks of its own
	}
	for _, sender := range senders {
		for _, n := range reverses[sender.Addr].Names {
			if n.Confirms(sender.Addr) { // a PTR record alone may claim any name
				s.name(registrable(n.Name), "of the reverse name "+record.Unicode(n.Name), registrable(n.Name) == own)
			}
		}
	}
}

func (s *subjects) name(name, why string, own bool) {
	target := dnsbl.Name(name)
	if name == "" || target.Family() != dnsbl.Domain || s.holds(target) {
		return
	}
	n := 0
	for _, other := range s.subjects {
		if other.Target.Family() == dnsbl.Domain {
			n++
		}
	}
	if n >= maxListNames {
		s.leftOut = append(s.leftOut, fmt.Sprintf("%s (%s), beyond the first %d names", target, why, maxListNames))
		return
	}
	s.subjects = append(s.subjects, ListSubject{Target: target, Why: why, Own: own})
}

func (s *subjects) holds(t dnsbl.Target) bool {
	return slices.ContainsFunc(s.subjects, func(other ListSubject) bool { return other.Target == t })
}

// registrable is the domain that was registered to have name: the public suffix
// and one label. It is empty where name is none.
func registrable(name string) string {
	if name == "" {
		return ""
	}
	if _, err := netip.ParseAddr(record.Display(name)); err == nil {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(record.Display(name))
	if err != nil {
		return ""
	}
	return record.Canonical(domain)
}
