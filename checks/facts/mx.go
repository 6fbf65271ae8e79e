// Package facts gathers what checks of several topics need to know of a
// domain: its MX hosts, its SPF tree, its policy, its SMTP sessions. Facts ask
// and arrange; they do not judge. Each is gathered once for an examination.
package facts

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxHosts bounds the MX hosts that are looked at. The eleventh and later ones
// are a finding of mx.count; what stands beyond this bound is not asked about.
const maxHosts = 20

// An MXSet is where mail for a domain goes (RFC 5321, 5.1).
type MXSet struct {
	Answer   resolve.Answer // to the MX question
	Hosts    []Host         // most preferred first; without "."
	Null     bool           // the set holds the null MX "0 ." (RFC 7505)
	Implicit bool           // no MX: the domain's own address is used
	Omitted  int            // hosts beyond the bound
}

// ReceivesNothing reports whether the domain says that it takes no mail: a
// null MX that stands alone.
func (s MXSet) ReceivesNothing() bool { return s.Null && len(s.Hosts) == 0 }

// A Host is one entry of the set and its addresses. One name may stand twice.
type Host struct {
	Preference uint16
	Name       string // as the MX record has it, canonical
	Literal    bool   // the name is an IP address in disguise; nothing is asked about it
	HostAddrs
}

// HostAddrs is what a host name resolves to.
type HostAddrs struct {
	Chain   []record.Record  // CNAMEs between the name and its addresses
	Addrs   []netip.Addr     // IPv4 first, each once
	Exists  bool             // the name exists, with or without addresses
	Answers []resolve.Answer // the conclusive ones, A then AAAA
	Errs    []error          // questions without a conclusive answer
}

// Known reports whether both questions had conclusive answers.
func (h HostAddrs) Known() bool { return len(h.Errs) == 0 }

// MX is the fact of where mail for the domain goes. Its error is that of the MX
// question; that a host could not be resolved is the host's.
var MX = checks.NewFact("the MX hosts", func(ctx context.Context, env *checks.Env) (MXSet, error) {
	if env.Subject() == checks.Addresses {
		return MXSet{}, nil // they belong to no domain that is known
	}
	var own HostAddrs
	var wg sync.WaitGroup
	wg.Go(func() { own = Addresses(ctx, env, env.Domain) }) // for the implicit MX, at time zero
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "MX"))
	if err == nil {
		err = heeded(ctx, env, answer)
	}
	if err != nil {
		wg.Wait()
		return MXSet{Answer: answer}, err
	}
	set := MXSet{Answer: answer}
	for _, r := range record.Sorted(answer.Records) {
		pref, name, ok := r.MX()
		switch {
		case !ok:
			continue
		case name == ".":
			set.Null = true
		case len(set.Hosts) >= maxHosts:
			set.Omitted++
		default:
			set.Hosts = append(set.Hosts, Host{Preference: pref, Name: name, Literal: isLiteral(name)})
		}
	}
	for i := range set.Hosts {
		if h := &set.Hosts[i]; !h.Literal {
			wg.Go(func() { h.HostAddrs = Addresses(ctx, env, h.Name) })
		}
	}
	wg.Wait()
	if len(answer.Records) == 0 && (len(own.Addrs) > 0 || !own.Known()) {
		set.Implicit = true
		set.Hosts = []Host{{Name: env.Domain, HostAddrs: own}}
	}
	return set, nil
})

// isLiteral reports whether a name is an IPv4 or IPv6 address written where a
// host name belongs, with or without brackets.
func isLiteral(name string) bool {
	_, err := netip.ParseAddr(strings.Trim(record.Display(name), "[]"))
	return err == nil
}

// Addresses asks for the A and AAAA records of name, both at once.
func Addresses(ctx context.Context, env *checks.Env, name string) HostAddrs {
	types := []string{"A", "AAAA"}
	answers := make([]resolve.Answer, len(types))
	errs := make([]error, len(types))
	var wg sync.WaitGroup
	for i, typ := range types {
		wg.Go(func() { answers[i], errs[i] = env.DNS.Resolve(ctx, resolve.Ask(name, typ)) })
	}
	wg.Wait()
	var h HostAddrs
	for i, answer := range answers {
		if errs[i] != nil {
			h.Errs = append(h.Errs, errs[i])
			continue
		}
		h.Answers = append(h.Answers, answer)
		h.Exists = h.Exists || answer.Exists
		if len(h.Chain) == 0 {
			h.Chain = answer.Chain
		}
		for _, addr := range answer.Addrs() {
			if !slices.Contains(h.Addrs, addr) {
				h.Addrs = append(h.Addrs, addr)
			}
		}
	}
	return h
}
