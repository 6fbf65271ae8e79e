package resolve

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// counter answers by f and counts.
type counter struct {
	n atomic.Int32
	f Func
}

func (c *counter) Resolve(ctx context.Context, q Question) (Answer, error) {
	c.n.Add(1)
	return c.f(ctx, q)
}

func TestMemoAsksOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &counter{f: func(ctx context.Context, q Question) (Answer, error) {
			if err := sleep(ctx, time.Second); err != nil {
				return Answer{}, canceled(q, err)
			}
			return Answer{Question: q, Exists: true, TTL: time.Hour}, nil
		}}
		m := NewMemo(t.Context(), next)
		var wg sync.WaitGroup
		for i := range 10 {
			name := "example.org"
			if i%2 == 0 {
				name = "Example.ORG."
			}
			wg.Go(func() {
				if _, err := m.Resolve(t.Context(), Question{Name: name, Type: "txt"}); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if n := next.n.Load(); n != 1 {
			t.Errorf("asked %d times", n)
		}
	})
}

func TestMemoOutlivesACaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		next := &counter{f: func(ctx context.Context, q Question) (Answer, error) {
			if err := sleep(ctx, 2*time.Second); err != nil {
				return Answer{}, canceled(q, err)
			}
			return Answer{Question: q}, nil
		}}
		m := NewMemo(t.Context(), next)
		hasty, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := m.Resolve(hasty, Ask("example.org", "A")); KindOf(err) != Canceled || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("the hasty one: %v", err)
			}
		})
		synctest.Wait()
		wg.Go(func() {
			if _, err := m.Resolve(t.Context(), Ask("example.org", "A")); err != nil {
				t.Errorf("the patient one: %v", err)
			}
		})
		wg.Wait()
		if next.n.Load() != 1 {
			t.Error("asked again")
		}
	})
}

func TestMemoEndsWithTheRun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run, cancel := context.WithCancel(t.Context())
		m := NewMemo(run, NewFaults(NewZone(nil), []Fault{{Type: "*", Name: "*", Kind: Timeout}}))
		time.AfterFunc(time.Second, cancel)
		if _, err := m.Resolve(t.Context(), Ask("example.org", "A")); KindOf(err) != Canceled {
			t.Error(err)
		}
	})
}

func TestMemoKeeps(t *testing.T) {
	tests := []struct {
		name string
		ttl  time.Duration
		err  error
		want time.Duration
	}{
		{"TTL", time.Hour, nil, time.Hour},
		{"TTL of zero", 0, nil, memoLeast},
		{"TTL of years", 1 << 62, nil, memoMost},
		{"failure", 0, &Error{Kind: ServFail}, memoErrors},
		{"cut short", 0, &Error{Kind: Canceled}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				next := &counter{f: func(_ context.Context, q Question) (Answer, error) {
					return Answer{Question: q, TTL: tt.ttl}, tt.err
				}}
				m := NewMemo(t.Context(), next)
				ask := func() int32 {
					m.Resolve(t.Context(), Ask("nosuch.example.org", "A"))
					return next.n.Load()
				}
				ask()
				if tt.want > 0 {
					time.Sleep(tt.want - 1)
					if n := ask(); n != 1 {
						t.Errorf("asked again before %v", tt.want)
					}
					time.Sleep(time.Nanosecond)
				}
				if n := ask(); n != 2 {
					t.Errorf("not asked again after %v", tt.want)
				}
			})
		})
	}
}

func TestMemoIsBounded(t *testing.T) {
	m := NewMemo(t.Context(), Func(func(_ context.Context, q Question) (Answer, error) {
		return Answer{Question: q, TTL: time.Hour}, nil
	}))
	for i := range memoEntries + 100 {
		if _, err := m.Resolve(t.Context(), Ask(fmt.Sprintf("n%d.example.org", i), "A")); err != nil {
			t.Fatal(err)
		}
	}
	if n := len(m.kept); n > memoEntries {
		t.Errorf("%d entries", n)
	}
}

func TestMemoInvalid(t *testing.T) {
	next := &counter{}
	if _, err := NewMemo(t.Context(), next).Resolve(t.Context(), Ask("a..b", "A")); KindOf(err) != Invalid || next.n.Load() != 0 {
		t.Error(err)
	}
}
