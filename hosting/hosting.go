// Package hosting is what is known of companies that rent out servers: by which
// networks their addresses are told, where the reverse DNS of an address is set
// there, and how port 25 is opened on the way out. The DNS of a domain cures
// neither of the two. All of it is data, each piece with where it is written.
package hosting

import (
	"net/netip"
	"slices"
)

// A Way is how something is done at a provider, in the provider's words.
type Way struct {
	How    string // whole sentences; names of menus as the panel has them
	API    string // the command or resource for it; empty where none is known
	Source string // https URL of the provider's page about it
	AsOf   string // YYYY-MM-DD: the date that the page bears, or on which what it says was looked up if it bears none
}

// Known reports whether there is anything to tell.
func (w Way) Known() bool { return w.How != "" }

// An Outbound is what a provider lets out to port 25 of others.
type Outbound int

const (
	Unstated Outbound = iota // no page of the provider was found that says it
	Open                     // open, until mail from there is taken for spam
	Closed                   // closed at first, and opened by the customer or on request
	Never                    // closed, and no page of the provider says that it is ever opened
)

// A Provider rents out servers or addresses.
type Provider struct {
	Name     string
	Networks []uint32 // numbers of its autonomous systems, those of its servers
	PTR4     Way      // how the reverse DNS of an IPv4 address is set; not known where no page says it
	PTR6     Way      // and of an IPv6 address
	Outbound Outbound
	Port25   Way  // how port 25 is opened on the way out, or why it is not
	Mute     bool // ports 465 and 587 are closed like it, so that a relay has to take mail on another
}

// PTR is how the reverse DNS of addr is set.
func (p Provider) PTR(addr netip.Addr) Way {
	if addr.Unmap().Is4() {
		return p.PTR4
	}
	return p.PTR6
}

// ByNetwork is the provider that an autonomous system belongs to.
func ByNetwork(number uint32) (Provider, bool) {
	i := slices.IndexFunc(providers, func(p Provider) bool { return slices.Contains(p.Networks, number) })
	if i < 0 {
		return Provider{}, false
	}
	return providers[i], true
}

// Providers is all that are known, by name.
func Providers() []Provider { return slices.Clone(providers) }
