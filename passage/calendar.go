package passage

import (
	"fmt"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
)

// A calendar is what is so, and from when. Times count from the switch.
type calendar struct {
	begin, end time.Duration
	last       time.Duration // when the last mail is sent
	over       time.Duration // when all of it has arrived, or was given up
	zone       []edition     // by time
	policies   []served      // likewise
	ready      time.Duration // the new side takes mail and may send
	known      time.Duration // from when the new side knows all recipients
	moved      time.Duration // users read and send at the new side
	synced     time.Duration // what comes to the old side after it is not read by anybody
	closed     time.Duration // the old side takes no mail, and sends none
}

// An edition is the zone from a time on.
type edition struct {
	at      time.Duration
	records []record.Record
}

// A served policy is that of MTA-STS from a time on.
type served struct {
	at     time.Duration
	policy mtasts.Policy
}

// never is after everything.
const never = stepLimit

// newCalendar carries out the steps of a plan, but for one.
func newCalendar(v Voyage) (calendar, error) {
	c := calendar{ready: never, known: never, moved: never, synced: never, closed: never}
	records := v.Move.Before
	steps := slices.Clone(v.Move.Steps)
	slices.SortStableFunc(steps, func(a, b migration.Step) int { return int(a.Offset - b.Offset) })
	if !slices.ContainsFunc(steps, func(s migration.Step) bool { return s.ID == migration.SwitchMX }) {
		return c, ErrNoSwitch
	}
	c.begin, c.end = min(0, steps[0].Offset)-before, 0
	c.zone = []edition{{c.begin, records}}
	c.policies = []served{{c.begin, v.Policy}}
	if begun(v.Move) { // it takes mail already, and whom it did not know was missed
		c.ready, c.known = c.begin, c.begin
	}
	for _, s := range steps {
		if s.Offset < -stepLimit || s.Offset > stepLimit || s.Wait < 0 || s.Wait > stepLimit {
			return c, fmt.Errorf("step %s is at %v and takes %v", s.ID, s.Offset, s.Wait)
		}
		c.end = max(c.end, s.Offset+s.Wait)
		if s.ID != v.Without {
			records = s.Plan.Apply(records)
			c.zone = append(c.zone, edition{s.Offset, records})
			c.take(s, v)
		}
	}
	c.last = c.end + day
	c.over = c.last + giveUp
	c.end = c.over + after
	if v.Without == migration.Watch && c.moved != never {
		c.synced = c.moved
	}
	if c.moved == never { // nobody reads what comes to the new side; the old one is not given up before
		c.synced = never
	}
	return c, nil
}

// take is what a step does beside the zone.
func (c *calendar) take(s migration.Step, v Voyage) {
	hosts := func(names []string) (list []string) {
		for _, name := range names {
			list = append(list, record.Display(name))
		}
		return list
	}
	policy := c.policies[len(c.policies)-1].policy
	switch s.ID {
	case migration.Prepare:
		c.ready = min(c.ready, s.Offset)
	case migration.Policies:
		if policy.Mode != "" {
			c.policies = append(c.policies, served{s.Offset, policy.WithMX(hosts(v.Move.New.Hosts)...)})
		}
	case migration.Rehearse:
		c.known = min(c.known, s.Offset)
	case migration.SwitchMX:
		c.moved = s.Offset
		c.ready = min(c.ready, s.Offset)
	case migration.Watch:
		c.synced = s.Offset + s.Wait
	case migration.Retire:
		c.closed = s.Offset
		if policy.Mode != "" {
			gone := slices.DeleteFunc(slices.Clone(policy.MX), func(pattern string) bool {
				return slices.ContainsFunc(v.Move.New.Hosts, func(host string) bool { return mtasts.Covers(pattern, record.Display(host)) })
			})
			c.policies = append(c.policies, served{s.Offset, policy.WithMX(hosts(v.Move.New.Hosts)...).WithoutMX(gone...)})
		}
	}
}

// begun reports whether senders find a host of the new side before the move.
func begun(m migration.Move) bool {
	return slices.ContainsFunc(m.Before, func(r record.Record) bool {
		_, host, ok := r.MX()
		return ok && r.Name == m.Domain && slices.Contains(m.New.Hosts, host)
	}) && !slices.Equal(m.Old.Hosts, m.New.Hosts)
}

// imminent reports whether the zone is about to change.
func (c *calendar) imminent(at, every time.Duration) bool {
	return slices.ContainsFunc(c.zone[1:], func(e edition) bool { return at < e.at && e.at <= at+every })
}

// edition is the number of the one that a name server has.
func (c *calendar) edition(at time.Duration) int {
	i := 0
	for n, e := range c.zone {
		if e.at <= at {
			i = n
		}
	}
	return i
}

func (c *calendar) policy(at time.Duration) (p mtasts.Policy) {
	for _, s := range c.policies {
		if s.at <= at {
			p = s.policy
		}
	}
	return p
}

// state tells apart times between which servers behave differently.
func (c *calendar) state(at time.Duration) (n int) {
	for i, when := range []time.Duration{c.ready, c.known, c.moved, c.synced, c.closed} {
		if at >= when {
			n |= 1 << i
		}
	}
	return n
}
