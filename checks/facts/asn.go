package facts

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// An ASN is the number of an autonomous system, a network of the internet
// (RFC 6793). 0 is none.
type ASN uint32

// String is "AS64500" (RFC 5396, asplain).
func (n ASN) String() string { return "AS" + strconv.FormatUint(uint64(n), 10) }

// A Route is a prefix, and the networks that announce it.
type Route struct {
	Prefix  netip.Prefix
	Origins []ASN  // ascending, each once, one at least
	Country string // in which the prefix is registered, two letters; empty if not known
}

const (
	maxRoutes  = 12 // networks of addresses that are asked about
	maxOrigins = 4  // of one prefix
)

// A Network is addresses that lie so close that they have one route, and who
// announces it as Team Cymru sees it, which looks every four hours.
type Network struct {
	Addrs    []netip.Addr // of the examination
	Question resolve.Question
	Answer   resolve.Answer
	Err      error // of the question, or why its answer cannot be read
	Route    Route // without origins where Err is set
}

// ErrNoRoute is why nothing more can be told of a network that nobody announces.
var ErrNoRoute = errors.New("no network announces it, as far as Team Cymru has seen within the last hours")

// Networks is the fact of the networks of the public addresses that the domain's
// mail goes to or comes from and, after those, of its name servers. It has no
// error: what is not known of the addresses is the matter of others.
var Networks = checks.NewFact("the networks of the addresses", func(ctx context.Context, env *checks.Env) ([]Network, error) {
	addrs := candidates(ctx, env)
	if env.Subject() == checks.Domains {
		addrs = append(addrs, hostAddrs(ctx, env)...)
	}
	var list []*Network
	for _, addr := range addrs {
		addr = addr.Unmap()
		if SpecialUse(addr, env.Lab) != "" {
			continue
		}
		q := originQuestion(addr)
		i := slices.IndexFunc(list, func(n *Network) bool { return n.Question == q })
		switch {
		case i < 0 && len(list) == maxRoutes:
		case i < 0:
			list = append(list, &Network{Addrs: []netip.Addr{addr}, Question: q})
		case !slices.Contains(list[i].Addrs, addr):
			list[i].Addrs = append(list[i].Addrs, addr)
		}
	}
	var wg sync.WaitGroup
	for _, n := range list {
		wg.Go(func() { n.ask(ctx, env) })
	}
	wg.Wait()
	networks := make([]Network, len(list))
	for i, n := range list {
		networks[i] = *n
	}
	return networks, nil
})

// hostAddrs is the addresses of the mail hosts, then of the name servers.
func hostAddrs(ctx context.Context, env *checks.Env) []netip.Addr {
	var servers []NameServer
	var wg sync.WaitGroup
	wg.Go(func() { servers, _ = namedByZone.Of(ctx, env) })
	set, _ := MX.Of(ctx, env)
	wg.Wait()
	addrs := mxAddrs(set)
	for _, s := range servers {
		addrs = append(addrs, s.Addrs...)
	}
	return addrs
}

// originQuestion asks who announces the network of addr: its /24 or, for IPv6,
// /64. Longer prefixes are not routed on the internet, and nobody needs to know
// the very address.
func originQuestion(addr netip.Addr) resolve.Question {
	labels := strings.Split(record.ReverseLabels(addr), ".")
	if addr.Is4() {
		return resolve.Ask(strings.Join(labels[1:], ".")+".origin.asn.cymru.com", "TXT")
	}
	return resolve.Ask(strings.Join(labels[16:], ".")+".origin6.asn.cymru.com", "TXT")
}

func (n *Network) ask(ctx context.Context, env *checks.Env) {
	n.Answer, n.Err = env.DNS.Resolve(ctx, n.Question)
	if n.Err != nil {
		return
	}
	if n.Answer.Void() {
		n.Err = ErrNoRoute
		return
	}
	var ok bool
	if n.Route, ok = routeOf(n.Answer.Texts(), n.Addrs[0]); !ok {
		n.Err = fmt.Errorf("%s: the answer names no network that announces it", n.Question)
	}
}

// routeOf is the most specific of the routes in texts that leads to addr. What
// cannot be read, or leads elsewhere, is passed over.
func routeOf(texts []string, addr netip.Addr) (best Route, ok bool) {
	for _, text := range slices.Sorted(slices.Values(texts)) { // they come in any order
		r, err := ParseOrigin(text)
		if err != nil || !r.Prefix.Contains(addr) {
			continue
		}
		switch {
		case !ok || r.Prefix.Bits() > best.Prefix.Bits():
			best, ok = r, true
		case r.Prefix == best.Prefix:
			best.Origins = origins(append(best.Origins, r.Origins...))
		}
	}
	return best, ok
}

// ParseOrigin reads what the origin zones of Team Cymru answer: the networks that
// announce a prefix, the prefix, the country, registry and date of its allocation,
// as in "23028 | 216.90.108.0/24 | US | arin | 1998-09-25".
func ParseOrigin(text string) (Route, error) {
	fields := split(text)
	if len(fields) < 3 {
		return Route{}, errors.New("not of the form ORIGINS | PREFIX | COUNTRY | REGISTRY | DATE")
	}
	var r Route
	for _, word := range strings.Fields(fields[0]) {
		n, err := strconv.ParseUint(word, 10, 32)
		if err != nil || n == 0 {
			return Route{}, fmt.Errorf("%q is not the number of a network", word)
		}
		r.Origins = append(r.Origins, ASN(n))
	}
	if r.Origins = origins(r.Origins); len(r.Origins) == 0 {
		return Route{}, errors.New("no network is named")
	}
	prefix, err := netip.ParsePrefix(fields[1])
	if err != nil || prefix.Addr().Is4In6() {
		return Route{}, fmt.Errorf("%q is not a prefix", fields[1])
	}
	r.Prefix, r.Country = prefix.Masked(), country(fields[2])
	return r, nil
}

// origins is list in order, each once, and not too many.
func origins(list []ASN) []ASN {
	slices.Sort(list)
	list = slices.Compact(list)
	return list[:min(len(list), maxOrigins)]
}

func split(text string) []string {
	fields := strings.Split(text, "|")
	for i := range fields {
		fields[i] = strings.TrimSpace(fields[i])
	}
	return fields
}

// country is a code of two letters (ISO 3166-1); empty for anything else.
func country(s string) string {
	if len(s) != 2 || strings.Trim(strings.ToUpper(s), "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return ""
	}
	return strings.ToUpper(s)
}

// maxOperator bounds the name of an operator, in octets.
const maxOperator = 80

// ParseOperator reads what asn.cymru.com answers of a network: number, country,
// registry, date and name, as in "23028 | US | arin | 2002-01-04 | TEAM-CYMRU, US".
// The name is the network's own text.
func ParseOperator(text string) (name, cc string, ok bool) {
	fields := split(text)
	if len(fields) < 5 {
		return "", "", false
	}
	cc = country(fields[1])
	name = strings.Join(fields[4:], " | ")
	if cc != "" {
		name = strings.TrimSuffix(name, ", "+cc)
	}
	return clipped(name), cc, name != ""
}

func clipped(name string) string {
	if len(name) <= maxOperator {
		return name
	}
	return strings.ToValidUTF8(name[:maxOperator], "") + "…"
}

// An Operator is who runs a network.
type Operator struct {
	ASN
	Name, Country string // empty where not known
}

// String is "AS64500 EXAMPLE-NET (NL)".
func (o Operator) String() string {
	s := o.ASN.String()
	if o.Name != "" {
		s += " " + o.Name
	}
	if o.Country != "" {
		s += " (" + o.Country + ")"
	}
	return s
}

// Operators is the fact of who runs the networks that announce the addresses, by
// number. One whose name could not be had has none.
var Operators = checks.NewFact("the operators of the networks", func(ctx context.Context, env *checks.Env) (map[ASN]Operator, error) {
	networks, err := Networks.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	var numbers []ASN
	for _, n := range networks {
		numbers = append(numbers, n.Route.Origins...)
	}
	slices.Sort(numbers)
	numbers = slices.Compact(numbers)
	operators := make([]Operator, len(numbers))
	var wg sync.WaitGroup
	for i, n := range numbers {
		operators[i].ASN = n
		wg.Go(func() {
			answer, err := env.DNS.Resolve(ctx, resolve.Ask(n.String()+".asn.cymru.com", "TXT"))
			for _, text := range slices.Sorted(slices.Values(answer.Texts())) {
				if name, cc, ok := ParseOperator(text); ok && err == nil {
					operators[i].Name, operators[i].Country = name, cc
					return
				}
			}
		})
	}
	wg.Wait()
	byNumber := make(map[ASN]Operator, len(operators))
	for _, o := range operators {
		byNumber[o.ASN] = o
	}
	return byNumber, nil
})

// By is the operators of the networks that announce the route, in a line.
func (r Route) By(operators map[ASN]Operator) string {
	var list []string
	for _, n := range r.Origins {
		list = append(list, cmp.Or(operators[n], Operator{ASN: n}).String())
	}
	return strings.Join(list, " and ")
}
