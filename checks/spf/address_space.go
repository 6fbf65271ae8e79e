package spf

import (
	"context"
	"fmt"
	"math"
	"net/netip"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
)

const (
	// roomy is the IPv4 addresses that a record may authorise by itself: a /16.
	roomy = 1 << 16
	// wide4 and wide6 are prefix lengths at which a block is no sender's own: an
	// IPv4 /8 is a 256th of the world, and no network holds an IPv6 /16.
	wide4, wide6 = 8, 16
)

// clouds are the records that list every address that a cloud rents out, to
// anybody.
var clouds = map[string]string{
	"_cloud-netblocks.googleusercontent.com.": "Google Cloud",
}

// AddressSpace: the record lets in about as many as send.
var AddressSpace = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "spf.address-space",
		Title:    "The authorised space is proportionate",
		Severity: diagnosis.Warning,
		Why:      "Whoever gets hold of one address in the space that the record authorises, for an hour and a few cents in a cloud, sends as the domain with an SPF pass, and with a DMARC pass too.",
		Doc: `The addresses of all ip4 and ip6 terms are added up, and those that a, mx and their prefix lengths stand for, in the domain's own record and in what it includes. Records of known mail services are left out: they are large, and the service keeps its customers apart. More than a /16 (65,536 IPv4 addresses) is more than any sender runs; a block of /8 and wider, or the whole of a cloud, is a mistake.

To fix it, name the addresses that send: ip4:192.0.2.25, not the network in which the provider happens to put them. If mail leaves through a hosting company's relay, use the include that its manual names for that relay.

A finding about a record that somebody else publishes is advice, as is one about the sum of such records: ask its owner, or stop relying on SPF for that service and let it sign with DKIM.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 11.5.3"}, {Name: "BreakSPF, NDSS 2024", URL: "https://www.ndss-symposium.org/ndss-paper/breakspf-how-shared-infrastructures-magnify-spf-vulnerabilities-across-the-internet/"}},
	},
	Needs: slices.Concat(followable, []*checks.Check{AllPermissive, IncludeLoop}),
	Run: func(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
		return judgeRecord(ctx, env, func(r facts.SPFRecord, v *diagnosis.Verdict) { addressSpace(env, r, v) })
	},
})

// A space is what records of one kind authorise.
type space struct {
	blocks []netip.Prefix
	wide   []string // terms that are too wide, and whose they are
	cloud  []string
}

func addressSpace(env *checks.Env, r facts.SPFRecord, v *diagnosis.Verdict) {
	var own, others space
	own.read(env, r.Tree.Root)
	for _, n := range r.Tree.Root.Children {
		others.follow(env, n, v)
	}
	v.Seen = []diagnosis.Evidence{
		{Question: "IPv4 addresses that the record itself authorises", Answer: fmt.Sprint(own.size())},
		{Question: "and by includes of others than the known mail services", Answer: fmt.Sprint(others.size())},
	}
	for _, says := range append(own.wide, others.cloud...) {
		v.Findings = append(v.Findings, spacious(env, r, diagnosis.Warning, says))
	}
	if n := own.size(); n > roomy && len(own.wide) == 0 {
		v.Findings = append(v.Findings, spacious(env, r, diagnosis.Warning, fmt.Sprintf("SPF of %s authorises %d IPv4 addresses by itself", name(env), n)))
	}
	for _, says := range others.wide {
		v.Findings = append(v.Findings, spacious(env, r, diagnosis.Advice, says))
	}
	if n := others.size(); n > roomy && len(others.wide)+len(others.cloud) == 0 {
		v.Findings = append(v.Findings, spacious(env, r, diagnosis.Advice, fmt.Sprintf("the records that SPF of %s relies on authorise %d IPv4 addresses, those of the known mail services left out", name(env), n)))
	}
	v.Findings = v.Findings[:min(len(v.Findings), maxFindings)]
}

func spacious(env *checks.Env, r facts.SPFRecord, severity diagnosis.Severity, says string) diagnosis.Finding {
	f := finding(env, r, severity, "%s: whoever has one of them sends as %s with an SPF pass", says, name(env))
	f.Remedy.Steps = []string{
		"Find out which hosts send for the domain; the sending address stands in the Received header of a message.",
		"Name those alone, as ip4: and ip6:, in place of the network around them.",
	}
	if severity == diagnosis.Advice {
		f.Remedy.Steps = []string{
			"Ask the service for a record that names its mail servers alone.",
			"Or let it sign with DKIM for the domain, and take its include out: DMARC needs one of the two.",
		}
	}
	return f
}

// follow reads the records behind an include or a redirect, as far as a pass
// there is a pass for the domain, and not beyond the known mail services.
func (s *space) follow(env *checks.Env, n *spf.Node, v *diagnosis.Verdict) {
	if n.Term.Kind != spf.Redirect && (n.Term.Kind != spf.Include || n.Term.Qualifier != spf.Plus) {
		return
	}
	if n.State == spf.Unanswered {
		v.Doubts = append(v.Doubts, doubt(n))
		return
	}
	if cloud := clouds[n.Domain]; cloud != "" {
		s.cloud = append(s.cloud, fmt.Sprintf("%s has %q, which is every address that %s rents out", holder(env, n), clip(n.Term.String()), cloud))
		return
	}
	if _, known := facts.SendsBy(n.Domain); known {
		return
	}
	s.read(env, n)
	for _, c := range n.Children {
		s.follow(env, c, v)
	}
}

// read adds what the record of n names.
func (s *space) read(env *checks.Env, n *spf.Node) {
	for _, t := range n.Record.Mechanisms() {
		if (t.Kind != spf.IP4 && t.Kind != spf.IP6) || t.Qualifier.Code() != spf.Pass {
			continue
		}
		s.add(env, n, t, t.Prefix.Masked())
	}
	for _, c := range n.Children {
		if (c.Term.Kind != spf.A && c.Term.Kind != spf.MX) || c.Term.Qualifier.Code() != spf.Pass {
			continue
		}
		for _, addr := range around(c) {
			bits := c.Term.Bits4
			if addr.Is6() {
				bits = c.Term.Bits6
			}
			s.add(env, n, c.Term, netip.PrefixFrom(addr, bits).Masked())
		}
	}
}

// around is the addresses that an a term leads to, and for an mx term one for
// each family that its hosts have: they mostly share one network.
func around(n *spf.Node) []netip.Addr {
	var list []netip.Addr
	for _, a := range n.Answers {
		list = append(list, a.Addrs()...)
	}
	for _, h := range n.Hosts {
		if h.HasIPv4 && !slices.Contains(list, netip.IPv4Unspecified()) {
			list = append(list, netip.IPv4Unspecified())
		}
		if h.HasIPv6 && !slices.Contains(list, netip.IPv6Unspecified()) {
			list = append(list, netip.IPv6Unspecified())
		}
	}
	return list
}

// add adds a block. One of every address is spf.all-permissive's to judge, and
// from private space no mail comes across the internet.
func (s *space) add(env *checks.Env, n *spf.Node, t spf.Term, block netip.Prefix) {
	if first := block.Addr(); first.IsPrivate() || first.IsLoopback() || first.IsLinkLocalUnicast() {
		return
	}
	s.blocks = append(s.blocks, block)
	bits, limit := block.Bits(), wide4
	if block.Addr().Is6() {
		limit = wide6
	}
	if bits == 0 || bits > limit {
		return
	}
	says := fmt.Sprintf("%s has %q, a /%d of the %s address space", whose(env, n), clip(t.String()), bits, family(block))
	if len(s.wide) < maxFindings && !slices.Contains(s.wide, says) {
		s.wide = append(s.wide, says)
	}
}

func family(p netip.Prefix) string {
	if p.Addr().Is4() {
		return "IPv4"
	}
	return "IPv6"
}

// size is the number of IPv4 addresses in the blocks, each counted once.
func (s space) size() int {
	blocks := slices.DeleteFunc(slices.Clone(s.blocks), func(p netip.Prefix) bool { return !p.Addr().Is4() })
	slices.SortFunc(blocks, func(a, b netip.Prefix) int {
		if c := a.Addr().Compare(b.Addr()); c != 0 {
			return c
		}
		return a.Bits() - b.Bits()
	})
	var last netip.Prefix
	n := 0
	for _, p := range blocks {
		if last.IsValid() && last.Contains(p.Addr()) {
			continue
		}
		last, n = p, n+1<<(32-p.Bits())
	}
	return min(n, math.MaxUint32)
}
