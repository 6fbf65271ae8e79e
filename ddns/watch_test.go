package ddns

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// readings are what is read from a time on: "0s=192.0.2.1", "5m=?" (could not be
// told), "9m=192.0.2.1+-" (there is no IPv6).
func readings(t *testing.T, script string, start time.Time) func(context.Context) Found {
	return func(context.Context) Found {
		var now Found
		for entry := range strings.FieldsSeq(script) {
			after, what, _ := strings.Cut(entry, "=")
			d, err := time.ParseDuration(after)
			if err != nil {
				t.Fatal(err)
			}
			if time.Since(start) < d {
				break
			}
			now = Found{}
			for part := range strings.SplitSeq(what, "+") {
				switch addr, err := netip.ParseAddr(part); {
				case part == "?":
					now[IPv4] = Reading{Err: errors.New("no answer in time")}
				case part == "-":
					now[IPv6] = Reading{None: "no route"}
				case err != nil:
					t.Fatal(err)
				case addr.Is6():
					now[IPv6] = at(addr)
				default:
					now[IPv4] = at(addr)
				}
			}
		}
		return now
	}
}

// watched is what a Watcher published until the time is over: "0s 192.0.2.1".
func watched(t *testing.T, script string, every, until time.Duration, fails func(n int) error) (published []string, reads int, steps []Event, err error) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), until)
		defer cancel()
		read := readings(t, script, start)
		n, last := 0, ""
		w := &Watcher{
			Every: every,
			Read:  func(ctx context.Context) Found { reads++; return read(ctx) },
			Publish: func(_ context.Context, f Found) (bool, error) {
				n++
				text := ""
				for _, r := range f {
					switch {
					case r.Addr.IsValid():
						text += " " + r.Addr.String()
					case r.None != "":
						text += " none"
					}
				}
				published = append(published, time.Since(start).String()+text)
				changed := text != last
				last = text
				if fails != nil {
					if err := fails(n); err != nil {
						return false, err
					}
				}
				return changed, nil
			},
			Observe: func(e Event) { steps = append(steps, e) },
			Fatal:   func(err error) bool { return errors.Is(err, errFatal) },
			Random:  func() float64 { return 0.5 },
		}
		err = w.Run(ctx)
	})
	return published, reads, steps, err
}

var errFatal = errors.New("permission denied")

func TestWatch(t *testing.T) {
	failing := func(times int) func(int) error {
		return func(n int) error {
			if n <= times {
				return errors.New("the provider is down")
			}
			return nil
		}
	}
	for name, test := range map[string]struct {
		script string
		until  time.Duration
		fails  func(int) error
		want   []string
	}{
		"nothing happens":         {"0s=192.0.2.1", time.Hour, nil, []string{"0s 192.0.2.1"}},
		"a change is published":   {"0s=192.0.2.1 21m=192.0.2.2", time.Hour, nil, []string{"0s 192.0.2.1", "25m0s 192.0.2.2"}},
		"silence changes nothing": {"0s=192.0.2.1 21m=? 40m=192.0.2.1", 2 * time.Hour, nil, []string{"0s 192.0.2.1"}},
		"soon after a change it is read twice": {"0s=192.0.2.1 4m=192.0.2.2", time.Hour, nil,
			[]string{"0s 192.0.2.1", "5m30s 192.0.2.2"}},
		"what flaps is not published": {"0s=192.0.2.1 4m=192.0.2.2 5m10s=192.0.2.1", time.Hour, nil, []string{"0s 192.0.2.1"}},
		"no IPv6 is believed the second time": {"0s=192.0.2.1+2001:db8::1 29m=192.0.2.1+-", time.Hour, nil,
			[]string{"0s 192.0.2.1 2001:db8::1", "30m30s 192.0.2.1 none"}},
		"no IPv6 for a moment": {"0s=192.0.2.1+2001:db8::1 29m=192.0.2.1+- 30m10s=192.0.2.1+2001:db8::1", time.Hour, nil,
			[]string{"0s 192.0.2.1 2001:db8::1"}},
		"a change beside a loss is published at once": {"0s=192.0.2.1+2001:db8::1 29m=192.0.2.2+-", time.Hour, nil,
			[]string{"0s 192.0.2.1 2001:db8::1", "30m0s 192.0.2.2", "30m30s 192.0.2.2 none"}},
		"no IPv6 from the beginning": {"0s=192.0.2.1+-", time.Hour, nil, []string{"0s 192.0.2.1", "30s 192.0.2.1 none"}},
		"one family is lost sight of": {"0s=192.0.2.1+2001:db8::1 29m=?+2001:db8::1 39m=?+2001:db8::2", time.Hour, nil,
			[]string{"0s 192.0.2.1 2001:db8::1", "40m0s 2001:db8::2"}},
		"failures are waited out": {"0s=192.0.2.1", 90 * time.Minute, failing(4),
			[]string{"0s 192.0.2.1", "22.5s 192.0.2.1", "7m52.5s 192.0.2.1", "19m7.5s 192.0.2.1", "30m22.5s 192.0.2.1"}},
		"nothing can be told for hours": {"0s=? 3h=192.0.2.1", 4 * time.Hour, nil, []string{"3h7m52.5s 192.0.2.1"}},
	} {
		t.Run(name, func(t *testing.T) {
			published, _, steps, err := watched(t, test.script, 5*time.Minute, test.until, test.fails)
			if !slices.Equal(published, test.want) {
				t.Errorf("published %q, want %q", published, test.want)
			}
			if !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("ended with %v", err)
			}
			for _, e := range steps {
				if e.Next <= 0 || e.Next > MaxBackoff || (e.Step == Unread || e.Step == Failed) != (e.Err != nil) {
					t.Errorf("the event %+v", e)
				}
			}
		})
	}
}

// TestWatchEndsOnFatal: a token that is refused will be refused again; one that was good may be later.
func TestWatchEndsOnFatal(t *testing.T) {
	published, _, _, err := watched(t, "0s=192.0.2.1", 5*time.Minute, time.Hour, func(int) error { return fmt.Errorf("zone: %w", errFatal) })
	if len(published) != 1 || !errors.Is(err, errFatal) {
		t.Errorf("published %q, ended with %v", published, err)
	}
	published, _, _, err = watched(t, "0s=192.0.2.1 21m=192.0.2.2", 5*time.Minute, time.Hour, func(n int) error {
		if n == 2 {
			return errFatal
		}
		return nil
	})
	if len(published) != 3 || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("published %q, ended with %v", published, err)
	}
}

// TestWatchIsPolite: a source that is down is not asked more often than one that answers.
func TestWatchIsPolite(t *testing.T) {
	_, up, _, _ := watched(t, "0s=192.0.2.1", 5*time.Minute, 24*time.Hour, nil)
	_, down, _, _ := watched(t, "0s=?", 5*time.Minute, 24*time.Hour, nil)
	_, slow, _, _ := watched(t, "0s=?", time.Hour, 24*time.Hour, nil)
	if up < 288 || up > 289 || down > 140 || slow > 36 {
		t.Errorf("asked %d times when up, %d when down, %d with an hour between", up, down, slow)
	}
}

// TestJitter: many hosts that start together do not ask together.
func TestJitter(t *testing.T) {
	for _, x := range []float64{0, 0.25, 0.999} {
		s := &watching{Watcher: &Watcher{Every: 10 * time.Minute, Random: func() float64 { return x }}}
		if d := s.wait(Event{Step: Unchanged}); d < 9*time.Minute || d > 11*time.Minute {
			t.Errorf("%v: %v after a reading", x, d)
		}
		for range 10 {
			if d := s.wait(Event{Step: Failed}); d < again/2 || d > MaxBackoff {
				t.Errorf("%v: %v after failures", x, d)
			}
		}
	}
}
