// Package host compares the mail host from within with what the world sees of
// it, and looks whether the machine does its work: checks of this topic run on
// the mail host itself, where Env.Local is known, and nowhere else.
package host

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// open notes what of an area could not be read. Where nothing of it is known
// either, that is the end; skip is the reason if nothing stood in the way.
func open(v *diagnosis.Verdict, in facts.Inside, area local.Area, known bool, skip string) (end bool) {
	for _, reason := range in.Unread(area) {
		v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: string(area), Reason: reason})
	}
	if known {
		return false
	}
	if len(v.Doubts) == 0 {
		v.Skip = skip
	}
	return true
}

func saw(v *diagnosis.Verdict, question, format string, args ...any) {
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: question, Answer: fmt.Sprintf(format, args...)})
}

func doubt(v *diagnosis.Verdict, subject string, err error) {
	v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: err.Error()})
}

// size is octets for a reader: "1.5 GiB".
func size(n uint64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, names := float64(n)/unit, "KMGTPE"
	for value >= unit-0.05 && len(names) > 1 {
		value, names = value/unit, names[1:]
	}
	return fmt.Sprintf("%.1f %ciB", value, names[0])
}

// share is what percentage of total part is.
func share(part, total uint64) int { return int(float64(part) / float64(total) * 100) }

func listed(addrs []netip.Addr) string {
	var words []string
	for _, a := range addrs {
		words = append(words, a.String())
	}
	if n := len(words); n > 1 {
		return strings.Join(words[:n-1], ", ") + " and " + words[n-1]
	}
	return strings.Join(words, "")
}
