package judge

import "net/netip"

// An Envelope is what the transport knows of a message and the message itself
// does not: who brought it, and the sender he gave.
type Envelope struct {
	// Client is the address of the host that brought the message to the receiver
	// who judges; invalid where it is not known.
	Client netip.Addr
	// HELO is the name that the client gave in EHLO or HELO, as given; empty where
	// it is not known.
	HELO string
	// MailFrom is the reverse-path without angle brackets; empty is the null one
	// (RFC 5321, 4.5.5), if Known.
	MailFrom string
	// Known tells that MailFrom is known.
	Known bool
	// Cover tells whether the client spoke TLS.
	Cover Cover
}

// A Cover is whether a message travelled under TLS.
type Cover int

const (
	CoverUnknown Cover = iota
	InTheClear
	UnderTLS
)
