package migration

import (
	"slices"
	"strings"
	"time"
)

// A Passage is what became of the mail of a domain while it was moved, in a
// simulation that went through the whole plan, or all but one step of it.
type Passage struct {
	Without string // ID of the step that was left out; empty: none
	// Sent is the messages to and from the domain, and Arrived those of them that came
	// to where they are read, with their authentication in order.
	Sent, Arrived int
	// Late is those of Arrived that were not taken at the first attempt, and Longest
	// how long one of them took.
	Late    int
	Longest time.Duration
	Lost    []Loss // the most messages first
	// Forged is mail of others in the name of the domain that was let in once the plan
	// was over.
	Forged []Loss
}

// A Loss is messages of one kind that met one fate.
type Loss struct {
	Kind        string // "mail to the domain, from a sender that follows MTA-STS"
	Why         string // of the first
	Messages    int
	First, Last time.Duration // when they were sent, from Move.Switch
}

// Add counts a message sent at a time from Move.Switch among the losses.
func Add(losses []Loss, kind, why string, at time.Duration) []Loss {
	i := slices.IndexFunc(losses, func(l Loss) bool { return l.Kind == kind && l.Why == why })
	if i < 0 {
		losses = append(losses, Loss{Kind: kind, Why: why, First: at, Last: at})
		i = len(losses) - 1
	}
	l := &losses[i]
	l.Messages++
	l.First, l.Last = min(l.First, at), max(l.Last, at)
	return losses
}

// Sum is all messages of losses.
func Sum(losses []Loss) (n int) {
	for _, l := range losses {
		n += l.Messages
	}
	return n
}

// Sorted is losses with the most messages first.
func Sorted(losses []Loss) []Loss {
	slices.SortStableFunc(losses, func(a, b Loss) int {
		if a.Messages != b.Messages {
			return b.Messages - a.Messages
		}
		return strings.Compare(a.Kind+a.Why, b.Kind+b.Why)
	})
	return losses
}
