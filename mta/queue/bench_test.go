package queue

import (
	"bytes"
	"context"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// BenchmarkThrough takes messages of 5 KiB from 20 sessions through the queue, from
// the acceptance to the removal, with full durability; the delivery takes no time.
func BenchmarkThrough(b *testing.B) {
	message := bytes.Repeat([]byte("0123456789abcdef0123456789abcd\r\n"), 5<<10/32)
	s, _, err := spool.Open(b.TempDir(), spool.Options{MaxMessages: 1 << 30, MinFree: 1})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	var removed sync.WaitGroup
	removed.Add(b.N)
	q := New(Options{
		Spool:   s,
		Deliver: func(context.Context, Transaction) []Outcome { return []Outcome{{Kind: Delivered}} },
		Observe: func(e Event) {
			if e.What == Removed {
				removed.Done()
			}
		},
		PerDestination: 20,
	}, nil)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { q.Run(ctx); close(done) }()
	work := make(chan struct{})
	var sessions sync.WaitGroup
	b.ResetTimer()
	for range 20 {
		sessions.Go(func() {
			for range work {
				e := spool.Envelope{From: "ann@example.org", Received: time.Now(), Rcpts: []spool.Rcpt{{Addr: "bob@example.net"}}}
				if _, err := q.Accept(e, bytes.NewReader(message)); err != nil {
					b.Error(err)
					removed.Done()
				}
			}
		})
	}
	for range b.N {
		work <- struct{}{}
	}
	close(work)
	sessions.Wait()
	removed.Wait()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
	cancel()
	<-done
}
