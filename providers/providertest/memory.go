package providertest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// A Memory is a service whose zone is in memory, and the provider for it. It can
// be made to fail at every point.
type Memory struct {
	zone    string
	options MemoryOptions

	mu      sync.Mutex
	records []record.Record
	ours    map[record.Record]bool // without TTLs
	broken  *Fault
}

// MemoryOptions are what a Memory can and cannot.
type MemoryOptions struct {
	// Stepwise writes one change after the other, and looks at the basis before
	// the first only: neither atomic, nor a compare-and-set.
	Stepwise bool
	// Named reads names in place of the whole zone.
	Named  bool
	Limits plan.Limits
	// Hook is called at each point; its error is what the provider fails with
	// there. It may be nil. It must not use the Memory's provider at Comparing or
	// Changing, unless Stepwise.
	Hook func(Point) error
}

// A Point is one at which a Memory can fail.
type Point struct {
	At     Moment
	Change int // of Changing: which one, from 0
}

// A Moment is what a Memory is about to do.
type Moment int

const (
	Reading   Moment = iota // before it reads
	Comparing               // before it compares
	Changing                // compared, before a change is made
	Answering               // all is written, before it says so
)

// NewMemory is a service that holds records.
func NewMemory(zone string, records []record.Record, o MemoryOptions) *Memory {
	return &Memory{zone: record.Canonical(zone), records: slices.Clone(records), options: o, ours: make(map[record.Record]bool)}
}

// MemoryBackend is the Backend of Memories.
func MemoryBackend(o MemoryOptions) Backend {
	return Backend{Serve: func(_ *testing.T, zone string, records []record.Record) Service { return NewMemory(zone, records, o) }}
}

// Provider is the provider for all of the zone.
func (m *Memory) Provider() providers.Provider { return handle{m, true} }

// Open opens the provider, for the zone and what is below it.
func (m *Memory) Open(ctx context.Context, domain string) (providers.Provider, error) {
	return m.open(ctx, domain, true)
}

// Denied opens a provider that may read.
func (m *Memory) Denied(ctx context.Context, domain string) (providers.Provider, error) {
	return m.open(ctx, domain, false)
}

func (m *Memory) open(ctx context.Context, domain string, may bool) (providers.Provider, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if !record.Within(domain, m.zone) {
		return nil, fmt.Errorf("%s: %w", record.Display(record.Canonical(domain)), providers.ErrNoZone)
	}
	return handle{m, may}, nil
}

// Records is what the zone holds.
func (m *Memory) Records(*testing.T) []record.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.records)
}

// Change is somebody else's change.
func (m *Memory) Change(_ *testing.T, edits ...record.Edit) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, e := range edits {
		m.set(e, false)
	}
}

// Break makes the next write fail. What is Stepwise fails in the middle.
func (m *Memory) Break(_ *testing.T, how Fault) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = &how
}

// set does an edit, and remembers whose the records are that it brings.
func (m *Memory) set(e record.Edit, ours bool) {
	var ttl uint32
	keep := make([]record.Record, 0, len(m.records)+len(e.Want))
	was := make(map[record.Record]bool)
	for _, r := range m.records {
		if !e.Slot.Holds(r) {
			keep = append(keep, r)
			continue
		}
		ttl = r.TTL
		was[bareRecord(r)] = m.ours[bareRecord(r)]
		delete(m.ours, bareRecord(r))
	}
	for _, r := range e.Want {
		if r.TTL == 0 {
			r.TTL = ttl
		}
		if r.TTL == 0 {
			r.TTL = 3600
		}
		keep = append(keep, r)
		mark, stood := was[bareRecord(r)]
		m.ours[bareRecord(r)] = stood && mark || !stood && ours
	}
	m.records = keep
	m.bump()
}

// bump raises the serial (RFC 1982, 3.1).
func (m *Memory) bump() {
	for i, r := range m.records {
		if f := strings.Fields(r.Data); r.Type == "SOA" && len(f) == 7 {
			serial, _ := strconv.ParseUint(f[2], 10, 32)
			f[2] = strconv.FormatUint(uint64(uint32(serial)+1), 10)
			m.records[i].Data = strings.Join(f, " ")
		}
	}
}

func bareRecord(r record.Record) record.Record { r.TTL = 0; return r }

// A handle is the provider, with some credentials.
type handle struct {
	m     *Memory
	write bool
}

func (h handle) Zone() string   { return h.m.zone }
func (h handle) String() string { return "memory" }

func (h handle) Traits() providers.Traits {
	o := h.m.options
	return providers.Traits{Whole: !o.Named, Atomic: !o.Stepwise, Compare: !o.Stepwise, Marks: true, Limits: o.Limits}
}

func (h handle) at(m Moment, change int) error {
	if h.m.options.Hook == nil {
		return nil
	}
	return h.m.options.Hook(Point{m, change})
}

func (h handle) Read(ctx context.Context, names []string) (providers.Reading, error) {
	if err := errors.Join(ctx.Err(), h.at(Reading, 0)); err != nil {
		return providers.Reading{}, err
	}
	h.m.mu.Lock()
	defer h.m.mu.Unlock()
	reading := providers.Reading{Marks: make(map[record.Record]providers.Mark)}
	for _, r := range h.m.records {
		if h.m.options.Named && r.Type != "SOA" && !slices.ContainsFunc(names, func(name string) bool { return answers(r.Name, name) }) {
			continue
		}
		reading.Records = append(reading.Records, r)
		if h.m.ours[bareRecord(r)] {
			reading.Marks[r] = providers.Mark{Ours: true}
		}
	}
	return reading, nil
}

// answers reports whether what stands at owner is read for name: it is that
// name, or a wildcard above.
func answers(owner, name string) bool {
	wild, ok := strings.CutPrefix(owner, "*.")
	return owner == name || ok && name != wild && record.Within(name, wild)
}

func (h handle) Write(ctx context.Context, p plan.Plan) error {
	if err := h.fits(ctx, p); err != nil {
		return err
	}
	m := h.m
	m.mu.Lock()
	broken := m.broken
	m.broken = nil
	if broken != nil && !m.options.Stepwise && *broken != Lost {
		m.mu.Unlock()
		return errors.New("it is broken, and nothing was written")
	}
	if m.options.Stepwise {
		m.mu.Unlock()
		return h.steps(p, broken)
	}
	defer m.mu.Unlock()
	if err := h.at(Comparing, 0); err != nil {
		return err
	}
	if err := providers.Stale(p, m.records); err != nil {
		return err
	}
	for i := range p.Changes {
		if err := h.at(Changing, i); err != nil {
			return err // nothing is done yet
		}
	}
	for _, c := range p.Changes {
		m.set(c.Edit(), true)
	}
	if broken != nil {
		return errors.New("the answer was lost")
	}
	return h.at(Answering, 0)
}

// fits is why a plan must not be written at all; nil if it may.
func (h handle) fits(ctx context.Context, p plan.Plan) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if !h.write {
		return providers.ErrDenied
	}
	if record.Canonical(p.Zone) != h.m.zone {
		return errors.New("the plan is for another zone")
	}
	limits := h.m.options.Limits
	for _, c := range p.Changes {
		sum := 0
		if !record.Within(c.Slot.Name, h.m.zone) {
			return errors.New("the name is not in the zone")
		}
		for _, r := range c.After {
			switch {
			case r.TTL != 0 && r.TTL < limits.MinTTL, limits.MaxTTL > 0 && r.TTL > limits.MaxTTL:
				return fmt.Errorf("the TTL %d is not within the limits", r.TTL)
			case r.Type == "TXT" && limits.MaxText > 0 && len(r.Data) > limits.MaxText:
				return errors.New("the text is too long")
			}
			sum += len(r.Data)
		}
		if c.Slot.Type == "TXT" && limits.MaxTextAtName > 0 && sum > limits.MaxTextAtName {
			return errors.New("the texts of the name are too long")
		}
	}
	return nil
}

// steps writes one change after the other, and anybody may come between. What is
// broken breaks in the middle.
func (h handle) steps(p plan.Plan, broken *Fault) error {
	if err := h.at(Comparing, 0); err != nil {
		return err
	}
	if err := providers.Stale(p, h.m.Records(nil)); err != nil {
		return err
	}
	half := len(p.Changes) / 2
	for i, c := range p.Changes {
		if broken != nil && *broken != Lost && i == half {
			return errors.New("it broke in the middle")
		}
		if err := h.at(Changing, i); err != nil {
			return err
		}
		h.m.mu.Lock()
		h.m.set(c.Edit(), true)
		h.m.mu.Unlock()
	}
	if broken != nil && *broken == Lost {
		return errors.New("the answer was lost")
	}
	return h.at(Answering, 0)
}
