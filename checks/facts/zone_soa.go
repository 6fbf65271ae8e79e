package facts

import (
	"context"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A SOA is the start of authority of the zone that the domain is in (RFC 1035,
// 3.3.13). Times are in seconds.
type SOA struct {
	Apex   string         // of the zone, canonical; empty where no SOA record was found
	Answer resolve.Answer // that holds the record: of a server of the zone where Exact

	MName, RName                    string // canonical
	Serial                          uint32
	Refresh, Retry, Expire, Minimum uint32
	TTL                             uint32 // as far as it is known; 0 where none is given
	// Exact is whether a server of the zone gave the record, so that TTL is the
	// one that is published and not what is left of it.
	Exact bool
}

// Negative is how long resolvers may remember that a name or a type is not there
// (RFC 2308, 5), at least: it is longer where TTL is not Exact and the less.
func (s SOA) Negative() time.Duration {
	seconds := s.Minimum
	if s.TTL > 0 {
		seconds = min(seconds, s.TTL)
	}
	return time.Duration(seconds) * time.Second
}

// OwnServer reports whether the primary is named under the owner's own
// registrable domain. Elsewhere a hoster runs it, and decides on its timers.
func (s SOA) OwnServer(domain string) bool {
	return record.Within(s.MName, dmarc.ListedOrganizational(domain))
}

// ZoneSOA is the fact of the start of authority of the domain's zone: that at
// the domain or, where no zone begins there, at the nearest name above it, up to
// the registrable domain. Its error is that of a question at a nearer name.
var ZoneSOA = checks.NewFact("the SOA record", func(ctx context.Context, env *checks.Env) (SOA, error) {
	names := upward(env.Domain)
	answers := make([]resolve.Answer, len(names))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	wg.Go(func() { authority.Of(ctx, env) }) // at time zero, to be asked for the TTL
	for i, name := range names {
		wg.Go(func() { answers[i], errs[i] = env.DNS.Resolve(ctx, resolve.Ask(name, "SOA")) })
	}
	wg.Wait()
	for i, name := range names {
		if errs[i] != nil {
			return SOA{}, errs[i]
		}
		soa, ok := startOf(name, answers[i])
		if !ok {
			continue
		}
		if exact, err := Authoritative(ctx, env, name, "SOA"); err == nil {
			if published, ok := startOf(name, exact); ok {
				published.Exact = true
				return published, nil
			}
		}
		return soa, nil
	}
	return SOA{Answer: answers[0]}, heeded(ctx, env, answers[0])
})

// maxUpward bounds the names at which a zone may begin that are asked about.
const maxUpward = 8

// upward is the domain and the names above it to the registrable domain, nearest
// first.
func upward(domain string) []string {
	top := dmarc.ListedOrganizational(domain)
	var names []string
	for name := domain; name != "." && record.Within(name, top); name = record.Parent(name) {
		if len(names) == maxUpward-1 {
			return append(names, top)
		}
		names = append(names, name)
	}
	if len(names) == 0 {
		return []string{domain}
	}
	return names
}

// startOf reads the SOA record of the zone that begins at name. One at the end
// of an alias is of another zone.
func startOf(name string, answer resolve.Answer) (SOA, bool) {
	if len(answer.Chain) > 0 || len(answer.Records) == 0 {
		return SOA{}, false
	}
	r := answer.Records[0]
	fields := strings.Fields(r.Data)
	if len(fields) != 7 {
		return SOA{}, false
	}
	s := SOA{Apex: name, Answer: answer, MName: fields[0], RName: fields[1], TTL: r.TTL}
	for i, field := range []*uint32{&s.Serial, &s.Refresh, &s.Retry, &s.Expire, &s.Minimum} {
		n, err := strconv.ParseUint(fields[2+i], 10, 32)
		if err != nil {
			return SOA{}, false
		}
		*field = uint32(n)
	}
	return s, true
}

// authority is the fact of a server of the domain's zone that answers from here
// with authority: the first such of the first few. Its error is that of the last
// one, or of the question for them.
var authority = checks.NewFact("a server of the zone", func(ctx context.Context, env *checks.Env) (netip.Addr, error) {
	servers, err := zoneServers(ctx, env)
	if err != nil {
		return netip.Addr{}, err
	}
	var addrs []netip.Addr
	for _, h := range serverAddrs(ctx, env, servers) {
		i := slices.IndexFunc(h.Addrs, func(a netip.Addr) bool { return SpecialUse(a, env.Lab) == "" })
		if i >= 0 && !slices.Contains(addrs, h.Addrs[i]) {
			addrs = append(addrs, h.Addrs[i])
		}
	}
	q := resolve.Ask(env.Domain, "SOA")
	errs := make([]error, len(addrs))
	var wg sync.WaitGroup
	for i, addr := range addrs {
		wg.Go(func() { _, errs[i] = askAt(ctx, env, q, addr) })
	}
	wg.Wait()
	err = &resolve.Error{Question: q, Kind: resolve.Unreachable, Detail: "no server of the zone is known"}
	for i, addr := range addrs {
		if errs[i] == nil {
			return addr, nil
		}
		err = errs[i]
	}
	return netip.Addr{}, err
})

// Authoritative asks a server of the domain's zone itself. The answer is as
// published, with the TTL that is published; it has authority.
func Authoritative(ctx context.Context, env *checks.Env, name, typ string) (resolve.Answer, error) {
	addr, err := authority.Of(ctx, env)
	if err != nil {
		return resolve.Answer{}, err
	}
	return askAt(ctx, env, resolve.Ask(name, typ), addr)
}

// askAt asks one server, which has to answer with authority.
func askAt(ctx context.Context, env *checks.Env, q resolve.Question, addr netip.Addr) (resolve.Answer, error) {
	q.At = addr.String()
	answer, err := env.DNS.Resolve(ctx, q)
	if err == nil && !answer.Authoritative {
		err = &resolve.Error{Question: q, Kind: resolve.Lame}
	}
	return answer, err
}
