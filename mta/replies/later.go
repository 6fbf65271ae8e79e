package replies

import (
	"regexp"
	"strconv"
	"strings"
	"time"
)

// longest bounds what Later believes.
const longest = 24 * time.Hour

// Later is after what time a host that puts a message off wants it to come again, as
// its words say: "try again in 5 minutes", "come back in 00:05:00". ok is false where
// they do not.
func Later(text string) (after time.Duration, ok bool) {
	text = strings.ToLower(strings.Join(strings.Fields(text[:min(len(text), maxText)]), " "))
	if m := regexp.MustCompile(`\b(?:in|for|after|within) (\d{1,2}):(\d\d):(\d\d)\b`).FindStringSubmatch(text); m != nil {
		return within(number(m[1])*time.Hour + number(m[2])*time.Minute + number(m[3])*time.Second)
	}
	units := map[string]time.Duration{"s": time.Second, "m": time.Minute, "h": time.Hour}
	m := regexp.MustCompile(`\b(?:in|for|after|within|another|wait|retry|delay)(?: at least| about| approximately|[:=])? ?(\d{1,6}) ?(s|m|h)(?:ec|in|our|r)?(?:ond|ute)?s?\b`).FindStringSubmatch(text)
	if m == nil {
		return 0, false
	}
	return within(number(m[1]) * units[m[2]])
}

func number(text string) time.Duration {
	n, _ := strconv.Atoi(text) // a few digits
	return time.Duration(n)
}

// within is a time that can be meant.
func within(d time.Duration) (time.Duration, bool) {
	if d <= 0 {
		return 0, false
	}
	return min(d, longest), true
}
