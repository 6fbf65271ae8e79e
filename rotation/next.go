package rotation

import (
	"fmt"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// An Await is what a rotation waits for.
type Await string

const (
	Nothing Await = "nothing" // it is over
	Carry   Await = "records" // that the wishes are carried out
	Servers Await = "servers" // that all authoritative servers answer alike
	Time    Await = "time"
	Told    Await = "switch" // that a person lets the signer use the next keys, and says so
	Person  Await = "person" // that a person puts right what holds it
)

// A Step is where a rotation stands, and what has to happen next.
type Step struct {
	State State // as it is known now: to be kept
	// Wishes are to be carried out now; After is the state once they are.
	Wishes []plan.Wish
	After  State
	Await  Await
	When   time.Time // from when on the next step is possible, where Await is Time
	// Laggards are the servers that do not answer as it is waited for.
	Laggards []Laggard
	Held     []string // why what is due is not done, and what to do about it
	Notes    []string // what should be known besides
	Lines    []Line   // what to change in the owner's file
}

// Next tells what is true now, by what is observed, and what has to happen next. It
// may be called at any time and as often as one likes. State never loses anything:
// what could not be observed stays as it was.
func Next(s State, o Observation, now time.Time) Step {
	s, now, wrong := s.at(now)
	if wrong != "" {
		return Step{State: s, After: s, Await: Person, Held: []string{wrong}}
	}
	s = s.learn(o).advanced(o, now)
	step := Step{State: s, After: s}
	switch s.Phase {
	case Prepared, Published:
		step.publish(o, now)
	case Seen, Ripe:
		step.ripen(o)
	case Retiring:
		step.retire(o, now)
	case Revoked:
		step.forget(o, now)
	case Aborting:
		step.withdraw(o, now)
	default:
		step.Await = Nothing
		step.Lines, _, _ = s.agree(o.File, false, false)
	}
	if o.Unknown != "" && !s.Over() {
		step.Notes = append(step.Notes, "the authoritative servers could not be asked: "+o.Unknown)
	}
	return step
}

// tolerance is how far a clock may step back without being called wrong.
const tolerance = 5 * time.Minute

// at is the state at a time, by a clock that is never behind an earlier look; wrong
// says why the clock cannot be believed.
func (s State) at(now time.Time) (State, time.Time, string) {
	now = second(now)
	switch behind := s.Looked.Sub(now); {
	case now.Before(Earliest):
		return s, now, errClock(now).Error()
	case behind > tolerance:
		return s, now, fmt.Sprintf("the clock of this machine says %s, and said %s at an earlier look: one of them is wrong, and waits cannot be measured. Set the clock; if it is right now, --clock-is-right lets all waits begin again",
			now.Format(time.RFC3339), s.Looked.Format(time.RFC3339))
	case behind > 0:
		now = s.Looked
	}
	s.Looked = now
	return s, now, ""
}

// Restarted is the state by a clock that a person says is right: what seems to have
// come about later than now came about now, so that every wait begins again.
func (s State) Restarted(now time.Time) (State, error) {
	if now = second(now); now.Before(Earliest) {
		return s, errClock(now)
	}
	for _, t := range s.times() {
		if t.After(now) {
			*t = now
		}
	}
	s.Looked = now
	return s, nil
}

// advanced is the state with all that came about by itself.
func (s State) advanced(o Observation, now time.Time) State {
	if s.Phase == Prepared && o.anywhere(s.Next) {
		s.Phase, s.Published = Published, now
	}
	if s.Phase == Published || s.Phase == Seen || s.Phase == Ripe {
		s = s.seen(o, now)
	}
	if s.Phase == Retiring {
		s = s.retired(o, now)
	}
	if gone, _, _ := o.everywhere(s.Old, lacks); s.Phase == Revoked && gone {
		s.Phase, s.Ended = Deleted, now
	}
	return s
}

// seen is whether every server answers with the next keys, and since when.
func (s State) seen(o Observation, now time.Time) State {
	all, against, _ := o.everywhere(s.Next, holds)
	switch {
	case s.Phase == Published && all:
		s.Phase, s.Seen = Seen, now
	case s.Phase != Published && len(against) > 0: // a server that is silent has not lost them
		s.Phase, s.Seen = Published, time.Time{}
	}
	if s.Phase == Seen && !now.Before(s.SafeFrom()) {
		s.Phase = Ripe
	}
	if s.Phase == Ripe && now.Before(s.SafeFrom()) { // longer than was known
		s.Phase = Seen
	}
	return s
}

// retired is the end of the old keys where it came about: by hand, or because
// there are none.
func (s State) retired(o Observation, now time.Time) State {
	if len(s.Old) == 0 {
		s.Phase, s.Ended = Deleted, now
		return s
	}
	if now.Before(s.RevokeFrom()) {
		return s
	}
	if gone, _, _ := o.everywhere(s.Old, lacks); gone {
		s.Phase, s.Ended = Deleted, now
		return s
	}
	if out, _, _ := o.everywhere(s.Old, lacks, withdrew); out {
		s.Phase, s.Revoked = Revoked, now
	}
	return s
}

// publish waits until all servers have the next keys.
func (t *Step) publish(o Observation, now time.Time) {
	s := t.State
	_, against, silent := o.everywhere(s.Next, holds)
	t.Laggards = append(against, silent...)
	t.warnOfOld(o)
	if why, taken := o.taken(s.Next); taken {
		t.Await = Person
		t.Held = append(t.Held, fmt.Sprintf("the selector is taken: %s. Nothing is written over it: --abort, and begin again with another --selector", why))
		return
	}
	if t.agree(o, false, false) {
		return
	}
	t.Await = Servers
	if s.Phase == Prepared || len(against) > 0 {
		t.wish(s.Next, "the next DKIM key, which is published before anything signs with it")
	}
	if s.Phase == Prepared {
		t.Await = Carry
		t.After.Phase, t.After.Published = Published, now
	}
}

// ripen waits until resolvers have forgotten, and then for the signer.
func (t *Step) ripen(o Observation) {
	t.warnOfOld(o)
	switch {
	case t.agree(o, false, false):
	case t.State.Phase == Ripe:
		t.Await = Told
	default:
		t.Await, t.When = Time, t.State.SafeFrom()
	}
}

// retire leaves the old keys for a while, and withdraws them then, if the next
// ones are everywhere.
func (t *Step) retire(o Observation, now time.Time) {
	s := t.State
	all, against, silent := o.everywhere(s.Next, holds)
	due := !now.Before(s.RevokeFrom())
	held := t.agree(o, due, false)
	if len(against) > 0 {
		t.Laggards = against
		t.Notes = append(t.Notes, "mail that is signed now fails where these servers are asked: the next key has to be there")
	}
	if !due {
		t.warnOfOld(o)
	}
	switch {
	case held:
	case len(against) > 0:
		t.Await = Servers
		if _, taken := o.taken(s.Next); !taken {
			t.wish(s.Next, "the DKIM key that signs")
		}
	case !due:
		t.Await, t.When = Time, s.RevokeFrom()
	case !all:
		t.Laggards, t.Await = silent, Servers
		t.Notes = append(t.Notes, "the old key is not withdrawn as long as it cannot be told that every server has the new one")
	default:
		t.Await = Carry
		t.revoke("the old DKIM key: nothing that is signed with it can be on its way any more (RFC 6376, 3.6.1)")
		if t.State.Ordered.IsZero() {
			t.State.Ordered = now
		}
		t.After = t.State
		t.After.Phase, t.After.Revoked = Revoked, now
	}
}

// forget leaves the withdrawn keys for a while; then their records go.
func (t *Step) forget(o Observation, now time.Time) {
	s := t.State
	due := !now.Before(s.DeleteFrom())
	held := t.agree(o, !due, due)
	_, live, _ := o.everywhere(s.Old, withdrew, lacks)
	switch {
	case held:
	case due:
		t.Await = Carry
		t.remove(s.Old, "the record of a DKIM key that was withdrawn long enough ago")
		t.After.Phase, t.After.Ended = Deleted, now
	case len(live) > 0:
		t.Laggards, t.Await = live, Servers
		t.revoke("the old DKIM key, which is withdrawn (RFC 6376, 3.6.1)")
	default:
		t.Await, t.When = Time, s.DeleteFrom()
	}
}

// withdraw takes the records of the next keys away; not those of somebody else.
func (t *Step) withdraw(o Observation, now time.Time) {
	var ours []Key
	for _, k := range t.State.Next {
		if why, taken := o.taken([]Key{k}); taken {
			t.Notes = append(t.Notes, "the record at "+why+". It is not ours, and stays")
			continue
		}
		ours = append(ours, k)
	}
	if gone, _, _ := o.everywhere(ours, lacks); len(ours) == 0 || gone && !o.Carried {
		t.State.Phase, t.State.Ended = Aborted, now
		t.After, t.Await = t.State, Nothing
		return
	}
	if t.agree(o, false, false) {
		return
	}
	_, t.Laggards, _ = o.everywhere(ours, lacks)
	t.Await = Carry
	t.remove(ours, "a DKIM key that will not be used")
	t.After.Phase, t.After.Ended = Aborted, now
}

// agree notes what the owner's file has to say; true where it holds the step.
func (t *Step) agree(o Observation, revoking, deleting bool) (held bool) {
	lines, why, notes := t.State.agree(o.File, revoking, deleting)
	t.Lines, t.Held, t.Notes = append(t.Lines, lines...), append(t.Held, why...), append(t.Notes, notes...)
	if len(why) > 0 {
		t.Await = Person
	}
	return len(why) > 0
}

// warnOfOld notes servers that do not have the old keys, which are still needed.
func (t *Step) warnOfOld(o Observation) {
	_, against, _ := o.everywhere(t.State.Old, holds)
	for _, l := range against {
		t.Notes = append(t.Notes, fmt.Sprintf("the old key is needed still, and is not as it was: %s", l))
	}
}

const from = "dkim rotate"

// wish wishes for keys.
func (t *Step) wish(keys []Key, reason string) {
	for _, k := range keys {
		slot := record.DKIMKey(k.Selector, t.State.Domain)
		r := record.TXT(slot.Name, k.Record)
		r.TTL = k.TTL
		t.Wishes = append(t.Wishes, plan.Wish{Edit: record.Set(slot, r), Reason: reason, From: from})
	}
}

// withdrawn is what stands in the place of a key that was withdrawn. k and h are left
// out: verifiers look at h before p, and say that the hash is wrong where the key
// is withdrawn; at k they do not look (RFC 6376, 6.1.2).
const withdrawn = "v=DKIM1; p="

// revoke wishes for the withdrawal of the old keys.
func (t *Step) revoke(reason string) {
	for _, k := range t.State.Old {
		slot := record.DKIMKey(k.Selector, t.State.Domain)
		t.Wishes = append(t.Wishes, plan.Wish{Edit: record.Set(slot, record.TXT(slot.Name, withdrawn)), Reason: reason, From: from})
	}
}

// remove wishes that the records of keys go.
func (t *Step) remove(keys []Key, reason string) {
	for _, k := range keys {
		t.Wishes = append(t.Wishes, plan.Wish{Edit: record.Set(record.DKIMKey(k.Selector, t.State.Domain)), Reason: reason, From: from})
	}
}

// Knows reports whether a record is one that the rotation found or made: the key
// of a selector, or what withdraws it.
func (s State) Knows(r record.Record) bool {
	for _, k := range append(append([]Key{}, s.Old...), s.Next...) {
		if slot := record.DKIMKey(k.Selector, s.Domain); !slot.Holds(r) {
			continue
		}
		is, _ := Server{Views: map[string]View{k.Selector: {Texts: []string{r.Data}}}}.stands(k)
		return is == holds || is == withdrew
	}
	return false
}
