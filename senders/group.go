package senders

import (
	"cmp"
	"fmt"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// A Range is addresses that somebody publishes as those from which he sends.
type Range struct {
	Prefix netip.Prefix
	Name   string // of a service or a domain; empty for hosts that the domain itself names
	By     string // where it is published: "SPF of example.com, include:_spf.example.net"
	Own    bool   // the domain's SPF record lets them send
}

// Know tells of published ranges, by which Sources names addresses; see Published.
func (t *Tally) Know(ranges []Range) { t.ranges = ranges }

// Since tells what was known last time, by which Sources says what is new.
func (t *Tally) Since(last State) { t.last = &last }

// Disown tells that sources, by their names, are none of the owner's.
func (t *Tally) Disown(names ...string) {
	for _, name := range names {
		t.foreign = append(t.foreign, strings.ToLower(name))
	}
}

// disowned reports whether the owner says, or said last time, that a source is none of
// his.
func (t *Tally) disowned(name string) bool {
	name = strings.ToLower(name)
	return slices.Contains(t.foreign, name) || t.last != nil && slices.Contains(t.last.Strangers, name)
}

// A group is the hosts of one source while it is put together.
type group struct {
	Source
	hosts    []*host
	own      bool // SPF of the domain lets it send
	carries  bool // its service passes on what others send, too
	near     bool // it is called by the network of its hosts
	days     uint64
	reporter uint64
}

// Sources are who sends as the domain: those that are the owner's first, and those
// with most messages first among them.
func (t *Tally) Sources() []Source {
	groups := t.groups()
	owners := keyOwners(groups)
	list := make([]Source, 0, len(groups))
	total := t.Total().Messages
	for _, g := range groups {
		g.judge(owners, total)
		if t.disowned(g.Name) {
			g.Standing, g.Why = Stranger, "the owner says that it is none of his"
		}
		g.Over = g.Standing == Own && g.Leaks() && !t.recent(g.LastFailure)
		g.New = t.last != nil && !t.last.has(g.Source)
		list = append(list, g.Source)
	}
	slices.SortFunc(list, func(a, b Source) int {
		return cmp.Or(cmp.Compare(a.Standing, b.Standing), cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// few is how many hosts of one network are told one by one.
const few = 4

// place is what hosts of one source share. Who is near a host of the domain is not the
// domain's.
func (g *group) place() string {
	if g.near && !g.own {
		return g.Name + " by others"
	}
	return g.Name
}

// groups puts hosts together, in the order of their names.
func (t *Tally) groups() []*group {
	known := newIndex(t.ranges)
	services := Services()
	byName := make(map[string]*group)
	hosts := slices.SortedFunc(maps.Values(t.hosts), busiest)
	found, beside := make([]*group, len(hosts)), make(map[string]int)
	for i, h := range hosts {
		found[i] = t.identify(h, known, services)
		if found[i].near {
			beside[found[i].place()]++
		}
	}
	for i, h := range hosts {
		g := found[i]
		if g.near && beside[g.place()] <= few {
			g.Name, g.near = h.addr.String(), false
		}
		key := g.place()
		if was := byName[key]; was != nil {
			was.own = was.own || g.own
			was.By = cmp.Or(was.By, g.By)
			was.hosts = append(was.hosts, h)
			continue
		}
		g.hosts = []*host{h}
		byName[key] = g
	}
	var list []*group
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		g := byName[name]
		t.sum(g)
		list = append(list, g)
	}
	return list
}

// busiest orders hosts.
func busiest(a, b *host) int {
	return cmp.Or(cmp.Compare(b.Messages, a.Messages), a.addr.Compare(b.addr))
}

// unknownHosts is the name of all addresses of which nothing is known but that they
// failed.
const unknownHosts = "unknown hosts"

// untold is the name of all addresses that reports do not tell, or of which there are
// too many.
const untold = "addresses not told"

// identify says whose a host is.
func (t *Tally) identify(h *host, known index, services []Service) *group {
	g := new(group)
	if r, ok := known.of(h.addr); ok {
		g.own, g.By, g.Name = r.Own, r.By, r.Name
		if s, ok := find(services, func(s Service) bool { return s.Name == r.Name }); ok {
			g.Service, g.carries = true, s.Carries
		}
	}
	g.own = g.own || h.SPF > 0
	if g.Name == "" {
		if name, by := t.operator(g, h, services); name != "" {
			g.Name, g.By = name, by
		}
	}
	if g.Name == "" && (g.own || h.DKIM > 0 || h.steady() || h.innocent()*2 >= h.Failed()) {
		g.Name, g.near = network(h.addr), true
	}
	switch {
	case !h.addr.IsValid():
		*g = group{}
		g.Name = untold
	case g.Name == "":
		g.Name, g.By, g.Service = unknownHosts, "", false
	}
	return g
}

func find(services []Service, is func(Service) bool) (Service, bool) {
	if i := slices.IndexFunc(services, is); i >= 0 {
		return services[i], true
	}
	return Service{}, false
}

// operator is who signs the mail of a host, or takes its bounces, with a name of its
// own: a service, or else the domain of it.
func (t *Tally) operator(g *group, h *host, services []Service) (name, by string) {
	var best int64
	chosen := "" // of those with as many messages, the first by name
	take := func(domain, how string, n int64) {
		s, service := find(services, func(s Service) bool { return within(domain, s.Signs) })
		if service {
			n += 1 << 60 // a service that is known goes before all that is not
		}
		if n < best || n == best && domain >= chosen || g.own && !service {
			return
		}
		chosen = domain
		best, name, by = n, record.Display(t.org(domain)), how+record.Display(domain)
		g.Service, g.carries = service, s.Carries
		if service {
			name = s.Name
		}
	}
	for _, d := range h.spf {
		if d.Passed > 0 && !d.Aligned {
			take(d.Name, "SPF passes for ", d.Passed)
		}
	}
	for _, s := range h.signers {
		if s.Passed > 0 && !s.Aligned {
			take(s.Domain, "signs as ", s.Passed)
		}
	}
	return name, by
}

// network is what hosts near each other are called by.
func network(addr netip.Addr) string {
	if !addr.IsValid() {
		return ""
	}
	size := 24
	if addr.Is6() {
		size = 48
	}
	prefix, err := addr.Prefix(size)
	if err != nil {
		return addr.String()
	}
	return prefix.String()
}

// sum adds up the hosts of a group.
func (t *Tally) sum(g *group) {
	from := make(map[string]int64)
	signers := make(map[signerKey]*Signer)
	domains := make(map[string]*Domain)
	for _, h := range g.hosts {
		g.Counts.add(h.Counts)
		g.First, g.Last, g.LastFailure = earlier(g.First, h.first), later(g.Last, h.last), later(g.LastFailure, h.failed)
		g.days |= h.days
		g.reporter |= h.reporter
		for _, n := range h.from {
			from[n.Name] += n.Messages
		}
		for _, s := range h.signers {
			key := signerKey{s.Domain, s.Selector}
			if signers[key] == nil {
				signers[key] = &Signer{Domain: s.Domain, Selector: s.Selector, Aligned: s.Aligned}
			}
			signers[key].Messages += s.Messages
			signers[key].Passed += s.Passed
		}
		for _, d := range h.spf {
			if domains[d.Name] == nil {
				domains[d.Name] = &Domain{Name: d.Name, Aligned: d.Aligned}
			}
			domains[d.Name].Messages += d.Messages
			domains[d.Name].Passed += d.Passed
		}
		if len(g.Addresses) < MaxAddresses {
			g.Addresses = append(g.Addresses, Address{h.addr, h.Counts})
		}
	}
	g.Hosts = len(g.hosts)
	g.Days, g.Reporters = bits.OnesCount64(g.days), bits.OnesCount64(g.reporter)
	for name, n := range from {
		g.From = append(g.From, Named{name, n})
	}
	slices.SortFunc(g.From, func(a, b Named) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	g.Signers, g.Envelopes = sortedSigners(signers), sortedDomains(domains)
	g.From, g.Signers, g.Envelopes = g.From[:min(len(g.From), maxMarks)], g.Signers[:min(len(g.Signers), maxMarks)], g.Envelopes[:min(len(g.Envelopes), maxMarks)]
}

func sortedSigners(m map[signerKey]*Signer) (list []Signer) {
	for _, s := range m {
		list = append(list, *s)
	}
	slices.SortFunc(list, func(a, b Signer) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Domain, b.Domain), cmp.Compare(a.Selector, b.Selector))
	})
	return list
}

func sortedDomains(m map[string]*Domain) (list []Domain) {
	for _, d := range m {
		list = append(list, *d)
	}
	slices.SortFunc(list, func(a, b Domain) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// keyOwners tells for each key of the domain the group that signs with it where that is
// not one that is the domain's by SPF: a service that sends for others, else the one
// with most messages. Whoever else brings such signatures has forwarded them.
func keyOwners(groups []*group) map[signerKey]*group {
	type claim struct {
		rank int // 2 for SPF, 1 for a service
		n    int64
		by   *group
	}
	claims := make(map[signerKey]claim)
	for _, g := range groups {
		rank := 0
		switch {
		case g.own:
			rank = 2
		case g.Service && !g.carries:
			rank = 1
		}
		for _, s := range g.Signers {
			key := signerKey{s.Domain, s.Selector}
			if was, ok := claims[key]; s.Aligned && s.Passed > 0 && (!ok || rank > was.rank || rank == was.rank && s.Passed > was.n) {
				claims[key] = claim{rank, s.Passed, g}
			}
		}
	}
	owners := make(map[signerKey]*group)
	for key, c := range claims {
		if c.rank < 2 {
			owners[key] = c.by
		}
	}
	return owners
}

// recent reports whether what failed last on a day may fail still, as far as the
// reports go.
func (t *Tally) recent(day time.Time) bool { return t.End.Sub(day) <= still+24*time.Hour }

// seldom is the share of all messages, one in so many, below which what one day alone
// saw of a source that is aligned in nothing is taken for a stranger's.
const seldom = 100

// judge settles what a source is to the domain, of total messages.
func (g *group) judge(owners map[signerKey]*group, total int64) {
	key := false // it signs with a key of the domain
	for _, s := range g.Signers {
		key = key || owners[signerKey{s.Domain, s.Selector}] == g
	}
	lost := g.Forwarded + g.Altered
	switch failed := g.Failed(); {
	case g.Name == untold && g.SPF > 0 && failed == 0:
		g.Standing, g.Why = Own, "the reports do not tell their addresses, but that they pass"
	case g.Name == untold:
		g.Standing, g.Why = Stranger, "the reports do not tell their addresses"
	case g.own && g.SPF > 0:
		g.Standing, g.Why = Own, "SPF of the domain lets it send"
	case g.own:
		g.Standing, g.Why = Own, "the domain's SPF record names it"
	case g.DKIM > 0 && key:
		g.Standing, g.Why = Own, "it signs with a key of the domain, more than any other source"
	case g.DKIM > 0 && g.Service && !g.carries:
		g.Standing, g.Why = Own, "a service that signs with a key of the domain"
	case g.DKIM > 0 || failed > 0 && lost*2 >= failed:
		g.Standing, g.Why = Forwarder, g.passedOn()
	case g.Name == unknownHosts:
		g.Standing, g.Why = Stranger, "nothing authenticates what they send"
	case (!g.Service || g.carries) && g.Days < 2 && g.Messages*seldom < total:
		g.Standing, g.Why = Stranger, "it sent on one day, and nothing of it is aligned"
	case g.By != "":
		g.Standing, g.Why = Maybe, "it authenticates as itself and not as the domain: a service of yours that is not set up, or none of yours"
	default:
		g.Standing, g.Why = Maybe, fmt.Sprintf("it sent on %d days, as %d receivers saw, and nothing authenticates it: a host of yours that SPF does not name, or none of yours", g.Days, g.Reporters)
	}
}

func (g *group) passedOn() string {
	switch {
	case g.DKIM > 0 && g.Altered > 0:
		return "the domain's signature comes through it, at times altered"
	case g.DKIM > 0:
		return "the domain's signature comes through it"
	case g.Altered > 0:
		return "the domain's signature is there and no longer fits: mailing lists and gateways alter mail"
	}
	return "receivers say that it forwards"
}

// An index finds the range of an address: the narrowest, and the domain's own before
// others of the same width.
type index struct {
	ranges map[netip.Prefix]Range
	bits4  []int
	bits6  []int
}

func newIndex(list []Range) index {
	x := index{ranges: make(map[netip.Prefix]Range)}
	for _, r := range list {
		key := r.Prefix.Masked()
		if was, ok := x.ranges[key]; !ok || r.Own && !was.Own {
			x.ranges[key] = r
		}
		if width := key.Bits(); key.Addr().Is4() && !slices.Contains(x.bits4, width) {
			x.bits4 = append(x.bits4, width)
		} else if key.Addr().Is6() && !slices.Contains(x.bits6, width) {
			x.bits6 = append(x.bits6, width)
		}
	}
	slices.SortFunc(x.bits4, func(a, b int) int { return b - a })
	slices.SortFunc(x.bits6, func(a, b int) int { return b - a })
	return x
}

func (x index) of(addr netip.Addr) (Range, bool) {
	widths := x.bits6
	if addr.Is4() {
		widths = x.bits4
	}
	for _, width := range widths {
		if prefix, err := addr.Prefix(width); err == nil {
			if r, ok := x.ranges[prefix]; ok {
				return r, true
			}
		}
	}
	return Range{}, false
}
