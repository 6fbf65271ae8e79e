// Package autoconfig reads and writes what a domain publishes so that mail
// programs set themselves up: SRV records (RFC 6186, RFC 8314), the XML that
// Thunderbird and others fetch (config-v1.1), and the record and document of the
// PACC draft. It tells answers of Autodiscover from others.
//
// It neither asks the DNS nor fetches, and talks to no server that it reads about.
package autoconfig

// Effect is what mail programs make of a problem.
type Effect int

const (
	// Ignored: mail programs act as without the problem.
	Ignored Effect = iota
	// Dropped: one server is left out.
	Dropped
	// Void: mail programs find no settings.
	Void
)

// A Problem is one fault of a text.
type Problem struct {
	Offset  int // of the octet in the text where it shows
	Effect  Effect
	Message string // what is wrong; quotes the text where it helps, with control octets escaped
}

// Worst is the gravest effect among problems; Ignored if there are none.
func Worst(problems []Problem) Effect {
	worst := Ignored
	for _, p := range problems {
		worst = max(worst, p.Effect)
	}
	return worst
}

// maxProblems bounds the problems of one text that are told.
const maxProblems = 32

// A list collects the problems of one text.
type list []Problem

func (l *list) add(p Problem) {
	if len(*l) < maxProblems || p.Effect == Void && Worst(*l) < Void {
		*l = append(*l, p)
	}
}

// clip bounds a word of a text in a message.
func clip(s string) string {
	const most = 60
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
