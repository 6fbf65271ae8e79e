package facts

import (
	"context"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// DMARCPolicy is the DMARC policy that applies to a domain, and where it was
// looked for.
type DMARCPolicy struct {
	dmarc.Discovery                 // by tree walk (RFC 9989, 4.10)
	Listed          dmarc.Discovery // by public suffix list (RFC 7489, 6.6.3)

	// Apex is the TXT set of the domain itself, where a record stands in vain;
	// ApexErr is why it is not known.
	Apex    resolve.Answer
	ApexErr error

	// Own is false where the record that applies is that of a public suffix: then
	// it is not the owner's to change.
	Own bool
}

// Here is the step at the domain's own _dmarc name.
func (p DMARCPolicy) Here() dmarc.Step { return p.Steps[0] }

// Text is the record that applies, as published.
func (p DMARCPolicy) Text() string { return p.Policy.Texts[0] }

// DMARC is the fact of the policy that applies to the domain. Its error is only
// that of the run; what could not be asked stands in Undecided.
var DMARC = checks.NewFact("the DMARC policy", func(ctx context.Context, env *checks.Env) (DMARCPolicy, error) {
	var p DMARCPolicy
	var wg sync.WaitGroup
	wg.Go(func() { p.Discovery = dmarc.Discover(ctx, env.DNS, env.Domain) })
	wg.Go(func() { p.Listed = dmarc.Discover7489(ctx, env.DNS, env.Domain) })
	wg.Go(func() { p.Apex, p.ApexErr = env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT")) })
	wg.Wait()
	if p.ApexErr == nil && p.Policy == nil {
		if err := heeded(ctx, env, p.Apex); err != nil {
			return p, err
		}
	}
	p.Own = p.Policy != nil && record.Within(p.Policy.Domain, dmarc.ListedOrganizational(env.Domain))
	return p, ctx.Err()
})

// maxReportHosts bounds the report domains that are looked at. Receivers need
// to honour no more than two addresses (RFC 7489, 6.2).
const maxReportHosts = 8

// A ReportHost is a domain to which DMARC reports about the domain go.
type ReportHost struct {
	Name      string      // canonical
	Addresses []dmarc.URI // of rua and ruf, in order
	MX        resolve.Answer
	MXErr     error
	HostAddrs // its own addresses, used where it has no MX

	// ByWalk and ByList are whether the domain counts as an external destination,
	// by tree walk (RFC 9990, 4) and by public suffix list (RFC 7489, 7.1).
	ByWalk, ByList bool
	// WalkErr is why ByWalk is not known.
	WalkErr error
	// Consent is the answer of an external destination.
	Consent dmarc.Consent
}

// External reports whether some receivers want the consent of the host.
func (h ReportHost) External() bool { return h.ByWalk || h.ByList }

// DMARCReportHosts is the fact of the domains to which reports go, in the order
// of rua and ruf, and of how many beyond the bound were left out. It is empty
// where no record of the owner's applies.
var DMARCReportHosts = checks.NewFact("the DMARC report domains", func(ctx context.Context, env *checks.Env) (ReportHosts, error) {
	p, err := DMARC.Of(ctx, env)
	if err != nil || p.Policy == nil || !p.Own {
		return ReportHosts{}, err
	}
	hosts := reportHosts(*p.Policy.Record)
	var wg sync.WaitGroup
	for i := range hosts.List {
		h := &hosts.List[i]
		wg.Go(func() { h.MX, h.MXErr = env.DNS.Resolve(ctx, resolve.Ask(h.Name, "MX")) })
		wg.Go(func() { h.HostAddrs = Addresses(ctx, env, h.Name) })
		wg.Go(func() { h.external(ctx, env, p) })
		wg.Go(func() { h.consent(ctx, env, p) })
	}
	wg.Wait()
	return hosts, nil
})

// ReportHosts is the domains of report addresses.
type ReportHosts struct {
	List    []ReportHost
	Omitted int // beyond the bound
}

func reportHosts(r dmarc.Record) ReportHosts {
	var hosts ReportHosts
	for _, u := range slices.Concat(r.RUA, r.RUF) {
		if u.Host == "" {
			continue
		}
		i := slices.IndexFunc(hosts.List, func(h ReportHost) bool { return h.Name == u.Host })
		switch {
		case i >= 0:
			hosts.List[i].Addresses = append(hosts.List[i].Addresses, u)
		case len(hosts.List) == maxReportHosts:
			hosts.Omitted++
		default:
			hosts.List = append(hosts.List, ReportHost{Name: u.Host, Addresses: []dmarc.URI{u}})
		}
	}
	return hosts
}

// external compares organizational domains: that of the host and that of the
// domain at which the policy was found.
func (h *ReportHost) external(ctx context.Context, env *checks.Env, p DMARCPolicy) {
	if h.Name == p.Policy.Domain {
		return
	}
	h.ByList = dmarc.ListedOrganizational(h.Name) != dmarc.ListedOrganizational(p.Policy.Domain)
	d := dmarc.Discover(ctx, env.DNS, h.Name)
	own := p.Organizational
	if p.Relation == dmarc.Subdomain && p.Policy.Domain != own {
		own = p.Policy.Domain
	}
	h.ByWalk = d.Organizational != own
	for _, err := range slices.Concat(d.OrganizationalUndecided, p.OrganizationalUndecided) {
		h.WalkErr = err
		break
	}
}

// consent asks without waiting for whether the host turns out to be external.
func (h *ReportHost) consent(ctx context.Context, env *checks.Env, p DMARCPolicy) {
	h.Consent.Host = h.Name
	if h.Name != p.Policy.Domain {
		h.Consent = dmarc.AskConsent(ctx, env.DNS, p.Policy.Domain, h.Name)
	}
}
