package spool

import (
	"bytes"
	"fmt"
	"sync"
	"testing"
	"time"
)

// BenchmarkAccept accepts messages of 5 KiB with full durability, from one session
// and from 20 at once.
func BenchmarkAccept(b *testing.B) {
	message := bytes.Repeat([]byte("0123456789abcdef0123456789abcd\r\n"), 5<<10/32)
	for _, mode := range []struct {
		sessions int
		journal  bool
	}{{1, false}, {20, false}, {1, true}, {20, true}} {
		sessions := mode.sessions
		b.Run(fmt.Sprintf("sessions=%d/journal=%t", sessions, mode.journal), func(b *testing.B) {
			s, _, err := Open(b.TempDir(), Options{MaxMessages: 1 << 30, MinFree: 1, Journal: mode.journal})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			e := Envelope{From: "ann@example.org", Received: time.Now(), Rcpts: []Rcpt{{Addr: "bob@example.net"}}}
			work := make(chan struct{}, sessions)
			var wg sync.WaitGroup
			b.ResetTimer()
			for range sessions {
				wg.Go(func() {
					for range work {
						if _, err := s.Accept(e, bytes.NewReader(message)); err != nil {
							b.Error(err)
						}
					}
				})
			}
			for range b.N {
				work <- struct{}{}
			}
			close(work)
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}
