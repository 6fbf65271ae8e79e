package senders

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxRanges bounds the ranges of one domain.
const maxRanges = 20_000

// Published asks the DNS for the addresses that the SPF record of a domain lets send,
// by whose record names them, and for those that the services publish that are known
// by name. The error says what was not answered; the rest is there all the same.
func Published(ctx context.Context, dns resolve.Resolver, domain string) ([]Range, error) {
	own, err := ofDomain(ctx, dns, domain)
	var errs []error
	if err != nil {
		errs = append(errs, err)
	}
	services := Services()
	lists, failed := make([][]Range, len(services)), make([]error, len(services))
	var wg sync.WaitGroup
	for i, s := range services {
		wg.Go(func() { lists[i], failed[i] = ofService(ctx, dns, s) })
	}
	wg.Wait()
	all := own
	for i := range services {
		all = append(all, lists[i]...)
		if failed[i] != nil {
			errs = append(errs, failed[i])
		}
	}
	return all, errors.Join(errs...)
}

// ofDomain is the ranges of the domain's own record, each named by the first include
// on the way to it.
func ofDomain(ctx context.Context, dns resolve.Resolver, domain string) ([]Range, error) {
	domain = record.Canonical(domain)
	tree, err := treeOf(ctx, dns, domain)
	if tree == nil {
		return nil, err
	}
	display := record.Display(domain)
	list := ranges(ctx, dns, tree.Root, Range{By: "SPF of " + display, Own: true})
	for _, n := range tree.Root.Children {
		r := Range{By: "SPF of " + display + ", " + n.Label(), Own: true}
		if n.Term.Kind == spf.Include || n.Term.Kind == spf.Redirect {
			r.Name = record.Display(n.Domain)
			if s, ok := Including(n.Domain); ok {
				r.Name = s.Name
			}
			if record.Within(n.Domain, domain) {
				r.Name = ""
			}
		}
		if lets(n.Term) {
			for below := range n.All() {
				list = append(list, ranges(ctx, dns, below, r)...)
			}
		}
	}
	return list[:min(len(list), maxRanges)], err
}

// ofService is the ranges of a service.
func ofService(ctx context.Context, dns resolve.Resolver, s Service) (list []Range, err error) {
	var errs []error
	for _, name := range s.SPF {
		tree, err := treeOf(ctx, dns, record.Canonical(name))
		if err != nil {
			errs = append(errs, err)
		}
		if tree == nil {
			continue
		}
		for n := range tree.Root.All() {
			list = append(list, ranges(ctx, dns, n, Range{Name: s.Name, By: "SPF of " + name})...)
		}
	}
	return list[:min(len(list), maxRanges)], errors.Join(errs...)
}

// treeOf is the SPF tree of a domain; nil where there is none.
func treeOf(ctx context.Context, dns resolve.Resolver, domain string) (*spf.Tree, error) {
	answer, err := dns.Resolve(ctx, resolve.Ask(domain, "TXT"))
	if err != nil {
		return nil, err
	}
	texts := spf.Records(answer.Texts())
	if len(texts) != 1 { // none, or a permerror
		return nil, nil
	}
	parsed, _ := spf.Parse(texts[0])
	tree := spf.Count(ctx, dns, domain, parsed)
	if n := len(tree.Unanswered); n > 0 {
		err = fmt.Errorf("%s of the SPF record of %s: %w", tree.Unanswered[0].Label(), record.Display(domain), tree.Unanswered[0].Err)
	}
	return tree, err
}

// lets reports whether a term can bring a pass; that of a redirect is its record's.
func lets(t spf.Term) bool {
	return t.Kind == spf.Redirect || t.Qualifier.Code() == spf.Pass
}

// ranges is the addresses that a term, or the record at it, names outright.
func ranges(ctx context.Context, dns resolve.Resolver, n *spf.Node, like Range) (list []Range) {
	put := func(p netip.Prefix) {
		// A record that lets half the internet send names nobody.
		if p.IsValid() && p.Bits() >= 8 {
			like.Prefix = p.Masked()
			list = append(list, like)
		}
	}
	for _, t := range n.Record.Mechanisms() {
		if (t.Kind == spf.IP4 || t.Kind == spf.IP6) && lets(t) {
			put(t.Prefix)
		}
	}
	if (n.Term.Kind == spf.A || n.Term.Kind == spf.MX) && lets(n.Term) {
		for _, addr := range addresses(ctx, dns, n) {
			bits := n.Term.Bits6
			if addr.Is4() {
				bits = n.Term.Bits4
			}
			if p, err := addr.Prefix(bits); err == nil {
				put(p)
			}
		}
	}
	return slices.Clip(list)
}

// addresses is those of an a or mx term. What is not answered, the count has told.
func addresses(ctx context.Context, dns resolve.Resolver, n *spf.Node) (list []netip.Addr) {
	names := []string{n.Domain}
	if n.Term.Kind == spf.MX {
		names = nil
		for _, h := range n.Hosts {
			names = append(names, h.Name)
		}
	}
	for _, name := range names {
		for _, kind := range []string{"A", "AAAA"} {
			if answer, err := dns.Resolve(ctx, resolve.Ask(name, kind)); err == nil {
				list = append(list, answer.Addrs()...)
			}
		}
	}
	return list
}
