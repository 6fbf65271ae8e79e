package resolve

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

func TestLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := map[string]int{}, map[string]int{}
		next := Func(func(ctx context.Context, q Question) (Answer, error) {
			keys := []string{"all", q.Type}
			mu.Lock()
			for _, k := range keys {
				now[k]++
				most[k] = max(most[k], now[k])
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			for _, k := range keys {
				now[k]--
			}
			mu.Unlock()
			return Answer{}, nil
		})
		l := NewLimit(next, 5, Narrow{Of: func(q Question) string {
			if record.Within(q.Name, "bl.example.") {
				return "bl"
			}
			return ""
		}, Questions: 2})
		start := time.Now()
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() { l.Resolve(t.Context(), Ask(fmt.Sprintf("n%d.example.org", i), "TXT")) })
			if i < 6 {
				wg.Go(func() { l.Resolve(t.Context(), Ask(fmt.Sprintf("n%d.bl.example", i), "A")) })
			}
		}
		wg.Wait()
		if most["all"] != 5 || most["A"] > 2 {
			t.Errorf("at once: %v", most)
		}
		if took := time.Since(start); took > 8*time.Second {
			t.Errorf("took %v", took)
		}
		if len(l.gates) != 0 {
			t.Errorf("%d gates are kept with nobody in them", len(l.gates))
		}
	})
}

func TestLimitCanceled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hang := Func(func(ctx context.Context, q Question) (Answer, error) {
			<-ctx.Done()
			return Answer{}, canceled(q, ctx.Err())
		})
		l := NewLimit(hang, 1)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go l.Resolve(ctx, Ask("a.example.org", "A"))
		synctest.Wait()
		short, stop := context.WithTimeout(t.Context(), time.Second)
		defer stop()
		if _, err := l.Resolve(short, Ask("b.example.org", "A")); KindOf(err) != Canceled {
			t.Error(err)
		}
	})
}

func TestBudget(t *testing.T) {
	b := NewBudget(NewZone(nil), 2)
	m := NewMemo(t.Context(), b)
	for range 3 { // remembered answers cost nothing
		if _, err := m.Resolve(t.Context(), Ask("a.example.org", "A")); err != nil {
			t.Error(err)
		}
	}
	if _, err := m.Resolve(t.Context(), Ask("b.example.org", "A")); err != nil {
		t.Error(err)
	}
	_, err := m.Resolve(t.Context(), Ask("c.example.org", "A"))
	if KindOf(err) != Budget || err.Error() != "A c.example.org: limit of DNS questions reached" || b.Spent() != 2 {
		t.Errorf("%v, %d spent", err, b.Spent())
	}
}

func TestTrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log Log
		faults := []Fault{{Type: "*", Name: "slow.example.org", Delay: 3 * time.Second}, {Type: "*", Name: "bad.example.org", Kind: ServFail}}
		tr := NewTrace(NewFaults(NewZone(world(t, "slow.example.org A 192.0.2.1")), faults), log.Add)
		var wg sync.WaitGroup
		for _, name := range []string{"slow", "bad", "nosuch"} {
			wg.Go(func() { tr.Resolve(t.Context(), Ask(name+".example.org", "A")) })
			time.Sleep(time.Millisecond)
		}
		wg.Wait()
		if got, want := tr.Stats(), (Stats{Questions: 3, Void: 1, Errors: 1, Slowest: 3 * time.Second, Total: 3 * time.Second}); got != want {
			t.Errorf("%+v", got)
		}
		events := log.Events()
		if len(events) != 3 || events[0].Question.Name != "slow.example.org." || events[0].Took != 3*time.Second ||
			events[0].Answer.String() != "192.0.2.1" || KindOf(events[1].Err) != ServFail {
			t.Errorf("%+v", events)
		}
	})
}
