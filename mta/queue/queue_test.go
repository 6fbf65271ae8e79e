package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
	"github.com/maildoctor/maildoctor/mta/spool"
)

const message = "Subject: hello\r\n\r\nbody\r\n"

// A world is a queue whose deliveries are scripted.
type world struct {
	t    *testing.T
	disk *disktest.Mem
	o    Options

	mu sync.Mutex
	// answer is what becomes of a recipient; nil: delivered.
	answer  func(t Transaction, r spool.Rcpt) Outcome
	fault   func(disktest.Call) error // of the disk
	tries   []try
	notices []Notice
	events  []Event
	q       *Queue
	stop    func()
}

// A try is one transaction that was made.
type try struct {
	at          time.Duration // since the world began
	destination string
	rcpts       string
}

// start runs a queue on the disk of w. Called again, it is a restart.
func (w *world) start() {
	w.t.Helper()
	if w.stop != nil {
		w.stop()
	}
	if w.disk == nil {
		w.disk = new(disktest.Mem)
		w.disk.Before = func(c disktest.Call) error {
			w.mu.Lock()
			fault := w.fault
			w.mu.Unlock()
			if fault == nil {
				return nil
			}
			return fault(c)
		}
	}
	s, found, err := spool.Open("/spool", spool.Options{FS: w.disk})
	if err != nil {
		w.t.Fatal(err)
	}
	if len(found.Broken) > 0 {
		w.t.Errorf("broken: %+v", found.Broken)
	}
	o := w.o
	o.Spool = s
	if o.Deliver == nil {
		o.Deliver = w.deliver
	}
	if o.Notify == nil {
		o.Notify = func(_ context.Context, n Notice) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.notices = append(w.notices, n)
			return nil
		}
	}
	if o.Rand == nil {
		o.Rand = func() float64 { return 0.5 } // no jitter
	}
	o.Observe = func(e Event) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.events = append(w.events, e)
	}
	w.q = New(o, found.Entries)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { w.q.Run(ctx); close(done) }()
	w.stop = func() { cancel(); <-done; s.Close(); w.stop = nil }
	w.t.Cleanup(func() {
		if w.stop != nil {
			w.stop()
		}
	})
}

var began = time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC) // where synctest begins

func (w *world) deliver(_ context.Context, t Transaction) []Outcome {
	r, err := t.Open()
	if err != nil {
		w.t.Error(err)
		return nil
	}
	defer r.Close()
	if text, err := io.ReadAll(r); string(text) != message || err != nil {
		w.t.Errorf("message %q, %v", text, err)
	}
	var outcomes []Outcome
	var names []string
	for _, r := range t.Rcpts {
		out := Outcome{Kind: Delivered, Reply: spool.Reply{Code: 250}}
		w.mu.Lock()
		answer := w.answer
		w.mu.Unlock()
		if answer != nil {
			out = answer(t, r)
		}
		outcomes = append(outcomes, out)
		names = append(names, r.Addr)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.tries = append(w.tries, try{time.Since(began), t.Destination, strings.Join(names, " ")})
	return outcomes
}

// send puts a message for those addresses into the queue.
func (w *world) send(change func(*spool.Envelope), rcpts ...string) string {
	w.t.Helper()
	e := spool.Envelope{From: "ann@example.org", Auth: "ann", Received: time.Now()}
	for _, addr := range rcpts {
		e.Rcpts = append(e.Rcpts, spool.Rcpt{Addr: addr})
	}
	if change != nil {
		change(&e)
	}
	e, err := w.q.Accept(e, strings.NewReader(message))
	if err != nil {
		w.t.Fatal(err)
	}
	return e.ID
}

// now sets what the disk and the other side do from now on.
func (w *world) now(answer func(Transaction, spool.Rcpt) Outcome, fault func(disktest.Call) error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.answer, w.fault = answer, fault
}

// told is the notices so far.
func (w *world) told() []Notice {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.notices)
}

// log is the events so far.
func (w *world) log() []Event {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.events)
}

// made is the tries so far.
func (w *world) made() []try {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Clone(w.tries)
}

// begins is when each try was.
func (w *world) begins() []time.Duration {
	w.mu.Lock()
	defer w.mu.Unlock()
	var all []time.Duration
	for _, t := range w.tries {
		all = append(all, t.at)
	}
	return all
}

// empty checks that nothing is left.
func (w *world) empty() {
	w.t.Helper()
	if n, running := w.q.Len(); n != 0 || running != 0 {
		w.t.Errorf("%d messages in the queue, %d running", n, running)
	}
	if names := w.disk.Names(); len(names) != 0 {
		w.t.Errorf("on the disk: %v", names)
	}
}

func busy(Transaction, spool.Rcpt) Outcome {
	return Outcome{Kind: Temporary, Reply: spool.Reply{Code: 451, Enhanced: "4.3.0", Text: "try later", Host: "mx.example.net"}}
}

func refused(Transaction, spool.Rcpt) Outcome {
	return Outcome{Kind: Permanent, Reply: spool.Reply{Code: 550, Enhanced: "5.1.1", Text: "no such user", Host: "mx.example.net"}}
}

// domain routes by domain.
func domain(_ spool.Envelope, r spool.Rcpt) string {
	return r.Addr[strings.LastIndexByte(r.Addr, '@')+1:]
}

func TestDelivered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, o: Options{Route: domain}}
		w.start()
		w.send(nil, "a@one.example", "b@two.example", "c@one.example")
		synctest.Wait()
		tries := w.made()
		slices.SortFunc(tries, func(a, b try) int { return strings.Compare(a.destination, b.destination) })
		if want := []try{{0, "one.example", "a@one.example c@one.example"}, {0, "two.example", "b@two.example"}}; !slices.Equal(tries, want) {
			t.Errorf("tries %v", tries)
		}
		w.empty()
		if len(w.told()) != 0 {
			t.Errorf("notices %v", w.told())
		}
	})
}

// TestSchedule is the whole life of a message that nobody takes.
func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: busy}
		w.start()
		w.send(nil, "a@one.example")
		time.Sleep(6 * 24 * time.Hour)
		synctest.Wait()
		var want []time.Duration
		at := time.Duration(0)
		for _, wait := range []time.Duration{0, 450, 900, 1800, 3600, 7200, 14400, 28800, 57600, 57600, 57600, 57600, 57600, 57600} {
			at += wait * time.Second
			want = append(want, at)
		}
		want = append(want, 120*time.Hour) // the last one, at five days
		if got := w.begins(); !slices.Equal(got, want) {
			t.Errorf("tries at\n%v, want\n%v", got, want)
		}
		w.empty()
		if len(w.told()) != 2 || w.told()[0].Kind != Delay || w.told()[1].Kind != Failure || !w.told()[0].Until.Equal(began.Add(120*time.Hour)) {
			t.Fatalf("notices %+v", w.told())
		}
		if r := w.told()[1].Rcpts[0]; r.Status != spool.Failed || r.Reply.Text != "try later" || r.Attempts != len(want) {
			t.Errorf("the failure says %+v", r)
		}
	})
}

func TestDelayNoticeAtFourHours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: busy}
		w.start()
		w.send(nil, "a@one.example")
		time.Sleep(4*time.Hour - time.Second)
		synctest.Wait()
		if len(w.told()) != 0 {
			t.Error("told too early")
		}
		time.Sleep(time.Second)
		synctest.Wait()
		if len(w.told()) != 1 || w.told()[0].Kind != Delay {
			t.Errorf("notices %+v", w.told())
		}
		w.start() // it is known after a restart
		time.Sleep(8 * time.Hour)
		synctest.Wait()
		if len(w.told()) != 1 {
			t.Errorf("%d notices", len(w.told()))
		}
	})
}

func TestJitter(t *testing.T) {
	q := New(Options{}, nil)
	for _, luck := range []float64{0, 0.5, 0.999} {
		e := spool.Envelope{Received: began, Rcpts: []spool.Rcpt{{Attempts: 3}}}
		q.attempt(&e, &e.Rcpts[0], began, luck)
		if got := e.Rcpts[0].Next.Sub(began).Minutes(); got < 47.9 || got > 72.1 || luck == 0.5 && got != 60 {
			t.Errorf("luck %v: %v minutes", luck, got)
		}
	}
}

// TestNotices tells who is told of a failure.
func TestNotices(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*spool.Envelope)
		told   bool
	}{
		"submitted":      {nil, true},
		"made here":      {func(e *spool.Envelope) { e.Auth = "" }, true},
		"null":           {func(e *spool.Envelope) { e.From = "" }, false},
		"stranger":       {func(e *spool.Envelope) { e.Auth, e.Client = "", netip.MustParseAddr("192.0.2.1") }, false},
		"NOTIFY=NEVER":   {func(e *spool.Envelope) { e.Rcpts[0].Notify = []string{"NEVER"} }, false},
		"NOTIFY=DELAY":   {func(e *spool.Envelope) { e.Rcpts[0].Notify = []string{"DELAY"} }, false},
		"NOTIFY=FAILURE": {func(e *spool.Envelope) { e.Rcpts[0].Notify = []string{"SUCCESS", "failure"} }, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &world{t: t, answer: refused}
				w.start()
				w.send(c.change, "a@one.example")
				synctest.Wait()
				if (len(w.told()) == 1) != c.told {
					t.Errorf("notices %+v", w.told())
				}
				w.empty()
			})
		})
	}
}

// TestSuccess tells of success who asked for it, unless the next host does.
func TestSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.answer = func(_ Transaction, r spool.Rcpt) Outcome {
			return Outcome{Kind: Delivered, Passed: strings.HasPrefix(r.Addr, "passed")}
		}
		w.start()
		w.send(func(e *spool.Envelope) {
			for i := range e.Rcpts[:2] {
				e.Rcpts[i].Notify = []string{"SUCCESS", "FAILURE"}
			}
			e.Rcpts[2].Notify = []string{"FAILURE"}
		}, "asked@x", "passed@x", "other@x", "another@x")
		synctest.Wait()
		if n := w.told(); len(n) != 1 || n[0].Kind != Success || len(n[0].Rcpts) != 1 || n[0].Rcpts[0].Addr != "asked@x" {
			t.Errorf("notices %+v", n)
		}
		w.empty()
	})
}

// TestEachForItself has three recipients of one transaction fare differently.
func TestEachForItself(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.answer = func(t Transaction, r spool.Rcpt) Outcome {
			switch {
			case strings.HasPrefix(r.Addr, "no"):
				return refused(t, r)
			case strings.HasPrefix(r.Addr, "later") && r.Attempts < 3:
				return busy(t, r)
			case strings.HasPrefix(r.Addr, "maybe") && r.Attempts < 2:
				return Outcome{Kind: Maybe, Reply: spool.Reply{Text: "connection lost after the final dot"}}
			}
			return Outcome{Kind: Delivered}
		}
		w.start()
		id := w.send(nil, "yes@x", "no@x", "later@x", "maybe@x")
		synctest.Wait()
		entry, err := w.q.Show(id)
		if err != nil {
			t.Fatal(err)
		}
		for i, want := range []spool.Status{spool.Delivered, spool.Failed, spool.Waiting, spool.Waiting} {
			if r := entry.Envelope.Rcpts[i]; r.Status != want || r.Maybe != (i == 3) {
				t.Errorf("%s: %s, maybe %v", r.Addr, r.Status, r.Maybe)
			}
		}
		if !entry.Due.Equal(began.Add(450 * time.Second)) {
			t.Errorf("due %v", entry.Due)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		want := []try{{0, "", "yes@x no@x later@x maybe@x"}, {450 * time.Second, "", "later@x maybe@x"}, {1350 * time.Second, "", "later@x"}}
		if !slices.Equal(w.made(), want) {
			t.Errorf("tries %v", w.made())
		}
		if len(w.told()) != 1 || len(w.told()[0].Rcpts) != 1 || w.told()[0].Rcpts[0].Addr != "no@x" {
			t.Errorf("notices %+v", w.told())
		}
		w.empty()
	})
}

// TestRestart keeps the time of the next attempt, and spreads what is overdue.
func TestRestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: busy}
		w.start()
		w.send(nil, "a@one.example")
		time.Sleep(time.Minute)
		w.start()
		time.Sleep(10 * time.Minute)
		synctest.Wait()
		if got := w.begins(); !slices.Equal(got, []time.Duration{0, 450 * time.Second}) {
			t.Errorf("tries at %v", got)
		}
		for range 99 {
			w.send(nil, "a@one.example")
		}
		synctest.Wait()
		w.stop()
		time.Sleep(24 * time.Hour)
		w.tries, w.answer = nil, nil // it is stopped
		n := 0
		w.o.Rand = func() float64 { n++; return float64(n%100) / 100 }
		w.start()
		back := time.Since(began)
		time.Sleep(time.Minute)
		synctest.Wait()
		begins := w.begins()
		slices.Sort(begins)
		if len(begins) != 100 || begins[99]-back < 9*time.Second || begins[49]-back < 4*time.Second || begins[99]-back > 10*time.Second {
			t.Errorf("tries at %v", begins)
		}
		w.empty()
	})
}

// TestAttemptIsWrittenFirst has the process end in the middle of each attempt: the
// next one comes when it would have come after a failure.
func TestAttemptIsWrittenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		var tries []time.Duration
		w.o.Deliver = func(ctx context.Context, tr Transaction) []Outcome {
			for after := range w.disk.PowerCuts() {
				found, err := spool.List(after, "/spool")
				if err != nil || len(found.Entries) != 1 || found.Entries[0].Rcpts[0].Attempts != len(tries)+1 || !found.Entries[0].Rcpts[0].Next.After(time.Now()) {
					t.Errorf("a crash now would leave %+v, %v", found, err)
				}
			}
			tries = append(tries, time.Since(began))
			w.now(nil, func(disktest.Call) error { return syscall.EIO }) // the process is as good as dead
			return nil
		}
		w.start()
		w.send(nil, "a@one.example")
		for range 3 {
			synctest.Wait()
			w.stop()
			w.now(nil, nil)
			w.start()
			time.Sleep(time.Hour)
		}
		w.stop()
		want := []time.Duration{0, 450 * time.Second, time.Hour + 900*time.Second}
		if len(tries) < 2 || !slices.Equal(tries[:2], want[:2]) {
			t.Errorf("tries at %v", tries)
		}
	})
}

// TestDiskTrouble lets no attempt be made that cannot be written down, and goes on
// when the disk does.
func TestDiskTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: busy}
		w.start()
		w.send(nil, "a@one.example")
		synctest.Wait()
		w.now(busy, func(c disktest.Call) error {
			if c.Op == "write" || c.Op == "remove" {
				return syscall.ENOSPC
			}
			return nil
		})
		time.Sleep(20 * time.Minute)
		synctest.Wait()
		if got := w.begins(); len(got) != 1 {
			t.Errorf("tries at %v", got)
		}
		if !slices.ContainsFunc(w.log(), func(e Event) bool { return e.What == Trouble && errors.Is(e.Err, spool.ErrFull) }) {
			t.Errorf("events %+v", w.log())
		}
		w.now(nil, nil)
		time.Sleep(time.Minute)
		synctest.Wait()
		if got := w.begins(); len(got) != 2 {
			t.Errorf("tries at %v", got)
		}
		w.empty()
	})
}

// TestRemovalTrouble does not deliver again what could not be removed.
func TestRemovalTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.start()
		w.now(nil, func(c disktest.Call) error {
			if c.Op == "remove" {
				return syscall.EIO
			}
			return nil
		})
		w.send(nil, "a@one.example")
		time.Sleep(time.Hour)
		w.now(nil, nil)
		time.Sleep(time.Hour)
		synctest.Wait()
		if got := w.begins(); len(got) != 1 {
			t.Errorf("tries at %v", got)
		}
		w.empty()
	})
}

// TestNoticeTrouble tells later what could not be told, and until then keeps the
// message, across a restart too.
func TestNoticeTrouble(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: refused}
		full := true
		w.o.Notify = func(_ context.Context, n Notice) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			if full {
				return spool.ErrFull
			}
			w.notices = append(w.notices, n)
			return nil
		}
		w.start()
		w.send(nil, "a@one.example")
		time.Sleep(10 * time.Minute)
		w.start()
		time.Sleep(10 * time.Minute)
		w.mu.Lock()
		full = false
		w.mu.Unlock()
		time.Sleep(time.Minute)
		synctest.Wait()
		if len(w.told()) != 1 || len(w.begins()) != 1 {
			t.Errorf("%d notices, tries at %v", len(w.told()), w.begins())
		}
		w.empty()
	})
}

func TestLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		now, most := map[string]int{}, map[string]int{}
		w.o = Options{Route: domain, Parallel: 5, PerDestination: 3, MaxRcpts: 2}
		w.o.Deliver = func(_ context.Context, tr Transaction) []Outcome {
			w.mu.Lock()
			for _, name := range []string{tr.Destination, "all"} {
				now[name]++
				most[name] = max(most[name], now[name])
			}
			most["rcpts"] = max(most["rcpts"], len(tr.Rcpts))
			w.mu.Unlock()
			time.Sleep(time.Second)
			w.mu.Lock()
			defer w.mu.Unlock()
			now[tr.Destination]--
			now["all"]--
			return slices.Repeat([]Outcome{{Kind: Delivered}}, len(tr.Rcpts))
		}
		w.start()
		for i := range 20 {
			w.send(nil, "a@one.example", "b@one.example", "c@one.example", fmt.Sprintf("a@%d.example", i%2))
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		if most["one.example"] != 3 || most["all"] != 5 || most["rcpts"] != 2 {
			t.Errorf("at most %v", most)
		}
		w.empty()
	})
}

// TestFair does not let one slow destination keep the others waiting.
func TestFair(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, o: Options{Route: domain, Parallel: 3, PerDestination: 2}}
		w.answer = func(tr Transaction, _ spool.Rcpt) Outcome {
			if tr.Destination == "slow.example" {
				time.Sleep(time.Hour)
			}
			return Outcome{Kind: Delivered}
		}
		w.start()
		for range 10 {
			w.send(nil, "a@slow.example")
		}
		w.send(nil, "a@quick.example")
		synctest.Wait()
		if want := []try{{0, "quick.example", "a@quick.example"}}; !slices.Equal(w.made(), want) {
			t.Errorf("tries %v", w.made())
		}
	})
}

func TestControl(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, answer: busy}
		w.start()
		id := w.send(nil, "a@one.example")
		other := w.send(nil, "b@one.example")
		synctest.Wait()
		check := func(err error) {
			t.Helper()
			if err != nil {
				t.Fatal(err)
			}
		}
		check(w.q.Remove(other))
		check(w.q.Hold(id))
		check(w.q.Retry(id))
		time.Sleep(5 * time.Hour)
		w.start()
		time.Sleep(5 * time.Hour)
		synctest.Wait()
		if list := w.q.List(); len(list) != 1 || list[0].Envelope.ID != id || !list[0].Envelope.Held || !list[0].Due.IsZero() {
			t.Errorf("list %+v", list)
		}
		if len(w.made()) != 2 || len(w.told()) != 0 {
			t.Errorf("a held message: %d tries, %d notices", len(w.made()), len(w.told()))
		}
		check(w.q.Release(id)) // overdue
		synctest.Wait()
		if len(w.made()) != 3 {
			t.Errorf("released: %d tries", len(w.made()))
		}
		check(w.q.Retry(id))
		synctest.Wait()
		if len(w.made()) != 4 {
			t.Errorf("retried: %d tries", len(w.made()))
		}
		w.now(func(Transaction, spool.Rcpt) Outcome { time.Sleep(time.Minute); return Outcome{Kind: Delivered} }, nil)
		check(w.q.Retry(id))
		synctest.Wait()
		if err := w.q.Remove(id); !errors.Is(err, ErrBusy) {
			t.Errorf("removed while running: %v", err)
		}
		time.Sleep(time.Minute)
		synctest.Wait()
		for what, err := range map[string]error{"hold": w.q.Hold(id), "release": w.q.Release(id), "retry": w.q.Retry(id), "remove": w.q.Remove(id)} {
			if !errors.Is(err, ErrNone) {
				t.Errorf("%s of what is gone: %v", what, err)
			}
		}
		w.empty()
	})
}

// TestStop lets what runs end by itself, and after the grace makes it.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t, o: Options{Route: domain}}
		w.o.Deliver = func(ctx context.Context, tr Transaction) []Outcome {
			select {
			case <-ctx.Done():
				return []Outcome{{Kind: Maybe, Reply: spool.Reply{Text: ctx.Err().Error()}}}
			case <-time.After(map[string]time.Duration{"quick.example": 5 * time.Second, "stuck.example": time.Hour}[tr.Destination]):
				return []Outcome{{Kind: Delivered}}
			}
		}
		w.start()
		w.send(nil, "a@quick.example")
		id := w.send(nil, "a@stuck.example")
		synctest.Wait()
		w.stop()
		if took := time.Since(began); took != 10*time.Second {
			t.Errorf("stopping took %v", took)
		}
		found, err := spool.List(w.disk, "/spool")
		if err != nil || len(found.Entries) != 1 || found.Entries[0].ID != id || !found.Entries[0].Rcpts[0].Maybe {
			t.Errorf("%v, %+v", err, found)
		}
	})
}

func TestPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &world{t: t}
		w.answer = func(_ Transaction, r spool.Rcpt) Outcome {
			if r.Attempts == 1 {
				panic("a bug")
			}
			return Outcome{Kind: Delivered}
		}
		w.start()
		w.send(nil, "a@one.example")
		time.Sleep(time.Hour)
		synctest.Wait()
		w.empty()
		if !slices.ContainsFunc(w.log(), func(e Event) bool { return e.What == Trouble && strings.Contains(e.Err.Error(), "a bug") }) {
			t.Errorf("events %+v", w.log())
		}
	})
}
