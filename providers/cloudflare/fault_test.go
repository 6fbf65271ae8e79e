package cloudflare_test

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/providers/cloudflare/fake"
	"github.com/maildoctor/maildoctor/record"
)

// calls of a run: two for the zone, reading, looking again, comparing, writing, and
// reading back.
const calls = 7

func TestCalls(t *testing.T) {
	s := newStage(t, florist()...)
	before := s.zone.List()
	if _, err := s.run(t.Context(), edits()...); err != nil {
		t.Fatal(err)
	}
	s.settled(before)
	if got := s.api.Calls(); len(got) != calls || !got[5].Write() {
		t.Errorf("the calls are %v", got)
	}
}

// TestFaults has every fault happen at every call of a run, once and from there
// on: the run ends in good time and tells the truth, the next one does the rest,
// and what belongs to others stays.
func TestFaults(t *testing.T) {
	faults := map[string]fake.Fault{
		"429":                         fake.RateLimited(2),
		"429 for an hour":             fake.RateLimited(3600),
		"500":                         fake.Broken(false),
		"500 after it took effect":    fake.Broken(true),
		"520":                         fake.Web(false),
		"520 after it took effect":    fake.Web(true),
		"lost":                        fake.Lost(false),
		"silent after it took effect": fake.Lost(true),
		"cut":                         fake.Cut(false),
		"silent":                      fake.Cut(true),
		"denied":                      fake.Denied(),
		"truncated":                   {Status: 200, Body: `{"success":true,"result":[{"id":"`},
		"empty":                       {Status: 200},
		"success without a result":    {Ignored: true, Status: 200, Body: `{"success":true}`},
		"200 that is none":            {Ignored: true, Status: 200, Body: `{"success":false,"errors":[{"code":1,"message":"no"}]}`},
		"redirect":                    {Ignored: true, Status: 307, Body: "elsewhere"},
		"no reason":                   {Ignored: true, Status: 403, Body: `{}`},
		"a refusal for bad \x1b data": {Ignored: true, Status: 400, Body: `{"success":false,"errors":[{"code":1004,"message":"\u001b[2J"}]}`},
	}
	for name, f := range faults {
		if f.Status != 0 && f.Header == nil {
			f.Header = map[string][]string{"Content-Type": {"application/json"}}
			faults[name] = f
		}
	}
	for _, name := range slices.Sorted(maps.Keys(faults)) {
		for n := range calls {
			for _, on := range []bool{false, true} {
				t.Run(fmt.Sprintf("%q at call %d, on %t", name, n, on), func(t *testing.T) {
					synctest.Test(t, func(t *testing.T) { faulty(t, faults[name], n, on) })
				})
			}
		}
	}
}

func faulty(t *testing.T, f fake.Fault, n int, on bool) {
	s := newStage(t, florist()...)
	before := s.zone.List()
	s.api.Fail(func(c fake.Call) fake.Fault {
		if c.N == n || on && c.N > n {
			return f
		}
		return fake.Fault{}
	})
	begun := time.Now()
	outcome, err := s.run(t.Context(), edits()...)
	if took := time.Since(begun); took > 10*time.Minute {
		t.Errorf("the run took %v", took)
	}
	if err != nil {
		s.safe(err.Error())
	}
	s.truthful(outcome, err)
	if s.writes() > 1 && f.Header.Get("Retry-After") == "" {
		t.Errorf("sent %d times: %v", s.writes(), err)
	}
	s.api.Fail(nil)
	if _, err := s.run(t.Context(), edits()...); err != nil {
		t.Errorf("the second run: %v", err)
	}
	s.settled(before)
}

// truthful holds an outcome against the zone.
func (s *stage) truthful(o providers.Outcome, err error) {
	s.Helper()
	is := s.zone.Records()
	for _, c := range o.Done {
		if !there(c, is) {
			s.Errorf("%s is said to be done", plan.Title(c.Slot))
		}
	}
	if o.Unread {
		return
	}
	for _, c := range o.Left {
		if there(c, is) {
			s.Errorf("%s is said to be left", plan.Title(c.Slot))
		}
	}
	if err == nil && len(o.Left) > 0 {
		s.Errorf("%d changes are left without an error", len(o.Left))
	}
}

// there reports whether a slot holds what a change makes of it.
func there(c plan.Change, records []record.Record) bool {
	n := 0
	for _, r := range records {
		if c.Slot.Holds(r) {
			n++
			if !slices.ContainsFunc(c.After, func(a record.Record) bool { return a.Data == r.Data }) {
				return false
			}
		}
	}
	return n == len(c.After)
}

// settled fails unless the edits are carried out, once, and all else is as it was.
func (s *stage) settled(before []fake.Record) {
	s.Helper()
	if was, is := foreign(before), foreign(s.zone.List()); !reflect.DeepEqual(was, is) {
		s.Errorf("what belongs to others: %v, was %v", is, was)
	}
	want := map[string]int{"_dmarc.example.org TXT": 1, "example.org MX": 2, "old._domainkey.example.org TXT": 0, "example.org TXT": 3}
	for key, n := range want {
		got := 0
		for _, r := range s.zone.List() {
			if r.Name+" "+r.Type == key {
				got++
			}
		}
		if got != n {
			s.Errorf("%s: %d records, want %d", key, got, n)
		}
	}
	s.named("example.org", "TXT", "v=spf1 a mx -all")
	s.named("_dmarc.example.org", "TXT", "v=DMARC1; p=none")
	s.named("example.org", "MX", "third.example.net")
}

// TestMeanwhile has somebody else change the zone just before every call.
func TestMeanwhile(t *testing.T) {
	slot := record.SPF("example.org")
	for name, theirs := range map[string]record.Edit{
		"elsewhere":             record.Set(record.Slot{Name: "new.example.org.", Type: "TXT"}, record.TXT("new.example.org", "x")),
		"a neighbour":           record.Set(record.Slot{Name: zone, Type: "TXT", Tag: "MS=ms1"}, record.TXT("example.org", "MS=ms1")),
		"what is replaced":      record.Set(slot, record.TXT("example.org", "v=spf1 ip4:192.0.2.1 -all")),
		"what is replaced goes": record.Set(slot),
		"what is deleted":       record.Set(record.DKIMKey("old", "example.org")),
		"what is created":       record.Set(record.DMARC("example.org"), record.TXT("_dmarc.example.org", "v=DMARC1; p=none")),
		"another is created":    record.Set(record.DMARC("example.org"), record.TXT("_dmarc.example.org", "v=DMARC1; p=reject")),
	} {
		for n := range calls {
			t.Run(fmt.Sprintf("%s before call %d", name, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) { meddled(t, theirs, n) })
			})
		}
	}
}

func meddled(t *testing.T, theirs record.Edit, n int) {
	s := newStage(t, florist()...)
	var at []record.Record // what was there when somebody came
	s.api.Fail(func(c fake.Call) fake.Fault {
		if c.N != n {
			return fake.Fault{}
		}
		return fake.Meanwhile(func() {
			if err := s.zone.Edit(theirs); err != nil {
				t.Error(err)
			}
			at = s.zone.Records()
		})
	})
	outcome, err := s.run(t.Context(), edits()...)
	s.truthful(outcome, err)
	var stale *providers.StaleError
	if errors.As(err, &stale) && !slices.Equal(s.zone.Records(), at) {
		t.Error("the plan was stale, and something was written all the same")
	}
	s.api.Fail(nil)
	if _, err := s.run(t.Context(), edits()...); err != nil {
		t.Errorf("the second run: %v", err)
	}
	var neighbours int
	for _, r := range s.zone.List() {
		if r.Content == `"MS=ms1"` || r.Name == "new.example.org" {
			neighbours++
		}
	}
	if mine := theirs.Slot.Tag == "MS=ms1" || theirs.Slot.Name == "new.example.org."; mine != (neighbours == 1) {
		t.Errorf("%d records of somebody else", neighbours)
	}
	s.named("example.org", "TXT", "v=spf1 a mx -all")
	s.named("_dmarc.example.org", "TXT", "v=DMARC1; p=none")
}
