package mtasts

// Effect is what senders make of a problem.
type Effect int

const (
	// Ignored: senders act as without the problem.
	Ignored Effect = iota
	// Differs: strict senders see no policy, others act as without the problem.
	Differs
	// Void: senders take the domain to have no policy.
	Void
)

// A Problem is one fault of a record or of a policy.
type Problem struct {
	Offset  int    // of the octet in the text where it shows
	Line    int    // of a policy, counted from 1; 0 in a record, and for what is missing
	Field   string // concerned; empty if none
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
const maxProblems = 64

// A list collects the problems of one text.
type list []Problem

func (l *list) add(p Problem) {
	if len(*l) < maxProblems {
		*l = append(*l, p)
	}
}
