package deliver

import (
	"fmt"
	"time"
)

// A Warmup caps what is sent directly to one provider on one day, while a new
// address earns its name. The zero value caps nothing.
type Warmup struct {
	Start   time.Time // the first day
	Daily   []int     // recipients to one provider on each day from then on; after the last there is no cap
	Counter Counter
}

// A Counter counts recipients to a provider on a day, "2026-11-22". *Store is one.
type Counter interface {
	// Take counts n more, unless there would be more than limit then. What is alone
	// more than limit is let pass on a day when nothing else was: it would never go.
	Take(provider, day string, n, limit int) bool
	// Give takes n back that were not sent.
	Give(provider, day string, n int)
}

// Ramp is a schedule that begins with first and grows by a factor each day until
// it reaches last.
func Ramp(first, last int, factor float64) []int {
	var daily []int
	for n := float64(max(first, 1)); int(n) < last && len(daily) < 366 && factor > 1; n *= factor {
		daily = append(daily, int(n))
	}
	return append(daily, last)
}

// cap is that of a day; ok is false where there is none.
func (w Warmup) cap(now time.Time) (limit int, ok bool) {
	if w.Counter == nil || len(w.Daily) == 0 {
		return 0, false
	}
	day := int(midnight(now).Sub(midnight(w.Start)) / (24 * time.Hour))
	if day >= len(w.Daily) {
		return 0, false
	}
	return w.Daily[max(day, 0)], true
}

// midnight is the beginning of a day, in UTC.
func midnight(t time.Time) time.Time { return t.UTC().Truncate(24 * time.Hour) }

// underCap takes n recipients from what may be sent to a provider today. back gives
// back those that were not; the verdict is set where there is no room.
func (a *attempt) underCap(n int) (back func(unsent int), v *verdict) {
	w, now := a.Warmup, a.now()
	limit, capped := w.cap(now)
	if !capped {
		return func(int) {}, nil
	}
	provider, day := a.report.Provider, now.UTC().Format(time.DateOnly)
	if !w.Counter.Take(provider, day, n, limit) {
		v := ours(Temporary, 451, "4.7.0", fmt.Sprintf("today's %d recipients at %s are reached (warm-up cap)", limit, provider))
		v.after = midnight(now).Add(24 * time.Hour)
		return nil, v
	}
	return func(unsent int) {
		if unsent > 0 {
			w.Counter.Give(provider, day, unsent)
		}
	}, nil
}
