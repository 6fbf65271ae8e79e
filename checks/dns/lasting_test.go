package dns

import (
	"testing"
	"time"
)

func TestLasting(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "0 seconds", time.Second: "1 second", 90 * time.Second: "1 minute 30 seconds", time.Hour: "1 hour",
		25 * time.Hour: "1 day 1 hour", 7 * day: "7 days", day + time.Minute: "1 day", 60*time.Hour + time.Second: "2 days 12 hours",
		time.Hour + time.Second: "1 hour",
	} {
		if got := lasting(d); got != want {
			t.Errorf("lasting(%v) = %q, want %q", d, got, want)
		}
	}
}
