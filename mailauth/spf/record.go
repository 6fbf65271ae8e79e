// Package spf reads, builds, evaluates and counts SPF records (RFC 7208).
//
// Parse never stops at the first fault: it returns what could be read together
// with every problem, its offset and what a receiver makes of it. Evaluate is
// check_host() with a trace of every term. Count measures the whole tree of
// includes without a sending address. The only I/O is through resolve.Resolver.
//
// It does not decide how grave a problem is (checks/spf does) and knows nothing
// of alignment (dmarc).
package spf

import (
	"net/netip"
	"strconv"
	"strings"
)

// Version is what an SPF record begins with (RFC 7208, 4.5).
const Version = "v=spf1"

// Limits of one evaluation (RFC 7208, 4.6.4).
const (
	MaxLookups = 10 // terms that query the DNS
	MaxVoids   = 2  // terms whose query comes back empty
	MaxMXHosts = 10 // hosts of one mx term; more is a permerror
	MaxPTRs    = 10 // names of one address; more are ignored
)

// A Kind tells the terms of a record apart.
type Kind int

const (
	Invalid Kind = iota // a term that no receiver can read; Text is all that is known
	All
	Include
	A
	MX
	PTR
	IP4
	IP6
	Exists
	Redirect
	Exp
	Unknown // a modifier that RFC 7208 does not define; receivers ignore it (6)
)

var kindNames = [...]string{"invalid", "all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists", "redirect", "exp", "unknown modifier"}

// String is the name of the mechanism or modifier as a record has it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "invalid"
	}
	return kindNames[k]
}

// Mechanism reports whether terms of this kind can match a sender.
func (k Kind) Mechanism() bool { return k >= All && k <= Exists }

// Modifier reports whether terms of this kind are modifiers.
func (k Kind) Modifier() bool { return k >= Redirect && k <= Unknown }

// Queries reports whether evaluating such a term counts against the limit of
// ten lookups (RFC 7208, 4.6.4). Exp is fetched after the verdict and does not.
func (k Kind) Queries() bool {
	switch k {
	case Include, A, MX, PTR, Exists, Redirect:
		return true
	}
	return false
}

// mechanisms maps a lower-case name to its kind.
func mechanisms(name string) Kind {
	for k := All; k <= Exists; k++ {
		if kindNames[k] == name {
			return k
		}
	}
	return Invalid
}

// A Qualifier is what a match of a mechanism means (RFC 7208, 4.6.2).
type Qualifier byte

const (
	Plus     Qualifier = '+' // pass; the default, and not written
	Minus    Qualifier = '-' // fail
	Tilde    Qualifier = '~' // softfail
	Question Qualifier = '?' // neutral
)

// Code is the result of a match with this qualifier.
func (q Qualifier) Code() Code {
	switch q {
	case Minus:
		return Fail
	case Tilde:
		return SoftFail
	case Question:
		return Neutral
	}
	return Pass
}

// A Term is one mechanism or modifier. Terms are comparable, but == also
// compares where a term stands; Same compares what it says.
type Term struct {
	Kind      Kind
	Qualifier Qualifier    // of a mechanism; 0 for modifiers
	Name      string       // of an Unknown modifier, lower-case
	Domain    string       // domain-spec with its macros, as written; empty means the current domain. The value of a modifier
	Prefix    netip.Prefix // of ip4 and ip6, host bits as written
	Bits4     int          // prefix length of a and mx for IPv4: 0 to 32
	Bits6     int          // and for IPv6: 0 to 128
	Text      string       // as written
	Offset    int          // of Text in the record, in octets; of use only in a record from Parse
}

// String is the term in its shortest form: "+" and full prefix lengths are left
// out, names of terms are lower-case. An Invalid term is as written.
func (t Term) String() string {
	if t.Kind == Invalid {
		return t.Text
	}
	if t.Kind == Unknown {
		return t.Name + "=" + t.Domain
	}
	if t.Kind.Modifier() {
		return t.Kind.String() + "=" + t.Domain
	}
	var b strings.Builder
	if t.Qualifier != Plus && t.Qualifier != 0 {
		b.WriteByte(byte(t.Qualifier))
	}
	b.WriteString(t.Kind.String())
	switch t.Kind {
	case IP4, IP6:
		b.WriteByte(':')
		b.WriteString(t.Prefix.Addr().String())
		if t.Prefix.Bits() != t.Prefix.Addr().BitLen() {
			b.WriteString("/" + strconv.Itoa(t.Prefix.Bits()))
		}
		return b.String()
	}
	if t.Domain != "" {
		b.WriteString(":" + t.Domain)
	}
	if t.Kind == A || t.Kind == MX {
		if t.Bits4 != 32 {
			b.WriteString("/" + strconv.Itoa(t.Bits4))
		}
		if t.Bits6 != 128 {
			b.WriteString("//" + strconv.Itoa(t.Bits6))
		}
	}
	return b.String()
}

// Same reports whether two terms match the same senders: the qualifier, the
// case of a plain domain and the host bits of a prefix do not matter.
func (t Term) Same(o Term) bool { return t.essence() == o.essence() }

// essence is what Same compares.
func (t Term) essence() Term {
	e := Term{Kind: t.Kind, Name: t.Name, Domain: t.Domain, Bits4: t.Bits4, Bits6: t.Bits6}
	switch t.Kind {
	case Invalid:
		e.Text = t.Text
	case IP4, IP6:
		e.Prefix = t.Prefix.Masked()
	}
	if !strings.Contains(t.Domain, "%") { // an upper-case macro letter escapes
		e.Domain = lower(strings.TrimSuffix(t.Domain, "."))
	}
	return e
}

// A Record is the terms of one SPF record in order, the version left out.
type Record struct{ Terms []Term }

// String is the record in its shortest form. Where every term is valid it is a
// valid record, and Parse reads it back to the same terms.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(Version)
	for _, t := range r.Terms {
		b.WriteByte(' ')
		b.WriteString(t.String())
	}
	return b.String()
}

// All returns the first all of the record, the one that counts.
func (r Record) All() (Term, bool) { return r.first(All) }

// Redirect returns the redirect that takes effect: none where an all stands in
// the record (RFC 7208, 6.1).
func (r Record) Redirect() (Term, bool) {
	if _, ok := r.All(); ok {
		return Term{}, false
	}
	return r.first(Redirect)
}

// Exp returns the exp modifier.
func (r Record) Exp() (Term, bool) { return r.first(Exp) }

func (r Record) first(k Kind) (Term, bool) {
	for _, t := range r.Terms {
		if t.Kind == k {
			return t, true
		}
	}
	return Term{}, false
}

// Mechanisms returns the mechanisms that receivers evaluate, in order: those up
// to and including the first all (RFC 7208, 5.1).
func (r Record) Mechanisms() []Term {
	var live []Term
	for _, t := range r.Terms {
		if !t.Kind.Mechanism() {
			continue
		}
		live = append(live, t)
		if t.Kind == All {
			break
		}
	}
	return live
}

// Denies reports whether the record authorises nobody: "v=spf1 -all", what a
// domain that sends no mail publishes.
func (r Record) Denies() bool {
	live := r.Mechanisms()
	return len(live) == 1 && live[0].Kind == All && live[0].Qualifier == Minus
}
