package queue

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// unreached is what becomes of mail whose hosts do not answer, after a while.
func unreached(Transaction, spool.Rcpt) Outcome {
	time.Sleep(30 * time.Second)
	return Outcome{Kind: Temporary, Reach: Unreached, Reply: spool.Reply{Code: 451, Enhanced: "4.4.1"}}
}

func reached(Transaction, spool.Rcpt) Outcome { return Outcome{Kind: Delivered, Reach: Reached} }

// at is when destination was tried.
func (w *world) at(destination string) (list []time.Duration) {
	for _, t := range w.made() {
		if t.destination == destination {
			list = append(list, t.at)
		}
	}
	slices.Sort(list)
	return list
}

// TestDown has one message at a time find out whether a destination is back, while
// others wait, longer and longer; nobody else waits. When it is back all go.
func TestDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, o: Options{Route: domain, PerDestination: 3}}
		w.answer = func(tr Transaction, r spool.Rcpt) Outcome {
			if tr.Destination == "dead.example" {
				return unreached(tr, r)
			}
			return reached(tr, r)
		}
		w.start()
		for i := range 100 {
			w.send(nil, fmt.Sprintf("a%d@dead.example", i), "b@alive.example")
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		var want []time.Duration
		for _, s := range []int{30, 30, 30, 120, 270, 540, 1050, 2040, 3870, 5700} { // ends of tries, which take 30 s
			want = append(want, time.Duration(s)*time.Second)
		}
		if got := w.at("dead.example"); !slices.Equal(got, want) {
			t.Errorf("tried at %v, want %v", got, want)
		}
		if n := len(w.at("alive.example")); n != 100 {
			t.Errorf("%d of 100 reached a host that answers", n)
		}
		downs := 0
		for _, e := range w.log() {
			if e.What == Down {
				downs++
				if e.Destination != "dead.example" || e.ID != "" || e.Next.Before(began) {
					t.Errorf("%+v", e)
				}
			}
		}
		if downs != 8 {
			t.Errorf("told of %d times", downs)
		}
		for _, e := range w.q.List() {
			if wait := time.Until(e.Due); wait < 0 || e.Envelope.Rcpts[0].Reply.Enhanced != "4.4.1" {
				t.Errorf("%s: due in %v: %+v", e.Envelope.ID, wait, e.Envelope.Rcpts[0].Reply)
				break
			}
		}
		w.now(reached, nil)
		time.Sleep(31 * time.Minute)
		synctest.Wait()
		if n := len(w.at("dead.example")); n < len(want)+90 { // the others go by their own schedule
			t.Errorf("%d tries", n)
		}
		time.Sleep(2 * time.Hour)
		synctest.Wait()
		w.empty()
		if len(w.q.down) != 0 {
			t.Error("it is still down")
		}
	})
}

// TestDownRetry tries a message at once that somebody wants tried. If it gets
// through, the others follow; if not, they wait as before.
func TestDownRetry(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: unreached, o: Options{Route: domain, PerDestination: 1}}
		w.start()
		ids := map[string]string{}
		for i := range 10 {
			addr := fmt.Sprintf("a%d@dead.example", i)
			ids[addr] = w.send(nil, addr)
		}
		time.Sleep(5 * time.Minute) // tried at 0:00, 1:30 and 4:00
		synctest.Wait()
		if n := len(w.made()); n != 3 {
			t.Fatalf("%d tries", n)
		}
		for _, try := range w.made() {
			delete(ids, try.rcpts)
		}
		var waiting []string
		for _, id := range ids {
			waiting = append(waiting, id)
		}
		until := w.q.down["dead.example"].until
		if err := w.q.Retry(waiting[0]); err != nil {
			t.Fatal(err)
		}
		time.Sleep(30 * time.Second)
		synctest.Wait()
		if n := len(w.made()); n != 4 || w.q.down["dead.example"].until != until {
			t.Fatalf("%d tries, until %v, not %v", n, w.q.down["dead.example"].until, until)
		}
		if r := mustShow(t, w, waiting[0]); r.Attempts != 1 || r.Next.Sub(r.Tried) != 7*time.Minute+30*time.Second {
			t.Errorf("an attempt that waited counts once, and the next goes by it: %+v", r)
		}
		w.now(reached, nil)
		if err := w.q.Retry(waiting[1]); err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := len(w.made()); n != 4+6 {
			t.Errorf("%d tries", n)
		}
		if n, _ := w.q.Len(); n != 4 { // those that were tried before, and go by their own schedule
			t.Errorf("%d messages left", n)
		}
	})
}

func mustShow(t *testing.T, w *world, id string) spool.Rcpt {
	t.Helper()
	e, err := w.q.Show(id)
	if err != nil {
		t.Fatal(err)
	}
	return e.Envelope.Rcpts[0]
}

// TestDownOnlyThen is about what is no reason to wait: a host that answers, whatever
// it says, and trouble before any host is tried.
func TestDownOnlyThen(t *testing.T) {
	for name, o := range map[string]Outcome{"refused": {Kind: Temporary, Reach: Reached}, "no answer from the DNS": {Kind: Temporary}, "bounced": {Kind: Permanent, Reach: Reached}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, answer: func(Transaction, spool.Rcpt) Outcome { return o }, o: Options{Route: domain, PerDestination: 1}}
				w.start()
				for range 10 {
					w.send(nil, "a@one.example")
				}
				synctest.Wait()
				if n := len(w.made()); n != 10 || len(w.q.down) != 0 {
					t.Errorf("%d tries", n)
				}
			})
		})
	}
}

// TestDownStays while trouble before any host is tried tells nothing, and nothing is
// delivered to wait for: notices go out, and a message that is too old is given up.
func TestDownStays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: unreached, o: Options{Route: domain}}
		w.start()
		for range 20 {
			w.send(nil, "a@dead.example")
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		w.now(func(Transaction, spool.Rcpt) Outcome { return Outcome{Kind: Temporary} }, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if w.q.down["dead.example"] == nil {
			t.Error("a failure of the DNS has shown that the destination is back")
		}
		w.now(unreached, nil)
		time.Sleep(5*24*time.Hour + time.Hour)
		synctest.Wait()
		w.empty()
		delays, failures := 0, 0
		for _, n := range w.told() {
			switch n.Kind {
			case Delay:
				delays++
			case Failure:
				failures++
				if n.Rcpts[0].Reply.Enhanced != "4.4.1" {
					t.Errorf("%+v", n.Rcpts[0].Reply)
				}
			}
		}
		if delays != 20 || failures != 20 {
			t.Errorf("%d notices of delay, %d of failure", delays, failures)
		}
	})
}

// TestDownForgotten does not keep destinations for ever.
func TestDownForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, o: Options{Route: domain, Parallel: 50}}
		w.o.Deliver = func(_ context.Context, tr Transaction) []Outcome {
			return slices.Repeat([]Outcome{{Kind: Permanent, Reach: Unreached}}, len(tr.Rcpts))
		}
		w.start()
		for i := range manyDown + 500 {
			if i == manyDown {
				synctest.Wait()
				time.Sleep(time.Hour)
			}
			w.send(nil, fmt.Sprintf("a@%d.example", i))
		}
		synctest.Wait()
		if n := len(w.q.down); n != 500 {
			t.Errorf("%d are kept", n)
		}
	})
}

// TestDownAround lets mail go by a relay that takes over after some failures of the
// destination, whichever message had them. Now and then one message finds out whether
// it can do without the relay.
func TestDownAround(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, o: Options{Route: domain, PerDestination: 3}}
		var mu sync.Mutex
		direct, relayed, dead := []time.Duration{}, 0, true
		w.o.Deliver = func(_ context.Context, tr Transaction) []Outcome {
			mu.Lock()
			defer mu.Unlock()
			if tr.Unreached >= 3 || tr.Rcpts[0].Attempts > 3 {
				relayed++
				return []Outcome{{Kind: Delivered, Reach: Bypassed}}
			}
			direct = append(direct, time.Since(began))
			if !dead {
				return []Outcome{{Kind: Delivered, Reach: Reached}}
			}
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			return []Outcome{{Kind: Temporary, Reach: Unreached}}
		}
		w.start()
		burst := func(n int) {
			for range n {
				w.send(nil, "a@dead.example")
			}
		}
		check := func(what string, wantDirect, wantRelayed, left int) {
			t.Helper()
			synctest.Wait()
			mu.Lock()
			defer mu.Unlock()
			if n, _ := w.q.Len(); len(direct) != wantDirect || relayed != wantRelayed || n != left {
				t.Errorf("%s: tried directly at %v, %d by the relay, %d left", what, direct, relayed, n)
			}
		}
		burst(50)
		check("at first", 3, 0, 50) // all that may be at once
		time.Sleep(3*time.Minute + 5*time.Second)
		check("tried again after one minute and two", 5, 0, 50)
		time.Sleep(4 * time.Minute)
		check("around", 5, 45, 5) // those that were tried go by their own schedule
		time.Sleep(20 * time.Minute)
		check("all of them", 5, 50, 0)
		burst(10)
		check("at once", 5, 60, 0)
		time.Sleep(time.Hour)
		burst(10)
		time.Sleep(2 * time.Second)
		check("one finds out", 6, 69, 1)
		time.Sleep(8 * time.Minute)
		check("and goes around, too", 6, 70, 0)
		mu.Lock()
		dead = false
		mu.Unlock()
		time.Sleep(time.Hour)
		burst(1)
		check("it is back", 7, 70, 0)
		burst(10)
		check("for all", 17, 70, 0)
	})
}

// TestDownBoth waits where the relay cannot be reached, either.
func TestDownBoth(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: unreached, o: Options{Route: domain, PerDestination: 1}}
		w.start()
		w.send(nil, "a@dead.example")
		time.Sleep(40 * time.Second)
		w.now(func(Transaction, spool.Rcpt) Outcome { return Outcome{Kind: Delivered, Reach: Bypassed} }, nil)
		w.send(nil, "b@dead.example")
		time.Sleep(2 * time.Minute)
		synctest.Wait()
		if d := w.q.down["dead.example"]; d == nil || !d.around {
			t.Fatalf("%+v", d)
		}
		w.now(unreached, nil)
		for range 10 {
			w.send(nil, "c@dead.example")
		}
		time.Sleep(31 * time.Second)
		synctest.Wait()
		if d := w.q.down["dead.example"]; d == nil || d.around || d.tries != 1 || len(w.made()) != 3 {
			t.Errorf("%+v, %v", d, w.made())
		}
	})
}
