package facts

import (
	"context"
	"crypto/x509"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/caa"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// An Issuance is who issues the certificates that the domain's mail needs, and
// whom CAA records let issue them.
type Issuance struct {
	Domain    caa.Set // the records that are relevant to the domain itself
	DomainErr error
	Hosts     []CertifiedHost // the MX hosts of the owner's own, then the MTA-STS policy host
}

// A CertifiedHost is a host under the owner's registrable domain to which senders
// connect by TLS.
type CertifiedHost struct {
	Name string // canonical

	// Shown is whether a certificate was seen that names the host and leads to a
	// trusted root: what a private authority signs is no matter of CAA.
	Shown bool
	// Unseen is why it is not known whether there is one; empty where it is.
	Unseen string
	// Issuer is the organization that signed the certificate, or what else its
	// issuer is called.
	Issuer string
	// Wildcard is whether the certificate stands for the host by a wildcard only.
	Wildcard bool

	// CAA is the records that are relevant to the host or, for a wildcard, to the
	// name that the wildcard stands under.
	CAA caa.Set
	Err error // why they are not known
}

// Decision is whether the records let the authority issue for the host.
func (h CertifiedHost) Decision(a caa.Authority) caa.Decision {
	return caa.Evaluate(h.CAA.Records, a.Identifiers, h.Wildcard)
}

// CertificateIssuance is the fact of who issues certificates and who may. Its
// error is only that of the run.
var CertificateIssuance = checks.NewFact("who may issue certificates", func(ctx context.Context, env *checks.Env) (Issuance, error) {
	var is Issuance
	var sessions SessionSet
	var policy STSPolicy
	var wg sync.WaitGroup
	wg.Go(func() { is.Domain, is.DomainErr = caa.Relevant(ctx, env.DNS, env.Domain) })
	wg.Go(func() { sessions, _ = Sessions.Of(ctx, env) })
	wg.Go(func() { policy, _ = MTASTSPolicy.Of(ctx, env) })
	if host, ok := record.Below("mta-sts", env.Domain); ok {
		wg.Go(func() { caa.Relevant(ctx, env.DNS, host) }) // remembered
	}
	mx, _ := MX.Of(ctx, env)
	org := dmarc.ListedOrganizational(env.Domain)
	for _, name := range hostNames(mx) {
		if record.Within(name, org) {
			wg.Go(func() { caa.Relevant(ctx, env.DNS, name) }) // likewise
		}
	}
	wg.Wait()
	for _, name := range hostNames(mx) {
		if h, ok := mailHost(name, sessions); ok && record.Within(name, org) {
			is.Hosts = append(is.Hosts, h)
		}
	}
	if h, ok := policyHost(policy); ok && record.Within(h.Name, org) {
		is.Hosts = append(is.Hosts, h)
	}
	for i := range is.Hosts {
		wg.Go(func() { is.Hosts[i].relevant(ctx, env) })
	}
	wg.Wait()
	return is, ctx.Err()
})

// relevant asks again for what is remembered.
func (h *CertifiedHost) relevant(ctx context.Context, env *checks.Env) {
	name := h.Name
	if h.Wildcard { // RFC 8659, 3: of the name without "*."
		name = record.Parent(name)
	}
	h.CAA, h.Err = caa.Relevant(ctx, env.DNS, name)
}

// mailHost is what the conversations with an MX host show of its certificate; ok
// is false where none was held.
func mailHost(name string, sessions SessionSet) (h CertifiedHost, ok bool) {
	h.Name = name
	for _, s := range sessions.List {
		if s.Host.Name != name {
			continue
		}
		ok = true
		switch {
		case s.TLS != nil:
			h.Unseen = ""
			h.read(s.TLS)
			return h, true
		case !s.Done(probe.StageEHLO):
			h.Unseen = "no conversation with it got that far"
		}
	}
	return h, ok
}

// policyHost is likewise of the host that serves the MTA-STS policy.
func policyHost(p STSPolicy) (h CertifiedHost, ok bool) {
	if p.Off != "" {
		return h, false
	}
	h.Name = p.Host
	if p.Fetch.TLS == nil {
		h.Unseen = "no connection to it got that far"
		return h, true
	}
	h.read(p.Fetch.TLS)
	return h, true
}

// read takes down who issued the certificate.
func (h *CertifiedHost) read(t *probe.TLS) {
	private := slices.ContainsFunc(t.ChainFaults, func(f probe.ChainFault) bool {
		return f.Kind == probe.SelfSigned || f.Kind == probe.Untrusted || f.Kind == probe.BadChain
	})
	if private || len(t.Chain) == 0 || t.NameFault != "" { // or it is another host's
		return
	}
	leaf, err := x509.ParseCertificate(t.Chain[0])
	if err != nil {
		return
	}
	h.Shown = true
	h.Issuer = strings.Join(leaf.Issuer.Organization, ", ")
	if h.Issuer == "" {
		h.Issuer = leaf.Issuer.CommonName
	}
	host := record.Display(h.Name)
	named := func(name string) bool {
		return slices.ContainsFunc(leaf.DNSNames, func(n string) bool { return strings.EqualFold(n, name) })
	}
	_, parent, _ := strings.Cut(host, ".")
	h.Wildcard = !named(host) && named("*."+parent)
}
