package smtpd

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
)

// An Address is a mailbox of the envelope (RFC 5321, 4.1.2). The zero Address is
// the null reverse-path.
type Address struct {
	Local   string // without quotes; may hold any character, "@" too
	Domain  string // in A-labels and lower case, without a final dot; or the literal "[192.0.2.1]"
	Literal netip.Addr
}

// String is the address as it stands between angle brackets, the local part
// quoted where it must be.
func (a Address) String() string {
	if a.Domain == "" {
		return a.Local
	}
	return quoteLocal(a.Local) + "@" + a.Domain
}

func quoteLocal(local string) string {
	plain := local != ""
	for _, atom := range strings.Split(local, ".") {
		plain = plain && atom != ""
	}
	for i := 0; i < len(local) && plain; i++ {
		plain = local[i] == '.' || isAtext(local[i]) || local[i] >= utf8.RuneSelf
	}
	if plain {
		return local
	}
	return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(local) + `"`
}

// maxPath bounds a path and its angle brackets. RFC 5321, 4.5.3.1.3 has 256 as the
// least to support; local parts of mailing lists are longer than the 64 of 4.5.3.1.1.
const maxPath = 512

// A path is what stands in angle brackets after MAIL FROM: and RCPT TO:.
type path struct {
	Address
	route string // source route, without its colon: "@a,@b"; empty for none
	null  bool   // <>
	ascii bool   // nothing above 127
}

// parsePath reads a path from the beginning of s. problem says in a few words
// what is wrong with it, empty if nothing is.
func parsePath(s string) (p path, rest, problem string) {
	end := pathEnd(s)
	switch {
	case !strings.HasPrefix(s, "<"):
		return p, "", "the address does not stand in angle brackets"
	case end < 0:
		return p, "", "the address has no closing angle bracket"
	case end > maxPath:
		return p, "", "the address is too long"
	case !utf8.ValidString(s[:end]):
		return p, "", "the address is not UTF-8"
	}
	rest, s = s[end+1:], s[1:end]
	p.ascii = isASCII(s)
	if s == "" {
		p.null = true
		return p, rest, ""
	}
	if strings.HasPrefix(s, "@") { // A-d-l ":" (RFC 5321, 4.1.2)
		var ok bool
		if p.route, s, ok = strings.Cut(s, ":"); !ok {
			return p, rest, "the source route has no end"
		}
	}
	local, s, problem := parseLocal(s)
	if problem != "" {
		return p, rest, problem
	}
	p.Local = local
	if s == "" {
		return p, rest, ""
	}
	p.Domain, p.Literal, problem = parseMailDomain(s[1:])
	return p, rest, problem
}

// pathEnd is the offset of the ">" that ends the path, -1 if there is none.
func pathEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '\\' && quoted:
			i++
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return -1
}

// parseLocal reads a local part; rest is empty or begins with "@".
func parseLocal(s string) (local, rest, problem string) {
	if strings.HasPrefix(s, `"`) {
		return parseQuoted(s[1:])
	}
	i := 0
	for i < len(s) && (isAtext(s[i]) || s[i] == '.' || s[i] >= utf8.RuneSelf) {
		i++ // two dots in a row are no Dot-string, and in use
	}
	switch {
	case i == 0:
		return "", "", "the local part is empty"
	case i < len(s) && s[i] != '@':
		return "", "", "the local part has a character that needs quotes"
	}
	return s[:i], s[i:], ""
}

// parseQuoted reads the rest of a Quoted-string, after its first quote.
func parseQuoted(s string) (local, rest, problem string) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			if rest = s[i+1:]; rest != "" && rest[0] != '@' {
				return "", "", "no @ follows the quoted local part"
			}
			if b.Len() == 0 {
				return "", "", "the local part is empty"
			}
			return b.String(), rest, ""
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", "the quoted local part has no end"
}

// parseMailDomain reads what stands after the "@".
func parseMailDomain(s string) (domain string, literal netip.Addr, problem string) {
	if strings.HasPrefix(s, "[") {
		literal, ok := parseLiteral(s)
		if !ok {
			return "", literal, "not an address literal (RFC 5321, 4.1.3)"
		}
		return strings.ToLower(s), literal, ""
	}
	if !isASCII(s) {
		name, err := record.ParseDomain(s)
		if err != nil || strings.ContainsAny(s, "/@") {
			return "", literal, "not a domain"
		}
		return strings.TrimSuffix(name, "."), literal, ""
	}
	if !isHostname(s) {
		return "", literal, "not a domain"
	}
	return strings.ToLower(s), literal, ""
}

// parseLiteral reads "[192.0.2.1]" or "[IPv6:2001:db8::1]" (RFC 5321, 4.1.3).
func parseLiteral(s string) (netip.Addr, bool) {
	inner, ok := strings.CutSuffix(strings.TrimPrefix(s, "["), "]")
	if !ok {
		return netip.Addr{}, false
	}
	tag, v6 := "IPv6:", false
	if len(inner) > len(tag) && strings.EqualFold(inner[:len(tag)], tag) {
		inner, v6 = inner[len(tag):], true
	}
	addr, err := netip.ParseAddr(inner)
	return addr.Unmap(), err == nil && addr.Zone() == "" && addr.Is6() == v6
}

// isHostname reports whether s is labels of letters, digits, hyphens and
// underscores, as DNS names of mail are.
func isHostname(s string) bool {
	if s == "" || len(s) > 253 {
		return false
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
			return false
		}
		for i := range len(label) {
			if c := label[i]; !isAlnum(c) && c != '-' && c != '_' {
				return false
			}
		}
	}
	return true
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// isAtext is atext of RFC 5322, 3.2.3.
func isAtext(c byte) bool {
	return isAlnum(c) || c < utf8.RuneSelf && strings.IndexByte("!#$%&'*+-/=?^_`{|}~", c) >= 0
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
