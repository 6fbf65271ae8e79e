package rotation

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// An EarlyError is the error of an order that would be right later.
type EarlyError struct {
	When time.Time // from when on it is right; zero where that is not known yet
	Why  string
}

func (e *EarlyError) Error() string { return e.Why }

// Switch is the order of a person that the signer signs with the next keys now. It
// is refused (*EarlyError) before every server has them and every resolver has
// forgotten that they were not there. To say it twice changes nothing.
func (s State) Switch(o Observation, now time.Time) (State, error) {
	if _, _, wrong := s.at(now); wrong != "" {
		return s, errors.New(wrong)
	}
	step := Next(s, o, now)
	s = step.State
	switch s.Phase {
	case Ripe:
		if step.Await != Told {
			return s, held(step)
		}
		s.Phase, s.Switched, s.Back = Retiring, s.Looked, time.Time{}
		return s, nil
	case Retiring, Revoked, Deleted:
		return s, nil
	case Aborting, Aborted:
		return s, fmt.Errorf("the rotation to %s was given up, and its record is not kept; let the signer sign with %s", Selectors(s.Next), orNone(s.Old))
	case Seen:
		if step.Await == Person {
			return s, held(step)
		}
		return s, &EarlyError{When: s.SafeFrom(), Why: fmt.Sprintf("it is too early to sign with %s: resolvers may remember that there was no such record. If the signer uses it already, let it go back to %s until then",
			Selectors(s.Next), orNone(s.Old))}
	}
	if step.Await == Person {
		return s, held(step)
	}
	return s, &EarlyError{Why: fmt.Sprintf("it is too early to sign with %s: not every authoritative server was seen to answer with it. If the signer uses it already, let it go back to %s until then",
		Selectors(s.Next), orNone(s.Old))}
}

// held is the error of a step that a person has to make possible.
func held(t Step) error { return errors.New(strings.Join(t.Held, "; ")) }

func orNone(keys []Key) string {
	if len(keys) == 0 {
		return "no key"
	}
	return Selectors(keys)
}

// GoBack is the order of a person that the signer signs with the old keys again. It is
// possible as long as they are published, which must be seen. Both keep being
// published; the switch can be made again at once.
func (s State) GoBack(o Observation, now time.Time) (State, error) {
	if _, _, wrong := s.at(now); wrong != "" {
		return s, errors.New(wrong)
	}
	if len(s.Old) == 0 {
		return s, errors.New("there is no old key to go back to")
	}
	ordered := s.Ordered
	s = Next(s, o, now).State
	switch {
	case s.Phase == Ripe && !s.Back.IsZero():
		return s, nil
	case s.Phase == Revoked || s.Phase == Deleted || !ordered.IsZero():
		return s, fmt.Errorf("there is no way back: the withdrawal of %s has begun, and receivers may remember that. What signs now goes on; if its key is of no use, begin a new rotation", Selectors(s.Old))
	case s.Phase != Retiring:
		return s, fmt.Errorf("there is nothing to go back from: %s is not told to sign", Selectors(s.Next))
	}
	all, against, silent := o.everywhere(s.Old, holds)
	if !all {
		var why []string
		for _, l := range append(against, silent...) {
			why = append(why, l.String())
		}
		if o.Unknown != "" {
			why = append(why, o.Unknown)
		}
		return s, fmt.Errorf("it cannot be told that every server has %s still, so to go back may break signatures: %s", Selectors(s.Old), strings.Join(why, "; "))
	}
	s.Phase, s.Switched, s.Ordered, s.Back = Ripe, time.Time{}, time.Time{}, s.Looked
	return s, nil
}

// Abort is the order of a person that the next keys will not be used. It is
// possible before the switch and, after a way back, when no mail signed with them
// can be on its way any more. To say it twice changes nothing.
func (s State) Abort(now time.Time) (State, error) {
	s, now, wrong := s.at(now)
	switch {
	case wrong != "":
		return s, errors.New(wrong)
	case s.Phase == Aborting || s.Phase == Aborted:
		return s, nil
	case !s.Switched.IsZero():
		return s, fmt.Errorf("%s signs already, so its record has to stay. As long as %s is not withdrawn there is a way back: let the signer sign with it again, then say --back", Selectors(s.Next), orNone(s.Old))
	}
	if until := s.Back.Add(s.Waits.Retire); !s.Back.IsZero() && now.Before(until) {
		return s, &EarlyError{When: until, Why: fmt.Sprintf("mail that was signed with %s may be on its way, so its record has to stay", Selectors(s.Next))}
	}
	s.Phase, s.Seen = Aborting, time.Time{}
	return s, nil
}
