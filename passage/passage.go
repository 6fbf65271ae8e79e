// Package passage sails through a migration before anybody does: a small world of
// its own, in which weeks go by in seconds, takes every step of a plan at its time,
// while mail is sent every minute, to the domain and from it.
//
// The mail servers are real: the old side and the new one are servers of package mta
// on loopback, and so is a correspondent who judges what comes from the domain.
// Senders follow MTA-STS, DANE or neither, queue what is not taken, and give up
// after five days. Resolvers remember answers for their TTL, some ask a name server
// that gets each change late. What is simulated is the clock, the zone, and who
// owns which address.
//
// A conversation whose every answer of the DNS, policy and server is as it was in an
// earlier one comes to the same, and is not held again: so a month of minutes takes
// a few hundred conversations.
//
// Keys and certificates are the simulation's own: of the domain's records those that
// hold a key are replaced by such with its keys, in the same places.
package passage

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Voyage is what is simulated.
type Voyage struct {
	Move migration.Move // with its steps and their plans
	// Others answers for all names outside of the zone: the mail hosts of providers,
	// and what SPF includes. nil: there are none.
	Others resolve.Resolver
	Policy mtasts.Policy // of MTA-STS, as it is served today; zero: none
	// OldFrom and NewFrom are addresses that the two sides send from (Place finds them).
	OldFrom, NewFrom netip.Addr
	// Shared is an address from which the old side's other customers send; invalid
	// where it has none.
	Shared   netip.Addr
	Negative uint32 // seconds for which it is remembered that something is not there; 0 is 3600
	Without  string // ID of the step to leave out; empty: none
	// Every is how often mail is sent; 0 is a minute. NameServerLag is how long the
	// second name server takes for a change; 0 is ten minutes.
	Every, NameServerLag time.Duration
}

// The length of things that no plan says.
const (
	giveUp    = 5 * day // a sender's queue (RFC 5321, 4.5.4.1)
	before    = 2 * day // how long the voyage lasts before the first step
	after     = 2 * day // and after the last
	delayed   = 3 * day // how late a correspondent sees some mail
	stepLimit = 400 * day

	day = 24 * time.Hour
)

// Errors of a voyage that cannot be made.
var (
	// ErrNoSwitch tells that a move has no step in which senders find the new side.
	ErrNoSwitch = errors.New("the plan has no step that switches")
	// ErrNoAddress tells that a side has no address to send from.
	ErrNoAddress = errors.New("it is not known from which address each side sends")
)

// Sail goes through a voyage. The error says that it could not be made, not that mail
// was lost.
func Sail(ctx context.Context, v Voyage) (migration.Passage, error) {
	if v.Every <= 0 {
		v.Every = time.Minute
	}
	if v.NameServerLag <= 0 {
		v.NameServerLag = 10 * time.Minute
	}
	if v.Negative == 0 {
		v.Negative = 3600
	}
	if !v.OldFrom.IsValid() || !v.NewFrom.IsValid() {
		return migration.Passage{}, ErrNoAddress
	}
	s, err := newSea(ctx, v)
	if err != nil {
		return migration.Passage{}, err
	}
	defer s.close()
	return s.sail(ctx)
}
