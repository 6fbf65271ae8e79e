package feedback

import (
	"net/netip"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// maxCount is how many messages or sessions one line of a report may tell of. More is
// a mistake or a lie, and sums would mean nothing.
const maxCount = 1_000_000_000

// count reads how many there were; why is what is wrong, and then n is 0.
func count(text string) (n int64, why string) {
	text = strings.TrimSpace(text)
	n, err := strconv.ParseInt(text, 10, 64)
	switch {
	case text == "":
		return 0, "no count"
	case err != nil && !digits(text):
		return 0, "a count that is no number"
	case err != nil || n > maxCount:
		return 0, "a count beyond all measure"
	case n < 0:
		return 0, "a count below zero"
	case n == 0:
		return 0, "a count of zero"
	}
	return n, ""
}

func digits(text string) bool {
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return false
		}
	}
	return text != ""
}

// address reads an address; more beside it is passed over, which whole says.
func address(text string) (addr netip.Addr, whole bool) {
	text = strings.TrimSpace(text)
	if addr, ok := one(text); ok {
		return addr, true
	}
	for _, word := range strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\r\n,;()\"'", r) }) {
		if addr, ok := one(word); ok {
			return addr, false
		}
	}
	return netip.Addr{}, false
}

func one(text string) (netip.Addr, bool) {
	text = strings.TrimSuffix(strings.TrimPrefix(text, "["), "]")
	if rest, ok := strings.CutPrefix(text, "IPv6:"); ok {
		text = rest
	}
	addr, err := netip.ParseAddr(text)
	return addr.Unmap().WithZone(""), err == nil
}

// domain is a name absolute, in lower case and A-labels; empty where it is none.
func domain(text string) string {
	text = strings.Trim(strings.TrimSpace(text), "<>")
	if text == "" || len(text) > 300 {
		return ""
	}
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = text[at+1:]
	}
	name, err := record.ParseDomain(text)
	if err != nil {
		return lenient(text)
	}
	return name
}

// lenient takes names of hosts that ParseDomain refuses, as those with underscores.
func lenient(text string) string {
	for _, c := range []byte(text) {
		if c >= 0x80 || c <= ' ' || strings.IndexByte("/\\:;,\"'()[]<>@", c) >= 0 {
			return ""
		}
	}
	name := record.Canonical(text)
	if len(name) < 3 || len(name) > 254 || strings.Contains(name, "..") || name[0] == '.' {
		return ""
	}
	for _, label := range record.Labels(name) {
		if len(label) > 63 {
			return ""
		}
	}
	return name
}

// stamps are the forms in which times are found beside the one that is right.
var stamps = []string{time.RFC3339, "2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02 15:04:05 MST", "2006-01-02 15:04:05 -0700", "2006-01-02T15:04:05-0700", "2006-01-02", time.RFC1123, time.RFC1123Z, time.ANSIC}

// moment reads a time: seconds since 1970 (RFC 9990, 3.1.1.4) or, with exact false,
// another form that can be told.
func moment(text string) (t time.Time, exact, ok bool) {
	text = strings.TrimSpace(text)
	whole, fraction, dotted := strings.Cut(text, ".")
	if digits(whole) && (!dotted || digits(fraction)) {
		n, err := strconv.ParseInt(whole, 10, 64)
		if err != nil {
			return t, false, false
		}
		exact = !dotted
		for n > 99_999_999_999 { // milliseconds and less since 1970
			n, exact = n/1000, false
		}
		return time.Unix(n, 0).UTC(), exact, true
	}
	for _, form := range stamps {
		if t, err := time.Parse(form, text); err == nil && t.Year() > 0 && t.Year() < 10000 {
			return t.UTC(), false, true
		}
	}
	return t, false, false
}

// A filename is what the name of a report says: receiver!domain!begin!end[!id].xml.gz
// (RFC 9990, 3.5.2; RFC 8460, 5.1).
type filename struct {
	receiver, domain string
	begin, end       time.Time
}

func parseFilename(name string) (f filename, ok bool) {
	parts := strings.Split(path.Base(strings.ReplaceAll(name, `\`, "/")), "!")
	if len(parts) < 4 {
		return f, false
	}
	end, _, _ := strings.Cut(parts[3], ".")
	var begins, ends bool
	f.receiver, f.domain = domain(parts[0]), domain(parts[1])
	f.begin, _, begins = moment(parts[2])
	f.end, _, ends = moment(end)
	return f, begins && ends && !f.end.Before(f.begin)
}
