package mtasts

import (
	"fmt"
	"slices"
	"strings"
)

// A Mode is what senders do with hosts that fail the policy (RFC 8461, 5).
type Mode string

const (
	Enforce Mode = "enforce" // they do not deliver to them
	Testing Mode = "testing" // they deliver, and report if TLS reports are wanted
	None    Mode = "none"    // they act as if there were no policy
)

// MaxAge is the longest life of a policy: 31557600 s, a year (RFC 8461, 3.2).
const MaxAge = 31557600

// maxPatterns bounds the patterns of one policy that are kept.
const maxPatterns = 200

// A Policy is what senders hold the MX hosts of a domain to.
type Policy struct {
	Mode   Mode     // empty where there is none
	MX     []string // patterns as Matches takes them: lower-case, without a final dot, "*." in front of some
	MaxAge int      // seconds that senders may keep it, at most MaxAge
	Extra  []Field  // that no RFC defines; senders ignore them
}

// Path is where a policy is served at its host (RFC 8461, 3.2).
const Path = "/.well-known/mta-sts.txt"

// Host is the name of the host that serves the policy of a domain (RFC 8461, 3.2).
func Host(domain string) string { return "mta-sts." + domain }

// URL is where the policy of a domain, without a final dot, is served.
func URL(domain string) string { return "https://" + Host(domain) + Path }

// String is the policy file, with LF at the ends of lines.
func (p Policy) String() string {
	var b strings.Builder
	b.WriteString("version: " + version + "\n")
	if p.Mode != "" {
		b.WriteString("mode: " + string(p.Mode) + "\n")
	}
	for _, pattern := range p.MX {
		b.WriteString("mx: " + pattern + "\n")
	}
	fmt.Fprintf(&b, "max_age: %d\n", p.MaxAge)
	for _, f := range p.Extra {
		b.WriteString(f.Name + ": " + f.Value + "\n")
	}
	return b.String()
}

// Matches reports whether the policy names an MX host. A wildcard stands for
// exactly one label (RFC 8461, 4.1; RFC 6125, 6.4.3).
func (p Policy) Matches(host string) bool {
	for _, pattern := range p.MX {
		if Covers(pattern, host) {
			return true
		}
	}
	return false
}

// Covers reports whether one pattern names a host. A final dot and the case of
// letters do not matter.
func Covers(pattern, host string) bool {
	pattern, host = fold(pattern), fold(host)
	if parent, wild := strings.CutPrefix(pattern, "*."); wild {
		label, rest, ok := strings.Cut(host, ".")
		return ok && label != "" && rest == parent
	}
	return pattern == host && host != ""
}

func fold(name string) string {
	return strings.TrimSuffix(strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name), ".")
}

// WithMode is p with a mode.
func (p Policy) WithMode(m Mode) Policy {
	p.Mode = m
	return p
}

// WithMaxAge is p with a life in seconds.
func (p Policy) WithMaxAge(seconds int) Policy {
	p.MaxAge = seconds
	return p
}

// WithMX is p with patterns for exactly these hosts besides those it has; what
// it covers already is not added.
func (p Policy) WithMX(hosts ...string) Policy {
	p.MX = slices.Clone(p.MX)
	for _, h := range hosts {
		if h = fold(h); h != "" && !p.Matches(h) {
			p.MX = append(p.MX, h)
		}
	}
	return p
}

// WithoutMX is p without some of its patterns.
func (p Policy) WithoutMX(patterns ...string) Policy {
	p.MX = slices.DeleteFunc(slices.Clone(p.MX), func(own string) bool { return slices.Contains(patterns, own) })
	return p
}
