package checks

import (
	"context"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
)

// An SMTP holds staged conversations with mail hosts; *probe.Prober is one.
type SMTP interface {
	Converse(context.Context, probe.Target) probe.Session
}

// An HTTP gets single documents over HTTPS; *probe.Fetcher is one.
type HTTP interface {
	Fetch(context.Context, probe.Request) probe.Fetch
}

// A Security tells what DNSSEC makes of the answer to a question;
// *resolve.Validator is one. An error means that it cannot be told.
type Security interface {
	Secure(context.Context, resolve.Question) (resolve.Proof, error)
}

// Servers asks DNS servers themselves what each of them says; *resolve.Client
// does. The error is that of a resolve.Inquirer.
type Servers interface {
	Inquire(context.Context, resolve.Inquiry) (resolve.Statement, error)
}

// Want is what the owner says of the domain. It may be empty.
type Want struct {
	Selectors []string     // DKIM selectors in use
	Senders   []netip.Addr // addresses from which the domain's mail is sent
	HELO      string       // name the sending host gives in EHLO; canonical, or empty
	MX        []string     // hosts that shall take the domain's mail, canonical
	DMARC     dmarc.Policy // the weakest that will do; empty: any, or none
	DQS       bool         // the resolver knows a key for the lists of Spamhaus (dnsbl.WithKey)
	RelayTest bool         // the owner consents to having the MX hosts asked to relay
	Private   bool         // private and loopback addresses are the owner's own, to be talked to like public ones
	Intrusive bool         // the owner consents to what may leave a message in postmaster's mailbox
}

// Env is the world of one examination: the domain or, without one, the
// addresses in Want.Senders, or a message, and the only ways out. The
// facts gathered about it are kept in it. An Env serves one Run and is not copied.
type Env struct {
	Domain string           // canonical: lower-case A-labels with a final dot; empty in an examination of addresses
	DNS    resolve.Resolver // memoised: asking twice costs nothing
	SMTP   SMTP             // nil: no SMTP conversations are wanted
	HTTP   HTTP             // nil: no HTTPS fetches are wanted
	Now    func() time.Time
	Want   Want

	Security Security // nil: nobody here knows of DNSSEC
	Servers  Servers  // nil: no server is to be asked itself

	Here []netip.Addr // addresses of this machine

	// Local is the mail host seen from within, if that is this machine; nil: it
	// is not looked at.
	Local *local.Host

	// Message is what is examined, in place of a domain, where it is not nil. Domain
	// is then empty, or a domain that the caller shows it under: no check asks it.
	Message *message.Message
	// Envelope is what is known of how Message came.
	Envelope judge.Envelope

	// Lab makes documentation address space count as public, for worlds that are
	// not the internet.
	Lab bool

	mu    sync.Mutex
	run   context.Context
	facts map[any]any
}

// Subject is what the examination is about.
func (e *Env) Subject() Subject {
	switch {
	case e.Message != nil:
		return Messages
	case e.Domain == "":
		return Addresses
	}
	return Domains
}

// subjects is Subject, and the mail host where that is seen from within.
func (e *Env) subjects() Subject {
	if e.Local != nil && e.Message == nil {
		return e.Subject() | Hosts
	}
	return e.Subject()
}

// A Fact is something that several checks need to know, gathered once for each
// Env. Facts gather; checks judge.
type Fact[T any] struct {
	name   string
	gather func(context.Context, *Env) (T, error)
}

// NewFact declares a fact. The name is for error messages.
func NewFact[T any](name string, gather func(context.Context, *Env) (T, error)) *Fact[T] {
	return &Fact[T]{name: name, gather: gather}
}

type gathered[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// Of returns the fact about env. The first call gathers it, under the context
// of the run and not of the caller, so that a check that gives up takes nothing
// from the others; every call waits until it is there or ctx ends.
func (f *Fact[T]) Of(ctx context.Context, env *Env) (T, error) {
	g := f.start(ctx, env)
	select {
	case <-g.done:
		return g.value, g.err
	case <-ctx.Done():
		select {
		case <-g.done:
			return g.value, g.err
		default:
		}
		var none T
		return none, ctx.Err()
	}
}

// Known returns the fact about env where a check has asked for it and it was
// gathered by now, without an error. It begins nothing and waits for nothing.
func (f *Fact[T]) Known(env *Env) (value T, ok bool) {
	env.mu.Lock()
	g, asked := env.facts[f]
	env.mu.Unlock()
	if !asked {
		return value, false
	}
	fact := g.(*gathered[T])
	select {
	case <-fact.done:
		return fact.value, fact.err == nil
	default:
		return value, false
	}
}

func (f *Fact[T]) start(ctx context.Context, env *Env) *gathered[T] {
	env.mu.Lock()
	defer env.mu.Unlock()
	if env.run != nil {
		ctx = env.run
	}
	if env.facts == nil {
		env.facts = make(map[any]any)
	}
	if g, ok := env.facts[f]; ok {
		return g.(*gathered[T])
	}
	g := &gathered[T]{done: make(chan struct{})}
	env.facts[f] = g
	go func() {
		defer close(g.done)
		defer func() {
			if p := recover(); p != nil {
				g.err = fmt.Errorf("internal error while gathering %s: %v", f.name, p)
			}
		}()
		g.value, g.err = f.gather(ctx, env)
	}()
	return g
}
