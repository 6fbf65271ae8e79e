package cmd

import (
	"context"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

// TestNameServersPolitely: no name server has more than ten questions before it
// at once, whatever many examinations ask, and each is told of.
func TestNameServersPolitely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		world := new(crowded)
		var log resolve.Log
		servers := nameServers(world, log.Add)
		var wg sync.WaitGroup
		for range 50 {
			wg.Go(func() {
				own := resolve.NewInquiries(servers, resolve.DefaultInquiries, resolve.DefaultInquiries)
				_, _ = own.Inquire(t.Context(), resolve.Inquiry{Name: "example.org.", Type: "SOA", Server: netip.MustParseAddr("192.0.2.53")})
			})
		}
		wg.Wait()
		events := log.Events()
		if world.most != 10 || len(events) != 50 || events[0].Took != time.Second || events[0].Question.At != "192.0.2.53" {
			t.Errorf("%d at once, told of %d: %+v", world.most, len(events), events[0])
		}
	})
}

type crowded struct {
	mu        sync.Mutex
	now, most int
}

func (c *crowded) Inquire(context.Context, resolve.Inquiry) (resolve.Statement, error) {
	c.add(1)
	defer c.add(-1)
	time.Sleep(time.Second) // the time is the bubble's
	return resolve.Statement{}, nil
}

func (c *crowded) add(n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now += n
	c.most = max(c.most, c.now)
}
