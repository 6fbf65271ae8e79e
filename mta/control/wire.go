package control

import (
	"time"
)

// A Status is how a server is.
type Status struct {
	Version   string     `json:"version"`
	PID       int        `json:"pid"`
	Since     time.Time  `json:"since"`
	Reloaded  time.Time  `json:"reloaded,omitzero"` // when settings were last read again
	Hostname  string     `json:"hostname"`
	Domains   []string   `json:"domains"` // that mail is taken for
	Listeners []Listener `json:"listeners"`
	Counts    Counts     `json:"counts"`
	Queue     Queue      `json:"queue"`
	Certs     []Cert     `json:"certificates"`
	Spool     Disk       `json:"spool"`
	Problems  []string   `json:"problems"` // what somebody should look at, in words
}

// A Listener is where a server takes mail.
type Listener struct {
	Port    string `json:"port"` // "mx", "submission", "submissions"
	Address string `json:"address"`
}

// Counts is what a server did since it began.
type Counts struct {
	Sessions  uint64 `json:"sessions"`
	Accepted  uint64 `json:"accepted"` // messages
	Refused   uint64 `json:"refused"`  // messages, at their end
	Delivered uint64 `json:"delivered"`
	Deferred  uint64 `json:"deferred"` // attempts that failed for now; all three in recipients
	Failed    uint64 `json:"failed"`
}

// Queue is what waits, in short.
type Queue struct {
	Messages   int       `json:"messages"`
	Delivering int       `json:"delivering"` // transactions under way
	Deferred   int       `json:"deferred"`   // messages that were tried
	Held       int       `json:"held"`
	Octets     int64     `json:"octets"`
	Oldest     time.Time `json:"oldest,omitzero"` // when the oldest one was accepted
}

// A Cert is a certificate that is shown to clients.
type Cert struct {
	Names    []string  `json:"names"`
	NotAfter time.Time `json:"not_after,omitzero"`
	From     string    `json:"from"`           // a file, or the authority
	TLSA     []string  `json:"tlsa,omitempty"` // what records of its key say, and of the next one if that is another
	Error    string    `json:"error,omitempty"`
}

// A Disk is what is left of one.
type Disk struct {
	Path    string `json:"path"`
	Free    uint64 `json:"free"`     // octets
	MinFree uint64 `json:"min_free"` // below that no mail is taken
}

// Reloaded tells what reading the settings again came to.
type Reloaded struct {
	Changed []string `json:"changed"` // in words; empty: nothing
	Later   []string `json:"later"`   // what only a restart brings
}

// A State is where a message stands.
type State string

// States of a message.
const (
	Queued     State = "queued"     // not tried yet
	Delivering State = "delivering" // being tried now
	Deferred   State = "deferred"   // tried, and to be tried again
	Held       State = "held"       // not tried until it is released
	Telling    State = "telling"    // it has ended for everybody, and the sender is to be told
)

// States is all of them.
func States() []State { return []State{Queued, Delivering, Deferred, Held, Telling} }

// A Message is one of the queue.
type Message struct {
	ID         string      `json:"id"`
	State      State       `json:"state"`
	From       string      `json:"from"` // reverse-path; empty: the null reverse-path
	Received   time.Time   `json:"received"`
	Size       int64       `json:"size"`                // octets
	Next       time.Time   `json:"next,omitzero"`       // when something is to be done; zero: not before it is released, or now
	Recipients []Recipient `json:"recipients"`          // who waits comes first; not all where there are many
	Total      int         `json:"recipients_total"`    //
	Waiting    int         `json:"recipients_waiting"`  // of Total
	Delayed    bool        `json:"delayed,omitempty"`   // the sender was told that it takes longer
	Auth       string      `json:"auth,omitempty"`      // the user who submitted it
	Client     string      `json:"client,omitempty"`    // address it came from; empty: made here
	HELO       string      `json:"helo,omitempty"`      //
	TLS        string      `json:"tls,omitempty"`       // version and cipher suite it came under
	Until      time.Time   `json:"until,omitzero"`      // when trying ends; zero: not known
	RequireTLS bool        `json:"requiretls,omitzero"` // RFC 8689
}

// A Recipient is one of a message.
type Recipient struct {
	Addr     string    `json:"addr"`
	Status   string    `json:"status"` // "waiting", "delivered", "failed"
	Attempts int       `json:"attempts"`
	Tried    time.Time `json:"tried,omitzero"`
	Next     time.Time `json:"next,omitzero"`
	Maybe    bool      `json:"maybe,omitempty"` // an attempt ended without a reply: it may have the message
	Reply    *Reply    `json:"reply,omitempty"` // to the last attempt
}

// A Reply is what decided an attempt, and what it means.
type Reply struct {
	Code     int       `json:"code,omitempty"` // SMTP reply code; 0: no reply
	Enhanced string    `json:"enhanced,omitempty"`
	Text     string    `json:"text"`
	Host     string    `json:"host,omitempty"` // that said so; empty: our own conclusion
	At       time.Time `json:"at,omitzero"`
	Kind     string    `json:"kind,omitempty"`  // of mta/replies: "throttled"; empty: nothing is known of it
	Plain    string    `json:"plain,omitempty"` // what it means
	Do       string    `json:"do,omitempty"`    // what to do about it
	Link     string    `json:"link,omitempty"`
}

// A Detail is all about one message but its body.
type Detail struct {
	Message
	Path   string `json:"path"`   // of the file with its octets
	Header []byte `json:"header"` // its beginning, up to the empty line or 64 KiB
	Cut    bool   `json:"header_cut,omitempty"`
}

// A Page is messages, the oldest first.
type Page struct {
	Messages []Message `json:"messages"`
	Total    int       `json:"total"`    // in the queue
	Matching int       `json:"matching"` // of these, those that fit the filter
	Next     string    `json:"next,omitempty"`
	Broken   []Broken  `json:"broken,omitempty"` // entries that cannot be read; from the spool only
	Aside    Aside     `json:"aside,omitzero"`
}

// Aside is what could not be delivered and was moved out of the way, each entry with
// a note that says why.
type Aside struct {
	Dir     string `json:"dir"`
	Entries int    `json:"entries"`
}

// Broken is an entry of the spool that cannot be delivered.
type Broken struct {
	ID  string `json:"id"`
	Why string `json:"why"`
}

// A Filter chooses messages; what is empty fits all.
type Filter struct {
	To    string `json:"to,omitempty"`    // domain of a recipient that waits; ".example.org" for what is below
	From  string `json:"from,omitempty"`  // reverse-path, or its domain; "<>": the null one
	State State  `json:"state,omitempty"` //
}

// An Action is what is to be done with messages.
type Action string

// Actions.
const (
	Retry   Action = "retry"   // try now; a held message stays held
	Hold    Action = "hold"    // do not try until it is released, across restarts too
	Release Action = "release" // give it back to its schedule
	Remove  Action = "remove"  // for good; neither the sender nor anybody else is told
)

// A Selection is the messages of an action, by their IDs or beginnings of these that
// are one message's alone; 1,000 at most.
type Selection struct {
	IDs []string `json:"ids"`
}

// Done is what an action came to.
type Done struct {
	IDs    []string  `json:"ids"` // of the messages it was done to
	Failed []Failure `json:"failed"`
	Broken []Broken  `json:"broken,omitempty"` // found and moved aside meanwhile; by Offline only
}

// A Failure is a message that an action could not be done to.
type Failure struct {
	ID    string `json:"id"` // as it was asked for
	Error string `json:"error"`
}
