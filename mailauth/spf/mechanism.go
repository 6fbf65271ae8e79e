package spf

import (
	"context"
	"net/netip"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// family is the record type that holds addresses like the sender's.
func (e *evaluation) family() string {
	if e.ip.Is4() {
		return "A"
	}
	return "AAAA"
}

// within reports whether the sender is in the prefix that t makes of addr.
func (e *evaluation) within(t Term, addr netip.Addr) bool {
	bits := t.Bits4
	if addr.Is6() {
		bits = t.Bits6
	}
	return netip.PrefixFrom(addr, bits).Contains(e.ip)
}

// addresses is the mechanism a (RFC 7208, 5.3).
func (e *evaluation) addresses(ctx context.Context, t Term, m match) match {
	answer, err := e.resolver.Resolve(ctx, resolve.Ask(m.target, e.family()))
	if err != nil {
		return m.abort(TempError, "%s", e.broke(err))
	}
	if answer.Void() {
		m, ok := e.void(m, t, answer)
		if !ok {
			return m
		}
		return m.found(false, "%s has no %s record", shown(m.target), e.family())
	}
	for _, addr := range answer.Addrs() {
		if e.within(t, addr) {
			return m.found(true, "%s has the address %s", shown(m.target), addr)
		}
	}
	return m.found(false, "none of the %d addresses of %s matches", len(answer.Records), shown(m.target))
}

// exists matches if there is any A record, for IPv6 senders too (RFC 7208, 5.7).
func (e *evaluation) exists(ctx context.Context, t Term, m match) match {
	answer, err := e.resolver.Resolve(ctx, resolve.Ask(m.target, "A"))
	if err != nil {
		return m.abort(TempError, "%s", e.broke(err))
	}
	if answer.Void() {
		m, ok := e.void(m, t, answer)
		if !ok {
			return m
		}
		return m.found(false, "%s has no A record", shown(m.target))
	}
	return m.found(true, "%s exists", shown(m.target))
}

// mx is the mechanism of that name (RFC 7208, 5.4). It never falls back to the
// address of the domain itself.
func (e *evaluation) mx(ctx context.Context, t Term, m match) match {
	answer, err := e.resolver.Resolve(ctx, resolve.Ask(m.target, "MX"))
	if err != nil {
		return m.abort(TempError, "%s", e.broke(err))
	}
	if answer.Void() {
		m, ok := e.void(m, t, answer)
		if !ok {
			return m
		}
		return m.found(false, "%s has no MX record", shown(m.target))
	}
	if n := len(answer.Records); n > MaxMXHosts { // 4.6.4
		return m.abort(PermErr, "%s leads to %d MX hosts, and %d are allowed", t, n, MaxMXHosts)
	}
	var questions []resolve.Question
	for _, host := range mxHosts(answer) {
		questions = append(questions, resolve.Ask(host, e.family()))
	}
	return e.mxMatch(t, m, askAll(ctx, e.resolver, questions))
}

// mxMatch judges the addresses of all MX hosts. The order in which the hosts
// came does not matter: a match goes before an error, and that before the void
// lookup, which a term is once however many of its hosts are empty.
func (e *evaluation) mxMatch(t Term, m match, ends []got) match {
	var failed error
	var void *resolve.Answer
	for _, end := range ends {
		for _, addr := range end.answer.Addrs() {
			if e.within(t, addr) {
				return m.found(true, "MX host %s has the address %s", shown(end.answer.Question.Name), addr)
			}
		}
		switch {
		case end.err != nil && failed == nil:
			failed = end.err
		case end.err == nil && end.answer.Void() && void == nil:
			void = &end.answer
		}
	}
	if failed != nil {
		return m.abort(TempError, "%s", e.broke(failed))
	}
	if void != nil {
		if m, ok := e.void(m, t, *void); !ok {
			return m
		}
	}
	return m.found(false, "no MX host of %s has a matching address", shown(m.target))
}

// mxHosts is the hosts of an MX answer, each once and without the root of a
// null MX (RFC 7505), which is no host.
func mxHosts(answer resolve.Answer) []string {
	var hosts []string
	seen := map[string]bool{".": true}
	for _, r := range answer.Records {
		if _, host, ok := r.MX(); ok && !seen[host] {
			seen[host] = true
			hosts = append(hosts, host)
		}
	}
	return hosts
}

// ptr matches if a validated name of the sender is the target or below it
// (RFC 7208, 5.5). Errors on the way are no matches, never temperrors.
func (e *evaluation) ptr(ctx context.Context, t Term, m match) match {
	names := e.reverse(ctx)
	if names.err != nil {
		return m.found(false, "the names of %s could not be asked: %s", e.ip, names.err)
	}
	if names.answer.Void() {
		m, ok := e.void(m, t, names.answer)
		if !ok {
			return m
		}
		return m.found(false, "%s has no name", e.ip)
	}
	var below []string
	for _, name := range names.first {
		if record.Within(name, m.target) {
			below = append(below, name)
		}
	}
	for _, name := range e.validate(ctx, below) {
		return m.found(true, "%s is a name of %s", shown(name), e.ip)
	}
	return m.found(false, "no name of %s is validated and within %s", e.ip, shown(m.target))
}

// ptrNames is what the reverse DNS says of the sender.
type ptrNames struct {
	answer resolve.Answer
	err    error
	first  []string // at most MaxPTRs names
	valid  map[string]bool
}

func (e *evaluation) reverse(ctx context.Context) *ptrNames {
	if e.names != nil {
		return e.names
	}
	e.names = &ptrNames{valid: map[string]bool{}}
	e.names.answer, e.names.err = e.resolver.Resolve(ctx, resolve.Ask(record.Reverse(e.ip), "PTR"))
	for _, r := range e.names.answer.Records {
		if len(e.names.first) == MaxPTRs {
			break // RFC 7208, 4.6.4: names beyond the tenth are ignored
		}
		e.names.first = append(e.names.first, record.Canonical(r.Data))
	}
	return e.names
}

// validate returns those of names that lead back to the sender; each is asked once.
func (e *evaluation) validate(ctx context.Context, names []string) []string {
	var ask []resolve.Question
	for _, name := range names {
		if _, known := e.names.valid[name]; !known {
			e.names.valid[name] = false
			ask = append(ask, resolve.Ask(name, e.family()))
		}
	}
	for i, got := range askAll(ctx, e.resolver, ask) {
		for _, addr := range got.answer.Addrs() {
			if addr == e.ip {
				e.names.valid[ask[i].Name] = true
			}
		}
	}
	var valid []string
	for _, name := range names {
		if e.names.valid[name] {
			valid = append(valid, name)
		}
	}
	return valid
}

// got is the end of one question.
type got struct {
	answer resolve.Answer
	err    error
}

// askAll asks at once and returns the ends in the order of the questions.
func askAll(ctx context.Context, r resolve.Resolver, questions []resolve.Question) []got {
	ends := make([]got, len(questions))
	var wg sync.WaitGroup
	for i, q := range questions {
		wg.Go(func() { ends[i].answer, ends[i].err = r.Resolve(ctx, q) })
	}
	wg.Wait()
	return ends
}

// expandDomain expands a domain-spec in the record of domain and cuts it to
// what the DNS can hold by dropping labels on the left (RFC 7208, 7.3).
func (e *evaluation) expandDomain(ctx context.Context, spec, domain string) string {
	pieces, _ := parseMacros(spec, false) // it was parsed before
	s := strings.TrimSuffix(e.expand(ctx, pieces, domain), ".")
	for len(s) > maxName {
		_, rest, ok := strings.Cut(s, ".")
		if !ok {
			return s
		}
		s = rest
	}
	return s
}
