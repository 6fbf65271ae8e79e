package record

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Limits of names in presentation form without escapes (RFC 1035, 2.3.4): 255
// octets on the wire are 253 characters without the final dot.
const (
	maxName  = 253
	maxLabel = 63
)

// Canonical returns name absolute and in lower case. The root is ".".
func Canonical(name string) string {
	name = lower(name)
	if name == "" || name == "." {
		return "."
	}
	if strings.HasSuffix(name, ".") && !escapedEnd(name) {
		return name
	}
	return name + "."
}

// lower folds ASCII letters only, as the DNS does (RFC 4343, 3).
func lower(s string) string {
	for i := range len(s) {
		if 'A' <= s[i] && s[i] <= 'Z' {
			b := []byte(s)
			for ; i < len(b); i++ {
				if 'A' <= b[i] && b[i] <= 'Z' {
					b[i] += 'a' - 'A'
				}
			}
			return string(b)
		}
	}
	return s
}

// escapedEnd reports whether the final dot of name belongs to the last label.
func escapedEnd(name string) bool {
	n := 0
	for i := len(name) - 2; i >= 0 && name[i] == '\\'; i-- {
		n++
	}
	return n%2 == 1
}

// Labels returns the labels of name, leftmost first, escapes kept. The root
// has none.
func Labels(name string) []string {
	if name == "." || name == "" {
		return nil
	}
	var labels []string
	start := 0
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '\\':
			i++
		case '.':
			labels = append(labels, name[start:i])
			start = i + 1
		}
	}
	if start < len(name) {
		labels = append(labels, name[start:])
	}
	return labels
}

// Parent returns the name without its leftmost label; the parent of a
// top-level domain and of the root is the root.
func Parent(name string) string {
	name = Canonical(name)
	for i := 0; i < len(name)-1; i++ {
		switch name[i] {
		case '\\':
			i++
		case '.':
			return name[i+1:]
		}
	}
	return "."
}

// Within reports whether name is zone or stands below it.
func Within(name, zone string) bool {
	name, zone = Canonical(name), Canonical(zone)
	if zone == "." || name == zone {
		return true
	}
	head, ok := strings.CutSuffix(name, "."+zone)
	return ok && !escapedEnd(head+".")
}

// Below returns label.name, or ok=false where that would be too long to ask.
func Below(label, name string) (child string, ok bool) {
	child = Canonical(label + "." + strings.TrimPrefix(Canonical(name), "."))
	return child, len(child) <= maxName+1
}

// Relative is name as it is written inside the zone: "@" for the zone itself,
// absolute where it stands outside.
func Relative(name, zone string) string {
	name, zone = Canonical(name), Canonical(zone)
	switch {
	case name == zone:
		return "@"
	case zone != "." && Within(name, zone):
		return strings.TrimSuffix(name, "."+zone)
	}
	return name
}

// Display is name for a reader: without the final dot (the root stays ".").
func Display(name string) string {
	if name == "." {
		return name
	}
	return strings.TrimSuffix(name, ".")
}

// CompareNames orders names by label from the right, so that a zone stands
// before what is below it (the canonical order of RFC 4034, 6.1).
func CompareNames(a, b string) int {
	if a == b {
		return 0
	}
	la, lb := Labels(a), Labels(b)
	slices.Reverse(la)
	slices.Reverse(lb)
	return slices.Compare(la, lb)
}

// Reverse is the name under in-addr.arpa (RFC 1035, 3.5) or, by nibble, under
// ip6.arpa (RFC 3596, 2.5) that holds the PTR records of addr.
func Reverse(addr netip.Addr) string {
	if addr.Unmap().Is4() {
		return ReverseLabels(addr) + ".in-addr.arpa."
	}
	return ReverseLabels(addr) + ".ip6.arpa."
}

// ReverseLabels is addr reversed as reverse zones and DNS blocklists want it:
// four octets, or 32 nibbles (RFC 5782, 2.1 and 2.4), without a final dot. An
// IPv4-mapped IPv6 address counts as IPv4.
func ReverseLabels(addr netip.Addr) string {
	addr = addr.Unmap()
	raw := addr.AsSlice()
	slices.Reverse(raw)
	parts := make([]string, 0, 32)
	for _, c := range raw {
		if addr.Is4() {
			parts = append(parts, fmt.Sprint(c))
			continue
		}
		parts = append(parts, fmt.Sprintf("%x", c&0xf), fmt.Sprintf("%x", c>>4))
	}
	return strings.Join(parts, ".")
}

// profile maps names as people type them (upper case, full-width dots) and
// checks them, but allows underscores and hyphens where real DNS names have them.
var profile = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(false), idna.Transitional(false))

// ParseDomain takes what a person types for a domain (a name in Unicode or
// ASCII, a mail address, a URL) and returns its absolute A-label form. The
// error says what is wrong with the name in words for that person.
func ParseDomain(input string) (string, error) {
	s := strings.TrimSpace(input)
	if _, rest, ok := strings.Cut(s, "://"); ok {
		s = rest
		s, _, _ = strings.Cut(s, "/")
		s, _, _ = strings.Cut(s, "?")
		s, _, _ = strings.Cut(s, "#")
		s = afterLast(s, '@')
		s = withoutPort(s)
	} else {
		s = strings.TrimPrefix(s, "mailto:")
		s = strings.TrimSuffix(afterLast(s, '@'), ">")
		s, _, _ = strings.Cut(s, "/")
	}
	if s == "" {
		return "", errors.New("is empty")
	}
	if _, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return "", errors.New("is an IP address, not a domain")
	}
	s = strings.TrimSuffix(s, ".")
	if s == "" {
		return "", errors.New("is the root of the DNS, not a domain")
	}
	if i := strings.IndexFunc(s, func(r rune) bool {
		return r <= ' ' || r == 0x7f || strings.ContainsRune(`\"'<>()[],;:|*?!$%&=+#^~{}`, r)
	}); i >= 0 {
		return "", fmt.Errorf("has a character that no domain has: %q", []rune(s[i:])[0])
	}
	if !utf8.ValidString(s) {
		return "", errors.New("is not UTF-8 text")
	}
	ascii, err := profile.ToASCII(s)
	if err == nil { // what it makes of odd input need not be a name itself
		ascii, err = profile.ToASCII(ascii)
	}
	if err != nil {
		return "", errors.New("is not a valid domain name: " + strings.TrimPrefix(err.Error(), "idna: "))
	}
	if len(ascii) > maxName {
		return "", fmt.Errorf("is too long: %d characters, a name has at most %d", len(ascii), maxName)
	}
	labels := strings.Split(ascii, ".")
	for _, label := range labels {
		switch {
		case label == "":
			return "", errors.New("has an empty label (two dots in a row, or one in front)")
		case len(label) > maxLabel:
			return "", fmt.Errorf("has a label of %d characters, a label has at most %d", len(label), maxLabel)
		}
	}
	if len(labels) == 1 {
		return "", errors.New("is a single label; a mail domain has a dot, as in example.com")
	}
	return Canonical(ascii), nil
}

func afterLast(s string, sep byte) string { return s[strings.LastIndexByte(s, sep)+1:] }

func withoutPort(s string) string {
	if host, _, ok := strings.Cut(s, ":"); ok && !strings.HasPrefix(s, "[") {
		return host
	}
	return s
}

// Unicode is name for a reader in U-labels, without the final dot. Where a
// label is not valid IDNA the ASCII form stands.
func Unicode(name string) string {
	shown := Display(name)
	if !strings.Contains(shown, "xn--") {
		return shown
	}
	if u, err := idna.Display.ToUnicode(shown); err == nil {
		return u
	}
	return shown
}
