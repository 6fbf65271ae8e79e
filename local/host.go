// Package local reads the mail host on which it runs: what its software is
// configured to say and to sign with, and how the machine itself is doing. It
// reads files and asks a few commands that only look; it changes nothing, needs
// no privilege, and every source is optional.
//
// It does not judge, and it does not ask the network. Of a private key it gives
// the public half only: no value of this package holds a secret.
package local

import (
	"net/netip"
	"slices"
	"time"
)

// A Host is a mail host seen from within. It holds nothing that is secret, so
// that it may be recorded. The lists are in the order in which the sources were
// read, each entry once.
type Host struct {
	Software     []string      `json:"software,omitzero"` // mail servers and suites that were recognised: "Postfix"
	Containers   bool          `json:"containers,omitzero"`
	Idle         []string      `json:"idle,omitzero"` // signers that are configured and do not run; their keys are left out
	Names        []Name        `json:"names,omitzero"`
	Keys         []Key         `json:"keys,omitzero"`
	Certificates []Certificate `json:"certificates,omitzero"`
	Addresses    []netip.Addr  `json:"addresses,omitzero"` // of the interfaces, without loopback
	Outgoing     []Outgoing    `json:"outgoing,omitzero"`
	Relay        string        `json:"relay,omitzero"` // the smart host that takes all outgoing mail; empty if none
	Pins         []Pin         `json:"pins,omitzero"`
	Queues       []Queue       `json:"queues,omitzero"`
	Disks        []Disk        `json:"disks,omitzero"`
	Memory       *Memory       `json:"memory,omitzero"`
	Sockets      []Socket      `json:"sockets,omitzero"`   // listening, on ports that matter for mail
	Resolvers    []netip.Addr  `json:"resolvers,omitzero"` // that programs here ask
	Chroot       []netip.Addr  `json:"chroot,omitzero"`    // that Postfix asks, if its client has a root directory of its own
	Doubts       []Doubt       `json:"doubts,omitzero"`
}

// A Name is what a mail server gives as its own in EHLO.
type Name struct {
	Text   string       `json:"text"`          // as configured
	Source string       `json:"source"`        // "smtp_helo_name of Postfix"
	From   []netip.Addr `json:"from,omitzero"` // addresses that it is used with; empty: those of all mail
}

// A Key is the public half of a key with which mail is signed by DKIM.
type Key struct {
	Domain   string `json:"domain"` // canonical
	Selector string `json:"selector"`
	Public   []byte `json:"public,omitzero"` // SubjectPublicKeyInfo in DER (RFC 5280, 4.1)
	Fault    string `json:"fault,omitzero"`  // why there is no Public although the server is to sign with it: "does not exist"
	File     string `json:"file"`
	Source   string `json:"source"` // "OpenDKIM"
}

// A Certificate is one that a mail server shows, as it stands on disk: the one
// that it shows after its next restart.
type Certificate struct {
	Chain  [][]byte `json:"chain,omitzero"` // DER, the host's own first; empty where the key alone is known
	Key    []byte   `json:"key"`            // SubjectPublicKeyInfo of the host's own, in DER
	File   string   `json:"file"`
	Source string   `json:"source"`
}

// An Outgoing is an address from which connections to the internet leave.
type Outgoing struct {
	Addr   netip.Addr `json:"addr"`
	Client bool       `json:"client,omitzero"` // of a single client of the mail server, not of all mail
	Source string     `json:"source"`
}

// A Pin is a name to which the hosts file gives an address.
type Pin struct {
	Name string     `json:"name"` // canonical
	Addr netip.Addr `json:"addr"`
	Line int        `json:"line"`
}

// A Queue is the mail that waits.
type Queue struct {
	Source  string        `json:"source"`
	Count   int           `json:"count"`
	AtLeast bool          `json:"at_least,omitzero"` // there are more than were counted
	Oldest  time.Duration `json:"oldest,omitzero"`   // how long the oldest message has waited, in ns; 0 if not known
}

// A Disk is the room on the file system of a directory where mail lies. Sizes
// are in octets. Inodes is 0 on file systems that have as many as they like.
type Disk struct {
	Path   string `json:"path"`
	Free   uint64 `json:"free"` // for who is not root
	Total  uint64 `json:"total"`
	Unused uint64 `json:"unused,omitzero"` // inodes
	Inodes uint64 `json:"inodes,omitzero"`
}

// A Memory is what there is of it, in octets.
type Memory struct {
	Available uint64 `json:"available"` // for new programs without swapping
	Total     uint64 `json:"total"`
	FreeSwap  uint64 `json:"free_swap,omitzero"`
}

// A Socket is one that listens.
type Socket struct {
	Network string         `json:"network"` // tcp or udp
	At      netip.AddrPort `json:"at"`      // one at :: takes IPv4 too, as a rule
}

// An Area is something that a host may be asked about.
type Area string

// Areas.
const (
	Names        Area = "names"
	Keys         Area = "keys"
	Certificates Area = "certificates"
	Sending      Area = "sending"
	HostsFile    Area = "hosts file"
	Queues       Area = "queues"
	Disks        Area = "disks"
	Memories     Area = "memory"
	Sockets      Area = "sockets"
	Resolvers    Area = "resolvers"
)

// A Doubt is a source that could not be read, and what to do about it.
type Doubt struct {
	Area   Area   `json:"area"`
	Reason string `json:"reason"` // "run as root to read /etc/opendkim/keys"
}

// Unread is why an area may be known in part only.
func (h *Host) Unread(area Area) []string {
	var reasons []string
	for _, d := range h.Doubts {
		if d.Area == area && !slices.Contains(reasons, d.Reason) {
			reasons = append(reasons, d.Reason)
		}
	}
	return reasons
}

// KeysOf is the keys with which mail of domain (canonical) is signed.
func (h *Host) KeysOf(domain string) []Key {
	return slices.DeleteFunc(slices.Clone(h.Keys), func(k Key) bool { return k.Domain != domain })
}

// Runs reports whether a mail server or suite of this name was recognised.
func (h *Host) Runs(software string) bool { return slices.Contains(h.Software, software) }
