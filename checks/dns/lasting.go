package dns

import (
	"fmt"
	"strings"
	"time"
)

// day is as long as anybody should have to wait for a mistake to end.
const day = 24 * time.Hour

// lasting is a time in words, by its two greatest units: "2 days 12 hours".
func lasting(d time.Duration) string {
	units := []struct {
		of   time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}}
	var parts []string
	for _, u := range units {
		n := d / u.of
		d -= n * u.of
		switch {
		case n == 0 && len(parts) > 0:
			return parts[0]
		case n == 1:
			parts = append(parts, "1 "+u.name)
		case n > 1:
			parts = append(parts, fmt.Sprintf("%d %ss", n, u.name))
		}
		if len(parts) == 2 {
			break
		}
	}
	if len(parts) == 0 {
		return "0 seconds"
	}
	return strings.Join(parts, " ")
}

// seconds is a number of seconds as a time.
func seconds(n uint32) time.Duration { return time.Duration(n) * time.Second }
