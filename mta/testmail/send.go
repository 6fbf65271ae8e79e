package testmail

import (
	"context"
	"net/netip"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
)

// A Fate is what became of a recipient.
type Fate int

const (
	Delivered Fate = iota // a host has taken the responsibility
	Deferred              // a host refuses it for now
	Refused               // refused for good, by a host or because the domain takes no mail
	Maybe                 // all of it was sent, and no answer understood: it may have been delivered
	Untried               // nobody could be asked
)

// A Sending is what became of a mail.
type Sending struct {
	Deliveries []Delivery
	// Port25 is whether the port is open on the way out of here, where that was asked.
	Port25      probe.Reach
	Interrupted bool
	Took        time.Duration
}

// A Delivery is the attempts at one destination.
type Delivery struct {
	Destination string // canonical, or an address literal
	Tries       []Try
	Rcpts       []Rcpt
}

// A Try is one attempt.
type Try struct {
	At time.Time
	deliver.Report
}

// A Rcpt is what became of one recipient.
type Rcpt struct {
	deliver.Result // of the last attempt
	Fate           Fate
	QueueID        string // by which the host's log knows the message; empty where it gave none
	Tries          int
	Next           string // what to do next; empty where there is nothing
}

// Send makes one attempt for each destination, in their order, and where Wait allows
// it further ones for what is put off. It ends early with ctx.
func (s *Sender) Send(ctx context.Context, p Prepared) Sending {
	start := time.Now()
	var out Sending
	for _, g := range groups(p.Rcpts) {
		out.Deliveries = append(out.Deliveries, s.deliver(ctx, p, g))
	}
	out.Interrupted = ctx.Err() != nil && out.unsettled()
	if addr, closed := outOfReach(out); closed && s.Port25 != nil && p.Via == "" && ctx.Err() == nil {
		out.Port25 = s.Port25(ctx, addr)
	}
	for i := range out.Deliveries {
		for n := range out.Deliveries[i].Rcpts {
			r := &out.Deliveries[i].Rcpts[n]
			r.Next = next(*r, p.Via, out.Port25, s.Wait > 0)
			if out.Interrupted && r.Fate == Untried {
				r.Next = "It was not sent. The same command sends it."
			}
		}
	}
	out.Took = time.Since(start)
	return out
}

// unsettled reports whether there is a recipient of whom more could have become.
func (s Sending) unsettled() bool {
	for _, d := range s.Deliveries {
		if slices.ContainsFunc(d.Rcpts, func(r Rcpt) bool { return r.Fate != Delivered && r.Fate != Refused }) {
			return true
		}
	}
	return false
}

// maxTries bounds the attempts at one destination, however soon a host wants the next.
const maxTries = 10

// usual is how soon a host is tried again that does not say when: what postgrey and
// rspamd ask for by default.
const usual = 5 * time.Minute

// deliver tries a group, and again while it is put off and there is time.
func (s *Sender) deliver(ctx context.Context, p Prepared, g group) Delivery {
	d := Delivery{Rcpts: make([]Rcpt, len(g.rcpts))}
	for i, addr := range g.rcpts {
		d.Rcpts[i].Addr = addr
	}
	until := time.Now().Add(s.Wait)
	for {
		job := p.job(group{g.domain, open(d.Rcpts)})
		job.Failures = len(d.Tries)
		try := Try{At: time.Now(), Report: s.Deliver.Deliver(ctx, job)}
		d.Destination = try.Destination
		d.Tries = append(d.Tries, try)
		for _, r := range try.Results {
			i := slices.IndexFunc(d.Rcpts, func(have Rcpt) bool { return have.Addr == r.Addr })
			d.Rcpts[i].take(r)
		}
		again, because := soonest(d.Rcpts)
		if s.Wait <= 0 || because == nil || len(d.Tries) == maxTries || time.Now().Add(again).After(until) || ctx.Err() != nil {
			return d
		}
		if s.Waiting != nil {
			s.Waiting(time.Now().Add(again), because.Result)
		}
		if !pause(ctx, again) {
			return d
		}
	}
}

// pause waits, and reports whether ctx lasted.
func pause(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// open is the recipients of which a further attempt can make something.
func open(list []Rcpt) []string {
	var addrs []string
	for _, r := range list {
		if r.Tries == 0 || r.again() {
			addrs = append(addrs, r.Addr)
		}
	}
	return addrs
}

// again reports whether a host asked for just that: to come again. Who refuses for
// now for a reason that stays, such as a bad name, is not to be knocked at. A message
// that may have been taken is not sent twice.
func (r Rcpt) again() bool {
	if r.Fate != Deferred {
		return false
	}
	switch r.Meaning.Kind {
	case replies.Greylisted, replies.Busy, replies.Unsaid:
		return true
	}
	return false
}

// soonest is when to try again, and for whom.
func soonest(list []Rcpt) (after time.Duration, because *Rcpt) {
	for i, r := range list {
		if !r.again() {
			continue
		}
		wait, said := replies.Later(r.Text)
		if !said {
			wait = usual
		}
		if because == nil || wait < after {
			after, because = wait, &list[i]
		}
	}
	return after, because
}

// take is what an attempt came to.
func (r *Rcpt) take(result deliver.Result) {
	r.Result = result
	r.Tries++
	switch {
	case result.Status == deliver.Delivered:
		r.Fate, r.QueueID = Delivered, replies.QueueID(result.Text)
	case result.Maybe:
		r.Fate = Maybe
	case result.Status == deliver.Permanent:
		r.Fate = Refused
	case result.Said:
		r.Fate = Deferred
	default:
		r.Fate = Untried
	}
}

// outOfReach reports whether no host at all could be connected to, and an address of
// one of them.
func outOfReach(s Sending) (addr netip.Addr, closed bool) {
	for _, d := range s.Deliveries {
		for _, try := range d.Tries {
			for _, session := range try.Sessions {
				if session.Connected() {
					return addr, false
				}
				switch probe.KindOf(session.Err) {
				case probe.Refused, probe.Timeout, probe.Unreachable, probe.Denied:
					addr, closed = session.Target.Addr, true
				}
			}
		}
	}
	return addr, closed
}

// host is who answered, for a reader.
func host(r deliver.Result) string {
	if r.Host == "" {
		return r.IP.String()
	}
	return record.Display(r.Host)
}
