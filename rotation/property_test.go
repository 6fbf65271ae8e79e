package rotation

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
)

// A world has a provider, servers that get what it has later, and a signer. It knows
// what the machine does not: what resolvers may remember, and what is on its way.
type world struct {
	*rand.Rand
	now      time.Time
	provider map[string]string // by selector; nothing where it is empty
	servers  []*replica

	signsNext bool
	usedOld   time.Time // when mail was signed with each, last
	usedNext  time.Time
}

// A replica is a server.
type replica struct {
	has      map[string]string
	negative uint32
	silent   bool
	lacked   time.Time // when it last answered without the next key, or could have
}

func newWorld(seed uint64) *world {
	w := &world{Rand: rand.New(rand.NewPCG(seed, 1)), now: t0, provider: map[string]string{"s1": oldKey.Record}}
	for range 1 + w.IntN(3) {
		w.servers = append(w.servers, &replica{has: map[string]string{"s1": oldKey.Record}, negative: uint32(w.IntN(7200)), lacked: t0})
	}
	return w
}

// passes lets time pass, with whatever comes about.
func (w *world) passes(d time.Duration) {
	if w.signsNext {
		w.usedNext = w.now.Add(d)
	} else {
		w.usedOld = w.now.Add(d)
	}
	for _, s := range w.servers {
		if s.has["s2"] != newKey.Record {
			s.lacked = w.now.Add(d)
		}
	}
	w.now = w.now.Add(d)
	for _, s := range w.servers {
		s.silent = w.IntN(6) == 0
		if w.IntN(3) == 0 {
			s.get(w)
		}
	}
}

func (s *replica) get(w *world) {
	s.has = make(map[string]string)
	for selector, text := range w.provider {
		s.has[selector] = text
	}
}

func (w *world) observed() Observation {
	if w.IntN(10) == 0 {
		return Observation{Unknown: "no network"}
	}
	var o Observation
	for i, s := range w.servers {
		if s.silent {
			o.Servers = append(o.Servers, server(i, nil))
			continue
		}
		views := make(map[string]View)
		for _, selector := range []string{"s1", "s2"} {
			if text := s.has[selector]; text != "" {
				views[selector] = View{Texts: []string{text}, TTL: 600}
			} else {
				views[selector] = View{}
			}
		}
		one := server(i, views)
		one.Negative = s.negative
		o.Servers = append(o.Servers, one)
	}
	return o
}

// carried makes the records as they are wished, and says what must not have been
// wished.
func (w *world) carried(wishes []plan.Wish, s State) error {
	for _, wish := range wishes {
		text := ""
		if len(wish.Edit.Want) > 0 {
			text = wish.Edit.Want[0].Data
		}
		switch selector := wish.Edit.Slot.Name[:2]; {
		case selector == "s1" && text != oldKey.Record:
			if since := w.now.Sub(w.usedOld); since < s.Waits.Retire {
				return fmt.Errorf("the old key goes %v after mail was signed with it", since)
			}
			if !w.signsNext || !w.everywhere("s2", newKey.Record) {
				return fmt.Errorf("the old key goes, and the new one does not sign, or is not everywhere")
			}
			w.provider["s1"] = text
		case selector == "s2" && text == "":
			if since := w.now.Sub(w.usedNext); w.signsNext || !w.usedNext.IsZero() && since < s.Waits.Retire {
				return fmt.Errorf("the next key goes %v after mail was signed with it", since)
			}
			w.provider["s2"] = ""
		case selector == "s2" && text == newKey.Record:
			w.provider["s2"] = text
		default:
			return fmt.Errorf("wished for %s to be %q", selector, text)
		}
	}
	return nil
}

func (w *world) everywhere(selector, text string) bool {
	for _, s := range w.servers {
		if s.has[selector] != text {
			return false
		}
	}
	return true
}

// orders are those of a person, who lets the signer do what was agreed to. What
// must not have been agreed to is an error.
func (w *world) orders(s State) (State, error) {
	switch w.IntN(12) {
	case 0, 1, 2:
		after, err := s.Switch(w.observed(), w.now)
		if err != nil || w.signsNext || after.Phase != Retiring {
			return after, nil
		}
		for i, server := range w.servers {
			forgotten := server.lacked.Add(time.Duration(server.negative) * time.Second)
			if server.has["s2"] != newKey.Record || w.now.Add(time.Second).Before(forgotten) {
				return after, fmt.Errorf("to sign with the next key is safe from %v, now is %v (server %d)", forgotten, w.now, i)
			}
		}
		w.signsNext = true
		return after, nil
	case 3:
		after, err := s.GoBack(w.observed(), w.now)
		if err == nil && w.signsNext {
			if after.Phase != Ripe || w.provider["s1"] != oldKey.Record {
				return after, fmt.Errorf("back to an old key that is %q", w.provider["s1"])
			}
			w.signsNext = false
		}
		return after, nil
	case 4:
		if w.IntN(5) > 0 {
			return s, nil
		}
		after, err := s.Abort(w.now)
		if err == nil && w.signsNext {
			return after, fmt.Errorf("what signs was given up")
		}
		return after, nil
	}
	return s, nil
}

// Whatever is observed when, and whatever is ordered and interrupted: no key goes
// that may be needed, nothing is switched to too early, and in the end it ends.
func TestNothingIsBroken(t *testing.T) {
	ends := make(map[Phase]int)
	for seed := range uint64(300) {
		w := newWorld(seed)
		s := begun(t)
		s.Waits = Waits{Retire: time.Duration(w.IntN(10)) * day, Delete: time.Duration(w.IntN(40)) * day}
		fail := func(err error) { t.Fatalf("seed %d, at %v, %s: %v", seed, w.now.Sub(t0), s.Phase, err) }
		turn := func() {
			step := Next(s, w.observed(), w.now)
			s = step.State
			if err := step.After.sound(); err != nil {
				fail(err)
			}
			if w.IntN(4) == 0 { // nobody carries it out
				return
			}
			if err := w.carried(step.Wishes, s); err != nil {
				fail(err)
			}
			if w.IntN(4) > 0 { // else nobody got to keep what became of it
				s = step.After
			}
		}
		for range 60 {
			turn()
			var err error
			if s, err = w.orders(s); err != nil {
				fail(err)
			}
			w.passes(time.Duration(w.ExpFloat64() * float64([]time.Duration{time.Minute, time.Hour, 2 * day}[w.IntN(3)])))
			if w.IntN(40) == 0 { // by a clock that is wrong for once
				if step := Next(s, w.observed(), s.Looked.Add(-tolerance-time.Hour)); len(step.Wishes) > 0 || fmt.Sprint(step.State) != fmt.Sprint(s) {
					fail(fmt.Errorf("a wrong clock changes something: %+v", step))
				}
			}
		}
		for range 400 {
			if s.Over() {
				break
			}
			turn()
			if after, err := s.Switch(w.observed(), w.now); err == nil && after.Phase == Retiring {
				s, w.signsNext = after, true
			}
			w.passes(time.Duration(w.IntN(36)) * time.Hour)
		}
		if !s.Over() {
			fail(fmt.Errorf("it does not end: %+v", s))
		}
		ends[s.Phase]++
	}
	if ends[Deleted] < 30 || ends[Aborted] < 30 {
		t.Errorf("the sequences end one-sidedly: %v", ends)
	}
}
