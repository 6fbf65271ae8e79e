package passage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// An internet is the authoritative DNS: the zone as it is at the time, by either of
// its name servers, and everything else, which stays as it is.
type internet struct {
	now      func() time.Duration
	calendar *calendar
	lag      time.Duration
	editions []resolve.Resolver

	mu    sync.Mutex
	known map[asked]fact
}

// An asked question is one to an edition of the zone, and a fact the answer, which
// does not change.
type asked struct {
	edition int
	resolve.Question
}

type fact struct {
	answer  resolve.Answer
	err     error
	content string // what it says, without times
}

func newInternet(v Voyage, c *calendar, cast *cast, now func() time.Duration) *internet {
	i := &internet{now: now, calendar: c, lag: v.NameServerLag, known: make(map[asked]fact)}
	static := append(cast.correspondents(), cast.reverse()...)
	var others resolve.Resolver = beside{resolve.NewZone(static), v.Others}
	for _, e := range c.zone {
		records := cast.play(e.records)
		if !slices.ContainsFunc(records, func(r record.Record) bool { return r.Type == "SOA" }) {
			data := fmt.Sprintf("ns1.%[1]s hostmaster.%[1]s 1 7200 3600 1209600 %[2]d", v.Move.Zone, v.Negative)
			records = append(records, record.Record{Name: v.Move.Zone, Type: "SOA", TTL: v.Negative, Data: data})
		}
		i.editions = append(i.editions, resolve.NewLayer(others, v.Move.Zone, resolve.NewZone(records)))
	}
	return i
}

// ask asks a name server, or whoever knows of other names: the second server gets each
// edition late.
func (i *internet) ask(ctx context.Context, q resolve.Question, second bool) fact {
	at := i.now()
	if second {
		at -= i.lag
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	key := asked{i.calendar.edition(at), q}
	f, ok := i.known[key]
	if !ok {
		f.answer, f.err = i.editions[key.edition].Resolve(ctx, q)
		f.content = contentOf(f.answer, f.err)
		i.known[key] = f
	}
	return f
}

// beside answers from a few names, and else from others.
type beside struct {
	zone   *resolve.Zone
	others resolve.Resolver
}

// Resolve implements [resolve.Resolver].
func (b beside) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	if b.others == nil || b.zone.Exists(q.Name) {
		return b.zone.Resolve(ctx, q)
	}
	return b.others.Resolve(ctx, q)
}

// A memory is a resolver that remembers answers for their TTL (RFC 2181, 5.2; RFC
// 2308).
type memory struct {
	from   *internet
	second bool // asks the name server that is late

	mu   sync.Mutex
	kept map[resolve.Question]remembered
	asks map[resolve.Question]string // since the last call of listen; nil: nobody listens
}

type remembered struct {
	fact
	until time.Duration
}

// Resolve implements [resolve.Resolver].
func (m *memory) Resolve(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	k := m.recall(ctx, q)
	if m.asks != nil {
		m.asks[q] = k.content
	}
	return k.answer, k.err
}

func (m *memory) recall(ctx context.Context, q resolve.Question) remembered {
	now := m.from.now()
	k, ok := m.kept[q]
	if ok && now < k.until {
		return k
	}
	k.fact = m.from.ask(ctx, q, m.second)
	k.until = now + k.answer.TTL
	if m.kept == nil {
		m.kept = make(map[resolve.Question]remembered)
	}
	m.kept[q] = k
	return k
}

func contentOf(a resolve.Answer, err error) string {
	if err != nil {
		return err.Error()
	}
	var b strings.Builder
	fmt.Fprint(&b, a.Exists)
	for _, r := range append(slices.Clone(a.Chain), record.Sorted(a.Records)...) {
		b.WriteString("\n" + r.Name + " " + r.Type + " " + r.Data)
	}
	return b.String()
}

// forget empties the memory.
func (m *memory) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.kept = nil
}

// listen begins to note what is asked.
func (m *memory) listen() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asks = make(map[resolve.Question]string)
}

// heard is what was asked since, with the answers.
func (m *memory) heard() map[resolve.Question]string {
	m.mu.Lock()
	defer m.mu.Unlock()
	asks := m.asks
	m.asks = nil
	return asks
}

// same reports whether all questions have the answers that they had.
func (m *memory) same(ctx context.Context, asked map[resolve.Question]string) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	for q, content := range asked {
		if m.recall(ctx, q).content != content {
			return false
		}
	}
	return true
}

// Secure implements [deliver.Security]: whatever is asked is signed, and in order.
func (m *memory) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	answer, err := m.Resolve(ctx, q)
	return resolve.Proof{Security: resolve.Secure, Answer: answer, Zone: q.Name}, err
}
