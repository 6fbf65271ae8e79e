package dnsbl

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/resolve"
)

// State is what an answer amounts to.
type State int

const (
	Clean      State = iota // no entry
	Noted                   // an entry that is not held against the subject
	Listed                  // an entry with a code that the zone defines
	Refused                 // the list speaks of us, not of the subject
	OutOfRange              // not an answer of a list: rewritten on the way, or the name was sold
	Unread                  // inside the range, but the zone does not define the code
)

func (s State) String() string {
	return [...]string{"not listed", "noted", "listed", "refused", "out of range", "unknown code"}[s]
}

// A Reason is one code of an answer and its meaning.
type Reason struct {
	Answer  netip.Addr
	Label   string
	Meaning string
	Class   Class
	Tier    Tier
}

// String is "spam source (SBL, 127.0.0.2)".
func (r Reason) String() string {
	code := r.Answer.String()
	if r.Label != "" {
		code = r.Label + ", " + code
	}
	return fmt.Sprintf("%s (%s)", r.Meaning, code)
}

// A Verdict is one answer, decoded.
type Verdict struct {
	State   State
	Reasons []Reason     // of Listed and Noted, in the order of the answer, each meaning once
	Refusal string       // of Refused: why
	Raw     []netip.Addr // what was answered
	Strange []netip.Addr // those of Raw that are out of range or not defined
}

// Held returns the reasons of one class.
func (v Verdict) Held(class Class) []Reason {
	return slices.DeleteFunc(slices.Clone(v.Reasons), func(r Reason) bool { return r.Class != class })
}

var (
	listRange = netip.MustParsePrefix("127.0.0.0/8") // RFC 5782, 2.1
	// errorRange is where lists put answers about the question; Spamhaus began it
	// and others follow. Nobody lists anything there.
	errorRange = netip.MustParsePrefix("127.255.255.0/24")
	localhost  = netip.MustParseAddr("127.0.0.1")
)

// maxReasons bounds what one answer can say.
const maxReasons = 32

// Decode tells what an answer to Question means. Only codes that the zone
// defines count as listed. One answer may hold several addresses; a refusal
// among them, or one that no list gives, outweighs whatever else it says.
func (z Zone) Decode(a resolve.Answer) Verdict {
	v := Verdict{Raw: a.Addrs()}
	if len(v.Raw) == 0 {
		if !a.Void() { // records, but none an address
			v.State = Unread
		}
		return v
	}
	if reason, refused := z.refusal(v.Raw); refused {
		v.State, v.Refusal = Refused, reason
		return v
	}
	outside := false
	for _, addr := range v.Raw {
		reasons := z.read(addr)
		if len(reasons) == 0 {
			v.Strange = append(v.Strange, addr)
			outside = outside || !listRange.Contains(addr) || addr == localhost // RFC 5782, 2.1 and 5
		}
		for _, r := range reasons {
			if len(v.Reasons) < maxReasons && !slices.Contains(v.Reasons, r) {
				v.Reasons = append(v.Reasons, r)
			}
		}
	}
	v.State = z.weigh(v, outside)
	if v.State == OutOfRange || v.State == Unread {
		v.Reasons = nil
	}
	return v
}

func (z Zone) weigh(v Verdict, outside bool) State {
	switch {
	case outside:
		return OutOfRange
	case slices.ContainsFunc(v.Reasons, func(r Reason) bool { return r.Class <= Policy }):
		return Listed
	case len(v.Strange) > 0:
		return Unread
	}
	return Noted
}

// refusal finds the first address that is a refusal.
func (z Zone) refusal(addrs []netip.Addr) (reason string, refused bool) {
	for _, addr := range addrs {
		for _, r := range z.Refusals {
			if z.matches(r.Answers, addr) {
				return fmt.Sprintf("%s (%s)", r.Reason, addr), true
			}
		}
		if errorRange.Contains(addr) {
			return fmt.Sprintf("an error code without a known meaning (%s)", addr), true
		}
	}
	return "", false
}

// read returns the meanings of one address: one, or in a bitmask one for each
// bit that is set and defined. It returns none for a code that is not defined.
func (z Zone) read(addr netip.Addr) []Reason {
	var reasons []Reason
	for _, c := range z.Codes {
		// A range never gives 127.0.0.1 a meaning; only the code itself does.
		if !z.matches(c.Answers, addr) || addr == localhost && !c.Answers.IsSingleIP() {
			continue
		}
		tier := c.Tier
		if tier == 0 {
			tier = z.Tier
		}
		reasons = append(reasons, Reason{addr, c.Label, c.Meaning, c.Class, tier})
		if !z.Bitmask {
			break
		}
	}
	return reasons
}

// matches compares by address or, in a bitmask, by bits of the last octet; the
// others are reserved there.
func (z Zone) matches(code netip.Prefix, addr netip.Addr) bool {
	if !z.Bitmask || !code.IsSingleIP() || !listRange.Contains(addr) || errorRange.Contains(addr) {
		return code.Contains(addr)
	}
	bit := code.Addr().As4()[3]
	return addr.As4()[3]&bit != 0
}

// String is the verdict for a reader: "listed: spam source (SBL, 127.0.0.2)".
func (v Verdict) String() string {
	switch v.State {
	case Refused:
		return "refused: " + v.Refusal
	case OutOfRange, Unread:
		return v.State.String() + ": " + join(v.Strange)
	}
	var parts []string
	for _, r := range v.Reasons {
		parts = append(parts, r.String())
	}
	if len(parts) == 0 {
		return v.State.String()
	}
	return v.State.String() + ": " + strings.Join(parts, "; ")
}

func join(addrs []netip.Addr) string {
	var parts []string
	for _, a := range addrs {
		parts = append(parts, a.String())
	}
	return strings.Join(parts, ", ")
}
