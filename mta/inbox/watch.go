package inbox

import (
	"context"
	"time"
)

// look is how often a directory is looked into.
const look = 250 * time.Millisecond

// A Watch gives the messages of an address one after the other, as they come. It
// is for one goroutine.
type Watch struct {
	b    *Boxes
	a    Address
	seen map[string]bool
}

// Watch begins with the first message of an address.
func (b *Boxes) Watch(a Address) *Watch { return &Watch{b, a, make(map[string]bool)} }

// Next waits for the next message. The error is that of ctx, ErrGone once the time
// of the address is over, or that of the file system.
func (w *Watch) Next(ctx context.Context) (Mail, error) {
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		if m, found, err := w.next(); found || err != nil {
			return m, err
		}
		select {
		case <-ctx.Done():
			return Mail{}, ctx.Err()
		case <-tick.C:
		}
	}
}

// next is the oldest message that was not given yet.
func (w *Watch) next() (Mail, bool, error) {
	list, err := w.b.Messages(w.a)
	if err != nil {
		return Mail{}, false, err
	}
	for _, m := range list {
		if !w.seen[m.ID] {
			w.seen[m.ID] = true
			return m, true, nil
		}
	}
	_, err = w.b.Find(w.a.Name)
	return Mail{}, false, err
}
