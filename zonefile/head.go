package zonefile

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// A header is what stands before the data of a record.
type header struct {
	owner string // as it is written; empty where the line begins with a blank
	typ   string // in upper case
	ttl   uint32
	timed bool // a TTL is given
	data  []Field
}

// head reads [owner] [TTL] [class] type, TTL and class in either order (RFC
// 1035, 5.1). problem says why it cannot; it is empty if it can.
func head(s statement) (h header, problem string) {
	fields := s.fields
	if s.owner {
		if fields[0].Quoted {
			return h, "the name stands in quotation marks"
		}
		h.owner, fields = fields[0].Text, fields[1:]
	}
	for i, f := range fields {
		word := strings.ToUpper(f.Text)
		switch {
		case f.Quoted:
			return h, fmt.Sprintf("text stands where the type of the record is expected: %.40q", f.Text)
		case digit(word[0]):
			ttl, ok := parseTTL(word)
			if !ok || h.timed {
				return h, fmt.Sprintf("%.40q stands where the type of the record is expected", f.Text)
			}
			h.ttl, h.timed = ttl, true
		case word == "IN":
		case dns.StringToClass[word] != 0 || strings.HasPrefix(word, "CLASS") && len(word) > 5 && digit(word[5]):
			return h, fmt.Sprintf("the class is %.20s; this reads zones of class IN only", word)
		default:
			if !isType(word) {
				return h, fmt.Sprintf("%.40q is no type of record", f.Text)
			}
			h.typ, h.data = word, fields[i+1:]
			return h, ""
		}
	}
	return h, "it has no type"
}

// isType reports whether word is a type of record that a zone can hold.
func isType(word string) bool {
	n, ok := dns.StringToType[word]
	if number, generic := strings.CutPrefix(word, "TYPE"); !ok && generic {
		v, err := strconv.ParseUint(number, 10, 16)
		n, ok = uint16(v), err == nil
	}
	// What only questions have, and what belongs to one message (RFC 6895, 3.1).
	meta := n == dns.TypeNone || n == dns.TypeOPT || 128 <= n && n <= 255
	return ok && !meta
}

// parseTTL reads seconds, or numbers with the units of BIND as in 1h30m.
func parseTTL(word string) (uint32, bool) {
	var sum, n uint64
	digits := 0
	for i := range len(word) {
		c := word[i]
		if digit(c) {
			n = n*10 + uint64(c-'0')
			if digits++; digits > 10 {
				return 0, false
			}
			continue
		}
		unit := map[byte]uint64{'S': 1, 'M': 60, 'H': 3600, 'D': 86400, 'W': 604800}[c&^0x20]
		if unit == 0 || digits == 0 {
			return 0, false
		}
		sum, n, digits = sum+n*unit, 0, 0
		if sum > math.MaxInt32 {
			return 0, false
		}
	}
	sum += n
	return uint32(sum), sum <= math.MaxInt32 // RFC 2181, 8
}
