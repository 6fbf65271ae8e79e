// Package spam asks spam filters what they make of a message: SpamAssassin by the
// protocol of spamd (its file spamd/PROTOCOL, version 1.5), and rspamd over HTTP
// (POST /checkv2).
//
// It runs no filter and trains none, and it changes no message. What a filter
// answers is not trusted: replies are bounded in size, rules, text and time, and
// all text in them is as it came, to be escaped by whoever shows it.
package spam

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Bounds of one request, unless a client says otherwise.
const (
	MaxMessage = 50 << 20 // octets of a message that is sent to a filter
	MaxReply   = 1 << 20  // octets of a reply that are read
	MaxRules   = 1000     // of one verdict
	MaxText    = 500      // octets of a name or a description
	// Time is how long one filter may take: with network tests they wait for the DNS.
	Time = 60 * time.Second
)

// A Verdict is what a filter makes of a message.
type Verdict struct {
	Spam      bool    `json:"spam"` // by its own words
	Score     float64 `json:"score"`
	Threshold float64 `json:"threshold"` // from which on SpamAssassin takes a message for spam, and rspamd rejects it
	// Action is what rspamd would do: "no action", "greylist", "add header", "rewrite
	// subject", "soft reject", "reject"; empty where the filter does nothing itself.
	Action string `json:"action,omitempty"`
	Rules  []Rule `json:"rules"` // that apply, those with the most points first
}

// A Rule is one rule that applies to a message.
type Rule struct {
	Name   string  `json:"name"`
	Points float64 `json:"points"` // as far as they are known: see Told
	Told   bool    `json:"told"`   // the filter said the points
	Text   string  `json:"text"`   // what it says; may be empty
}

// An Envelope is what a filter is told of how the message came. All may be missing.
type Envelope struct {
	Client   netip.Addr
	HELO     string
	MailFrom string // without angle brackets
	Known    bool   // that MailFrom is known
}

// A Filter judges messages.
type Filter interface {
	// Judge sends a message, whole with its header, and reads the verdict. The error
	// says why there is none; text of the filter in it is quoted.
	Judge(ctx context.Context, message []byte, e Envelope) (Verdict, error)
	// String names the filter and where it is: "SpamAssassin at 127.0.0.1:783".
	String() string
}

// tooLarge is why a message is not sent.
func tooLarge(n int) error {
	return fmt.Errorf("the message has %d MB; filters are asked about %d MB at most", (n+1<<20-1)>>20, MaxMessage>>20)
}

// bounded is ctx within the time that a filter may take.
func bounded(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, cmp.Or(limit, Time))
}

// late makes of an error that came because of the time one that says so.
func late(ctx context.Context, err error) error {
	if err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return errors.New("it did not answer in time")
	}
	if err != nil && ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// points reads a number of points: finite, and of a size that somebody may mean.
func points(text string) (float64, error) {
	x, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
	if err != nil || !sane(x) {
		return 0, fmt.Errorf("%.40q is no number of points", text)
	}
	return x, nil
}

func sane(x float64) bool { return !math.IsNaN(x) && math.Abs(x) <= 1e6 }

// short is text within bounds.
func short(text string) string {
	text = strings.TrimSpace(text)
	if len(text) > MaxText {
		text = strings.ToValidUTF8(text[:MaxText], "") + "…"
	}
	return text
}

// sorted puts the rules with the most points first.
func sorted(rules []Rule) []Rule {
	slices.SortStableFunc(rules, func(a, b Rule) int {
		return cmp.Or(cmp.Compare(b.Points, a.Points), cmp.Compare(a.Name, b.Name))
	})
	return rules[:min(len(rules), MaxRules)]
}
