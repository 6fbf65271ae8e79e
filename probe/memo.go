package probe

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// Bounds of what a FetchMemo keeps.
const (
	memoFetches = 256
	memoOctets  = 16 << 20         // of bodies
	memoFailure = 30 * time.Second // that a host cannot be reached is kept so long
)

// A FetchMemo gets a document once for all who ask for it while it may be kept
// (Request.Keep); what may not be kept is fetched each time.
//
// A host that says that it is asked too often (RFC 6585, 4) or cannot serve now
// is left alone for as long as it says, at most an hour.
//
// It fetches under the context given to NewFetchMemo, not under the caller's: a
// caller that gives up takes nothing from the others who wait.
type FetchMemo struct {
	ctx  context.Context
	next interface {
		Fetch(context.Context, Request) Fetch
	}
	mu     sync.Mutex
	kept   map[fetchKey]*fetchMemory
	octets int // of the bodies in kept
	busy   map[string]leave
}

type fetchKey struct {
	url, accept string
	maxBody     int
}

type fetchMemory struct {
	done  chan struct{} // closed when the rest is set
	fetch Fetch
	until time.Time
}

// NewFetchMemo returns a memo over next that fetches under ctx.
func NewFetchMemo(ctx context.Context, next interface {
	Fetch(context.Context, Request) Fetch
}) *FetchMemo {
	return &FetchMemo{ctx: ctx, next: next, kept: make(map[fetchKey]*fetchMemory), busy: make(map[string]leave)}
}

// Fetch returns what is kept of the document, or gets it.
func (m *FetchMemo) Fetch(ctx context.Context, r Request) Fetch {
	if r.Keep <= 0 {
		return m.next.Fetch(ctx, r)
	}
	for {
		k, mine := m.recall(r)
		select {
		case <-k.done:
			if mine || !k.private() || ctx.Err() != nil {
				return k.fetch
			}
		case <-ctx.Done():
			e := &Error{Stage: StageResolve, Kind: Canceled, Err: ctx.Err()}
			return Fetch{URL: r.URL, Err: e, Steps: []FetchStep{{Stage: StageResolve, Err: e}}}
		}
	}
}

// private reports whether the fetch failed for a reason that lies with who
// asked: it was called off, or its way to ask the DNS was.
func (k *fetchMemory) private() bool {
	return k.fetch.Err != nil && (k.fetch.Err.Kind == Canceled || k.fetch.Err.Kind == Unresolved)
}

// recall returns the memory of r that holds, or one that is being made; mine if
// it is made for this call.
func (m *FetchMemo) recall(r Request) (k *fetchMemory, mine bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	key := fetchKey{r.URL, r.Accept, r.MaxBody}
	if k := m.kept[key]; k != nil && !k.stale(time.Now()) {
		return k, false
	}
	if k := m.waits(r); k != nil {
		return k, true
	}
	m.forget(key)
	m.makeRoom()
	k = &fetchMemory{done: make(chan struct{})}
	m.kept[key] = k
	go m.learn(key, k, r)
	return k, true
}

func (m *FetchMemo) learn(key fetchKey, k *fetchMemory, r Request) {
	fetch := m.next.Fetch(m.ctx, r)
	m.mu.Lock()
	defer m.mu.Unlock()
	k.fetch = fetch
	keep := r.Keep
	switch {
	case k.private():
		keep = 0
	case fetch.Err != nil || fetch.Status == http.StatusTooManyRequests || fetch.Status >= 500:
		keep = min(keep, memoFailure)
	}
	k.until = time.Now().Add(keep)
	m.note(fetch)
	if m.kept[key] == k {
		m.octets += len(fetch.Body)
	}
	close(k.done)
}

// stale reports whether the memory is to be made anew; one in the making is not.
func (k *fetchMemory) stale(now time.Time) bool {
	select {
	case <-k.done:
		return !now.Before(k.until)
	default:
		return false
	}
}

// forget drops what is kept at key, if that is complete.
func (m *FetchMemo) forget(key fetchKey) {
	k := m.kept[key]
	if k == nil {
		return
	}
	select {
	case <-k.done:
		m.octets -= len(k.fetch.Body)
		delete(m.kept, key)
	default:
	}
}

// makeRoom forgets what is stale and, if that is not enough, any of the rest.
func (m *FetchMemo) makeRoom() {
	now := time.Now()
	for key, k := range m.kept {
		if k.stale(now) {
			m.forget(key)
		}
	}
	for key := range m.kept {
		if len(m.kept) < memoFetches && m.octets < memoOctets {
			return
		}
		m.forget(key)
	}
}
