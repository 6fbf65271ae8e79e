package scenario

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// NameServers is the name servers of a world: every address of a name that an
// NS record names, and those that have a section. Each answers for the zones
// whose NS records name it, refers to the servers of those below, and refuses
// everything else.
type NameServers struct {
	world  *World
	faults *resolve.Faults
	serves map[netip.Addr]map[string]bool // zones by their apex
	whole  *resolve.Zone

	mu    sync.Mutex
	zones map[netip.Addr]*resolve.Zone // as each server has them
}

// NameServers is the world's, as its records are now.
func (w *World) NameServers() *NameServers {
	n := &NameServers{
		world: w, faults: resolve.NewFaults(nil, w.Faults), serves: make(map[netip.Addr]map[string]bool),
		whole: resolve.NewZone(w.Records), zones: make(map[netip.Addr]*resolve.Zone),
	}
	add := func(addr netip.Addr) {
		if n.serves[addr] == nil {
			n.serves[addr] = make(map[string]bool)
		}
	}
	for addr := range w.Servers {
		add(addr)
	}
	hosts := make(map[string][]netip.Addr)
	for _, r := range w.Records {
		if r.Type != "NS" {
			continue
		}
		host := record.Canonical(r.Data)
		if _, known := hosts[host]; !known {
			hosts[host] = n.addresses(host)
		}
		for _, addr := range hosts[host] {
			add(addr)
			n.serves[addr][r.Name] = true
		}
	}
	return n
}

// addresses is where a name server stands, whatever the world's DNS makes of it.
func (n *NameServers) addresses(host string) []netip.Addr {
	var addrs []netip.Addr
	for _, typ := range []string{"A", "AAAA"} {
		if answer, err := n.whole.Resolve(context.Background(), resolve.Ask(host, typ)); err == nil {
			addrs = append(addrs, answer.Addrs()...)
		}
	}
	return addrs
}

// Addrs is the addresses of all of them.
func (n *NameServers) Addrs() []netip.Addr {
	var addrs []netip.Addr
	for addr := range n.serves {
		addrs = append(addrs, addr)
	}
	slices.SortFunc(addrs, netip.Addr.Compare)
	return addrs
}

// Zones is the apexes of the zones that a server has, sorted, and all records of
// the world as it has them.
func (n *NameServers) Zones(addr netip.Addr) (apexes []string, records []record.Record) {
	return sortedKeys(n.serves[addr]), n.of(addr).Records()
}

// patience is how long a client waits for one server (resolve.Client.Inquire).
const patience = 5 * time.Second

// Inquire answers as the server asked does.
func (n *NameServers) Inquire(ctx context.Context, q resolve.Inquiry) (resolve.Statement, error) {
	q.Name, q.Server = record.Canonical(q.Name), q.Server.Unmap()
	fail := func(kind resolve.Kind) (resolve.Statement, error) {
		return resolve.Statement{}, &resolve.Error{Question: q.Question(), Kind: kind}
	}
	tcp := q.TCP || q.Type == resolve.Transfer
	own := n.own(q.Server)
	if _, known := n.serves[q.Server]; !known || tcp && own.NoTCP {
		return fail(resolve.Unreachable)
	}
	fault, hit := n.faults.Find(q.Name, q.Type)
	wait := fault.Delay
	if _, below := n.zone(q); below != "" || own.Lame || own.Refused || own.ServFail {
		fault.Kind = 0 // it is not this server that fails, or it does so in its own way
	}
	if own.Silent || fault.Kind == resolve.Timeout || wait > patience {
		wait = patience
	}
	if err := sleep(ctx, wait); err != nil {
		return resolve.Statement{}, &resolve.Error{Question: q.Question(), Kind: resolve.Canceled, Err: err}
	}
	if wait == patience {
		return fail(resolve.Timeout)
	}
	if hit && fault.Kind != 0 {
		code, ok := codes[fault.Kind]
		if !ok {
			return fail(fault.Kind)
		}
		return resolve.Statement{Inquiry: q, Code: code}, nil
	}
	s := n.say(ctx, q)
	if !tcp && own.NoTCP && !s.Fits() {
		return fail(resolve.Truncated)
	}
	return s, nil
}

// codes is what a server says where the DNS of the world fails; NOERROR alone is
// what a lame server says.
var codes = map[resolve.Kind]string{
	resolve.ServFail: "SERVFAIL", resolve.Refused: "REFUSED", resolve.Malformed: "FORMERR", resolve.Lame: "NOERROR",
}

func sleep(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// own is the section of a server; an empty one where it has none.
func (n *NameServers) own(addr netip.Addr) NameServer {
	if s := n.world.Servers[addr]; s != nil {
		return *s
	}
	return NameServer{}
}

// say is what a server that answers says.
func (n *NameServers) say(ctx context.Context, q resolve.Inquiry) resolve.Statement {
	own := n.own(q.Server)
	s := resolve.Statement{Inquiry: q, Code: "NOERROR", Recursive: own.Recursive && q.Recurse}
	serving, below := n.zone(q)
	switch {
	case own.Lame:
	case own.ServFail:
		s.Code = "SERVFAIL"
	case own.Refused:
		s.Code = "REFUSED"
	case q.Type == resolve.Transfer:
		if !own.Transfer || serving != q.Name || below != "" {
			s.Code = "REFUSED"
			break
		}
		s.Authoritative = true
		s.Answer = n.of(q.Server).soa(ctx, q.Name)
	case serving != "" && below == "":
		n.answer(ctx, &s, n.of(q.Server).Zone)
		s.Authoritative = true
		if len(s.Answer) == 0 {
			s.Authority = n.of(q.Server).soa(ctx, serving)
		}
	case s.Recursive:
		n.answer(ctx, &s, n.withOwn(q.Server))
	case serving != "":
		n.refer(ctx, &s, below)
	default:
		s.Code = "REFUSED"
	}
	return s
}

// zone is the deepest zone that the server has of those that the name is in, and
// the one below it on the way to the name; empty where there is none.
func (n *NameServers) zone(q resolve.Inquiry) (serving, below string) {
	zone := n.of(q.Server)
	for name := q.Name; ; name = record.Parent(name) {
		if zone.begins(name) {
			if n.serves[q.Server][name] {
				return name, below
			}
			below = name
		}
		if name == "." {
			return "", ""
		}
	}
}

// answer fills in what the zone has.
func (n *NameServers) answer(ctx context.Context, s *resolve.Statement, zone *resolve.Zone) {
	a, err := zone.Resolve(ctx, resolve.Ask(s.Inquiry.Name, s.Inquiry.Type))
	if err != nil {
		s.Code = "SERVFAIL"
		return
	}
	if !a.Exists {
		s.Code = "NXDOMAIN"
	}
	s.Answer = record.Sorted(slices.Concat(a.Chain, a.Records))
	if len(a.Records) == 0 && s.Recursive {
		s.Authority = served{zone}.nearestSOA(ctx, s.Inquiry.Name)
	}
}

// refer names the servers of the zone below, with the addresses of those whose
// names are in it (glue; RFC 1034, 4.2.1).
func (n *NameServers) refer(ctx context.Context, s *resolve.Statement, below string) {
	zone := n.of(s.Inquiry.Server)
	servers, err := zone.Resolve(ctx, resolve.Ask(below, "NS"))
	if err != nil {
		s.Code = "SERVFAIL"
		return
	}
	s.Authority = record.Sorted(servers.Records)
	for _, r := range servers.Records {
		for _, typ := range []string{"A", "AAAA"} {
			if a, err := zone.Resolve(ctx, resolve.Ask(r.Data, typ)); err == nil && len(a.Chain) == 0 && record.Within(record.Canonical(r.Data), below) {
				s.Additional = append(s.Additional, a.Records...)
			}
		}
	}
	s.Additional = record.Sorted(s.Additional)
}

// of is the zones as a server has them: a zone without a SOA record gets one.
func (n *NameServers) of(addr netip.Addr) served {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.world.Servers[addr] == nil {
		addr = netip.Addr{} // as most have them
	}
	zone := n.zones[addr]
	if zone == nil {
		zone = resolve.NewZone(withSOA(n.world.Servers[addr].over(n.world.Records)))
		n.zones[addr] = zone
	}
	return served{zone}
}

// withOwn is the whole world as a resolver has it.
func (n *NameServers) withOwn(addr netip.Addr) *resolve.Zone { return n.of(addr).Zone }

// A served is zones as one server has them.
type served struct{ *resolve.Zone }

// begins reports whether a zone begins at name.
func (z served) begins(name string) bool {
	a, err := z.Resolve(context.Background(), resolve.Ask(name, "NS"))
	return err == nil && len(a.Chain) == 0 && len(a.Records) > 0 && z.Exists(name)
}

func (z served) soa(ctx context.Context, apex string) []record.Record {
	a, err := z.Resolve(ctx, resolve.Ask(apex, "SOA"))
	if err != nil {
		return nil
	}
	return a.Records
}

func (z served) nearestSOA(ctx context.Context, name string) []record.Record {
	if soa, ok := z.SOA(name); ok {
		return z.soa(ctx, soa.Name)
	}
	return nil
}

// withSOA adds the SOA records that the world does not care for: every zone has one.
func withSOA(records []record.Record) []record.Record {
	first, has := make(map[string]string), make(map[string]bool)
	for _, r := range records {
		switch {
		case r.Type == "SOA":
			has[r.Name] = true
		case r.Type == "NS" && (first[r.Name] == "" || record.CompareNames(r.Data, first[r.Name]) < 0):
			first[r.Name] = r.Data
		}
	}
	out := slices.Clone(records)
	for _, apex := range sortedKeys(first) {
		if !has[apex] {
			data := fmt.Sprintf("%s hostmaster.dns-host.example. 2026112201 7200 3600 1209600 300", record.Canonical(first[apex]))
			out = append(out, record.Record{Name: apex, Type: "SOA", TTL: 3600, Data: data})
		}
	}
	return out
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K {
	var keys []K
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// at answers a question that names its server, as a resolve.Client makes it of
// what the server says.
func (n *NameServers) at(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	fail := func(kind resolve.Kind) (resolve.Answer, error) {
		return resolve.Answer{}, &resolve.Error{Question: q, Kind: kind}
	}
	addr, err := netip.ParseAddr(q.At)
	if err != nil {
		return fail(resolve.Invalid)
	}
	inquiry := resolve.Inquiry{Name: q.Name, Type: q.Type, Server: addr.Unmap()}
	own := n.own(inquiry.Server)
	if _, known := n.serves[inquiry.Server]; !known {
		return fail(resolve.Unreachable)
	}
	if own.Silent {
		if err := sleep(ctx, 2*patience); err != nil {
			return resolve.Answer{}, &resolve.Error{Question: q, Kind: resolve.Canceled, Err: err}
		}
		return fail(resolve.Timeout)
	}
	s := n.say(ctx, inquiry)
	switch {
	case s.Code == "REFUSED":
		return fail(resolve.Refused)
	case s.Code == "SERVFAIL":
		return fail(resolve.ServFail)
	case !s.Authoritative:
		return fail(resolve.Lame)
	case own.NoTCP && !s.Fits():
		return fail(resolve.Truncated)
	}
	return n.of(inquiry.Server).Resolve(ctx, q)
}
