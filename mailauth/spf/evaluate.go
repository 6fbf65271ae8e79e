package spf

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// MaxQuestions bounds the DNS questions of one evaluation: the record itself,
// ten terms of which each asks once and for at most ten hosts, the names of the
// sending address once with ten validations, and the explanation.
const MaxQuestions = 1 + MaxLookups*(1+MaxMXHosts) + 1 + MaxPTRs + 1

// Evaluate is check_host() of RFC 7208, 4. It never fails: where the DNS gives
// no answer the result is temperror, and Err tells which question it was. The
// ctx bounds it; RFC 7208, 4.6.4 asks for at least 20 seconds.
func Evaluate(ctx context.Context, r resolve.Resolver, p Params) Result {
	e := newEvaluation(r, p)
	res := Result{Domain: e.domain}
	name, why := hostname(e.domain)
	if why != "" { // RFC 7208, 4.3
		res.Code, res.Cause = None, fmt.Sprintf("%q is no domain to ask: %s", clip(e.domain), why)
		return res
	}
	res.Trace = e.check(ctx, name)
	res.Code, res.Cause = res.Trace.Code, res.Trace.Cause
	if res.Code == Fail {
		res.Explanation = e.explain(ctx, res.Trace)
	}
	res.Lookups, res.Voids, res.Err = e.lookups, e.voids, e.err
	return res
}

// An evaluation is the state of one check_host() over all records it visits.
type evaluation struct {
	resolver      resolve.Resolver
	ip            netip.Addr
	domain        string // <domain> as given or derived
	local, origin string // of <sender>
	helo          string
	receiver      string
	now           time.Time

	lookups, voids int
	err            error
	names          *ptrNames // of ip, once asked
}

func newEvaluation(r resolve.Resolver, p Params) *evaluation {
	e := &evaluation{resolver: r, ip: p.IP.Unmap().WithZone(""), helo: p.HELO, receiver: p.Receiver, now: p.Now, domain: p.Domain}
	sender := p.Sender
	if sender == "" {
		sender = "postmaster@" + p.HELO // RFC 7208, 2.4
	}
	i := strings.LastIndexByte(sender, '@')
	if i < 0 {
		sender, i = "postmaster@"+sender, len("postmaster")
	}
	e.local, e.origin = sender[:i], sender[i+1:]
	if e.local == "" {
		e.local = "postmaster" // RFC 7208, 4.3
	}
	if e.domain == "" {
		e.domain = e.origin
	}
	if e.receiver == "" {
		e.receiver = "unknown" // RFC 7208, 7.3
	}
	return e
}

// hostname is domain as it is asked; why says what keeps it from being a fully
// qualified name of several labels (RFC 7208, 4.3).
func hostname(domain string) (name, why string) {
	if strings.IndexFunc(domain, func(r rune) bool { return r > '~' }) >= 0 {
		ascii, err := record.ParseDomain(domain)
		if err != nil {
			return "", "it " + err.Error()
		}
		return ascii, ""
	}
	plain := strings.TrimSuffix(domain, ".")
	labels := strings.Split(plain, ".")
	switch {
	case plain == "":
		return "", "it is empty"
	case len(labels) < 2:
		return "", "it has a single label"
	case strings.HasPrefix(plain, "["):
		return "", "it is an address literal"
	}
	return askName(plain)
}

// askName is an expanded domain as it is asked; why says what keeps the DNS
// from holding it.
func askName(plain string) (name, why string) {
	if len(plain) > maxName {
		return "", "it is longer than 253 octets"
	}
	for label := range strings.SplitSeq(plain, ".") {
		if label == "" {
			return "", "it has an empty label"
		}
		if len(label) > 63 {
			return "", "it has a label of more than 63 octets"
		}
	}
	return record.Canonical(present(plain)), ""
}

// present escapes what does not stand for itself in a name (RFC 1035, 5.1).
func present(plain string) string {
	var b strings.Builder
	for _, c := range []byte(plain) {
		if c <= ' ' || c > '~' || strings.IndexByte(`"\();@$'`, c) >= 0 {
			fmt.Fprintf(&b, `\%03d`, c)
			continue
		}
		b.WriteByte(c)
	}
	return b.String()
}

// check is check_host() for one domain.
func (e *evaluation) check(ctx context.Context, domain string) *Visit {
	v := &Visit{Domain: domain}
	answer, err := e.resolver.Resolve(ctx, resolve.Ask(domain, "TXT"))
	if resolve.KindOf(err) == resolve.Invalid {
		return v.end(None, "%q is no name that the DNS can hold", clip(shown(domain)))
	}
	if err != nil { // RFC 7208, 4.4
		return v.end(TempError, "%s", e.broke(err))
	}
	records := Records(answer.Texts())
	switch {
	case !answer.Exists:
		return v.end(None, "%s does not exist", shown(domain)) // 4.3
	case len(records) == 0:
		return v.end(None, "%s has no SPF record", shown(domain)) // 4.5
	case len(records) > 1:
		return v.end(PermErr, "%s has %d SPF records, and one is allowed", shown(domain), len(records)) // 4.5
	}
	v.Text = records[0]
	v.Record, v.Problems = Parse(v.Text)
	if fatal := Fatal(v.Problems); len(fatal) > 0 { // 4.6: a syntax error anywhere
		return v.end(PermErr, "the SPF record of %s has a syntax error: %s", shown(domain), fatal[0].Text)
	}
	return e.terms(ctx, v)
}

// terms evaluates the record of v from left to right (RFC 7208, 4.6.2).
func (e *evaluation) terms(ctx context.Context, v *Visit) *Visit {
	for _, t := range v.Record.Mechanisms() {
		m := e.mechanism(ctx, v.Domain, t)
		v.Steps = append(v.Steps, Step{Term: t, Target: m.target, Matched: m.matched && m.code == "", Lookups: e.lookups, Voids: e.voids, Note: m.note, Below: m.below})
		if m.code != "" {
			return v.end(m.code, "%s", m.note)
		}
		if m.matched {
			return v.end(t.Qualifier.Code(), "%s matched in the SPF record of %s", t, shown(v.Domain))
		}
	}
	t, ok := v.Record.Redirect()
	if !ok {
		return v.end(Neutral, "no term of the SPF record of %s matched, and it has no all", shown(v.Domain)) // 4.7
	}
	m := e.redirect(ctx, v.Domain, t)
	v.Steps = append(v.Steps, Step{Term: t, Target: m.target, Lookups: e.lookups, Voids: e.voids, Note: m.note, Below: m.below})
	return v.end(m.code, "%s", m.note)
}

// A match is what one term came to: code is set where it ends the evaluation.
type match struct {
	target  string
	matched bool
	code    Code
	note    string
	below   *Visit
}

func (m match) abort(code Code, format string, args ...any) match {
	m.code, m.note = code, fmt.Sprintf(format, args...)
	return m
}

func (m match) found(matched bool, format string, args ...any) match {
	m.matched, m.note = matched, fmt.Sprintf(format, args...)
	return m
}

func (e *evaluation) mechanism(ctx context.Context, domain string, t Term) match {
	var m match
	switch t.Kind {
	case All:
		return m.found(true, "matches everybody")
	case IP4, IP6:
		return m.found(t.Prefix.Contains(e.ip), "%s is compared with %s", e.ip, t.Prefix)
	}
	m, ok := e.query(ctx, domain, t)
	if !ok {
		return m
	}
	switch t.Kind {
	case Include:
		return e.include(ctx, t, m)
	case A:
		return e.addresses(ctx, t, m)
	case MX:
		return e.mx(ctx, t, m)
	case PTR:
		return e.ptr(ctx, t, m)
	}
	return e.exists(ctx, t, m)
}

// query counts a querying term and expands its domain. ok is false where the
// term is done with that.
func (e *evaluation) query(ctx context.Context, domain string, t Term) (m match, ok bool) {
	e.lookups++
	if e.lookups > MaxLookups { // RFC 7208, 4.6.4
		return m.abort(PermErr, "%s is lookup number %d, and %d are allowed", t, e.lookups, MaxLookups), false
	}
	if t.Domain == "" {
		m.target = domain // RFC 7208, 4.8
		return m, true
	}
	plain := e.expandDomain(ctx, t.Domain, domain)
	name, why := askName(plain)
	if why != "" {
		// RFC 7208, 4.8 leaves this open; like a name that does not exist.
		m = m.found(false, "%q cannot be asked: %s", clip(plain), why)
		if t.Kind == Include || t.Kind == Redirect {
			m = m.abort(PermErr, "%s leads to %q, which cannot be asked: %s", t, clip(plain), why) // none becomes permerror
		}
		return m, false
	}
	m.target = name
	return m, true
}

// include (RFC 7208, 5.2) matches when the other record ends in pass.
func (e *evaluation) include(ctx context.Context, t Term, m match) match {
	m.below = e.check(ctx, m.target)
	switch m.below.Code {
	case Pass:
		return m.found(true, "%s", m.below.Cause)
	case TempError:
		return m.abort(TempError, "%s", m.below.Cause)
	case PermErr:
		return m.abort(PermErr, "%s", m.below.Cause)
	case None:
		return m.abort(PermErr, "%s leads nowhere: %s", t, m.below.Cause)
	}
	return m.found(false, "the included record ends in %s", m.below.Code)
}

// redirect (RFC 7208, 6.1) takes over the other domain's result.
func (e *evaluation) redirect(ctx context.Context, domain string, t Term) match {
	m, ok := e.query(ctx, domain, t)
	if !ok {
		return m
	}
	m.below = e.check(ctx, m.target)
	if m.below.Code == None {
		return m.abort(PermErr, "%s leads nowhere: %s", t, m.below.Cause)
	}
	return m.abort(m.below.Code, "%s", m.below.Cause)
}

// void counts a term whose query came back empty. ok is false where that was
// one too many (RFC 7208, 4.6.4; the limit is on terms).
func (e *evaluation) void(m match, t Term, answer resolve.Answer) (match, bool) {
	e.voids++
	if e.voids > MaxVoids {
		return m.abort(PermErr, "%s is void lookup number %d, and %d are allowed: %s has no %s record",
			t, e.voids, MaxVoids, shown(answer.Question.Name), answer.Question.Type), false
	}
	return m, true
}

// broke keeps the first unanswered question and says it in words.
func (e *evaluation) broke(err error) string {
	if e.err == nil {
		e.err = err
	}
	var re *resolve.Error
	if errors.As(err, &re) {
		return "no answer from the DNS: " + re.Error()
	}
	return "no answer from the DNS: " + err.Error()
}
