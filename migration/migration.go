// Package migration moves the mail of a domain from one set-up to another without
// one message lost: it takes stock of what there is, says what stands in the way,
// and puts what has to be done into an order in which each moment between is one
// that works.
//
// A move is a row of states of the zone. Today is what is published. Both is when
// the old and the new server may send and sign, and senders may find either.
// Switched is when senders find the new one only, and what they remember of the old
// one still works. Final is what is wanted. No state asks resolvers, caches or queues
// to be quicker than they are: the times between them follow from TTLs, from max_age
// of MTA-STS, and from how long senders keep a message.
//
// The package is pure. It judges what it is given, asks no server and writes no
// record: package plan compares states, and the providers carry out.
package migration

import (
	"net/netip"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// A Move is a migration of one domain, as its file keeps it: several people take
// part, for weeks.
type Move struct {
	Domain string // canonical
	Zone   string // apex, canonical
	Source string // where what is there was read, for a reader: "the DNS"
	Wanted string // path of the maildoctor.yaml that says what is wanted
	Begun  time.Time
	Switch time.Time // when senders shall find the new server: T

	Old, New Side
	Before   []record.Record // all that has to do with mail, as it was when the move began
	Items    []Item
	Blockers []Blocker // as of the last look
	Steps    []Step    // in order
	Log      []Entry   // the latest last

	// Negative is for how many seconds resolvers remember that something is not there.
	Negative uint32
	// Policy is the MTA-STS policy that was served when the move began, and that senders
	// remember; nil if there was none.
	Policy *mtasts.Policy
	// Revision is how often the move was written to its file.
	Revision int
}

// A Side is one of the two set-ups.
type Side struct {
	Name    string   // for a reader: "Google Workspace", "mailcow on mail.example.com"
	Profile string   // of package desired; empty where it is none
	Hosts   []string // MX hosts, by preference, canonical
	Addrs   []netip.Addr
	// Services are those of package desired that belong to the side: its mailboxes,
	// and the relay by which it sends.
	Services []string
}

// A Fate is what becomes of something.
type Fate string

const (
	Keep   Fate = "keep"
	Change Fate = "change"
	Later  Fate = "remove later" // in use until the old server is not
	Ask    Fate = "ask the owner"
)

// An Item is one thing that has to do with mail.
type Item struct {
	Kind    string // "mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "dane", "bimi", "client", "caa", "verification", "subdomain", "ptr"
	Subject string // the name that it is about, canonical: the domain, a selector's name, a subdomain
	Seen    string // what is there, in a few words
	Who     string // whose it is, as far as can be told; empty if not
	From    string // how it was found: "published", "a report of DMARC", "a message", "a list"
	Records []record.Record
	Fate    Fate
	Why     string
	Step    string // ID of the step in which it happens; empty for Keep and Ask
}

// A Blocker stands in the way of a step.
type Blocker struct {
	ID      string // "mta-sts.policy-remembered"
	Step    string // ID of the step that has to wait
	Subject string // name or address
	Text    string // what is so, and what would happen
	// Until is when it is over by itself; zero where only an act lifts it.
	Until time.Time
	Act   string // what lifts it, for a person
	// Unknown tells that it could not be found out whether it stands in the way.
	Unknown bool
}

// A Step is one thing to do, after which everything works.
type Step struct {
	ID     string        // "lower-ttls"
	Title  string        // imperative
	Why    string        // what goes wrong without it
	Offset time.Duration // from Move.Switch; negative before it
	// Wait is how long it has to stand before the next step, from when all
	// authoritative servers have it, and what that follows from.
	Wait    time.Duration
	WaitFor string

	Plan  plan.Plan // as foreseen from the state before; empty where the DNS stays
	Tasks []string  // for people, in order
	// Policy is the MTA-STS policy that is served from this step on; nil: as before.
	Policy *mtasts.Policy
	// Before and After are what must be green: IDs of checks, or of blockers.
	Before, After []string
	Rehearsal     *plan.Rehearsal // of the state after; nil if there is none
	Rollback      string          // how it is taken back, and until when that is safe
	Done          time.Time       // zero if it is not
}

// An Entry of the log is what somebody did, or what was found.
type Entry struct {
	At   time.Time
	Step string // ID; empty where it is about the whole
	Text string
}

// IDs of the steps, in their order. A move has those that it needs.
const (
	LowerTTLs  = "lower-ttls"
	Prepare    = "prepare"    // new keys, both sides may send
	Policies   = "policies"   // MTA-STS names both, DANE has both, DMARC is eased
	Rehearse   = "rehearse"   // recipients and a test mail at the new server
	SwitchMX   = "switch"     // senders and clients find the new server
	Watch      = "watch"      // until what is remembered of the old one is spent
	Retire     = "retire"     // the old side may not send any more
	Strengthen = "strengthen" // DMARC back up
	RaiseTTLs  = "raise-ttls" // and the old keys go
)
