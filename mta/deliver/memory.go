package deliver

import (
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// rememberFor is how long a level is remembered after it was last reached. A
// domain that moves to a host with less is not cut off for ever.
const rememberFor = 30 * 24 * time.Hour

// A Memory keeps what was learnt of domains, which are canonical. It is safe for
// concurrent use.
type Memory interface {
	// Level is what conversations about mail for a domain reached, and when last; Clear
	// where nothing is known.
	Level(domain string) (Level, time.Time)
	// Reached tells that a message was delivered so. Less than what is remembered does
	// not lower that.
	Reached(domain string, level Level, at time.Time)
	// STS is the MTA-STS policy of a domain; zero where none is known.
	STS(domain string) STSEntry
	SetSTS(domain string, entry STSEntry)
}

// An STSEntry is an MTA-STS policy as it was fetched.
type STSEntry struct {
	ID      string // of the record that announced it
	Policy  mtasts.Policy
	Fetched time.Time
	Expires time.Time
	Failed  time.Time // when a fetch failed last
}

// remembered is the level that counts for the destination.
func (a *attempt) remembered() (Level, time.Time) {
	if a.Memory == nil {
		return Clear, time.Time{}
	}
	level, at := a.Memory.Level(a.report.Destination)
	if a.now().Sub(at) > rememberFor {
		return Clear, time.Time{}
	}
	return level, at
}
