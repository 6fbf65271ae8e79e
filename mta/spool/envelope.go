package spool

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// An Envelope is what is known of a message beside its octets: who it is from and
// for, how it came, and how far its delivery has got. It is a value: a Spool keeps
// what it was last given.
type Envelope struct {
	ID       string     // see NewID; sorts by time of acceptance
	From     string     // reverse-path without angle brackets; empty: the null reverse-path <>
	Rcpts    []Rcpt     // at least one
	Received time.Time  // when it was accepted
	Auth     string     // the user who submitted it; empty: not authenticated
	Client   netip.Addr // where it came from; zero: made here
	HELO     string     // what the client called itself
	TLS      string     // version and cipher suite it came under; empty: in clear
	Size     int64      // octets of the message; set by the spool

	Body       string // BODY parameter (RFC 6152, RFC 3030): "", 7BIT, 8BITMIME, BINARYMIME
	SMTPUTF8   bool   // RFC 6531
	RequireTLS bool   // RFC 8689
	Ret        string // RET parameter (RFC 3461, 4.3): "", FULL, HDRS
	EnvID      string // ENVID parameter (RFC 3461, 4.4), in xtext

	Held    bool // not tried until it is released
	Delayed bool // the sender has been told of the delay

	unknown unknown
}

// A Rcpt is one recipient, with its own way through the queue.
type Rcpt struct {
	Addr   string   // forward-path without angle brackets
	Notify []string // NOTIFY parameter (RFC 3461, 4.1): NEVER, or of SUCCESS FAILURE DELAY; nil: not given
	ORcpt  string   // ORCPT parameter (RFC 3461, 4.2): type;xtext

	Status   Status
	Attempts int       // begun, the one under way too: it is committed before it is tried
	Tried    time.Time // when the last one began; zero: never
	Next     time.Time // when the next one is due; zero: now
	Reply    Reply     // that decided the last attempt
	// Maybe tells that an attempt ended without a reply to the final dot: the
	// recipient may have the message (RFC 5321, 4.2.5 and 6.1).
	Maybe bool
	Told  bool // the sender has been told how it ended, or somebody else tells him

	unknown unknown
}

// A Reply is what the other side said, or what kept it from saying anything.
type Reply struct {
	Code     int       `json:"code,omitempty"`     // SMTP reply code; 0: no reply
	Enhanced string    `json:"enhanced,omitempty"` // enhanced status code (RFC 3463), such as 4.2.2
	Text     string    `json:"text,omitempty"`     // as received, lines joined by LF; or the error
	Host     string    `json:"host,omitempty"`     // that said so
	At       time.Time `json:"at,omitzero"`
}

// A Status is how far the delivery to one recipient has got.
type Status string

const (
	Waiting   Status = "waiting" // to be tried (again)
	Delivered Status = "delivered"
	Failed    Status = "failed" // for good
)

// Clone is a copy that shares nothing which changes.
func (e Envelope) Clone() Envelope {
	e.Rcpts = slices.Clone(e.Rcpts)
	return e
}

// Bounds of an envelope.
const (
	maxRcpts = 10_000
	maxPath  = 4096    // octets of an address; SMTP bounds it far lower (RFC 5321, 4.5.3.1.3)
	maxText  = 8192    // octets of a reply that are kept
	maxTexts = 8 << 20 // of all replies of an envelope together
)

// check says what keeps an envelope from being kept.
func (e *Envelope) check() error {
	switch {
	case len(e.Rcpts) == 0:
		return errors.New("no recipient")
	case len(e.Rcpts) > maxRcpts:
		return fmt.Errorf("%d recipients, the limit is %d", len(e.Rcpts), maxRcpts)
	case e.Received.IsZero():
		return errors.New("no time of acceptance")
	case e.Size < 0:
		return fmt.Errorf("size %d", e.Size)
	}
	if err := checkPath(e.From); err != nil {
		return fmt.Errorf("reverse-path %q: %w", e.From, err)
	}
	for i := range e.Rcpts {
		if err := e.Rcpts[i].check(); err != nil {
			return fmt.Errorf("recipient %d, %q: %w", i+1, e.Rcpts[i].Addr, err)
		}
	}
	return nil
}

func (r *Rcpt) check() error {
	if r.Addr == "" {
		return errors.New("no address")
	}
	if err := checkPath(r.Addr); err != nil {
		return err
	}
	if !slices.Contains([]Status{Waiting, Delivered, Failed}, r.Status) {
		return fmt.Errorf("unknown status %q", r.Status)
	}
	if r.Attempts < 0 {
		return fmt.Errorf("%d attempts", r.Attempts)
	}
	return nil
}

// checkPath keeps out what would break the dialogue that the address is sent in.
func checkPath(path string) error {
	switch {
	case len(path) > maxPath:
		return errors.New("too long")
	case !utf8.ValidString(path):
		return errors.New("not UTF-8")
	case strings.ContainsFunc(path, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return errors.New("control character")
	}
	return nil
}
