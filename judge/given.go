package judge

import (
	"net/netip"
	"time"

	"github.com/maildoctor/maildoctor/message"
)

// Given is what somebody says of how a saved message came, in place of what its
// header shows. The zero value leaves all to the header.
type Given struct {
	Received int        // field of the boundary, counted from the top; 0: the one that seems to be it
	Client   netip.Addr // address of the client; invalid where it is not said
	HELO     *string    // the name it gave; nil where it is not said
	MailFrom *string    // without angle brackets, empty for the null one; nil where it is not said
	At       time.Time  // as of which to judge; zero where it is not said
}

// Over is g with what o says in its place.
func (g Given) Over(o Given) Given {
	if o.Received != 0 {
		g.Received = o.Received
	}
	if o.Client.IsValid() {
		g.Client = o.Client
	}
	if o.HELO != nil {
		g.HELO = o.HELO
	}
	if o.MailFrom != nil {
		g.MailFrom = o.MailFrom
	}
	if !o.At.IsZero() {
		g.At = o.At
	}
	return g
}

// Arrival is how a message came by its header and by what is given, and its At when
// to judge it: as given, else when it arrived, else when it was written, else now.
// The error is that of EnvelopeOf.
func (g Given) Arrival(m *message.Message, now time.Time) (Arrival, error) {
	a, err := EnvelopeOf(m, g.Received)
	if err != nil {
		return a, err
	}
	e := &a.Envelope
	if g.Client.IsValid() {
		e.Client, e.Cover = g.Client.Unmap().WithZone(""), CoverUnknown
	}
	if g.HELO != nil {
		e.HELO = *g.HELO
	}
	if g.MailFrom != nil {
		e.MailFrom, e.Known = *g.MailFrom, true
	}
	if g.Client.IsValid() || g.HELO != nil || g.MailFrom != nil {
		a.assume("What --client, --helo and --mail-from say stands in place of that.")
	}
	a.moment(m, g.At, now)
	return a, nil
}

// moment sets the time as of which the message is judged.
func (a *Arrival) moment(m *message.Message, given, now time.Time) {
	if !given.IsZero() {
		a.At = given
		return
	}
	if !a.At.IsZero() {
		return
	}
	if at, ok := m.Date(); ok {
		a.assume("When it arrived is not shown, so it is judged as of its Date field.")
		a.At = at
		return
	}
	a.assume("Neither the arrival nor the Date field can be read, so it is judged as of now.")
	a.At = now
}
