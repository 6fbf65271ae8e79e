package facts

import (
	"context"
	"net/netip"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// DomainKeyTree is whether the name _domainkey.<domain> exists, below which all
// keys stand. That it does not exist means that there is no key (RFC 8020, 2),
// but only from a name server that does not deny empty non-terminals; many do.
type DomainKeyTree struct {
	Answer resolve.Answer // of the recursive resolver
	Err    error

	// Proofs is what the zone's own servers said, where the resolver said NXDOMAIN.
	Proofs []TreeProof
	// Witness is a name that must exist because something stands below it
	// ("_tcp.<domain>"); empty where none was found.
	Witness string
	// ProofErr is why no server could be asked.
	ProofErr error
}

// A TreeProof is what one authoritative server says.
type TreeProof struct {
	Server     string // name
	Addr       netip.Addr
	Tree       resolve.Answer // _domainkey
	TreeErr    error
	Witness    resolve.Answer
	WitnessErr error
}

// Denies reports whether the server says with authority that the name does not
// exist, and is shown to tell empty non-terminals from names that do not exist.
func (p TreeProof) Denies() bool {
	return p.TreeErr == nil && p.Tree.Authoritative && !p.Tree.Exists &&
		p.WitnessErr == nil && p.Witness.Authoritative && p.Witness.Exists
}

// Exists reports whether the name is known to exist.
func (t DomainKeyTree) Exists() bool {
	if t.Err == nil && t.Answer.Exists {
		return true
	}
	for _, p := range t.Proofs {
		if p.TreeErr == nil && p.Tree.Exists {
			return true
		}
	}
	return false
}

// Absent reports whether it is proven that the name does not exist: one server
// shown to be right denies it, and none contradicts.
func (t DomainKeyTree) Absent() bool {
	if t.Err != nil || t.Exists() {
		return false
	}
	for _, p := range t.Proofs {
		if p.Denies() {
			return true
		}
	}
	return false
}

// maxProofs bounds the servers that are asked.
const maxProofs = 3

// gatherTree asks the resolver; and the zone's own servers where it says that
// the name does not exist.
func gatherTree(ctx context.Context, env *checks.Env) DomainKeyTree {
	var t DomainKeyTree
	var servers []string
	var nsErr error
	name := record.Canonical("_domainkey." + env.Domain)
	var wg sync.WaitGroup
	wg.Go(func() { t.Answer, t.Err = env.DNS.Resolve(ctx, resolve.Ask(name, "TXT")) })
	wg.Go(func() { servers, nsErr = zoneServers(ctx, env) })
	wg.Wait()
	if t.Err != nil || t.Answer.Exists {
		return t
	}
	var addrs []HostAddrs
	wg.Go(func() { t.Witness = findWitness(ctx, env) })
	wg.Go(func() { addrs = serverAddrs(ctx, env, servers) })
	wg.Wait()
	t.ProofErr = nsErr
	if t.Witness == "" {
		return t
	}
	for i, h := range addrs {
		if len(h.Errs) > 0 && t.ProofErr == nil {
			t.ProofErr = h.Errs[0]
		}
		if len(h.Addrs) > 0 { // one address stands for the server
			t.Proofs = append(t.Proofs, TreeProof{Server: servers[i], Addr: h.Addrs[0]})
		}
	}
	for i := range t.Proofs {
		p := &t.Proofs[i]
		at := p.Addr.String()
		wg.Go(func() {
			p.Tree, p.TreeErr = env.DNS.Resolve(ctx, resolve.Question{Name: name, Type: "TXT", At: at})
		})
		wg.Go(func() {
			p.Witness, p.WitnessErr = env.DNS.Resolve(ctx, resolve.Question{Name: t.Witness, Type: "TXT", At: at})
		})
	}
	wg.Wait()
	return t
}

// zoneServers is the names of the servers of the zone that holds the domain:
// the NS records of the domain itself, else of the nearest parent that is not a
// public suffix.
func zoneServers(ctx context.Context, env *checks.Env) ([]string, error) {
	var names []string
	top := dmarc.ListedOrganizational(env.Domain)
	for name := env.Domain; len(names) < maxProofs; name = record.Parent(name) {
		names = append(names, name)
		if name == top || name == "." {
			break
		}
	}
	answers := make([]resolve.Answer, len(names))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { answers[i], errs[i] = env.DNS.Resolve(ctx, resolve.Ask(name, "NS")) })
	}
	wg.Wait()
	for i, answer := range answers {
		if errs[i] != nil {
			return nil, errs[i]
		}
		var servers []string
		for _, r := range record.Sorted(answer.Records) {
			servers = append(servers, r.Data)
		}
		if len(servers) > 0 && len(answer.Chain) == 0 {
			return servers[:min(len(servers), maxProofs)], nil
		}
	}
	return nil, nil
}

func serverAddrs(ctx context.Context, env *checks.Env, servers []string) []HostAddrs {
	addrs := make([]HostAddrs, len(servers))
	var wg sync.WaitGroup
	for i, server := range servers {
		wg.Go(func() { addrs[i] = Addresses(ctx, env, server) })
	}
	wg.Wait()
	return addrs
}

// treeWitnesses are records that many domains have two labels below them, so that
// the name between is an empty non-terminal.
var treeWitnesses = []struct{ below, typ, name string }{
	{"_submissions._tcp", "SRV", "_tcp"},
	{"_imaps._tcp", "SRV", "_tcp"},
	{"_submission._tcp", "SRV", "_tcp"},
	{"_autodiscover._tcp", "SRV", "_tcp"},
	{"_smtp._tls", "TXT", "_tls"},
}

// findWitness is a name of the domain that exists because a record stands below it.
func findWitness(ctx context.Context, env *checks.Env) string {
	found := make([]bool, len(treeWitnesses))
	var wg sync.WaitGroup
	for i, w := range treeWitnesses {
		wg.Go(func() {
			answer, err := env.DNS.Resolve(ctx, resolve.Ask(w.below+"."+env.Domain, w.typ))
			found[i] = err == nil && len(answer.Records) > 0 && len(answer.Chain) == 0
		})
	}
	wg.Wait()
	for i, w := range treeWitnesses {
		if found[i] {
			return record.Canonical(w.name + "." + env.Domain)
		}
	}
	return ""
}
