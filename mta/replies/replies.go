// Package replies says in plain words what a refusal by a mail host means and what
// to do about it. It is data: what large receivers document of their replies, what
// the lists say that many hosts go by, and what the enhanced status codes stand for
// (RFC 3463). Where nobody has documented a reply, it says nothing.
package replies

import (
	"slices"
	"strconv"
	"strings"
)

// A Kind is what a refusal is about. What to do follows from it.
type Kind int

const (
	Unsaid         Kind = iota // nothing is known of the reply
	Blocked                    // the address, its network or the domain has a bad name, or none: another way out would do
	Throttled                  // too much at once, or too much of what nobody asked for; slower, or later
	Greylisted                 // a stranger is asked to come again
	Authentication             // SPF, DKIM, DMARC, reverse DNS: the sender has to publish something
	Encryption                 // TLS is wanted
	Content                    // this message, whoever sends it
	Recipient                  // this recipient: unknown, full, closed
	Policy                     // the receiver's own rules for this sender or recipient
	Busy                       // the receiver has trouble of its own
	Client                     // what the client did in the conversation
)

var kindNames = [...]string{
	"", "blocked", "throttled", "greylisted", "authentication", "encryption", "content", "recipient", "policy", "busy", "client",
}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "invalid(" + strconv.Itoa(int(k)) + ")"
	}
	return kindNames[k]
}

// A Reply is what a host said.
type Reply struct {
	Host     string // the MX host, without or with a final dot
	Code     int    // 550
	Enhanced string // "5.7.26"; empty: there is none
	Text     string // the lines, joined by blanks or line ends, with or without codes
}

// A Meaning is what a reply means.
type Meaning struct {
	ID       string // "gmail-unauthenticated": stable, for documents and metrics
	Receiver string // whose reply it is: "Gmail"; empty where many say so
	Kind     Kind
	Plain    string // what it says, in plain words
	Do       string // what to do about it
	Link     string // where the receiver says more, or takes requests; may be empty
	Source   string // where the reply is documented
}

// A rule is a meaning and the replies that have it. Every condition that is given
// has to hold.
type rule struct {
	hosts []string // domains of MX hosts
	class int      // 4 or 5: of the code; 0 is both
	codes []string // enhanced codes without their class: "7.26", "7.606-649"
	words []string // one of them stands in the text, lower-case; "a&b": both do
	Meaning
}

// All is every meaning there is, in the order in which rules are tried.
func All() []Meaning {
	var all []Meaning
	for _, set := range sets() {
		for _, r := range set {
			all = append(all, r.Meaning)
		}
	}
	return all
}

// sets is the rules, those of receivers before those of everybody.
func sets() [][]rule {
	return [][]rule{google, microsoft, yahoo, apple, germany, gateways, lists, hosts, general}
}

// maxText bounds what is looked at of a text.
const maxText = 16 << 10

// Explain says what a reply means; false where nothing is known of it.
func Explain(r Reply) (Meaning, bool) {
	if r.Code < 400 || r.Code > 599 {
		return Meaning{}, false
	}
	host := strings.TrimSuffix(strings.ToLower(r.Host), ".")
	text := strings.Join(strings.Fields(strings.ToLower(r.Text[:min(len(r.Text), maxText)])), " ")
	for _, set := range sets() {
		for _, rule := range set {
			if rule.fits(host, r, text) {
				return rule.Meaning, true
			}
		}
	}
	return Meaning{}, false
}

func (r rule) fits(host string, reply Reply, text string) bool {
	switch {
	case len(r.hosts) > 0 && !slices.ContainsFunc(r.hosts, func(domain string) bool { return host == domain || strings.HasSuffix(host, "."+domain) }):
		return false
	case r.class != 0 && r.class != reply.Code/100:
		return false
	case len(r.codes) > 0 && !slices.ContainsFunc(r.codes, func(c string) bool { return covers(c, reply.Enhanced) }):
		return false
	case len(r.words) > 0 && !slices.ContainsFunc(r.words, func(w string) bool { return says(text, w) }):
		return false
	}
	return true
}

// says reports whether every part of words, which are joined by "&", is in text.
func says(text, words string) bool {
	for part := range strings.SplitSeq(words, "&") {
		if !strings.Contains(text, part) {
			return false
		}
	}
	return true
}

// covers reports whether codes, "7.26" or "7.606-649", stand for an enhanced code.
func covers(codes, enhanced string) bool {
	_, rest, _ := strings.Cut(enhanced, ".")
	if rest == codes {
		return true
	}
	subject, detail, _ := strings.Cut(rest, ".")
	wanted, span, _ := strings.Cut(codes, ".")
	low, high, ranged := strings.Cut(span, "-")
	if !ranged || subject != wanted {
		return false
	}
	n, err := strconv.Atoi(detail)
	from, _ := strconv.Atoi(low)
	to, _ := strconv.Atoi(high)
	return err == nil && from <= n && n <= to
}
