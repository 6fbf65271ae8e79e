package resolve

import (
	"context"
	"errors"
	"net"
	"net/url"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// Security is what DNSSEC says of an answer (RFC 4035, 4.3). Indeterminate is
// not among it: that is an error.
type Security int

const (
	Secure   Security = iota + 1 // signed, from the trust anchor down
	Insecure                     // proven to be unsigned: some zone above has no DS for what is below
	Bogus                        // should be signed, and does not validate
)

var securityNames = map[Security]string{Secure: "secure", Insecure: "insecure", Bogus: "bogus"}

func (s Security) String() string { return securityNames[s] }

// Flaw is why an answer is bogus.
type Flaw int

const (
	BadSignature  Flaw = iota + 1 // no signature verifies
	Expired                       // the signatures are out of date
	NotYetValid                   // the signatures begin in the future
	NoSignature                   // there is none by a key of the zone
	WrongDS                       // no key of the zone fits the DS at its parent
	MissingDenial                 // nothing proves that the records are not there
)

var flawNames = map[Flaw]string{
	BadSignature: "bad signature", Expired: "signature expired", NotYetValid: "signature not yet valid", NoSignature: "not signed by its zone",
	WrongDS: "the DS fits no key", MissingDenial: "absence not proven",
}

func (f Flaw) String() string { return flawNames[f] }

// A Proof is what validation made of one question.
type Proof struct {
	Security Security
	// Answer is the answer; it is to be believed where the proof is Secure.
	Answer Answer
	// Zone is where it is decided: the zone that signed the end of the answer, the
	// first one without a DS, or the one that does not validate.
	Zone string
	// Flaw is set where the answer is bogus.
	Flaw Flaw
	// Why says in words what makes the answer insecure or bogus.
	Why string
	// Weak names what is out of use by now among what Zone is signed with:
	// "algorithm RSASHA1" (RFC 9905).
	Weak []string
}

// Bounds on the work of a Validator. Hostile zones can ask for much of it by
// little: many keys of one tag, many signatures, many hashes.
const (
	maxSecureQuestions = 500 // of one Validator
	maxSecureInFlight  = 32  // shared with those made by Share
	maxSecureLabels    = 64  // of a name; reverse names of IPv6 have 34
	maxSignatures      = 8   // looked at for one RRset
	maxVerifications   = 64  // of one message, signatures that fail included
	maxHashes          = 64  // NSEC3 hashes computed for one message
	maxIterations      = 150 // of NSEC3; more are treated as insecure (RFC 9276, 3.2), as BIND and Unbound do
)

// SecureOptions say how a Validator validates.
type SecureOptions struct {
	// Anchors are DS records of the root. Empty: those that IANA publishes.
	Anchors []record.Record
	// Now is the clock that signatures are held against; nil is time.Now.
	Now func() time.Time
	// Fallback is asked where validation is impossible, because the resolver
	// passes on no signatures. Its AD bit is believed where the server that
	// answered is on this machine, or TrustAD says so (RFC 4035, 4.9.3).
	Fallback Resolver
	TrustAD  bool
}

// A Validator validates answers from a trust anchor down (RFC 4035, 5). What it
// learns of zones it keeps for as long as it lives, so it is for one run.
//
// Supported are the algorithms 5, 7, 8, 10, 13, 14 and 15, and the DS digests 1,
// 2 and 4. A zone signed by others alone is insecure (RFC 4035, 5.2); of them
// Ed448 (16) is the one that is in use.
type Validator struct {
	known *knowledge
	spent atomic.Int64
}

// NewValidator returns a validator of what raw answers. It asks under ctx, and
// not under the context of whoever is the first to want to know.
func NewValidator(ctx context.Context, raw Exchanger, o SecureOptions) *Validator {
	if len(o.Anchors) == 0 {
		o.Anchors = rootAnchors()
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Validator{known: newKnowledge(ctx, raw, o)}
}

// Share returns a validator with the same knowledge and a budget of its own.
func (v *Validator) Share() *Validator { return &Validator{known: v.known} }

// Questions is how many questions were asked.
func (v *Validator) Questions() int { return int(min(v.spent.Load(), maxSecureQuestions)) }

// Secure asks q and validates the answer. An error means that it could not be
// told: no answer, or a resolver that passes on no signatures.
func (v *Validator) Secure(ctx context.Context, q Question) (Proof, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return Proof{}, fault
	}
	q.At = ""
	p, err := v.prove(ctx, q)
	if err == nil || ctx.Err() != nil || v.known.options.Fallback == nil {
		return p, err
	}
	ans, again := v.known.options.Fallback.Resolve(ctx, q)
	if again == nil && ans.Authenticated && (v.known.options.TrustAD || isLocal(ans.Server)) {
		return Proof{Security: Secure, Answer: ans, Zone: q.Name, Why: "by the word of the resolver"}, nil
	}
	return p, err
}

// isLocal reports whether a server, as Answer.Server has it, is on this machine.
func isLocal(server string) bool {
	u, err := url.Parse(server)
	return err == nil && net.ParseIP(u.Hostname()).IsLoopback()
}

// prove walks from the name asked over CNAMEs to the end. The least of what is
// on the way decides.
func (v *Validator) prove(ctx context.Context, q Question) (Proof, error) {
	if dns.CountLabel(q.Name) > maxSecureLabels {
		return Proof{}, &Error{Question: q, Kind: TooLarge, Detail: "too many labels"}
	}
	v.prefetch(ctx, q.Name)
	p := Proof{Security: Secure, Answer: Answer{Question: q, Exists: true}}
	code, _ := typeCode(q.Type)
	for name := spelling(q.Name); ; {
		msg, err := v.fetch(ctx, Question{Name: name, Type: q.Type})
		if err != nil {
			return p, err
		}
		next, err := v.read(ctx, &p, msg, name, code)
		if err != nil || next == "" {
			p.Answer.Authenticated = p.Security == Secure
			return p, inQuestion(err, q)
		}
		name = next
	}
}

// read follows msg from name to its end, or to the next name to ask about.
func (v *Validator) read(ctx context.Context, p *Proof, msg *message, name string, code uint16) (next string, err error) {
	start := name
	for {
		if set := msg.find(name, code); set != nil {
			p.Answer.take(set)
			return "", v.weigh(ctx, p, msg, set)
		}
		link := msg.find(name, dns.TypeCNAME)
		if link == nil || code == dns.TypeCNAME {
			break
		}
		if err := v.weigh(ctx, p, msg, link); err != nil {
			return "", err
		}
		c := toRecord(dns.Copy(link.rrs[0]))
		if len(p.Answer.Chain) == maxChain || met(p.Answer, c.Data) || nameFault(c.Data) != "" {
			return "", &Error{Question: p.Answer.Question, Kind: Chain}
		}
		p.Answer.Chain = append(p.Answer.Chain, c)
		name = spelling(c.Data)
	}
	if name != start && !msg.negative() {
		return name, nil
	}
	p.Answer.Exists = msg.rcode != dns.RcodeNameError
	return "", v.weighAbsence(ctx, p, msg, name, code)
}

// take puts the records of set into the answer.
func (a *Answer) take(set *rrset) {
	for _, rr := range set.rrs {
		a.Records = append(a.Records, toRecord(dns.Copy(rr)))
	}
	a.TTL = leastTTL(a.Chain, a.Records)
}

// lower makes p no better than what was found of one of its parts.
func (p *Proof) lower(f finding) {
	worse := p.Security == Secure || p.Security == Insecure && f.security == Bogus
	if p.Security == Secure && f.security == Secure {
		p.Zone, p.Weak = f.zone, f.weak
	} else if worse {
		p.Security, p.Zone, p.Flaw, p.Why, p.Weak = f.security, f.zone, f.flaw, f.why, nil
	}
}

func inQuestion(err error, q Question) error {
	var e *Error
	if errors.As(err, &e) {
		if e.Question == q {
			return err
		}
		return &Error{Question: q, Kind: e.Kind, Server: e.Server, Extended: e.Extended, Detail: "in validation: " + e.Error(), Err: err}
	}
	return err
}
