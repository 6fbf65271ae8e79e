package cmd

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/resolve"
)

// TestPolitely: no server that is asked itself, and no operator of lists, has
// more than 20 questions before it at once, whatever many domains ask.
func TestPolitely(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		now, most := make(map[string]int), make(map[string]int)
		count := func(key string, by int) {
			mu.Lock()
			defer mu.Unlock()
			now[key] += by
			most[key] = max(most[key], now[key])
		}
		polite := politely(resolve.Func(func(_ context.Context, q resolve.Question) (resolve.Answer, error) {
			key := q.Type + q.At
			count(key, 1)
			defer count(key, -1)
			time.Sleep(20 * time.Millisecond) // the world answers; the time is the bubble's
			return resolve.Answer{}, nil
		}))
		var wg sync.WaitGroup
		for i := range 60 {
			for _, q := range []resolve.Question{
				resolve.Ask(fmt.Sprintf("%d.0.0.10.zen.spamhaus.org", i), "A"),
				resolve.Ask(fmt.Sprintf("d%d.example.dbl.spamhaus.org", i), "A"),
				{Name: "example.org.", Type: "MX", At: "192.0.2.53"},
				resolve.Ask(fmt.Sprintf("s%d.example.org", i), "TXT"),
			} {
				wg.Go(func() { _, _ = polite.Resolve(t.Context(), q) })
			}
		}
		wg.Wait()
		if most["A"] != 20 || most["MX192.0.2.53"] != 20 || most["TXT"] != 60 {
			t.Errorf("at once: %v", most)
		}
	})
}
