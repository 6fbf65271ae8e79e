package message

import (
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// A Hop is one Received field: a host that took the message over (RFC 5321, 4.4).
// All of it is what that host wrote, and below the first host that one trusts it
// may be made up.
type Hop struct {
	Index int    // of the field in Message.Fields
	From  string // the name the client gave in EHLO, as written
	// Reverse is the client's name as the host looked it up; empty where it is
	// not told, or "unknown".
	Reverse string
	Addr    netip.Addr // of the client; invalid where it is not told
	By      string     // the host that took it
	Via     string
	With    string // the protocol, as written: ESMTPS
	ID      string
	For     string // the recipient, without angle brackets
	TLS     TLS
	At      time.Time // zero where the date is missing or does not parse
	// Delay is the time since the hop before, by the clocks of both; negative
	// where they disagree. 0 where either date is missing.
	Delay time.Duration
}

// TLS is what a Received field says of the encryption of its hop.
type TLS struct {
	Used    bool   // by the protocol (RFC 3848: ESMTPS) or by what stands in the comments
	Version string // "TLS 1.3"; empty where it is not told
	Cipher  string // as written
	// Authenticated tells that the client logged in (RFC 3848: ESMTPA, ESMTPSA).
	Authenticated bool
}

// MaxHops bounds the Received fields that are read.
const MaxHops = 200

// Hops reads the Received fields in the order the message travelled: the first
// host that took it comes first. The fields themselves stand the other way round.
func (m *Message) Hops() ([]Hop, []Problem) {
	var hops []Hop
	var p problems
	for i := len(m.Fields) - 1; i >= 0; i-- {
		if !m.Fields[i].Is("Received") {
			continue
		}
		if len(hops) == MaxHops {
			p.add(m.Fields[i].Offset, BadReceived, "more than %d Received fields; the rest is not looked at", MaxHops)
			break
		}
		h := parseReceived(m.Fields[i], &p)
		h.Index = i
		if n := len(hops); n > 0 && !h.At.IsZero() && !hops[n-1].At.IsZero() {
			h.Delay = h.At.Sub(hops[n-1].At)
		}
		hops = append(hops, h)
	}
	slices.SortStableFunc(p, func(a, b Problem) int { return a.Offset - b.Offset })
	return hops, p
}

// A word is a run of a Received field: a token, or a comment without its
// parentheses.
type word struct {
	text    string
	comment bool
}

func parseReceived(f Field, p *problems) Hop {
	var h Hop
	text := unfold(f.Value())
	words, end := receivedWords(text)
	if end < len(text) {
		at, err := ParseDate(text[end+1:])
		if err != nil {
			p.add(f.Offset, BadDate, "the date of the Received field in line %d does not parse: %s", f.Line, quote(strings.TrimSpace(text[end+1:])))
		} else {
			h.At = at
		}
	} else {
		p.add(f.Offset, BadReceived, "the Received field in line %d has no date behind a semicolon", f.Line)
	}
	h.clauses(words)
	if h.By == "" && h.From == "" {
		p.add(f.Offset, BadReceived, "the Received field in line %d says neither from nor by", f.Line)
	}
	return h
}

// receivedWords splits text up to the semicolon in front of the date, the last
// one outside of comments, and returns its offset; len(text) if there is none.
func receivedWords(text string) (words []word, end int) {
	end = len(text)
	ended := 0
	for i := 0; i < len(text); {
		switch c := text[i]; c {
		case ' ', '\t', '\r':
			i++
		case ';':
			end, ended = i, len(words)
			i++
		case '(':
			shut := commentEnd(text, i)
			words = append(words, word{strings.TrimSuffix(text[i+1:shut], ")"), true})
			i = shut
		default:
			n := strings.IndexAny(text[i:], " \t\r;(")
			if n <= 0 {
				n = len(text) - i
			}
			words = append(words, word{text: text[i : i+n]})
			i += n
		}
	}
	if end < len(text) {
		words = words[:ended]
	}
	return words, end
}

// commentEnd is the offset behind the comment that begins at i.
func commentEnd(text string, i int) int {
	depth := 0
	for j := i; j < len(text); j++ {
		switch text[j] {
		case '\\':
			j++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return j + 1
			}
		}
	}
	return len(text)
}

// clauses fills h: a keyword, its value, and the comments behind it.
func (h *Hop) clauses(words []word) {
	part := ""
	for i := 0; i < len(words); i++ {
		w := words[i]
		if w.comment {
			h.comment(part, w.text)
			continue
		}
		key := strings.ToLower(w.text)
		target := h.clause(key)
		if target == nil || *target != "" {
			h.loose(words, i)
			continue
		}
		part = key
		if i+1 < len(words) && !words[i+1].comment && (h.clause(strings.ToLower(words[i+1].text)) == nil || key == "from" || key == "by") {
			i++
			*target = strings.ToValidUTF8(strings.Trim(words[i].text, "<>"), "\ufffd")
		}
		for n := 0; key == "with" && n < 5 && i+1 < len(words) && h.plain(words[i+1]); n++ { // "with Microsoft SMTP Server"
			i++
			h.With += " " + strings.ToValidUTF8(words[i].text, "\ufffd")
		}
	}
	if addr, ok := bracketed(h.From); ok && !h.Addr.IsValid() {
		h.Addr = addr
	}
	h.protocol()
}

// plain reports whether a word says nothing by itself.
func (h *Hop) plain(w word) bool {
	key := strings.ToLower(w.text)
	return !w.comment && h.clause(key) == nil && key != "tls"
}

// clause is where the value of a keyword goes (RFC 5321, 4.4); nil for other words.
func (h *Hop) clause(key string) *string {
	switch key {
	case "from":
		return &h.From
	case "by":
		return &h.By
	case "via":
		return &h.Via
	case "with":
		return &h.With
	case "id":
		return &h.ID
	case "for":
		return &h.For
	}
	return nil
}

// loose takes what stands outside of the clauses: "tls TLS_AES_256_GCM_SHA384".
func (h *Hop) loose(words []word, i int) {
	if strings.EqualFold(words[i].text, "tls") && i+1 < len(words) && !words[i+1].comment {
		h.TLS.Used, h.TLS.Cipher = true, strings.ToValidUTF8(words[i+1].text, "\ufffd")
	}
}

var (
	tlsVersion = lazily(`(?i)\b(TLS|SSL)[ _]?v?([123])([._]([0-3]))?\b`)
	tlsCipher  = lazily(`(?i)\bcipher[ =:]+([A-Za-z0-9_-]{3,80})|\b(TLS_[A-Z0-9_]{5,80})|:([A-Z0-9]+(?:[-_][A-Z0-9]+){2,12}):`)
	addrInside = lazily(`\[(?i:IPv6:)?([0-9A-Fa-f:.]{2,45})(?:%[^\]]{0,20})?\]`)
	heloInside = lazily(`(?i)\bhelo[= ]([^ ()]{1,255})`)
)

// comment reads a comment behind the clause part: address and names of the
// client behind from, encryption anywhere.
func (h *Hop) comment(part, text string) {
	if part == "from" {
		h.client(text)
	}
	if v := tlsVersion().FindStringSubmatch(text); v != nil {
		h.TLS.Used = true
		minor := v[4]
		if minor == "" {
			minor = "0"
		}
		h.TLS.Version = strings.ToUpper(v[1]) + " " + v[2] + "." + minor
	}
	if c := tlsCipher().FindStringSubmatch(text); c != nil && h.TLS.Cipher == "" {
		h.TLS.Cipher = c[1] + c[2] + c[3]
		h.TLS.Used = true
	}
}

// client reads the TCP-info of RFC 5321, 4.4, "(name [192.0.2.1])", and the forms
// of Exim, qmail and Microsoft.
func (h *Hop) client(text string) {
	if helo := heloInside().FindStringSubmatch(text); helo != nil {
		if addr, ok := bracketed(h.From); ok && !h.Addr.IsValid() {
			h.Addr = addr
		} else if h.From != "unknown" && h.Reverse == "" && !ok {
			h.Reverse = h.From
		}
		h.From = strings.ToValidUTF8(helo[1], "\ufffd")
	}
	if addr, ok := bracketed(text); ok && !h.Addr.IsValid() {
		h.Addr = addr
		name, _, _ := strings.Cut(text, "[")
		if fields := strings.Fields(name); len(fields) == 1 && fields[0] != "unknown" && !strings.Contains(fields[0], "=") {
			h.Reverse = strings.ToValidUTF8(strings.TrimSuffix(fields[0], "."), "\ufffd")
		}
		return
	}
	if addr, err := netip.ParseAddr(strings.TrimSpace(text)); err == nil && !h.Addr.IsValid() {
		h.Addr = addr.Unmap().WithZone("")
	}
}

func bracketed(text string) (netip.Addr, bool) {
	m := addrInside().FindStringSubmatch(text)
	if m == nil {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(m[1])
	return addr.Unmap(), err == nil
}

// protocol reads what the name of the protocol tells (RFC 3848; RFC 6531, 4.3).
func (h *Hop) protocol() {
	name := strings.ToUpper(h.With)
	rest := ""
	for _, base := range []string{"UTF8SMTP", "UTF8LMTP", "ESMTP", "LMTP", "SMTP"} {
		if r, ok := strings.CutPrefix(name, base); ok {
			rest = r
			break
		}
	}
	if rest == "S" || rest == "SA" || name == "HTTPS" {
		h.TLS.Used = true
	}
	h.TLS.Authenticated = rest == "A" || rest == "SA"
}

// lazily is the expression of a pattern, which is compiled when it is first used:
// most runs of the program never do.
func lazily(pattern string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(pattern) })
}
