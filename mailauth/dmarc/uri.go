package dmarc

import (
	"net/url"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A URI is one place to which reports go (RFC 9989, 4.6).
type URI struct {
	Text   string // as published, without white space around it, with the size
	Scheme string // lower-case: "mailto"; empty if there is none
	// Address and Host are those of a valid mailto URI: the mailbox, percent
	// decoded, and its domain, canonical.
	Address, Host string
	// Size is the obsolete limit behind "!" ("10m"), which RFC 9989 ignores.
	Size string
	// Fault says why nothing can be sent there; empty if something can.
	Fault string
}

// maxURIs bounds the addresses of one tag that are looked at.
const maxURIs = 32

// Mailto is the URI of a mail address. Commas, exclamation marks and semicolons
// are percent-encoded, as RFC 9989, 4.8 wants.
func Mailto(address string) URI {
	var b strings.Builder
	for _, c := range []byte(address) {
		switch {
		case c <= ' ' || c >= 0x7f || strings.IndexByte(`,!;%?&"<>\^{|}`+"`", c) >= 0:
			const digits = "0123456789ABCDEF"
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
		default:
			b.WriteByte(c)
		}
	}
	return parseURI("mailto:" + b.String())
}

// Repaired is the URI that was meant where only "mailto:" is missing.
func (u URI) Repaired() (URI, bool) {
	if u.Fault == "" || !strings.Contains(u.Text, "@") {
		return u, false
	}
	text := strings.TrimSuffix(u.Text, "!"+u.Size)
	if i := strings.LastIndex(text, ":"); i >= 0 { // "mail to:", "mailto://"
		text = text[i+1:]
	}
	meant := parseURI("mailto:" + strings.Trim(strings.TrimLeft(text, "/"), `<>"' `))
	return meant, meant.Fault == ""
}

func parseURI(text string) URI {
	u := URI{Text: text}
	rest := text
	if i := strings.LastIndexByte(rest, '!'); i >= 0 && isSize(rest[i+1:]) {
		rest, u.Size = rest[:i], rest[i+1:]
	}
	scheme, path, found := strings.Cut(rest, ":")
	switch {
	case !found || !isScheme(scheme):
		if strings.Contains(rest, "@") {
			u.Fault = "it is a mail address without \"mailto:\" in front"
		} else {
			u.Fault = "it is not a URI"
		}
		return u
	case strings.ContainsFunc(rest, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"\\^`{|}!", r) }):
		u.Fault = "it holds a character that must be percent-encoded"
		return u
	}
	u.Scheme = strings.ToLower(scheme)
	if u.Scheme != "mailto" {
		if _, err := url.Parse(rest); err != nil || path == "" {
			u.Fault = "it is not a URI"
		}
		return u
	}
	u.mailto(path)
	return u
}

// mailto takes what follows the scheme (RFC 6068, 2). One mailbox is allowed;
// header fields behind "?" are skipped.
func (u *URI) mailto(path string) {
	path, _, _ = strings.Cut(path, "?")
	address, err := url.PathUnescape(path)
	at := strings.LastIndexByte(address, '@')
	switch {
	case err != nil:
		u.Fault = "its percent-encoding is broken"
		return
	case strings.HasPrefix(path, "//"):
		u.Fault = "two slashes follow \"mailto:\", which has none"
		return
	case at < 1:
		u.Fault = "there is no mailbox in it"
		return
	case at > 64 || strings.ContainsFunc(address[:at], func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("@,<>", r) }):
		u.Fault = "the local part of its address is not valid"
		return
	}
	host, err := record.ParseDomain(address[at+1:])
	if err != nil || strings.ContainsAny(address[at+1:], "/@") {
		u.Fault = "the domain of its address is not valid"
		return
	}
	u.Address, u.Host = address, host
}

// isSize reports whether s is 1*DIGIT [ "k" / "m" / "g" / "t" ].
func isSize(s string) bool {
	digits := strings.TrimRight(s, "kmgtKMGT")
	return digits != "" && len(s)-len(digits) <= 1 && strings.Trim(digits, "0123456789") == ""
}

// isScheme reports whether s is a scheme (RFC 3986, 3.1).
func isScheme(s string) bool {
	for i := range len(s) {
		c := s[i] | 0x20
		if ('a' > c || c > 'z') && (i == 0 || strings.IndexByte("0123456789+-.", s[i]) < 0) {
			return false
		}
	}
	return s != ""
}
