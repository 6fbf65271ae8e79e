package spf

import (
	"net/netip"
	"strings"
)

// starts are what a term that lost its space begins with. Bare "a:" and "mx:"
// are no evidence, the tail of a name may look like that.
var starts = []string{"include:", "exists:", "ip4:", "ip6:", "redirect=", "exp=", "v=spf1"}

// maxGlued bounds the words that are taken apart, and so the time it takes.
const maxGlued = 256

// unglue splits a word of a record into the terms that were run together in it,
// and says where the first of the missing spaces belongs. It returns nil unless
// every piece is a valid term.
func unglue(text string) (parts []string, at int) {
	if len(text) > maxGlued {
		return nil, 0
	}
	if parts, at = unglueSeparators(text); parts != nil {
		return parts, at
	}
	for i := 1; i < len(text); i++ {
		if !startsTerm(text[i:]) {
			continue
		}
		head, tail := text[:i], text[i:]
		if _, f := parseTerm2(head); f != nil {
			continue
		}
		if _, f := parseTerm2(tail); f == nil && !hasStart(tail) {
			return []string{head, tail}, i
		}
		if len(tail) < len(text) {
			if rest, _ := unglue(tail); rest != nil {
				return append([]string{head}, rest...), i
			}
		}
		return nil, 0
	}
	return nil, 0
}

// unglueSeparators splits at commas and semicolons, also those at the end.
func unglueSeparators(text string) (parts []string, at int) {
	at = strings.IndexAny(text, ",;")
	if at < 1 {
		return nil, 0
	}
	name, _, _ := strings.Cut(text, ":")
	for part := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == ',' || r == ';' }) {
		if _, err := netip.ParsePrefix(part); err == nil || isAddr(part) {
			part = name + ":" + part // ip4:192.0.2.1,192.0.2.2
		}
		if _, f := parseTerm2(part); f != nil {
			return nil, 0
		}
		parts = append(parts, part)
	}
	return parts, at
}

func isAddr(s string) bool {
	_, err := netip.ParseAddr(s)
	return err == nil
}

// startsTerm reports whether a new term may begin here: a known start, or the
// all that ends most records, with the qualifier that tells it from a name.
func startsTerm(s string) bool {
	low := lower(s[:min(len(s), 12)])
	switch low {
	case "-all", "~all", "?all", "+all", "all":
		return len(s) == len(low)
	}
	low = strings.TrimLeft(low[:1], "+-~?") + low[1:]
	for _, start := range starts {
		if strings.HasPrefix(low, start) {
			return true
		}
	}
	for _, start := range []string{"a:", "mx:", "ptr:", "mx"} {
		if strings.IndexByte("+-~?", s[0]) >= 0 && strings.HasPrefix(low, start) {
			return true
		}
	}
	return false
}

// hasStart reports whether another term begins inside s.
func hasStart(s string) bool {
	if len(s) > maxGlued {
		return false
	}
	for i := 1; i < len(s); i++ {
		if startsTerm(s[i:]) {
			if _, f := parseTerm2(s[:i]); f == nil {
				return true
			}
		}
	}
	return false
}

func unmap(t Term) netip.Prefix {
	return netip.PrefixFrom(t.Prefix.Addr().Unmap(), t.Prefix.Bits()-96)
}
