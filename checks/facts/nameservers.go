package facts

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A NameServer is one name of a server of the zone, and where it stands.
type NameServer struct {
	Name string // canonical
	HostAddrs
	Glue []netip.Addr // addresses that the parent gives it
}

// Bounds of what is asked. Thirteen names are as many as a referral without
// EDNS holds.
const (
	maxNameServers = 13
	maxServerAddrs = 26
)

// namedByZone is those that the zone names itself, as the resolver knows it.
var namedByZone = checks.NewFact("the zone's name servers", func(ctx context.Context, env *checks.Env) ([]NameServer, error) {
	cut, err := Cut.Of(ctx, env)
	if err != nil || cut.Off != "" {
		return nil, err
	}
	var list []NameServer
	for _, r := range record.Sorted(cut.NS.Records) {
		list = append(list, NameServer{Name: record.Canonical(r.Data)})
	}
	list = list[:min(len(list), maxNameServers)]
	resolveHosts(ctx, env, list)
	return list, nil
})

func resolveHosts(ctx context.Context, env *checks.Env, list []NameServer) {
	var wg sync.WaitGroup
	for i := range list {
		wg.Go(func() { list[i].HostAddrs = Addresses(ctx, env, list[i].Name) })
	}
	wg.Wait()
}

// A NameServerSet is every server of the zone that the zone or its parent names.
type NameServerSet struct {
	Delegation
	List []NameServer // those that the zone names first, else by name
}

// NameServers is the fact of which servers the zone has. Its error is that the
// zone is not known.
var NameServers = checks.NewFact("the name servers", func(ctx context.Context, env *checks.Env) (NameServerSet, error) {
	own, err := namedByZone.Of(ctx, env)
	if err != nil {
		return NameServerSet{}, err
	}
	d, err := Parents.Of(ctx, env)
	set := NameServerSet{Delegation: d, List: slices.Clone(own)}
	if err != nil {
		return set, err
	}
	if d.intercepted() {
		return set, errIntercepted
	}
	var extra []NameServer
	for _, name := range d.Servers {
		i := slices.IndexFunc(set.List, func(n NameServer) bool { return n.Name == name })
		switch {
		case i >= 0:
			set.List[i].Glue = d.Glue[name]
		case len(own)+len(extra) < maxNameServers:
			extra = append(extra, NameServer{Name: name, Glue: d.Glue[name]})
		}
	}
	resolveHosts(ctx, env, extra)
	set.List = append(set.List, extra...)
	return set, nil
})

// errIntercepted: then no server is heard itself.
var errIntercepted = errors.New("port 53 out of this network is intercepted: what is sent to name servers is answered by a resolver, so nothing is known of them from here")

// intercepted reports whether a resolver answers in place of the parent's
// servers: those refer, and none of a registry offers recursion.
func (d Delegation) intercepted() bool {
	any := false
	for _, s := range d.Parents {
		if s.Err != nil {
			continue
		}
		if !s.Recursive || s.Authoritative || len(s.Answer) == 0 {
			return false
		}
		any = true
	}
	return any
}

// A ServerAddr is one address of one name server.
type ServerAddr struct {
	Name string // canonical
	Addr netip.Addr
}

func (s ServerAddr) String() string { return record.Display(s.Name) + " (" + s.Addr.String() + ")" }

// addrs are the addresses to ask, those by the zone and those by the parent,
// without those that are of special use.
func addrs(env *checks.Env, list []NameServer) []ServerAddr {
	var out []ServerAddr
	for _, n := range list {
		for _, addr := range slices.Concat(n.Addrs, n.Glue) {
			s := ServerAddr{n.Name, addr}
			known := slices.ContainsFunc(out, func(o ServerAddr) bool { return o.Addr == addr })
			if mayAsk(env, addr) && !known {
				out = append(out, s)
			}
		}
	}
	return out
}

// eachServer asks at every address of every server: those that the zone names
// while the parent is being asked, the others then.
func eachServer[T any](ctx context.Context, env *checks.Env, ask func(ServerAddr) T) (NameServerSet, []T, error) {
	own, err := namedByZone.Of(ctx, env)
	if err != nil {
		return NameServerSet{}, nil, err
	}
	var wg sync.WaitGroup
	results := make([]T, maxServerAddrs)
	asked := make(map[netip.Addr]bool)
	start := func(list []ServerAddr) {
		for _, s := range list {
			if i := len(asked); !asked[s.Addr] && i < maxServerAddrs {
				asked[s.Addr] = true
				wg.Go(func() { results[i] = ask(s) })
			}
		}
	}
	start(addrs(env, own))
	set, err := NameServers.Of(ctx, env)
	if err == nil {
		start(addrs(env, set.List))
	}
	wg.Wait()
	return set, results[:len(asked)], err
}

// A View is what one server says of the zone and of the domain's mail.
type View struct {
	ServerAddr
	SOA, NS Said // of the zone
	MX, TXT Said // of the domain
	DMARC   Said // TXT of _dmarc.<domain>
}

// Serves reports whether the server answers for the zone, with authority.
func (v View) Serves() bool {
	return v.SOA.Err == nil && v.SOA.Conclusive() && len(v.SOA.Own()) > 0
}

// Heard reports whether the server said anything.
func (v View) Heard() bool {
	for _, s := range []Said{v.SOA, v.NS, v.MX, v.TXT, v.DMARC} {
		if s.Err == nil {
			return true
		}
	}
	return false
}

// Serial is that of the zone's SOA record, as it is written.
func (v View) Serial() string {
	for _, r := range v.SOA.Own() {
		if fields := strings.Fields(r.Data); len(fields) == 7 { // RFC 1035, 3.3.13
			return fields[2]
		}
	}
	return ""
}

// A ViewSet is the views of all servers.
type ViewSet struct {
	NameServerSet
	Views   []View
	Foreign []ServerAddr // not asked: this machine has no address of their family
}

// Views is the fact of what every server of the zone says.
var Views = checks.NewFact("what the name servers say", func(ctx context.Context, env *checks.Env) (ViewSet, error) {
	cut, err := askable(ctx, env)
	if err != nil || cut.Off != "" {
		return ViewSet{NameServerSet: cut}, err
	}
	var v ViewSet
	v.NameServerSet, v.Views, err = eachServer(ctx, env, func(s ServerAddr) View { return view(ctx, env, cut.Zone, s) })
	for _, n := range v.List {
		for _, addr := range n.Addrs {
			if OffLimits(env, addr) == "" && foreign(env, addr) {
				v.Foreign = append(v.Foreign, ServerAddr{n.Name, addr})
			}
		}
	}
	if err == nil && (v.cached() || v.refused()) {
		err = errIntercepted
	}
	return v, err
})

// refused reports whether all who were heard refuse, servers of the parent zone
// among them, though the resolver knows the zone. Those of a registry refuse
// nobody: it is a resolver in between, which takes no question without recursion.
func (v ViewSet) refused() bool {
	const code = "REFUSED"
	for _, view := range v.Views {
		if view.SOA.Err == nil && view.SOA.Code != code {
			return false
		}
	}
	parents := slices.DeleteFunc(slices.Clone(v.Parents), func(s Said) bool { return s.Err != nil })
	return v.NSErr == nil && len(parents) > 0 && !slices.ContainsFunc(parents, func(s Said) bool { return s.Code != code })
}

// cached reports whether all that was heard are answers of a resolver, and no
// server of the parent zone that would show that there is a way past it.
func (v ViewSet) cached() bool {
	for _, s := range v.Parents {
		if s.Err == nil {
			return false
		}
	}
	any := false
	for _, view := range v.Views {
		if view.SOA.Err != nil {
			continue
		}
		if !view.SOA.Recursive || view.SOA.Authoritative || len(view.SOA.Answer) == 0 {
			return false
		}
		any = true
	}
	return any
}

func view(ctx context.Context, env *checks.Env, zone string, s ServerAddr) View {
	v := View{ServerAddr: s}
	var wg sync.WaitGroup
	for _, q := range []struct {
		said      *Said
		name, typ string
	}{
		{&v.SOA, zone, "SOA"}, {&v.NS, zone, "NS"}, {&v.MX, env.Domain, "MX"}, {&v.TXT, env.Domain, "TXT"},
		{&v.DMARC, record.Canonical("_dmarc." + env.Domain), "TXT"},
	} {
		wg.Go(func() {
			*q.said = inquire(ctx, env, resolve.Inquiry{Name: q.name, Type: q.typ, Server: s.Addr})
		})
	}
	wg.Wait()
	return v
}

// Serving is the views of the servers that answer for the zone.
func (v ViewSet) Serving() []View {
	var list []View
	for _, view := range v.Views {
		if view.Serves() {
			list = append(list, view)
		}
	}
	return list
}

// Reached reports whether any server, of the zone or of its parent, was heard
// over a family: if none was, it may be this machine that has no way to them.
func (v ViewSet) Reached(family Family) bool {
	for _, view := range v.Views {
		if FamilyOf(view.Addr) == family && view.Heard() {
			return true
		}
	}
	for _, s := range v.Parents {
		if FamilyOf(s.Inquiry.Server) == family && s.Err == nil {
			return true
		}
	}
	return false
}
