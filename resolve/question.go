package resolve

import (
	"context"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// Limits every resolver of this package keeps.
const (
	maxChain = 8   // CNAMEs followed for one question; RFC 1034, 3.6.2 asks for chains to work and for loops to be caught
	maxLabel = 63  // octets (RFC 1035, 2.3.4)
	maxName  = 255 // octets on the wire, length octets and root included (RFC 1035, 2.3.4)
)

// prepared returns q with a canonical name and an upper-case type, or an
// *Error of kind Invalid where nobody could be asked that, or of kind Canceled
// where ctx is over. Every resolver that answers by itself begins with it, so
// that the same bad name reads the same everywhere.
func prepared(ctx context.Context, q Question) (Question, *Error) {
	q.Name = record.Canonical(q.Name)
	q.Type = strings.ToUpper(q.Type)
	if why := nameFault(q.Name); why != "" {
		return q, &Error{Question: q, Kind: Invalid, Detail: why}
	}
	code, ok := typeCode(q.Type)
	if !ok {
		return q, &Error{Question: q, Kind: Invalid, Detail: "no such record type"}
	}
	q.Type = typeName(code) // TYPE16 is TXT
	if q.At != "" {
		if _, err := netip.ParseAddr(q.At); err != nil {
			return q, &Error{Question: q, Kind: Invalid, Detail: "the server to ask is not an IP address"}
		}
	}
	if err := ctx.Err(); err != nil {
		return q, canceled(q, err)
	}
	return q, nil
}

func canceled(q Question, cause error) *Error {
	return &Error{Question: q, Kind: Canceled, Err: cause}
}

// nameFault says why an absolute name cannot be asked; "" where it can.
func nameFault(name string) string {
	if name == "." {
		return ""
	}
	label, wire := 0, 1
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '.':
			switch {
			case label == 0:
				return "it has an empty label"
			case label > maxLabel:
				return "a label of it is longer than 63 octets"
			}
			wire += label + 1
			label = 0
		case c == '\\':
			n := escapeLen(name[i:])
			if n == 0 {
				return "it has a broken escape"
			}
			i += n - 1
			label++
		default:
			label++
		}
	}
	if wire > maxName {
		return "it is longer than 255 octets"
	}
	return ""
}

// escapeLen is the length of the escape that s begins with, \X or \DDD
// (RFC 1035, 5.1); 0 where it is broken.
func escapeLen(s string) int {
	if len(s) < 2 {
		return 0
	}
	if !isDigit(s[1]) {
		return 2
	}
	if len(s) < 4 || !isDigit(s[2]) || !isDigit(s[3]) {
		return 0
	}
	if n := int(s[1]-'0')*100 + int(s[2]-'0')*10 + int(s[3]-'0'); n > 255 {
		return 0
	}
	return 4
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// typeCode is the number of a type mnemonic, "TYPE65280" (RFC 3597, 5)
// included. Meta types that are no types of records are not among them.
func typeCode(mnemonic string) (uint16, bool) {
	code, ok := dns.StringToType[mnemonic]
	if !ok {
		digits, found := strings.CutPrefix(mnemonic, "TYPE")
		if !found || digits == "" || len(digits) > 5 {
			return 0, false
		}
		n := 0
		for _, c := range []byte(digits) {
			if !isDigit(c) {
				return 0, false
			}
			n = n*10 + int(c-'0')
		}
		if n > 0xffff {
			return 0, false
		}
		code = uint16(n)
	}
	// 128 to 255 are questions and pseudo-records (RFC 6895, 3.1); of them none
	// is asked here, nor is OPT.
	if code == 0 || code == dns.TypeOPT || (code >= 128 && code <= 255) {
		return 0, false
	}
	return code, true
}

// typeName is the mnemonic of a type.
func typeName(code uint16) string { return dns.Type(code).String() }
