package probe

import (
	"context"
	"sync"
	"time"
)

// Reach is whether this machine reaches a port elsewhere.
type Reach int

const (
	ReachUnknown Reach = iota // not enough hosts to ask, or cut short
	ReachOpen                 // one at least accepted a connection
	ReachClosed               // none did: something near this machine lets nothing out
	ReachNone                 // this machine has no route to any of them: it is not on that network
)

// minWitnesses is how many hosts have to be out of reach before the fault is
// looked for on this side.
const minWitnesses = 2

// Outbound asks hosts that are known to be there, each for its greeting, and
// concludes from their answers whether this machine gets out. All targets are
// to be of one address family and run by different people.
func Outbound(ctx context.Context, converse func(context.Context, Target) Session, targets []Target) (Reach, []Session) {
	sessions := make([]Session, len(targets))
	var wg sync.WaitGroup
	for i, target := range targets {
		target.Last = StageBanner
		target.Limits = target.Limits.or(Timeouts{Connect: 5 * time.Second, Banner: 10 * time.Second})
		wg.Go(func() { sessions[i] = converse(ctx, target) })
	}
	wg.Wait()
	return Conclude(sessions), sessions
}

// Conclude is what conversations with several hosts say of the way there.
func Conclude(sessions []Session) Reach {
	var failed, noRoute int
	for _, session := range sessions {
		switch {
		case session.Connected():
			return ReachOpen
		case KindOf(session.Err) == NoRoute:
			noRoute++
		case gotNowhere(session):
			failed++
		}
	}
	switch {
	case noRoute > 0 && noRoute == len(sessions):
		return ReachNone
	case noRoute+failed == len(sessions) && len(sessions) >= minWitnesses:
		return ReachClosed
	}
	return ReachUnknown
}

// gotNowhere reports whether a conversation failed to connect by itself.
func gotNowhere(session Session) bool {
	switch KindOf(session.Err) {
	case Refused, Timeout, Unreachable, Denied, Closed:
		return true
	}
	return false
}
