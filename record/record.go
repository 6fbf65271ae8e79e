// Package record is the one model of a DNS record that every other package
// shares: the record itself, the slot it fills, and the edit that changes it.
//
// It knows how names and data are written. It does not ask the DNS (resolve),
// read zone files (zonefile) or judge what a record says (mailauth).
package record

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// A Record is one resource record. Records are comparable: two that hold the
// same are equal under ==.
//
// Name is absolute, lower-case, with a final dot, in presentation form
// (RFC 1035, 5.1: odd octets as \DDD). Type is the upper-case mnemonic ("TXT",
// or "TYPE65280"). TTL is in seconds. Data is the presentation form of the
// RDATA with lower-case absolute names, except for TXT (and the retired type
// SPF): there it is the octets of all character-strings joined, unquoted
// (RFC 7208, 3.3). It may hold any octet, so it is never safe to print raw.
type Record struct {
	Name, Type string
	TTL        uint32
	Data       string
}

// TXT returns the TXT record of name with the joined text.
func TXT(name, text string) Record {
	return Record{Name: Canonical(name), Type: "TXT", Data: text}
}

// MX returns the MX record of name.
func MX(name string, preference uint16, host string) Record {
	return Record{Name: Canonical(name), Type: "MX", Data: fmt.Sprintf("%d %s", preference, Canonical(host))}
}

// Address returns the A or AAAA record of name.
func Address(name string, addr netip.Addr) Record {
	typ := "A"
	if addr.Is6() && !addr.Is4In6() {
		typ = "AAAA"
	}
	return Record{Name: Canonical(name), Type: typ, Data: addr.Unmap().String()}
}

// MX reports the preference and host of an MX record; ok is false where the
// data is not that of an MX record. A null MX (RFC 7505) has the host ".".
func (r Record) MX() (preference uint16, host string, ok bool) {
	if r.Type != "MX" {
		return 0, "", false
	}
	pref, host, found := strings.Cut(r.Data, " ")
	n, err := strconv.ParseUint(pref, 10, 16)
	if !found || err != nil || host == "" {
		return 0, "", false
	}
	return uint16(n), host, true
}

// Addr reports the address of an A or AAAA record.
func (r Record) Addr() (netip.Addr, bool) {
	if r.Type != "A" && r.Type != "AAAA" {
		return netip.Addr{}, false
	}
	addr, err := netip.ParseAddr(r.Data)
	return addr, err == nil
}

// IsText reports whether Data is joined text instead of presentation form.
func (r Record) IsText() bool { return r.Type == "TXT" || r.Type == "SPF" }

// maxString is the octet limit of one character-string (RFC 1035, 3.3).
const maxString = 255

// String is the record as a line of a zone file, ready to paste: absolute
// names, text quoted, escaped and split into strings of at most 255 octets.
// It never holds control octets. The TTL is left out where it is 0.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString(r.Name)
	if r.TTL != 0 {
		fmt.Fprintf(&b, " %d", r.TTL)
	}
	fmt.Fprintf(&b, " IN %s ", r.Type)
	b.WriteString(r.Presentation())
	return b.String()
}

// Presentation is the record's data as a zone file has it: text quoted and split.
func (r Record) Presentation() string {
	if !r.IsText() {
		return r.Data
	}
	return QuoteText(r.Data)
}

// QuoteText is text as one TXT record of a zone file has it: character-strings
// of at most 255 octets, each quoted, with \" \\ and \DDD escapes (RFC 1035, 5.1).
func QuoteText(text string) string {
	if text == "" {
		return `""`
	}
	var b strings.Builder
	for i, chunk := range chunks(text) {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteByte('"')
		for _, c := range []byte(chunk) {
			switch {
			case c == '"' || c == '\\':
				b.WriteByte('\\')
				b.WriteByte(c)
			case c < ' ' || c > '~':
				fmt.Fprintf(&b, `\%03d`, c)
			default:
				b.WriteByte(c)
			}
		}
		b.WriteByte('"')
	}
	return b.String()
}

// chunks splits s into pieces of at most 255 octets.
func chunks(s string) []string {
	var parts []string
	for len(s) > maxString {
		parts = append(parts, s[:maxString])
		s = s[maxString:]
	}
	return append(parts, s)
}

// Compare orders records by name (parents first), type and data; it is the
// order in which sets of records are shown.
func Compare(a, b Record) int {
	if c := CompareNames(a.Name, b.Name); c != 0 {
		return c
	}
	if c := strings.Compare(a.Type, b.Type); c != 0 {
		return c
	}
	if a.Type == "MX" && b.Type == "MX" {
		pa, _, _ := a.MX()
		pb, _, _ := b.MX()
		if pa != pb {
			return int(pa) - int(pb)
		}
	}
	return strings.Compare(a.Data, b.Data)
}

// Sorted returns a sorted copy of rs.
func Sorted(rs []Record) []Record {
	rs = slices.Clone(rs)
	slices.SortStableFunc(rs, Compare)
	return rs
}
