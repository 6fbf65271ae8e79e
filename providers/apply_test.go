package providers_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/providertest"
	"github.com/maildoctor/maildoctor/record"
)

const zone = "example.org."

func rr(name, typ, data string) record.Record {
	return record.Record{Name: name, Type: typ, TTL: 3600, Data: data}
}

var (
	spf      = record.SPF(zone)
	noon     = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	errFault = errors.New("the fault of the test")
)

// start is the zone of all tests.
func start() []record.Record {
	return []record.Record{
		rr(zone, "SOA", "ns.example.net. hostmaster.example.net. 1 2 3 4 5"),
		rr(zone, "NS", "ns.example.net."),
		rr(zone, "TXT", "v=spf1 a -all"),
		rr(zone, "TXT", "verification=1"),
		rr(zone, "MX", "10 mail.example.org."),
		rr("old.example.org.", "TXT", "old"),
	}
}

// wishes are three changes: a replacement (of the MX set), one beside a neighbour
// (SPF), and a removal. Plans have them in this order.
func wishes() []plan.Wish {
	return []plan.Wish{
		{Edit: record.Set(record.MXSet(zone), record.MX(zone, 5, "mx.example.org"))},
		{Edit: record.Set(spf, record.TXT(zone, "v=spf1 mx -all"))},
		{Edit: record.Set(record.Slot{Name: "old.example.org.", Type: "TXT"})},
	}
}

// A world is a service with a plan for it.
type world struct {
	t      *testing.T
	memory *providertest.Memory
	plan   plan.Plan
	hook   func(providertest.Point) error
	keep   func(plan.Snapshot) error
	stages []providers.Stage
}

func newWorld(t *testing.T, stepwise bool) *world {
	t.Helper()
	w := &world{t: t}
	w.memory = providertest.NewMemory(zone, start(), providertest.MemoryOptions{Stepwise: stepwise, Hook: func(p providertest.Point) error {
		if w.hook == nil {
			return nil
		}
		return w.hook(p)
	}})
	p, conflicts := plan.Make(start(), wishes(), plan.Given{Zone: zone, TTLs: true})
	if len(conflicts) > 0 || len(p.Changes) != 3 {
		t.Fatal(p, conflicts)
	}
	p.Provider = "memory"
	w.plan = p
	return w
}

func (w *world) apply(ctx context.Context) (providers.Outcome, error) {
	return providers.Apply(ctx, w.memory.Provider(), w.plan, providers.Options{
		Now:     func() time.Time { return noon },
		Observe: func(s providers.Stage) { w.stages = append(w.stages, s) },
		Keep: func(s plan.Snapshot) error {
			if w.keep == nil {
				return nil
			}
			return w.keep(s)
		},
	})
}

// outcome fails unless an outcome has these changes, by type.
func (w *world) outcome(o providers.Outcome, want string) {
	w.t.Helper()
	types := func(list []plan.Change) string {
		var names []string
		for _, c := range list {
			names = append(names, string(c.Kind())+" "+c.Slot.Type)
		}
		return strings.Join(names, ", ")
	}
	var foreign []string
	for _, s := range o.Foreign {
		foreign = append(foreign, s.Type)
	}
	got := fmt.Sprintf("already [%s] done [%s] left [%s] foreign %v", types(o.Already), types(o.Done), types(o.Left), foreign)
	if o.Unread {
		got += " unread"
	}
	if got != want {
		w.t.Errorf("outcome:\n%s\nwant\n%s", got, want)
	}
}

func (w *world) holds(want []record.Record) {
	w.t.Helper()
	bare := func(records []record.Record) []record.Record {
		return record.Sorted(slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool { return r.Type == "SOA" }))
	}
	if got := bare(w.memory.Records(w.t)); !slices.Equal(got, bare(want)) {
		w.t.Errorf("the zone holds\n%v\nwant\n%v", got, bare(want))
	}
}

// after is the zone as the plan makes it.
func (w *world) after() []record.Record { return w.plan.Apply(start()) }

const all = "replace MX, replace TXT, delete TXT"

func TestApply(t *testing.T) {
	w := newWorld(t, false)
	var kept []plan.Snapshot
	w.keep = func(s plan.Snapshot) error {
		w.holds(start()) // nothing is written before it is kept
		kept = append(kept, s)
		return nil
	}
	o, err := w.apply(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	w.outcome(o, "already [] done ["+all+"] left [] foreign []")
	w.holds(w.after())
	if want := []providers.Stage{providers.Looking, providers.Keeping, providers.Writing, providers.LookingBack}; !slices.Equal(w.stages, want) {
		t.Errorf("stages %v, want %v", w.stages, want)
	}
	if len(kept) != 1 || kept[0].Zone != zone || kept[0].Provider != "memory" || kept[0].Taken != noon ||
		!slices.Equal(kept[0].Records, record.Sorted(start())) || len(kept[0].Plan.Changes) != 3 {
		t.Errorf("kept %+v", kept)
	}
	if !slices.Equal(record.Sorted(o.After.Records), record.Sorted(w.memory.Records(t))) {
		t.Errorf("After is %v", o.After.Records)
	}

	w.stages = nil
	o, err = w.apply(t.Context())
	if err != nil || len(kept) != 1 || len(w.stages) != 1 {
		t.Errorf("what is done is done again: %v, %d snapshots, stages %v", err, len(kept), w.stages)
	}
	w.outcome(o, "already ["+all+"] done [] left [] foreign []")
}

// TestApplyFails has a fault at every point, by the provider and around it.
func TestApplyFails(t *testing.T) {
	at := func(m providertest.Moment, n int) func(providertest.Point) error {
		return func(p providertest.Point) error {
			if p == (providertest.Point{At: m, Change: n}) {
				return errFault
			}
			return nil
		}
	}
	secondReading := func() func(providertest.Point) error {
		readings := 0
		return func(p providertest.Point) error {
			if p.At == providertest.Reading {
				readings++
			}
			if readings == 2 {
				return errFault
			}
			return nil
		}
	}
	const nothing = "already [] done [] left [] foreign []"
	tests := []struct {
		name     string
		stepwise bool
		hook     func(providertest.Point) error
		keep     error
		want     string // the outcome
		fine     bool   // no error comes out
		rest     string // the outcome of the next run
	}{
		{name: "the reading", hook: at(providertest.Reading, 0), want: nothing, rest: "already [] done [" + all + "] left [] foreign []"},
		{name: "the keeping", keep: errFault, want: nothing, rest: "already [] done [" + all + "] left [] foreign []"},
		{name: "the comparing", hook: at(providertest.Comparing, 0), want: "already [] done [] left [" + all + "] foreign []", rest: "already [] done [" + all + "] left [] foreign []"},
		{name: "the first change", hook: at(providertest.Changing, 0), want: "already [] done [] left [" + all + "] foreign []", rest: "already [] done [" + all + "] left [] foreign []"},
		{name: "the last change", hook: at(providertest.Changing, 2), want: "already [] done [] left [" + all + "] foreign []", rest: "already [] done [" + all + "] left [] foreign []"},
		{name: "the answer, though it took effect", hook: at(providertest.Answering, 0), fine: true, want: "already [] done [" + all + "] left [] foreign []", rest: "already [" + all + "] done [] left [] foreign []"},
		{name: "the reading back", hook: secondReading(), want: "already [] done [] left [" + all + "] foreign [] unread", rest: "already [" + all + "] done [] left [] foreign []"},
		{name: "stepwise: the first change", stepwise: true, hook: at(providertest.Changing, 0), want: "already [] done [] left [" + all + "] foreign []", rest: "already [] done [" + all + "] left [] foreign []"},
		{name: "stepwise: the second change", stepwise: true, hook: at(providertest.Changing, 1), want: "already [] done [replace MX] left [replace TXT, delete TXT] foreign []", rest: "already [replace MX] done [replace TXT, delete TXT] left [] foreign []"},
		{name: "stepwise: the third change", stepwise: true, hook: at(providertest.Changing, 2), want: "already [] done [replace MX, replace TXT] left [delete TXT] foreign []", rest: "already [replace MX, replace TXT] done [delete TXT] left [] foreign []"},
		{name: "stepwise: the answer", stepwise: true, hook: at(providertest.Answering, 0), fine: true, want: "already [] done [" + all + "] left [] foreign []", rest: "already [" + all + "] done [] left [] foreign []"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, test.stepwise)
			w.hook, w.keep = test.hook, func(plan.Snapshot) error { return test.keep }
			o, err := w.apply(t.Context())
			if test.fine != (err == nil) || !test.fine && !errors.Is(err, errFault) {
				t.Errorf("error %v", err)
			}
			w.outcome(o, test.want)
			if test.want == nothing {
				w.holds(start())
			}
			if o.Unread && len(o.After.Records) > 0 {
				t.Error("unread, but it says what is there")
			}

			w.hook, w.keep = nil, nil
			o, err = w.apply(t.Context())
			if err != nil {
				t.Errorf("the next run: %v", err)
			}
			w.outcome(o, test.rest)
			w.holds(w.after())
		})
	}
}

// TestApplyTakenBack takes back what was applied in two runs by the snapshots of
// both, the last first, and by that of the first alone.
func TestApplyTakenBack(t *testing.T) {
	for _, both := range []bool{true, false} {
		w := newWorld(t, true)
		var kept []plan.Snapshot
		w.keep = func(s plan.Snapshot) error { kept = append(kept, s); return nil }
		w.hook = func(p providertest.Point) error {
			if p.At == providertest.Changing && p.Change == 1 {
				return errFault
			}
			return nil
		}
		if _, err := w.apply(t.Context()); !errors.Is(err, errFault) {
			t.Fatal(err)
		}
		w.hook = nil
		if _, err := w.apply(t.Context()); err != nil || len(kept) != 2 {
			t.Fatal(err, len(kept))
		}
		snapshots := []plan.Snapshot{kept[0]}
		if both {
			snapshots = []plan.Snapshot{kept[1], kept[0]}
		}
		for _, s := range snapshots {
			now := w.memory.Records(t)
			p, conflicts := plan.Make(now, s.Undo(), plan.Given{Zone: zone, TTLs: true})
			if len(conflicts) > 0 {
				t.Fatal(conflicts)
			}
			for _, c := range s.Concerns(p, now) {
				if c.Needs != "" {
					t.Errorf("nobody changed anything since, but %+v", c)
				}
			}
			w.plan, w.keep = p, nil
			if _, err := w.apply(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		w.holds(start())
	}
}

func TestApplyStale(t *testing.T) {
	foreign := record.Set(spf, rr(zone, "TXT", "v=spf1 ip4:192.0.2.1 -all"))
	check := func(w *world, err error) {
		w.t.Helper()
		var stale *providers.StaleError
		if !errors.As(err, &stale) || len(stale.Is) != 1 || len(stale.Was) != 1 {
			w.t.Fatalf("error %#v, want a StaleError of one set", err)
		}
		was := []record.Record{rr(zone, "TXT", "v=spf1 a -all"), rr(zone, "TXT", "verification=1")}
		is := []record.Record{rr(zone, "TXT", "v=spf1 ip4:192.0.2.1 -all"), rr(zone, "TXT", "verification=1")}
		if !slices.Equal(stale.Was[0].Records, was) || !slices.Equal(stale.Is[0].Records, is) {
			w.t.Errorf("was %v, is %v", stale.Was, stale.Is)
		}
		if got := err.Error(); got != "the plan is stale: changed since it was made: TXT example.org" {
			w.t.Errorf("error %q", got)
		}
		w.holds(append(slices.DeleteFunc(start(), func(r record.Record) bool { return r.Data == "v=spf1 a -all" }), foreign.Want...))
	}
	t.Run("before it is read", func(t *testing.T) {
		w := newWorld(t, false)
		w.keep = func(plan.Snapshot) error { t.Error("a stale plan is kept"); return nil }
		w.memory.Change(t, foreign)
		o, err := w.apply(t.Context())
		check(w, err)
		w.outcome(o, "already [] done [] left [] foreign []")
	})
	t.Run("before it is written", func(t *testing.T) {
		w := newWorld(t, false)
		w.keep = func(plan.Snapshot) error { w.memory.Change(t, foreign); return nil }
		_, err := w.apply(t.Context())
		check(w, err)
		if slices.Contains(w.stages, providers.LookingBack) {
			t.Error("nothing was written, and yet it is looked back at")
		}
	})
	t.Run("many sets", func(t *testing.T) {
		w := newWorld(t, false)
		for i := range 3 {
			name := fmt.Sprintf("n%d.example.org.", i)
			w.plan.Basis = append(w.plan.Basis, plan.Set{Name: name, Type: "TXT"})
			w.memory.Change(t, record.Set(record.Slot{Name: name, Type: "TXT"}, record.TXT(name, "x")))
		}
		w.memory.Change(t, foreign)
		if _, err := w.apply(t.Context()); err == nil || !strings.HasSuffix(err.Error(), ": TXT example.org, TXT n0.example.org, TXT n1.example.org, 1 more") {
			t.Errorf("error %v", err)
		}
	})
}

// TestApplyForeign has somebody change the zone while the plan is written.
func TestApplyForeign(t *testing.T) {
	during := func(w *world, m providertest.Moment, n int, edits ...record.Edit) {
		w.hook = func(p providertest.Point) error {
			if p.At == m && p.Change == n {
				w.memory.Change(w.t, edits...)
			}
			return nil
		}
	}
	neighbour := record.Set(record.Slot{Name: zone, Type: "TXT", Tag: "new=1"}, rr(zone, "TXT", "new=1"))
	t.Run("a neighbour comes", func(t *testing.T) {
		w := newWorld(t, true)
		during(w, providertest.Changing, 1, neighbour)
		o, err := w.apply(t.Context())
		if err != nil {
			t.Error(err)
		}
		w.outcome(o, "already [] done ["+all+"] left [] foreign [TXT]")
		w.holds(append(w.after(), neighbour.Want...))
	})
	t.Run("what was written is overwritten", func(t *testing.T) {
		w := newWorld(t, true)
		during(w, providertest.Answering, 0, record.Set(record.MXSet(zone), rr(zone, "MX", "1 other.example.net.")))
		o, err := w.apply(t.Context())
		if err == nil {
			t.Error("no error")
		}
		w.outcome(o, "already [] done [replace TXT, delete TXT] left [replace MX] foreign [MX]")
		if _, err := w.apply(t.Context()); !errors.As(err, new(*providers.StaleError)) {
			t.Errorf("the next run: %v, want a StaleError", err)
		}
	})
	t.Run("what was written is taken back", func(t *testing.T) {
		w := newWorld(t, true)
		during(w, providertest.Answering, 0, record.Set(record.MXSet(zone), rr(zone, "MX", "10 mail.example.org.")))
		o, err := w.apply(t.Context())
		if err == nil {
			t.Error("no error")
		}
		w.outcome(o, "already [] done [replace TXT, delete TXT] left [replace MX] foreign []")
	})
}

func TestApplyCancelled(t *testing.T) {
	t.Run("at first", func(t *testing.T) {
		w := newWorld(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := w.apply(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		w.holds(start())
	})
	t.Run("while it is kept", func(t *testing.T) {
		w := newWorld(t, false)
		ctx, cancel := context.WithCancel(t.Context())
		w.keep = func(plan.Snapshot) error { cancel(); return nil }
		if _, err := w.apply(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		w.holds(start())
		if slices.Contains(w.stages, providers.Writing) {
			t.Errorf("stages %v", w.stages)
		}
	})
	t.Run("while it is written", func(t *testing.T) {
		w := newWorld(t, true)
		ctx, cancel := context.WithCancel(t.Context())
		w.hook = func(p providertest.Point) error {
			if p.At == providertest.Changing && p.Change == 1 {
				cancel()
				return ctx.Err()
			}
			return nil
		}
		o, err := w.apply(ctx)
		if !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
		w.outcome(o, "already [] done [replace MX] left [replace TXT, delete TXT] foreign []")
	})
}

func TestApplyElsewhere(t *testing.T) {
	w := newWorld(t, false)
	w.plan.Zone = "example.net."
	if _, err := w.apply(t.Context()); err == nil || !strings.Contains(err.Error(), "example.net, the provider has example.org") {
		t.Errorf("error %v", err)
	}
	w.holds(start())
	if len(w.stages) > 0 {
		t.Errorf("stages %v", w.stages)
	}
}

func TestGiven(t *testing.T) {
	w := newWorld(t, false)
	if _, err := w.apply(t.Context()); err != nil {
		t.Fatal(err)
	}
	to := w.memory.Provider()
	reading, err := to.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	g := reading.Given(to)
	if g.Zone != zone || !g.TTLs || g.Ours == nil {
		t.Fatalf("given %+v", g)
	}
	if made := rr(zone, "TXT", "v=spf1 mx -all"); !g.Ours(made) || g.Proxied(made) || g.Locked(made) != "" {
		t.Error("what the plan made is not ours, or proxied, or locked")
	}
	if g.Ours(rr(zone, "TXT", "verification=1")) {
		t.Error("a neighbour is ours")
	}
	p, conflicts := plan.Make(reading.Records, wishes(), g)
	if !p.Empty() || len(conflicts) > 0 {
		t.Errorf("something is left to plan: %v %v", p.Changes, conflicts)
	}
}

func TestNames(t *testing.T) {
	w := newWorld(t, false)
	if got := providers.Names(w.plan); !slices.Equal(got, []string{zone, "old.example.org."}) {
		t.Errorf("names %v", got)
	}
}
