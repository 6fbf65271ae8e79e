package desired

import (
	"slices"
	"strings"
	"time"
)

// An MTA is how the mail server of maildoctor runs on this host: `maildoctor mta
// run`. What is zero was not said; [State.Server] fills it in. Paths are as they
// stand in the file, those that are not absolute relative to it.
type MTA struct {
	Hostname    string    // canonical; the name by which it greets, one of the hosts
	State       string    // directory of spool/, mail/, inbox/, acme/, memory.json and control.sock
	Listen      Listen    //
	Certs       []Cert    // certificate files; none with ACME
	ACME        *ACME     // nil: none
	Mailboxes   []string  // local parts, whole addresses, or "*", in lower case
	Aliases     []Alias   // sorted by name
	Users       []User    // sorted by name
	DMARC       string    // Apply or Note
	TestMailbox Switch    // take mail for addresses that `maildoctor inbox` issues
	Relays      []Relay   // sorted by name
	Routes      []Route   // the first that fits counts
	WarmUp      *WarmUp   // nil: no cap
	Limits      MTALimits //
	Metrics     string    // address of /metrics and /healthz; empty: none
}

// Listen is where mail comes in: addresses with ports, ":25", "192.0.2.25:25".
// [None] alone: nowhere.
type Listen struct {
	MX          []string // mail for our domains
	Submission  []string // users, STARTTLS (RFC 6409)
	Submissions []string // users, TLS from the first octet (RFC 8314)
}

// A Cert is a certificate chain and its key, both PEM files.
type Cert struct{ Cert, Key string }

// An ACME is the authority that certificates are had from (RFC 8555).
type ACME struct {
	Email     string
	Directory string // URL; empty: Let's Encrypt
	HTTP      string // address that answers http-01 challenges; empty: ":80", and none beside ALPN
	ALPN      string // address that answers tls-alpn-01 challenges (RFC 8737); empty: none
	External  ExternalAccount
}

// An ExternalAccount is one that the owner has with an authority by other ways, which
// the account of ACME is bound to (RFC 8555, 7.3.4). Zero: none.
type ExternalAccount struct {
	KeyID   string
	KeyFile string // that holds the HMAC key, base64url
}

// An Alias is an address whose mail goes into the mailbox of another one here.
type Alias struct {
	Name string // a local part, of each domain, a whole address, or "*" for what has no mailbox; in lower case
	To   string // a local part of the same domain, or a whole address; in lower case
}

// A User may submit mail.
type User struct {
	Name         string
	PasswordFile string // that holds the password or its hash; empty: PasswordHash
	PasswordHash string // argon2id or bcrypt; never the password
	// SendAs is the addresses that it may write with: "ann@example.com", all of a
	// domain "@example.com", in lower case. Empty: its name, if that is an address,
	// else its name at each of our domains.
	SendAs []string
}

// A Relay delivers our mail for us (a smart host).
type Relay struct {
	Name         string
	Host         string // name or IP address
	Port         int    // 0: 587, with TLS from the first octet 465
	TLS          string // "starttls", "implicit" or "none"; empty: implicit on 465, else starttls
	User         string
	PasswordFile string
}

// A Route is which way mail for some destinations goes: by the relay Via, else
// directly, with the relay Fallback where that fails.
type Route struct {
	To       []string // domains, ".example.org" for what is below, without final dots; empty: any
	Provider string   // who receives: "google"; empty: anybody
	Via      string   // a relay; Direct or empty: none
	Fallback string   // a relay for what cannot be delivered directly
	After    int      // attempts that failed for now, before Fallback; 0: not for that
	OnBlock  Switch   // Fallback where a host says that we are blocked
}

// Direct stands for no relay.
const Direct = "direct"

// A WarmUp caps what goes to one provider in a day, as a new address earns its name.
type WarmUp struct {
	Start       time.Time // the first day, UTC
	First, Last int       // recipients on the first day, and on the last that is capped
	Factor      float64   // from day to day
}

// MTALimits bound what clients can take. Zero is the server's default.
type MTALimits struct {
	Message     int64         // octets of a message
	Recipients  int           // of a message
	Sessions    int           // at a time
	PerClient   int           // sessions at a time of one client
	PerMinute   int           // sessions begun in a minute by one client
	Queue       int           // messages that wait
	QueueSize   int64         // octets of them
	Free        int64         // octets that stay free on the disk
	Mailbox     int64         // octets of a mailbox: its quota
	GiveUp      time.Duration // how long delivery is tried
	DelayNotice time.Duration // until the sender is told
}

// DefaultState is where a server keeps what it must not lose.
const DefaultState = "/var/lib/maildoctor"

// What becomes of mail that fails DMARC.
const (
	Apply = "apply" // what its author domain asks for
	Note  = "note"  // it is delivered, and marked
)

// Server is how the mail server runs: what the file says, with the defaults for
// what it leaves out. Without an mta section all of it is default.
func (s State) Server() MTA {
	var m MTA
	if s.MTA != nil {
		m = *s.MTA
	}
	if len(s.Hosts) > 0 {
		or(&m.Hostname, s.Hosts[0].Name)
	}
	or(&m.State, DefaultState)
	or(&m.DMARC, Apply)
	orList(&m.Listen.MX, []string{":25"})
	return m
}

// Taken is the domains that the server on the host of that name, canonical, takes
// mail for: those whose mail the profile takes, not a service, where the host is one
// of theirs. They stand in the order of the file.
func (s State) Taken(hostname string) []string {
	var names []string
	b := s.builder(Given{Incomplete: true})
	for _, d := range s.Domains {
		m := b.mail(d)
		here := slices.ContainsFunc(m.hosts, func(h Host) bool { return h.Name == hostname })
		if here && m.taker == m.profile.Name {
			names = append(names, d.Name)
		}
	}
	return names
}

// DKIM is the keys of a domain, canonical, as it has them itself or from the
// defaults. A key without a selector has the profile's, unless that depends on when
// the key was made.
func (s State) DKIM(domain string) []Key {
	for _, d := range s.Domains {
		if d.Name != domain {
			continue
		}
		set := d.Over(s.Defaults)
		profile, _ := FindProfile(set.Profile)
		keys := slices.Clone(set.DKIM)
		for i, k := range keys {
			if k.Selector == "" && len(profile.Selectors) > 0 && !strings.Contains(profile.Selectors[0], "{") {
				keys[i].Selector = profile.Selectors[0]
			}
		}
		return keys
	}
	return nil
}
