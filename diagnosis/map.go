package diagnosis

// A Map is how mail gets to a domain and from it, as far as an examination saw: what
// a picture is drawn from. It judges nothing, and says nothing that the examination
// did not ask about; what is wrong is in the results. All of its texts may come
// from the network.
type Map struct {
	SPF       *SPFTree // nil where there is no single record to follow
	Receiving *Route   // nil where it was not looked at, or could not be told
	Sending   *Route   // likewise
}

// Empty reports whether there is nothing to draw.
func (m Map) Empty() bool { return m.SPF == nil && m.Receiving == nil && m.Sending == nil }

// An SPFTree is what an evaluation looks up that no term ends early
// (RFC 7208, 4.6.4).
type SPFTree struct {
	Record string // the domain's, as published; its end is left out where it is long

	Lookups, LookupLimit int
	// Voids is the terms that are void lookups for every sender; the others are
	// those for senders of one family, and include them.
	Voids, Voids4, Voids6, VoidLimit int
	LowerBound                       bool // Lookups is the least it can be

	Terms   []SPFTerm // of the record, in the order of their evaluation
	Omitted int       // terms of the whole tree that are left out, as there are so many
}

// An SPFTerm is one term that costs a lookup, with those of the record it leads to.
type SPFTerm struct {
	Term   string // as its record has it: "include:_spf.example.net"
	Target string // the name that is looked up; empty where that depends on the sender, or is no name
	Record string // the SPF record of an include or redirect; its end is left out where it is long
	State  SPFState
	Reason string // why it is Unanswered

	Number       int  // of the lookup, from 1: those beyond the limit are not done
	Lookups      int  // this term's and all below it
	Void4, Void6 bool // a void lookup for senders of that family
	Terms        []SPFTerm
}

// SPFState is what became of one term.
type SPFState int

// The states of a term.
const (
	SPFFound      SPFState = iota // it leads to what it needs
	SPFEmpty                      // the name has no such record, or does not exist
	SPFNoName                     // an include or redirect to a name that does not exist
	SPFNoRecord                   // likewise, to a name without an SPF record
	SPFSeveral                    // likewise, to several SPF records
	SPFBroken                     // likewise, to a record with a syntax error
	SPFLoop                       // likewise, back to a record on the way to it
	SPFVaries                     // the name depends on the sender
	SPFUnaskable                  // the name is none that the DNS can hold
	SPFUnanswered                 // the DNS gave no answer
	SPFCut                        // not asked, as there was so much to ask
)

var spfStateNames = [...]string{"found", "empty", "no-name", "no-record", "several", "broken", "loop", "varies", "unaskable", "unanswered", "cut"}

func (s SPFState) String() string { return name(spfStateNames[:], int(s)) }

// MarshalText writes "found", "no-name" and so on.
func (s SPFState) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText reads what MarshalText writes.
func (s *SPFState) UnmarshalText(text []byte) error {
	return parse(spfStateNames[:], text, "state of an SPF term", (*int)(s))
}

// A Route is one way of mail: to the domain's mail hosts, or from those that send
// for it.
type Route struct {
	Seen    []Sight // of the domain as a whole
	Hosts   []Host  // the most preferred first
	Omitted int     // hosts, or addresses of senders, that are left out as there are so many
}

// A Host is one host on a Route.
type Host struct {
	Name       string // empty where only addresses are known
	MX         bool   // an MX record names it; then Preference counts
	Preference uint16
	Seen       []Sight
	Addresses  []Address
}

// An Address is one address of a Host.
type Address struct {
	Address string // canonical text form (RFC 5952)
	Seen    []Sight
}

// A Sight is one thing on the way, and what was seen of it.
type Sight struct {
	What string // "MX", "DNSSEC", "MTA-STS", "DANE", "port 25", "TLS", "PTR", "EHLO", "SPF", "DKIM", "DMARC"
	Seen string // in a few words: "TLS 1.3, certificate valid"
	// Outcome is Passed where it is there, Failed where it is not as it was meant,
	// Skipped where there is none or nobody looked, Unknown where it could not be told.
	Outcome Outcome
	Checks  []string // that judge it: IDs, or whole topics
}
