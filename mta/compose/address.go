package compose

import (
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
)

// An Address is one mailbox.
type Address struct {
	Name   string // display name; may be empty
	Local  string // without quotes
	Domain string // A-labels without a final dot, or an address literal: "[192.0.2.1]"
}

// Lengths of the parts of an address (RFC 5321, 4.5.3.1).
const (
	maxLocal = 64
	maxPath  = 254
)

// ParseAddress reads "a@example.org" or "Ann <a@example.org>". The error says what
// is wrong with it, in words that go behind the text.
func ParseAddress(text string) (Address, error) {
	text = strings.TrimSpace(text)
	if strings.ContainsFunc(text, control) {
		return Address{}, ErrControl
	}
	if !utf8.ValidString(text) {
		return Address{}, errors.New("is not UTF-8")
	}
	name, spec := "", text
	if open := strings.LastIndexByte(text, '<'); open >= 0 && strings.HasSuffix(text, ">") {
		name, spec = text[:open], text[open+1:len(text)-1]
	}
	at := strings.LastIndexByte(spec, '@')
	if at < 1 {
		return Address{}, errNone
	}
	// The domain is read here: that of net/mail is neither a literal nor absolute.
	parsed, err := mail.ParseAddress(name + " <" + spec[:at] + "@example.org>")
	if err != nil {
		return Address{}, errNone
	}
	a := Address{Name: parsed.Name, Local: strings.TrimSuffix(parsed.Address, "@example.org")}
	if a.Domain, err = domain(spec[at+1:]); err != nil {
		return Address{}, err
	}
	return a, a.check()
}

var errNone = errors.New("is no mail address; give one as in ann@example.com")

func domain(text string) (string, error) {
	if inner, ok := strings.CutPrefix(text, "["); ok { // RFC 5321, 4.1.3
		literal := strings.TrimSuffix(inner, "]")
		if len(literal) > 5 && strings.EqualFold(literal[:5], "IPv6:") {
			literal = literal[5:]
		}
		if addr, err := netip.ParseAddr(literal); err != nil || addr.Zone() != "" {
			return "", errors.New("has an address literal that is no IP address")
		}
		return text, nil
	}
	if strings.ContainsAny(text, "/:@?# ") { // what ParseDomain would take for a URL
		return "", errors.New("has a domain that is none")
	}
	name, err := record.ParseDomain(text)
	if err != nil {
		return "", fmt.Errorf("has a domain that %w", err)
	}
	return record.Display(name), nil
}

// check says what keeps an address from being written.
func (a Address) check() error {
	switch {
	case a.Local == "" || a.Domain == "":
		return errNone
	case strings.ContainsFunc(a.Name+a.Local+a.Domain, control) || !utf8.ValidString(a.Name+a.Local+a.Domain):
		return ErrControl
	case len(a.Local) > maxLocal:
		return fmt.Errorf("has a local part of more than %d octets", maxLocal)
	case len(a.Path()) > maxPath:
		return fmt.Errorf("has more than %d octets", maxPath)
	}
	return nil
}

// Path is the address as an envelope has it: a@example.org, "a b"@example.org.
func (a Address) Path() string {
	if a.Local == "" && a.Domain == "" {
		return ""
	}
	local := a.Local
	if !dotAtom(local) {
		local = quoted(local)
	}
	return local + "@" + a.Domain
}

// String is the address as a header field has it (RFC 5322, 3.4).
func (a Address) String() string {
	if a.Name == "" {
		return a.Path()
	}
	return phrase(a.Name) + " <" + a.Path() + ">"
}

// phrase is a display name: as it is, in quotes, or encoded (RFC 2047, 5).
func phrase(name string) string {
	plain, quotable := true, true
	for _, r := range name {
		plain = plain && (r == ' ' || atext(r) && r < utf8.RuneSelf)
		quotable = quotable && r < utf8.RuneSelf
	}
	switch {
	case !quotable || strings.Contains(name, "=?") || len(name) > maxWord:
		return encoded(name)
	case plain && strings.TrimSpace(name) == name:
		return name
	}
	return quoted(name)
}

// quoted is a quoted-string (RFC 5322, 3.2.4).
func quoted(text string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range text {
		if r == '"' || r == '\\' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	return b.String() + `"`
}

// dotAtom reports whether text needs no quotes (RFC 5322, 3.2.3; RFC 6532, 3.2).
func dotAtom(text string) bool {
	for _, atom := range strings.Split(text, ".") {
		if atom == "" || strings.ContainsFunc(atom, func(r rune) bool { return !atext(r) }) {
			return false
		}
	}
	return true
}

func atext(r rune) bool {
	return r >= utf8.RuneSelf || 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r)
}

// control reports whether a character may not stand in a header: it ends a line, or
// does other things to who reads it.
func control(r rune) bool { return r < ' ' || 0x7f <= r && r < 0xa0 || r == 0x2028 || r == 0x2029 }
