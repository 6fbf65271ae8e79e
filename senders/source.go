package senders

import (
	"net/netip"
	"time"
)

// A Standing is what a source is to the domain.
type Standing int

const (
	// Own sources are the domain's, by SPF or by a signature of the domain that comes
	// from nowhere else.
	Own Standing = iota
	// Maybe sources send as the domain steadily or in a name of their own, but nothing
	// of what they send is aligned: a service of the owner's that was never set up, or
	// somebody else's mail.
	Maybe
	// Forwarder sources pass on mail that was the domain's.
	Forwarder
	// Stranger sources have nothing to do with the domain as far as can be told.
	Stranger
)

func (s Standing) String() string { return [...]string{"own", "maybe", "forwarder", "stranger"}[s] }

// A Source is who sends as the domain: a service, an operator, or hosts near each other.
type Source struct {
	Name     string   // "SendGrid", "lists.example", "192.0.2.25"
	Service  bool     // Name is that of a known mail service
	By       string   // how it is known: "SPF of the domain", "signs as sendgrid.net"
	Standing Standing // what it is to the domain
	Why      string   // of Standing, in words
	New      bool     // it was not there last time
	Over     bool     // it is own, and what failed of it ended days before the last report
	// Messages and the like, of all its addresses.
	Counts
	Addresses []Address // the busiest first, at most MaxAddresses
	Hosts     int       // addresses in all
	From      []Named   // author domains, subdomains too, absolute
	Signers   []Signer  // DKIM selectors and domains seen
	Envelopes []Domain  // envelope domains for which SPF was asked
	// First and Last are the days of the first and the last message; LastFailure is
	// that of the last that failed and was not merely forwarded, zero if none did.
	First, Last, LastFailure time.Time
	Days, Reporters          int // on how many days, and by how many receivers it was seen; at most 64
}

// A Counts is messages, by what became of them.
type Counts struct {
	Messages  int64
	Passed    int64 // DMARC
	DKIM, SPF int64 // passed for an aligned domain
	// Of those that failed DMARC:
	Quarantined int64
	Rejected    int64
	Spared      int64 // nothing was done: the policy is none, or was overridden
	Forwarded   int64 // the receiver says so
	Altered     int64 // a signature of the domain was there and did not verify
}

// Failed is how many failed DMARC.
func (c Counts) Failed() int64 { return c.Messages - c.Passed }

func (c *Counts) add(o Counts) {
	c.Messages += o.Messages
	c.Passed += o.Passed
	c.DKIM += o.DKIM
	c.SPF += o.SPF
	c.Quarantined += o.Quarantined
	c.Rejected += o.Rejected
	c.Forwarded += o.Forwarded
	c.Altered += o.Altered
	c.Spared += o.Spared
}

// Aligned reports whether all of it passed.
func (s Source) Aligned() bool { return s.Failed() == 0 }

// Ours reports whether what it sends is, or may be, the owner's to set right.
func (s Source) Ours() bool { return s.Standing == Own || s.Standing == Maybe }

// An Address is one address of a source. An address that no report tells is not valid.
type Address struct {
	Addr netip.Addr
	Counts
}

// A Named is a name and how many messages had it.
type Named struct {
	Name     string
	Messages int64
}

// A Signer is a DKIM key that signed.
type Signer struct {
	Domain, Selector string // the domain absolute
	Aligned          bool   // the domain is that of the author, or shares its organizational domain
	Messages, Passed int64
}

// A Domain is a domain for which SPF was asked.
type Domain struct {
	Name             string // absolute
	Aligned          bool
	Messages, Passed int64
}
