package facts

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Sender is an address from which the domain's mail leaves.
type Sender struct {
	Addr     netip.Addr
	Host     string // the name it is known by, canonical; empty if none
	Why      string // how it is known: "given with --ip", "ip4 in the SPF record"; empty where nothing else is examined
	Declared bool   // the owner says so
}

// Senders is the fact of the addresses that send for the domain: those that the
// owner declares or, where none is declared, those that can be inferred. It is
// empty for a domain that sends no mail.
var Senders = checks.NewFact("the sending addresses", func(ctx context.Context, env *checks.Env) ([]Sender, error) {
	if len(env.Want.Senders) > 0 {
		return declared(env), nil
	}
	purpose, err := Intent.Of(ctx, env)
	if err != nil || !purpose.Sends {
		return nil, err
	}
	return inferred(ctx, env)
})

func declared(env *checks.Env) []Sender {
	why := "given with --ip"
	if env.Subject() == checks.Addresses {
		why = ""
	}
	var list []Sender
	for _, addr := range env.Want.Senders {
		list = append(list, Sender{Addr: addr.Unmap(), Host: env.Want.HELO, Why: why, Declared: true})
	}
	return list
}

// maxSenders bounds the addresses that are inferred, and the MX addresses that
// are evaluated for it.
const maxSenders = 16

// inferred is the single addresses that the domain's SPF record names, and the
// MX addresses that SPF lets send. That one of the two is unknown is an error
// only where the other gives none.
func inferred(ctx context.Context, env *checks.Env) ([]Sender, error) {
	list, spfErr := literals(ctx, env)
	set, mxErr := MX.Of(ctx, env)
	addrs := mxAddrs(set)
	passes := make([]bool, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { passes[i] = authorised(ctx, env, addr) })
	}
	wg.Wait()
	for i, addr := range addrs {
		if passes[i] && !holds(list, addr) && len(list) < maxSenders {
			list = append(list, Sender{Addr: addr, Why: "an MX host that SPF lets send"})
		}
	}
	if len(list) == 0 {
		return nil, cmp.Or(spfErr, mxErr)
	}
	return name(list, set), nil
}

// candidates is every address that may turn out to be a sender, known as early
// as can be.
func candidates(ctx context.Context, env *checks.Env) []netip.Addr {
	if len(env.Want.Senders) > 0 {
		var addrs []netip.Addr
		for _, s := range declared(env) {
			addrs = append(addrs, s.Addr)
		}
		return addrs
	}
	var addrs []netip.Addr
	set, err := MX.Of(ctx, env)
	if err == nil {
		addrs = mxAddrs(set)
	}
	single, _ := literals(ctx, env)
	for _, s := range single {
		if !slices.Contains(addrs, s.Addr) {
			addrs = append(addrs, s.Addr)
		}
	}
	return addrs
}

// literals is the single addresses of ip4 and ip6 terms in the domain's SPF
// record; in all of them, should there be several. A block is a network, not a
// sender.
func literals(ctx context.Context, env *checks.Env) ([]Sender, error) {
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(env.Domain, "TXT"))
	if err != nil {
		return nil, err
	}
	var list []Sender
	for _, text := range spf.Records(answer.Texts()) {
		parsed, _ := spf.Parse(text)
		for _, t := range parsed.Mechanisms() {
			single := (t.Kind == spf.IP4 || t.Kind == spf.IP6) && t.Prefix.IsSingleIP() && t.Qualifier.Code() == spf.Pass
			if addr := t.Prefix.Addr().Unmap(); single && !holds(list, addr) && len(list) < maxSenders {
				list = append(list, Sender{Addr: addr, Why: t.String() + " in the SPF record"})
			}
		}
	}
	return list, nil
}

func authorised(ctx context.Context, env *checks.Env, addr netip.Addr) bool {
	result := spf.Evaluate(ctx, env.DNS, spf.Params{IP: addr, Sender: "postmaster@" + record.Display(env.Domain)})
	return result.Code == spf.Pass
}

// mxAddrs is the first addresses of the MX hosts, each once.
func mxAddrs(set MXSet) []netip.Addr {
	var addrs []netip.Addr
	for _, h := range set.Hosts {
		for _, addr := range h.Addrs {
			if !slices.Contains(addrs, addr) && len(addrs) < maxSenders {
				addrs = append(addrs, addr)
			}
		}
	}
	return addrs
}

func holds(list []Sender, addr netip.Addr) bool {
	return slices.ContainsFunc(list, func(s Sender) bool { return s.Addr == addr })
}

// name gives the senders that are MX hosts the names of those.
func name(list []Sender, set MXSet) []Sender {
	for i := range list {
		for _, h := range set.Hosts {
			if list[i].Host == "" && slices.Contains(h.Addrs, list[i].Addr) {
				list[i].Host = h.Name
			}
		}
	}
	return list
}
