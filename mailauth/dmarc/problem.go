package dmarc

// Effect is what receivers make of a problem.
type Effect int

const (
	// Harmless: receivers act as without the problem.
	Harmless Effect = iota
	// Ignored: the tag counts as absent, so its default holds.
	Ignored
	// Differs: receivers differ, by which RFC they follow or by how strict they are.
	Differs
	// Void: the text counts as p=none, or as no policy record at all.
	Void
)

// Kind sorts problems by what they are about.
type Kind int

const (
	Version  Kind = iota + 1 // the text is not a policy record: v is missing, late or different
	Grammar                  // the tag list
	Value                    // a value that its tag does not know
	Order                    // p is absent, or not second as RFC 7489 wants it
	Address                  // a report address
	Obsolete                 // a tag or a size that RFC 9989 removed
	Unknown                  // a tag that no RFC defines
)

// A Problem is one fault of a policy record.
type Problem struct {
	Offset  int    // of the octet in the text where it shows
	Tag     string // concerned; empty if none
	Kind    Kind
	Effect  Effect
	Message string // what is wrong and what receivers make of it
}

// Worst is the gravest effect among problems; Harmless if there are none.
func Worst(problems []Problem) Effect {
	worst := Harmless
	for _, p := range problems {
		worst = max(worst, p.Effect)
	}
	return worst
}
