package spool

import "sync"

// A group makes one call serve all who wait for it. A call that is under way when
// somebody comes does not count for him: it may have begun before his change.
type group struct {
	call func() error

	mu      sync.Mutex
	next    *round // that takes whoever comes now
	running bool
}

type round struct {
	done chan struct{}
	err  error
}

// do returns when a call that began after do did has ended, with its error.
func (g *group) do() error {
	g.mu.Lock()
	if g.next == nil {
		g.next = &round{done: make(chan struct{})}
	}
	mine := g.next
	if !g.running {
		g.running = true
		go g.run()
	}
	g.mu.Unlock()
	<-mine.done
	return mine.err
}

// run calls until nobody waits.
func (g *group) run() {
	for {
		g.mu.Lock()
		r := g.next
		g.next = nil
		g.running = r != nil
		g.mu.Unlock()
		if r == nil {
			return
		}
		r.err = g.call()
		close(r.done)
	}
}
