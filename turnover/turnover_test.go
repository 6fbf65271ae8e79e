package turnover_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/turnover"
)

var (
	before = []record.Record{record.MX("example.org", 1, "smtp.google.com")}
	after  = []record.Record{record.MX("example.org", 10, "mail.example.org")}
)

func change(made time.Time) turnover.Change {
	return turnover.Change{
		Old:  []plan.Set{{Name: "example.org.", Type: "MX", Records: before}},
		New:  []plan.Set{{Name: "example.org.", Type: "MX", Records: after}},
		Keep: 5 * time.Minute, Made: made,
	}
}

// server has the new records from a time on.
func server(name string, from time.Time) turnover.Source {
	return turnover.Source{Name: name, Authoritative: true, Ask: func(context.Context, resolve.Question) ([]record.Record, time.Duration, error) {
		if time.Now().Before(from) {
			return before, 0, nil
		}
		return after, 0, nil
	}}
}

// cache asks a server, and keeps what it heard for its TTL.
func cache(name string, of turnover.Source, ttl time.Duration, heard time.Time) turnover.Source {
	until, kept := heard.Add(ttl), before
	return turnover.Source{Name: name, Ask: func(ctx context.Context, q resolve.Question) ([]record.Record, time.Duration, error) {
		if !time.Now().Before(until) {
			kept, _, _ = of.Ask(ctx, q)
			until = time.Now().Add(ttl)
		}
		return kept, time.Until(until), nil
	}}
}

func silent(name string, authoritative bool) turnover.Source {
	return turnover.Source{Name: name, Authoritative: authoritative, Ask: func(context.Context, resolve.Question) ([]record.Record, time.Duration, error) {
		return nil, 0, errors.New("timeout")
	}}
}

// TestFollow: it ends when the last resolver has forgotten, and not before the old
// TTL is spent after the last server gave it out.
func TestFollow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		slow := server("ns2", start.Add(90*time.Second))
		var seen []string
		w := &turnover.Watch{
			Sources: []turnover.Source{server("ns1", start), slow, cache("near", slow, 5*time.Minute, start.Add(-time.Minute)), silent("dead", false)},
			Change:  change(start), Now: time.Now,
			Observe: func(s turnover.State) { seen = append(seen, s.Source.Name+" "+s.Outcome.String()) },
		}
		status := w.Follow(t.Context())
		took := time.Since(start)
		// ns2 is seen to have it within a minute after it has; then five minutes more.
		if !status.Over() || took < 390*time.Second || took > 460*time.Second {
			t.Errorf("over: %v, after %v, until %v", status.Over(), took, status.Until.Sub(start))
		}
		if slices.Index(seen, "ns2 old") < 0 || slices.Index(seen, "ns2 new") < slices.Index(seen, "ns2 old") || slices.Index(seen, "near new") < slices.Index(seen, "ns2 new") || !slices.Contains(seen, "dead silent") {
			t.Errorf("seen %q", seen)
		}
		if status.Count(turnover.New) != 3 || status.Count(turnover.Silent) != 1 {
			t.Errorf("%+v", status)
		}
	})
}

// TestUntil: when the last resolver forgets follows from when the change was made,
// and is not known while a server has the old records.
func TestUntil(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		look := func(made time.Time, sources ...turnover.Source) turnover.Status {
			w := &turnover.Watch{Sources: sources, Change: change(made), Now: time.Now}
			return w.Look(t.Context())
		}
		for name, test := range map[string]struct {
			status turnover.Status
			until  time.Time
			over   bool
		}{
			"just made":             {look(now, server("ns1", now)), now.Add(5 * time.Minute), false},
			"made long ago":         {look(now.Add(-time.Hour), server("ns1", now)), now.Add(-55 * time.Minute), true},
			"nobody knows when":     {look(time.Time{}, server("ns1", now)), now.Add(5 * time.Minute), false},
			"a server lacks it":     {look(now.Add(-time.Hour), server("ns1", now), server("ns2", now.Add(time.Hour))), time.Time{}, false},
			"no server answers":     {look(now.Add(-time.Hour), silent("ns1", true)), time.Time{}, false},
			"a resolver keeps more": {look(now.Add(-time.Hour), server("ns1", now), cache("far", server("ns1", now), time.Hour, now.Add(-time.Minute))), now.Add(59 * time.Minute), false},
		} {
			if got := test.status; !got.Until.Equal(test.until) || got.Over() != test.over {
				t.Errorf("%s: until %v, over %v", name, got.Until.Sub(now), got.Over())
			}
		}
	})
}

func TestOther(t *testing.T) {
	now := time.Now()
	foreign := turnover.Source{Name: "ns1", Authoritative: true, Ask: func(context.Context, resolve.Question) ([]record.Record, time.Duration, error) {
		return []record.Record{record.MX("example.org", 5, "elsewhere.example")}, 0, nil
	}}
	w := &turnover.Watch{Sources: []turnover.Source{foreign}, Change: change(now), Now: time.Now}
	s := w.Look(t.Context()).States[0]
	if s.Outcome != turnover.Other || len(s.Differs()) != 1 || s.Differs()[0] != "MX example.org: 5 elsewhere.example." {
		t.Errorf("%+v, %q", s, s.Differs())
	}
}

func TestCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 12*time.Second)
		defer cancel()
		w := &turnover.Watch{Sources: []turnover.Source{server("ns1", time.Now().Add(time.Hour))}, Change: change(time.Now()), Now: time.Now}
		if s := w.Follow(ctx); s.Over() || s.Count(turnover.Old) != 1 {
			t.Errorf("%+v", s)
		}
	})
}
