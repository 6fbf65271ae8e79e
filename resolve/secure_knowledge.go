package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// maxKnown bounds the messages and the zones that are kept, each.
const maxKnown = 4096

// knowledge is what validators that share it have learned: messages, and zones
// with their keys.
type knowledge struct {
	ctx     context.Context
	raw     Exchanger
	options SecureOptions
	flight  chan struct{}

	mu       sync.Mutex
	messages map[Question]*once[*message]
	zones    map[string]*once[*zone]
}

func newKnowledge(ctx context.Context, raw Exchanger, o SecureOptions) *knowledge {
	return &knowledge{
		ctx: ctx, raw: raw, options: o, flight: make(chan struct{}, maxSecureInFlight),
		messages: make(map[Question]*once[*message]), zones: make(map[string]*once[*zone]),
	}
}

// once is something that is found out once, however many wait for it.
type once[T any] struct {
	done  chan struct{}
	value T
	err   error
}

// learn returns what find finds under key, asking it once. What was cut short,
// or was beyond somebody else's budget, is asked again.
func learn[K comparable, T any](ctx context.Context, k *knowledge, kept map[K]*once[T], key K, find func() (T, error)) (T, error) {
	for {
		o, own := begin(k, kept, key, find)
		select {
		case <-o.done:
			if own || !passing(o.err) || ctx.Err() != nil || k.ctx.Err() != nil {
				return o.value, o.err
			}
		case <-ctx.Done():
			var none T
			return none, &Error{Kind: Canceled, Err: ctx.Err()}
		}
	}
}

// begin returns what is known or being found out under key, or begins to find
// it out; own is true then.
func begin[K comparable, T any](k *knowledge, kept map[K]*once[T], key K, find func() (T, error)) (o *once[T], own bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if o := kept[key]; o != nil {
		return o, false
	}
	if len(kept) >= maxKnown {
		clear(kept)
	}
	o = &once[T]{done: make(chan struct{})}
	kept[key] = o
	go func() {
		defer close(o.done)
		defer func() {
			if p := recover(); p != nil {
				o.err = fmt.Errorf("internal error in DNSSEC validation: %v", p)
			}
		}()
		if o.value, o.err = find(); passing(o.err) {
			k.mu.Lock()
			defer k.mu.Unlock()
			if kept[key] == o {
				delete(kept, key)
			}
		}
	}()
	return o, true
}

// passing reports whether an error says nothing about what was asked.
func passing(err error) bool {
	kind := KindOf(err)
	return err != nil && (kind == Canceled || kind == Budget || errors.Is(err, context.Canceled))
}

// fetch asks q, once.
func (v *Validator) fetch(ctx context.Context, q Question) (*message, error) {
	k := v.known
	return learn(ctx, k, k.messages, q, func() (*message, error) {
		if v.spent.Add(1) > maxSecureQuestions {
			return nil, &Error{Question: q, Kind: Budget}
		}
		if !enter(k.ctx, k.flight) {
			return nil, canceled(q, k.ctx.Err())
		}
		defer func() { <-k.flight }()
		wire, err := k.raw.Exchange(k.ctx, q)
		if err != nil {
			return nil, err
		}
		msg, err := readMessage(wire)
		if err != nil {
			return nil, &Error{Question: q, Kind: Malformed, Err: err}
		}
		return msg, nil
	})
}

// likelyCuts is how many labels a name may have for being asked about before
// anything is known: example.co.uk.
const likelyCuts = 3

// prefetch begins to ask what the way down to name will need, all at once:
// the keys of the root, the DS of each name above and, once it has one, its keys.
func (v *Validator) prefetch(ctx context.Context, name string) {
	ask := func(q Question) {
		go func() {
			msg, err := v.fetch(ctx, q)
			if err == nil && q.Type == "DS" && msg.find(q.Name, dns.TypeDS) != nil {
				_, _ = v.fetch(ctx, Question{Name: q.Name, Type: "DNSKEY"}) // whoever needs it sees the error
			}
		}()
	}
	ask(Question{Name: ".", Type: "DNSKEY"})
	for name := spelling(name); name != "."; name = record.Parent(name) {
		if dns.CountLabel(name) <= likelyCuts {
			ask(Question{Name: name, Type: "DS"})
		}
	}
}

func (k *knowledge) now() time.Time { return k.options.Now() }
