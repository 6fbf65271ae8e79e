package zonefile

import (
	"math"
	"strconv"
	"time"
)

// NextSerial is the serial of a zone that changes now: greater than the old one
// in the arithmetic of RFC 1982, and never 0, which some servers take for none.
//
// A serial that is a date and two digits, YYYYMMDDnn, becomes the first of the day
// of now, or one more where it is of that day or of a later one; the day is that of
// now's location. One that counts seconds since 1970 becomes now. Any other, and all
// where now is the zero time, is counted up by one.
func NextSerial(serial uint32, now time.Time) uint32 {
	next := serial + 1 // wraps, as in RFC 1982, 3.1
	if next == 0 {
		next = 1
	}
	if now.IsZero() {
		return next
	}
	switch today := dated(now); {
	case isDated(serial, now):
		if uint64(serial) < today && today <= math.MaxUint32 && later(uint32(today), serial) {
			return uint32(today)
		}
	case isUnix(serial, now):
		if unix := now.Unix(); unix > int64(next) {
			return uint32(unix)
		}
	}
	return next
}

// dated is the first serial of a day.
func dated(now time.Time) uint64 {
	day, _ := strconv.ParseUint(now.Format("20060102"), 10, 64)
	return day*100 + 1
}

// isDated reports whether a serial is a date and two digits: a day that there is,
// from 1990 to the next year.
func isDated(serial uint32, now time.Time) bool {
	day, err := time.Parse("20060102", strconv.FormatUint(uint64(serial/100), 10))
	return err == nil && day.Year() >= 1990 && day.Year() <= now.Year()+1
}

// isUnix reports whether a serial is a time of the last ten years, in seconds.
func isUnix(serial uint32, now time.Time) bool {
	unix := now.Unix()
	return unix <= math.MaxUint32 && int64(serial) <= unix && int64(serial) > now.AddDate(-10, 0, 0).Unix()
}

// later reports whether a comes after b (RFC 1982, 3.2).
func later(a, b uint32) bool { return a != b && a-b < 1<<31 }
