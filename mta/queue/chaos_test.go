package queue

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
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

// A chaos is a queue to which everything happens that may happen.
type chaos struct {
	t    *testing.T
	luck *rand.Rand
	disk *disktest.Mem

	journal bool // of the spool

	mu        sync.Mutex
	fails     float64 // part of the calls of the disk that fail
	calm      bool    // everything is delivered
	accepted  map[string]bool
	delivered map[string]int
	bounced   map[string]int
	spool     *spool.Spool
	q         *Queue
	stop      func()
}

// chance is true in that part of the cases.
func (c *chaos) chance(part float64) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.luck.Float64() < part
}

func (c *chaos) fault(call disktest.Call) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.luck.Float64() >= c.fails {
		return nil
	}
	switch {
	case call.Op == "write" && c.luck.IntN(3) == 0:
		return io.ErrShortWrite
	case c.luck.IntN(2) == 0:
		return syscall.ENOSPC
	}
	return syscall.EIO
}

func (c *chaos) setFails(part float64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fails = part
}

func (c *chaos) start() {
	c.setFails(0)
	c.disk.Before = c.fault
	s, found, err := spool.Open("/spool", spool.Options{FS: c.disk, Journal: c.journal})
	if err != nil {
		c.t.Fatal(err)
	}
	c.spool = s
	c.q = New(Options{Spool: s, Deliver: c.deliver, Notify: c.notify, Route: domain, Parallel: 4, PerDestination: 2, Grace: time.Second}, found.Entries)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { c.q.Run(ctx); close(done) }()
	c.stop = func() { cancel(); <-done; s.Close() }
}

// crash ends the process, and the power of the machine with it.
func (c *chaos) crash() {
	c.mu.Lock()
	after := c.disk.PowerCut(c.luck.IntN)
	c.mu.Unlock()
	c.setFails(1) // what the dead process does from now on is not done
	c.stop()
	c.disk = after
	c.start()
}

func (c *chaos) deliver(ctx context.Context, t Transaction) (outcomes []Outcome) {
	select {
	case <-ctx.Done():
		return nil
	case <-time.After(time.Second):
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, r := range t.Rcpts {
		kind := Kind(c.luck.IntN(4))
		if c.calm {
			kind = Delivered
		}
		if kind == Delivered {
			c.delivered[t.Envelope.EnvID+" "+r.Addr]++
		}
		outcomes = append(outcomes, Outcome{Kind: kind})
	}
	return outcomes
}

func (c *chaos) notify(_ context.Context, n Notice) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.calm && c.luck.IntN(3) == 0 {
		return errors.New("no")
	}
	for _, r := range n.Rcpts {
		if n.Kind == Failure {
			c.bounced[n.Envelope.EnvID+" "+r.Addr]++
		}
	}
	return nil
}

func (c *chaos) send(n int) {
	e := spool.Envelope{From: "ann@example.org", Received: time.Now(), EnvID: fmt.Sprint(n)}
	for i := range 1 + n%3 {
		e.Rcpts = append(e.Rcpts, spool.Rcpt{Addr: fmt.Sprintf("%d@%d.example", i, (n+i)%2)})
	}
	if _, err := c.q.Accept(e, strings.NewReader(message)); err != nil {
		return // the client has it still
	}
	for _, r := range e.Rcpts {
		c.accepted[e.EnvID+" "+r.Addr] = true
	}
}

// TestChaos has the disk fail, the other side give all kinds of answers, and the
// power go, at random: nobody for whom a message was accepted is forgotten.
func TestChaos(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			c := &chaos{
				t: t, luck: rand.New(rand.NewPCG(seed, 5)), disk: new(disktest.Mem), journal: seed%2 == 1,
				accepted: map[string]bool{}, delivered: map[string]int{}, bounced: map[string]int{},
			}
			c.start()
			c.live()
			c.setFails(0)
			c.mu.Lock()
			c.calm = true
			c.mu.Unlock()
			time.Sleep(6 * 24 * time.Hour)
			synctest.Wait()
			c.judge(seed)
			c.stop()
		})
	}
}

// live is what happens, some of it in the middle of other things.
func (c *chaos) live() {
	for n := range 60 {
		switch {
		case c.chance(0.1):
			c.crash()
		case c.chance(0.2):
			c.setFails(0.1)
		case c.chance(0.3):
			c.setFails(0)
		}
		if list := c.q.List(); len(list) > 0 && c.chance(0.2) {
			id := list[n%len(list)].Envelope.ID
			_ = c.q.Hold(id) // some of these fail, as the disk does
			_ = c.q.Retry(id)
			time.Sleep(time.Second)
			there := func(e Entry) bool { return e.Envelope.ID == id }
			for tries := 0; tries < 1000 && c.q.Release(id) != nil && slices.ContainsFunc(c.q.List(), there); tries++ {
				time.Sleep(time.Second)
			}
		}
		c.send(n)
		time.Sleep(time.Duration(n%7) * 300 * time.Millisecond)
		if c.chance(0.2) {
			time.Sleep(10 * time.Minute)
		}
	}
}

func (c *chaos) judge(seed uint64) {
	c.empty(seed)
	c.mu.Lock()
	defer c.mu.Unlock()
	for who := range c.accepted {
		if c.delivered[who] == 0 && c.bounced[who] == 0 {
			c.t.Errorf("seed %d: message %s was accepted, and is forgotten", seed, who)
		}
	}
	if len(c.accepted) < 30 || len(c.delivered) < 20 || len(c.bounced) < 5 {
		c.t.Errorf("seed %d: %d accepted, %d delivered, %d bounced: too quiet", seed, len(c.accepted), len(c.delivered), len(c.bounced))
	}
}

// empty checks that the queue has nothing left, and the disk nothing that it would
// not know what to do with. What could neither be accepted nor undone may lie there,
// whole.
func (c *chaos) empty(seed uint64) {
	if list := c.q.List(); len(list) != 0 {
		c.t.Errorf("seed %d: left in the queue: %+v", seed, list)
	}
	found, err := spool.List(c.disk, "/spool")
	if err != nil || len(found.Broken) != 0 {
		c.t.Errorf("seed %d: %v, broken: %v", seed, err, found.Broken)
	}
	for _, e := range found.Entries {
		if c.accepted[e.EnvID+" "+e.Rcpts[0].Addr] {
			c.t.Errorf("seed %d: left: %+v", seed, e)
		}
	}
}
