package facts

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A ZoneCut is where the zone begins that holds the domain: at the domain, or
// above it.
type ZoneCut struct {
	Off    string // why there is nothing to look at, or nobody to ask; empty if there is
	Zone   string // the apex
	Parent string // the apex of the zone above; empty for the root
	// NS is the resolver's answer for the zone's NS records; without records where
	// NSErr is why there is none.
	NS       resolve.Answer
	NSErr    error
	ParentNS resolve.Answer
}

// maxAncestors bounds the names at which a zone may begin that are asked about,
// from the root down.
const maxAncestors = 20

// Cut is the fact of which zone holds the domain. All names are asked at once.
var Cut = checks.NewFact("where the zone begins", func(ctx context.Context, env *checks.Env) (ZoneCut, error) {
	var names []string
	for name := env.Domain; ; name = record.Parent(name) {
		names = append(names, name)
		if name == "." {
			break
		}
	}
	names = names[max(0, len(names)-maxAncestors):]
	answers, errs := make([]resolve.Answer, len(names)), make([]error, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { answers[i], errs[i] = env.DNS.Resolve(ctx, resolve.Ask(name, "NS")) })
	}
	wg.Wait()
	if errs[0] == nil && !answers[0].Exists {
		if err := heeded(ctx, env, answers[0]); err != nil {
			return ZoneCut{}, err
		}
		return ZoneCut{Off: "the resolver says that the domain does not exist"}, nil
	}
	return cutOf(names, answers, errs)
})

// cutOf finds the deepest name with NS records. A name below it that has no
// conclusive answer counts as one, for it may be that its servers do not answer.
func cutOf(names []string, answers []resolve.Answer, errs []error) (ZoneCut, error) {
	begins := func(i int) bool { return errs[i] == nil && len(answers[i].Chain) == 0 && len(answers[i].Records) > 0 }
	at := 0
	for at < len(names) && !begins(at) {
		at++
	}
	if at == len(names) {
		for _, err := range errs {
			if err != nil {
				return ZoneCut{}, err
			}
		}
		return ZoneCut{}, fmt.Errorf("no name at or above %s has NS records, not even the root", record.Display(names[0]))
	}
	cut := ZoneCut{Zone: names[at], NS: answers[at]}
	for i := at - 1; i >= 0; i-- {
		if errs[i] != nil {
			return ZoneCut{Zone: names[i], NSErr: errs[i], Parent: names[at], ParentNS: answers[at]}, nil
		}
	}
	for i := at + 1; i < len(names); i++ {
		if begins(i) {
			cut.Parent, cut.ParentNS = names[i], answers[i]
			break
		}
	}
	return cut, nil
}

// errNobody: the world is one without name servers to ask, such as a zone that is
// not published yet.
var errNobody = errors.New("name servers are not asked themselves here")

// askable is the zone's cut for who asks its servers.
func askable(ctx context.Context, env *checks.Env) (NameServerSet, error) {
	cut, err := Cut.Of(ctx, env)
	if err == nil && cut.Off == "" && env.Servers == nil {
		cut.Off = errNobody.Error()
	}
	return NameServerSet{Delegation: Delegation{ZoneCut: cut}}, err
}

// Said is what came of asking one server.
type Said struct {
	Inquiry resolve.Inquiry
	resolve.Statement
	Err error // there was no answer at all
}

// Evidence is the inquiry and what came of it.
func (s Said) Evidence() diagnosis.Evidence {
	e := diagnosis.Evidence{Question: s.Inquiry.String(), Answer: s.Statement.String()}
	if s.Err != nil {
		e.Answer = Why(s.Err)
	}
	return e
}

// Why is an error of an inquiry without the inquiry: "timed out".
func Why(err error) string {
	kind := resolve.KindOf(err)
	if kind == 0 {
		return err.Error()
	}
	return kind.String()
}

// inquiries is what was asked of servers: one may be the parent's and the zone's.
type inquiries struct {
	mu   sync.Mutex
	said map[resolve.Inquiry]func() Said
}

var asked = checks.NewFact("what was asked of name servers", func(context.Context, *checks.Env) (*inquiries, error) {
	return &inquiries{said: make(map[resolve.Inquiry]func() Said)}, nil
})

// inquire asks once, however many want to know. It is for facts: they gather
// under the context of the run.
func inquire(ctx context.Context, env *checks.Env, q resolve.Inquiry) Said {
	all, err := asked.Of(ctx, env)
	if err != nil {
		return Said{Inquiry: q, Err: err}
	}
	all.mu.Lock()
	say := all.said[q]
	if say == nil {
		say = sync.OnceValue(func() Said {
			s := Said{Inquiry: q}
			s.Statement, s.Err = env.Servers.Inquire(ctx, q)
			return s
		})
		all.said[q] = say
	}
	all.mu.Unlock()
	return say()
}

// A Delegation is what servers of the parent zone say of the zone. That they do
// so without authority is as it should be (RFC 2181, 6.1).
type Delegation struct {
	ZoneCut
	Parents []Said // the NS question for the zone, to each server asked
	Err     error  // why no server of the parent could be asked

	Servers  []string                // the names that the parent refers to; canonical, sorted
	Glue     map[string][]netip.Addr // addresses that it adds, of names in the zone
	Referral Said                    // the answer of Parents that says so
}

// Delegated reports whether the parent's servers were heard to refer to the zone.
func (d Delegation) Delegated() bool { return len(d.Servers) > 0 }

// maxParents is how many servers of the parent zone are asked. They are those of
// a registry as a rule, and all say the same.
const maxParents = 2

// Parents is the fact of what the parent zone's servers say of the zone.
var Parents = checks.NewFact("what the parent zone says", func(ctx context.Context, env *checks.Env) (Delegation, error) {
	cut, err := Cut.Of(ctx, env)
	d := Delegation{ZoneCut: cut}
	if err != nil || cut.Off != "" || cut.Parent == "" {
		return d, err
	}
	if env.Servers == nil {
		d.Err = errNobody
		return d, cut.NSErr
	}
	targets, err := parentTargets(ctx, env, cut)
	d.Err = err
	d.Parents = make([]Said, len(targets))
	var wg sync.WaitGroup
	for i, addr := range targets {
		wg.Go(func() {
			d.Parents[i] = inquire(ctx, env, resolve.Inquiry{Name: cut.Zone, Type: "NS", Server: addr})
		})
	}
	wg.Wait()
	for _, s := range d.Parents {
		if s.Err != nil {
			continue
		}
		if zone, servers := s.Referral(); zone == cut.Zone {
			d.refer(s, servers)
			return d, nil
		}
	}
	if cut.NSErr != nil { // then it is not known that a zone begins there
		return d, cut.NSErr
	}
	return d, nil
})

// refer reads a referral.
func (d *Delegation) refer(s Said, servers []record.Record) {
	d.Referral, d.Glue = s, make(map[string][]netip.Addr)
	for _, r := range servers {
		if name := record.Canonical(r.Data); !slices.Contains(d.Servers, name) {
			d.Servers = append(d.Servers, name)
		}
	}
	slices.Sort(d.Servers)
	for _, r := range s.Additional {
		if addr, ok := r.Addr(); ok && slices.Contains(d.Servers, r.Name) && record.Within(r.Name, d.Zone) {
			d.Glue[r.Name] = append(d.Glue[r.Name], addr)
		}
	}
}

// parentTargets is an address of each of a few servers of the parent zone.
func parentTargets(ctx context.Context, env *checks.Env, cut ZoneCut) ([]netip.Addr, error) {
	var names []string
	for _, r := range record.Sorted(cut.ParentNS.Records) {
		names = append(names, record.Canonical(r.Data))
	}
	names = names[:min(len(names), maxParents)]
	hosts := make([]HostAddrs, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { hosts[i] = Addresses(ctx, env, name) })
	}
	wg.Wait()
	var targets []netip.Addr
	var err error
	for _, h := range hosts {
		if len(h.Errs) > 0 {
			err = h.Errs[0]
		}
		for _, addr := range h.Addrs { // IPv4 first
			if mayAsk(env, addr) && !slices.Contains(targets, addr) {
				targets = append(targets, addr)
				break
			}
		}
	}
	if len(targets) == 0 && err == nil {
		err = errors.New("its name servers have no address that could be asked from here")
	}
	if len(targets) > 0 {
		err = nil
	}
	return targets, err
}

// mayAsk reports whether an address can be that of a name server on the
// internet, and one that this machine may reach.
func mayAsk(env *checks.Env, addr netip.Addr) bool {
	return OffLimits(env, addr) == "" && !foreign(env, addr)
}

// foreign reports whether this machine has no address of the family.
func foreign(env *checks.Env, addr netip.Addr) bool {
	family := FamilyOf(addr)
	return len(env.Here) > 0 && family == IPv6 && !slices.ContainsFunc(env.Here, func(own netip.Addr) bool {
		return FamilyOf(own) == family && !own.IsPrivate()
	})
}
