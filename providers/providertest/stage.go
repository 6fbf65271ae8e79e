package providertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// A stage is one case at work: a zone, and the provider that is tested.
type stage struct {
	*testing.T
	ctx     context.Context
	zone    string
	service Service
	to      providers.Provider
	before  []record.Record // what the zone held at first
	kept    []plan.Snapshot

	mu    sync.Mutex
	wrote error // what the last Write said
}

// A watched provider has what it says looked at.
type watched struct {
	providers.Provider
	s *stage
}

func (w watched) Read(ctx context.Context, names []string) (providers.Reading, error) {
	reading, err := w.Provider.Read(ctx, names)
	w.told(err)
	for _, r := range reading.Records {
		if r.Name != record.Canonical(r.Name) || !record.Within(r.Name, w.Zone()) {
			w.s.Errorf("Read: the name %q is not canonical, or not in the zone", r.Name)
		}
	}
	return reading, err
}

func (w watched) Write(ctx context.Context, p plan.Plan) error {
	err := w.Provider.Write(ctx, p)
	w.told(err)
	w.s.mu.Lock()
	defer w.s.mu.Unlock()
	w.s.wrote = err
	return err
}

func (w watched) told(err error) {
	if err != nil {
		w.s.clean("the error", err.Error())
	}
}

// rr is a record of the zone; "ZONE" in the data stands for its name.
func (s *stage) rr(name, typ string, ttl uint32, data string) record.Record {
	return rr(s.zone, name, typ, ttl, data)
}

// set is the edit that gives a slot of the zone these texts or other data.
func (s *stage) set(name, typ, tag string, ttl uint32, data ...string) record.Edit {
	var want []record.Record
	for _, d := range data {
		want = append(want, s.rr(name, typ, ttl, d))
	}
	return record.Set(record.Slot{Name: under(s.zone, name), Type: typ, Tag: tag}, want...)
}

// spf is the edit that replaces the SPF record of the zone in place.
func (s *stage) spf(text string) record.Edit { return s.set("@", "TXT", "v=spf1", 0, text) }

// some is a handful of edits that do a bit of everything: replace in place beside
// neighbours, replace a set, create at two names, and delete.
func (s *stage) some() []record.Edit {
	return []record.Edit{
		s.spf("v=spf1 a mx include:_spf.example.net -all"),
		s.set("@", "MX", "", 0, "5 mail.ZONE", "15 other.example.net."),
		s.set("_dmarc", "TXT", "v=DMARC1", 0, "v=DMARC1; p=quarantine; rua=mailto:dmarc@example.net"),
		s.set("_smtp._tls", "TXT", "v=TLSRPTv1", 600, "v=TLSRPTv1; rua=mailto:tls@example.net"),
		s.set("s2._domainkey", "TXT", "", 600, "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="),
		s.set("_sip._tcp", "SRV", "", 0),
	}
}

// read reads by the provider.
func (s *stage) read(to providers.Provider, names ...string) providers.Reading {
	s.Helper()
	reading, err := to.Read(s.ctx, names)
	if err != nil {
		s.Fatalf("Read: %v", err)
	}
	return reading
}

// draft makes a plan of edits, as they compare with what the provider reads.
func (s *stage) draft(to providers.Provider, edits ...record.Edit) (plan.Plan, []plan.Conflict) {
	s.Helper()
	var names []string
	var wishes []plan.Wish
	for _, e := range edits {
		names = append(names, e.Slot.Name)
		wishes = append(wishes, plan.Wish{Edit: e, Reason: "the case wants it", From: "providertest"})
	}
	slices.SortFunc(names, record.CompareNames)
	reading := s.read(to, slices.Compact(names)...)
	p, conflicts := plan.Make(reading.Records, wishes, reading.Given(to))
	p.Source, p.Provider, p.Made = to.String(), "providertest", morning
	return p, conflicts
}

// plan makes a plan that must be possible.
func (s *stage) plan(edits ...record.Edit) plan.Plan {
	s.Helper()
	p, conflicts := s.draft(s.to, edits...)
	for _, c := range conflicts {
		s.Fatalf("the plan has a conflict: %s: %s", plan.Title(c.Slot), c.Why)
	}
	return p
}

// morning is the time of plans and snapshots.
var morning = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// apply applies a plan, and keeps the snapshot.
func (s *stage) apply(p plan.Plan) (providers.Outcome, error) { return s.applyBy(s.ctx, s.to, p, nil) }

// applyBy applies a plan by a provider; between is called after the plan was
// compared and before it is written.
func (s *stage) applyBy(ctx context.Context, to providers.Provider, p plan.Plan, between func()) (providers.Outcome, error) {
	return providers.Apply(ctx, to, p, providers.Options{
		Now: func() time.Time { return morning },
		Keep: func(snapshot plan.Snapshot) error {
			var text bytes.Buffer
			if err := snapshot.Write(&text); err != nil {
				return err
			}
			s.clean("the snapshot", string(bytes.ReplaceAll(text.Bytes(), []byte("\n"), nil)))
			s.kept = append(s.kept, snapshot)
			if between != nil {
				between()
			}
			return nil
		},
	})
}

// carry plans and applies edits, and holds the whole zone against it: the slots
// are as wished, all else is as it was, and nothing is left to plan.
func (s *stage) carry(edits ...record.Edit) plan.Plan {
	s.Helper()
	p := s.plan(edits...)
	if p.Empty() {
		s.Fatal("the plan is empty")
	}
	before := s.service.Records(s.T)
	outcome, err := s.apply(p)
	s.whole(outcome, err, p)
	s.holds(p.Apply(before))
	s.nothing(edits...)
	return p
}

// whole fails unless all of a plan was done now, by this outcome.
func (s *stage) whole(o providers.Outcome, err error, p plan.Plan) {
	s.Helper()
	switch {
	case err != nil:
		s.Fatalf("Apply: %v\n%s", err, told(o))
	case o.Unread || len(o.Left) > 0 || len(o.Foreign) > 0 || len(o.Done)+len(o.Already) != len(p.Changes):
		s.Fatalf("Apply did not do all of %d changes:\n%s", len(p.Changes), told(o))
	}
}

// holds fails unless the zone holds exactly want, SOA serial aside.
func (s *stage) holds(want []record.Record) {
	s.Helper()
	is := s.service.Records(s.T)
	sameRecords(s.T, "the zone", is, settled(want, is))
}

// nothing fails where edits are still something to plan.
func (s *stage) nothing(edits ...record.Edit) {
	s.Helper()
	if again := s.plan(edits...); !again.Empty() {
		s.Errorf("after apply there is still something to plan: %s", changes(again.Changes))
	}
}

// unwritten fails unless err tells of something, and the zone is as it was.
func (s *stage) unwritten(what string, err error, was []record.Record) {
	s.Helper()
	if err == nil {
		s.Errorf("%s: no error", what)
	}
	sameRecords(s.T, what+": something was written", s.service.Records(s.T), was)
}

// stale fails unless err tells that a plan is stale because of a set, and the zone is as it was.
func (s *stage) stale(what string, err error, name, typ string, was []record.Record) {
	s.Helper()
	s.unwritten(what, err, was)
	var stale *providers.StaleError
	if !errors.As(err, &stale) {
		s.Errorf("%s: %v, want a StaleError", what, err)
		return
	}
	i := slices.IndexFunc(stale.Is, func(set plan.Set) bool { return set.Name == under(s.zone, name) && set.Type == typ })
	if i < 0 || i >= len(stale.Was) || stale.Was[i].Name != stale.Is[i].Name || stale.Was[i].Type != typ {
		s.Errorf("%s: the sets are %+v and %+v, want %s of %s in both", what, stale.Was, stale.Is, typ, name)
		return
	}
	if slices.Equal(lines(stale.Was[i].Records), lines(stale.Is[i].Records)) {
		s.Errorf("%s: the set is said to be the same before and now: %+v", what, stale.Is[i])
	}
}

// told is an outcome in lines.
func told(o providers.Outcome) string {
	text := fmt.Sprintf("already: %s\ndone: %s\nleft: %s\nforeign: %v", changes(o.Already), changes(o.Done), changes(o.Left), o.Foreign)
	if o.Unread {
		text += "\nnot read back"
	}
	return text
}

func changes(list []plan.Change) string {
	var titles []string
	for _, c := range list {
		titles = append(titles, string(c.Kind())+" "+plan.Title(c.Slot))
	}
	return fmt.Sprint(titles)
}

// without are records without what services keep to themselves: SOA, and NS at the apex.
func without(records []record.Record, zone string) []record.Record {
	return slices.DeleteFunc(slices.Clone(records), func(r record.Record) bool {
		return r.Type == "SOA" || r.Type == "NS" && r.Name == zone
	})
}
