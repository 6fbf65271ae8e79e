package message

import (
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
)

// MaxAddresses bounds the addresses that are read of one field.
const MaxAddresses = 1000

// An Address is one mailbox of an address list (RFC 5322, 3.4).
type Address struct {
	Name  string // display name, decoded (RFC 2047); empty if there is none
	Local string // local part, unquoted
	// Domain is absolute, in lower case and A-labels; empty where it is a literal
	// or no name the DNS can hold.
	Domain  string
	Literal string // what stands between the brackets of a domain literal
	Text    string // the addr-spec as written
	Offset  int    // of Text in the message; of its field where the field is folded through it
}

// String is local@domain for a reader, in U-labels.
func (a Address) String() string {
	switch {
	case a.Literal != "":
		return a.Local + "@[" + a.Literal + "]"
	case a.Domain != "":
		return a.Local + "@" + record.Unicode(a.Domain)
	}
	return a.Text
}

// Addresses reads the mailboxes of an address list: groups dissolved, comments
// left out, obsolete routes skipped. It is more tolerant than the grammar, as
// receivers are: what has an address in it counts, and the problems say where
// receivers may differ.
func (f Field) Addresses() ([]Address, []Problem) {
	var p problems
	r := addressReader{text: f.Value(), base: f.ValueOffset(), problems: &p}
	r.list()
	return r.found, p
}

// An addressReader splits an address list. Its scanner knows quotes, comments,
// angle brackets and literals, and nothing else.
type addressReader struct {
	text     string
	base     int
	found    []Address
	problems *problems
}

// A piece is what stands between two commas: runs of text outside of comments.
type piece struct {
	outside []byte // text outside of angle brackets, without comments
	at      int    // of the first octet of outside; -1 if there is none
	angles  []angle
	bareAt  bool // an "@" outside of quotes and angle brackets
}

type angle struct {
	text string
	at   int
}

func (r *addressReader) list() {
	i := 0
	for i < len(r.text) && len(r.found) < MaxAddresses {
		p := piece{at: -1}
		i = r.piece(i, &p)
		r.take(p)
	}
	if i < len(r.text) {
		r.problems.add(r.base+i, BadAddress, "more than %d addresses; the rest is not looked at", MaxAddresses)
	}
}

// piece reads to the next comma or semicolon and returns the offset behind it.
func (r *addressReader) piece(i int, p *piece) int {
	for i < len(r.text) {
		switch c := r.text[i]; c {
		case ',', ';':
			return i + 1
		case '(':
			i = r.skip(i, '(', ')')
			continue
		case '"':
			end := r.quoted(i)
			p.outside = append(p.outside, r.text[i:end]...)
			p.mark(i)
			i = end
			continue
		case '[':
			end := r.literal(i)
			p.outside = append(p.outside, r.text[i:end]...)
			i = end
			continue
		case '<':
			i = r.angle(i, p)
			continue
		case ':':
			if !p.bareAt && len(p.angles) == 0 { // the name of a group ends
				p.outside, p.at = nil, -1
				i++
				continue
			}
			p.outside = append(p.outside, c)
		case '@':
			p.bareAt = true
			p.outside = append(p.outside, c)
			p.mark(i)
		case ' ', '\t', '\r', '\n':
			p.outside = append(p.outside, c)
		default:
			p.outside = append(p.outside, c)
			p.mark(i)
		}
		i++
	}
	return i
}

func (p *piece) mark(i int) {
	if p.at < 0 {
		p.at = i
	}
}

// quoted returns the offset behind the quoted string at i (RFC 5322, 3.2.4).
func (r *addressReader) quoted(i int) int {
	for j := i + 1; j < len(r.text); j++ {
		switch r.text[j] {
		case '\\':
			j++
		case '"':
			return j + 1
		}
	}
	r.problems.add(r.base+i, BadAddress, "a quoted string does not end")
	return len(r.text)
}

func (r *addressReader) literal(i int) int {
	if end := strings.IndexByte(r.text[i:], ']'); end >= 0 {
		return i + end + 1
	}
	r.problems.add(r.base+i, BadAddress, "a domain literal does not end")
	return len(r.text)
}

// skip returns the offset behind the comment at i; comments nest (RFC 5322, 3.2.2).
func (r *addressReader) skip(i int, open, shut byte) int {
	depth := 0
	for j := i; j < len(r.text); j++ {
		switch r.text[j] {
		case '\\':
			j++
		case open:
			depth++
		case shut:
			if depth--; depth == 0 {
				return j + 1
			}
		}
	}
	r.problems.add(r.base+i, BadAddress, "a comment does not end")
	return len(r.text)
}

// angle reads an angle-addr, its comments left out.
func (r *addressReader) angle(i int, p *piece) int {
	var b []byte
	j := i + 1
	for j < len(r.text) && r.text[j] == '<' { // "<<a@b>>"
		r.problems.add(r.base+j, BadAddress, "an angle bracket inside angle brackets")
		j++
	}
	start := j
	for j < len(r.text) && r.text[j] != '>' && r.text[j] != '<' {
		switch r.text[j] {
		case '"':
			end := r.quoted(j)
			b = append(b, r.text[j:end]...)
			j = end
		case '(':
			j = r.skip(j, '(', ')')
		default:
			b = append(b, r.text[j])
			j++
		}
	}
	p.angles = append(p.angles, angle{string(b), start})
	if j >= len(r.text) || r.text[j] == '<' {
		r.problems.add(r.base+i, BadAddress, "an angle bracket is not closed")
		return j
	}
	for j < len(r.text) && r.text[j] == '>' {
		j++
	}
	return j
}

// take makes addresses of a piece.
func (r *addressReader) take(p piece) {
	outside := strings.Trim(unfold(string(p.outside)), " \t\r")
	switch {
	case len(p.angles) == 0 && outside == "":
		return // an empty place in the list (RFC 5322, 4.4)
	case len(p.angles) == 0:
		r.address("", outside, p.at)
		return
	}
	if p.bareAt {
		r.problems.add(r.base+max(p.at, 0), BadAddress, "an unquoted \"@\" in a display name: receivers may take %s for the address", quote(outside))
	}
	if len(p.angles) > 1 {
		r.problems.add(r.base+p.angles[1].at, BadAddress, "%d addresses without a comma between them: receivers may take any", len(p.angles))
	}
	for _, a := range p.angles {
		r.address(outside, a.text, a.at)
	}
}

// address reads an addr-spec, behind an obsolete route (RFC 5322, 4.4) if there is one.
func (r *addressReader) address(name, spec string, at int) {
	spec = strings.Trim(unfold(spec), " \t\r")
	if strings.HasPrefix(spec, "@") {
		if _, rest, ok := strings.Cut(spec, ":"); ok {
			spec = strings.TrimLeft(rest, " \t")
		}
	}
	sign := strings.LastIndexByte(spec, '@')
	if sign < 0 {
		r.problems.add(r.base+max(at, 0), BadAddress, "no address: %s has no \"@\"", quote(spec))
		return
	}
	a := Address{Name: displayName(name), Text: strings.ToValidUTF8(spec, "\ufffd"), Offset: r.base + max(at, 0)}
	a.Local = strings.ToValidUTF8(unquote(strings.Trim(spec[:sign], " \t")), "\ufffd")
	domain := strings.Trim(spec[sign+1:], " \t")
	if inner, ok := strings.CutPrefix(domain, "["); ok {
		a.Literal = strings.TrimSuffix(inner, "]")
		if _, err := netip.ParseAddr(strings.TrimPrefix(strings.ToLower(a.Literal), "ipv6:")); err != nil {
			r.problems.add(a.Offset, BadAddress, "%s is no address literal", quote(domain))
		}
	} else if a.Domain = domainOf(domain); a.Domain == "" {
		r.problems.add(a.Offset, BadAddress, "%s is no domain", quote(domain))
	}
	if a.Local == "" {
		r.problems.add(a.Offset, BadAddress, "%s has an empty local part", quote(spec))
	}
	r.found = append(r.found, a)
}

// domainOf is a domain of an address as the DNS holds it; empty if it cannot.
func domainOf(s string) string {
	s = strings.TrimSuffix(s, ".")
	if strings.IndexFunc(s, func(c rune) bool { return c >= utf8.RuneSelf }) >= 0 {
		name, err := record.ParseDomain(s) // RFC 6532, 3.2
		if err != nil || strings.ContainsAny(s, "@/") {
			return ""
		}
		return name
	}
	if s == "" || len(s) > 253 {
		return ""
	}
	for label := range strings.SplitSeq(s, ".") {
		if label == "" || len(label) > 63 {
			return ""
		}
		for _, c := range []byte(label) {
			if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
				return ""
			}
		}
	}
	return record.Canonical(s)
}

// displayName is a phrase for a reader.
func displayName(phrase string) string {
	phrase = strings.Trim(phrase, " \t")
	if len(phrase) >= 2 && phrase[0] == '"' && strings.Count(phrase, `"`) == 2+strings.Count(phrase, `\"`) && strings.HasSuffix(phrase, `"`) {
		phrase = unquote(phrase)
	}
	return decodeWords(phrase)
}

// unquote is a quoted string without its quotes and backslashes; other text stays.
func unquote(s string) string {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return s
	}
	var b strings.Builder
	for i := 1; i < len(s)-1; i++ {
		if s[i] == '\\' && i+1 < len(s)-1 {
			i++
		}
		b.WriteByte(s[i])
	}
	return b.String()
}
