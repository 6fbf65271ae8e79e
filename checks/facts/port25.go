package facts

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// witnesses are domains of large receivers, run by different people, whose MX
// hosts are up when anything is. One connection to the first host of each is
// all that they are bothered with, and only where nothing else answers.
var witnesses = []string{"gmail.com.", "outlook.com.", "yahoo.com.", "icloud.com.", "comcast.net."}

// A Family is IPv4 or IPv6.
type Family int

const (
	IPv4 Family = 4
	IPv6 Family = 6
)

// FamilyOf is the family of an address.
func FamilyOf(addr netip.Addr) Family {
	if addr.Unmap().Is4() {
		return IPv4
	}
	return IPv6
}

func (f Family) String() string { return fmt.Sprintf("IPv%d", int(f)) }

// addressType is the DNS type of the family's addresses.
func (f Family) addressType() string {
	if f == IPv4 {
		return "A"
	}
	return "AAAA"
}

// An Outlet is whether this machine reaches port 25 elsewhere over one family.
type Outlet struct {
	Family   Family
	Reach    probe.Reach
	Asked    int // well-known hosts that were asked; 0 where an MX host settled it
	Evidence []diagnosis.Evidence
	Own      []netip.Addr // this machine's addresses that are the domain's mail hosts or senders
}

// Outlets is one outlet for each family in which the domain has a mail host, or
// this machine sends for it.
type Outlets struct {
	List []Outlet
	Off  string // why nothing is to be asked; empty if something may be
}

// For returns the outlet of an address's family; without one it is unknown.
func (o Outlets) For(addr netip.Addr) Outlet {
	for _, outlet := range o.List {
		if outlet.Family == FamilyOf(addr) {
			return outlet
		}
	}
	return Outlet{Family: FamilyOf(addr)}
}

// Port25 is the fact of whether port 25 is open on the way out of this machine.
// Where an MX host of the domain was reached that is proof enough; only where
// none was, the well-known hosts are asked. Its error is that of the MX question.
var Port25 = checks.NewFact("outbound port 25", func(ctx context.Context, env *checks.Env) (Outlets, error) {
	sessions, err := Sessions.Of(ctx, env)
	if err != nil {
		return Outlets{}, err
	}
	if env.SMTP == nil {
		return Outlets{Off: sessions.Off}, nil
	}
	senders, err := Senders.Of(ctx, env)
	if err != nil {
		senders, err = nil, nil // then this machine is not known to be one of them
	}
	outlets := make([]*Outlet, 0, 2)
	for _, family := range []Family{IPv4, IPv6} {
		own, any := ownAddrs(env, family, sessions, senders)
		if any {
			outlets = append(outlets, &Outlet{Family: family, Own: own})
		}
	}
	var wg sync.WaitGroup
	for _, o := range outlets {
		if !o.provenBy(sessions) {
			wg.Go(func() { o.ask(ctx, env) })
		}
	}
	wg.Wait()
	var result Outlets
	for _, o := range outlets {
		result.List = append(result.List, *o)
	}
	if len(result.List) == 0 {
		result.Off, err = nobody(ctx, env, sessions)
	}
	return result, err
})

// nobody says why there is no family to ask about, or which question failed
// that might have told of one.
func nobody(ctx context.Context, env *checks.Env, sessions SessionSet) (string, error) {
	if env.Subject() == checks.Addresses && len(env.Want.Senders) > 0 {
		return fmt.Sprintf("%s is on no interface of this machine; on the machine that has it, maildoctor ip %[1]s tells whether port 25 is open (--here where it is behind NAT)", env.Want.Senders[0]), nil
	}
	if sessions.Off != "" {
		return sessions.Off, nil
	}
	mx, err := MX.Of(ctx, env)
	if err != nil {
		return "", err
	}
	for _, h := range mx.Hosts {
		if !h.Known() {
			return "", h.Errs[0]
		}
	}
	return "the domain has no mail host with a public address", nil
}

// ownAddrs is this machine's addresses of a family that the domain's mail goes
// to or comes from; any reports whether the family matters at all.
func ownAddrs(env *checks.Env, family Family, sessions SessionSet, senders []Sender) (own []netip.Addr, any bool) {
	add := func(addr netip.Addr) {
		if slices.Contains(env.Here, addr) && !slices.Contains(own, addr) {
			own = append(own, addr)
		}
	}
	for _, s := range sessions.List {
		if FamilyOf(s.Target.Addr) == family {
			any = true
			add(s.Target.Addr)
		}
	}
	for _, s := range senders {
		if FamilyOf(s.Addr) == family {
			add(s.Addr)
		}
	}
	return own, any || len(own) > 0
}

// provenBy reports whether an MX host was reached, this machine itself aside.
func (o *Outlet) provenBy(sessions SessionSet) bool {
	for _, s := range sessions.List {
		if FamilyOf(s.Target.Addr) == o.Family && !s.Here && s.Connected() {
			o.Reach = probe.ReachOpen
			o.Evidence = []diagnosis.Evidence{{
				Question: "SMTP " + s.Target.Endpoint(),
				Answer:   record.Display(s.Host.Name) + " accepted a connection",
			}}
			return true
		}
	}
	return false
}

// ask asks the well-known hosts.
func (o *Outlet) ask(ctx context.Context, env *checks.Env) {
	targets := make([]probe.Target, len(witnesses))
	var wg sync.WaitGroup
	for i, domain := range witnesses {
		wg.Go(func() { targets[i] = witness(ctx, env, domain, o.Family) })
	}
	wg.Wait()
	targets = slices.DeleteFunc(targets, func(t probe.Target) bool { return !t.Addr.IsValid() })
	var sessions []probe.Session
	o.Reach, sessions = probe.Outbound(ctx, env.SMTP.Converse, targets)
	o.Asked = len(targets)
	for _, s := range sessions {
		o.Evidence = append(o.Evidence, s.Evidence())
	}
}

// witness is the first address of a domain's most preferred MX host; without an
// address where the DNS has none or does not say.
func witness(ctx context.Context, env *checks.Env, domain string, family Family) probe.Target {
	mx, err := env.DNS.Resolve(ctx, resolve.Ask(domain, "MX"))
	if err != nil || mx.Void() {
		return probe.Target{}
	}
	_, host, ok := record.Sorted(mx.Records)[0].MX()
	if !ok || host == "." {
		return probe.Target{}
	}
	answer, err := env.DNS.Resolve(ctx, resolve.Ask(host, family.addressType()))
	if err != nil {
		return probe.Target{}
	}
	for _, addr := range answer.Addrs() {
		if SpecialUse(addr, env.Lab) == "" && !slices.Contains(env.Here, addr) {
			return probe.Target{Host: host, Addr: addr}
		}
	}
	return probe.Target{}
}
