package dkim

// Effect is what verifiers make of a problem.
type Effect int

const (
	// Harmless: verifiers see the same key as without the problem.
	Harmless Effect = iota
	// Differs: some verifiers find a key, some do not.
	Differs
	// Void: there is no usable key; signatures under the selector fail.
	Void
)

// Kind sorts problems by what went wrong where.
type Kind int

const (
	Grammar   Kind = iota + 1 // the tag list, or the value of a tag
	Splitting                 // quotes, backslashes, spaces or missing octets from publishing a long text wrongly
	Scope                     // h or s forbid what e-mail needs
	Legacy                    // a tag of an older specification
	Foreign                   // of a signature: an algorithm, canonicalisation or query method that is not in use
)

// A Problem is one fault of a key record or a signature.
type Problem struct {
	Offset  int    // of the octet in the text where it shows
	Tag     string // concerned; empty if none
	Kind    Kind
	Effect  Effect
	Message string // what is wrong; quotes the text where it helps, with control octets escaped
}

// Worst is the gravest effect among problems; Harmless if there are none.
func Worst(problems []Problem) Effect {
	worst := Harmless
	for _, p := range problems {
		worst = max(worst, p.Effect)
	}
	return worst
}
