package tlsrpt

import (
	"net/url"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A URI is one place to which reports go: a mailbox, or an https endpoint that
// takes them by POST (RFC 8460, 3 and 5.4).
type URI struct {
	Text   string // as published, without white space around it
	Scheme string // lower-case: "mailto", "https"; empty if there is none
	// Address and Host are those of a valid URI: the mailbox of a mailto, percent
	// decoded, and the domain of either, canonical.
	Address, Host string
	// Fault says why nothing can be sent there; empty if something can.
	Fault string
}

// Mailto is the URI of a mail address. Commas, exclamation marks and semicolons
// are percent-encoded (RFC 8460, 3).
func Mailto(address string) URI {
	const digits = "0123456789ABCDEF"
	var b strings.Builder
	for _, c := range []byte(address) {
		if c <= ' ' || c >= 0x7f || strings.IndexByte(`,!;%?&"<>\^{|}`+"`", c) >= 0 {
			b.WriteString("%" + string(digits[c>>4]) + string(digits[c&15]))
			continue
		}
		b.WriteByte(c)
	}
	return parseURI("mailto:" + b.String())
}

// Repaired is the URI that was meant; ok is false where that is not plain.
func (u URI) Repaired() (meant URI, ok bool) {
	switch {
	case u.Fault == "":
		return u, true
	case !strings.Contains(u.Text, "@"):
		return u, false
	}
	text := u.Text
	if i := strings.LastIndexByte(text, ':'); i >= 0 { // "mail to:", "mailto://"
		text = text[i+1:]
	}
	text, _, _ = strings.Cut(text, "!") // a size as DMARC had it
	meant = parseURI("mailto:" + strings.Trim(strings.TrimLeft(text, "/"), `<>"' `))
	return meant, meant.Fault == ""
}

func parseURI(text string) URI {
	u := URI{Text: text}
	scheme, rest, found := strings.Cut(text, ":")
	u.Scheme = strings.ToLower(scheme)
	switch {
	case !found && strings.Contains(text, "@"):
		u.Scheme, u.Fault = "", "it is a mail address without \"mailto:\" in front"
	case !found:
		u.Scheme, u.Fault = "", "it is not a URI"
	case strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' || strings.ContainsRune("<>\"\\^`{|}!;", r) }):
		u.Fault = "it holds a character that must be percent-encoded"
	case u.Scheme == "mailto":
		u.mailto(rest)
	case u.Scheme == "https":
		u.https()
	default: // RFC 8460, 3
		u.Fault = "it is neither a mailto nor an https URI"
	}
	return u
}

// mailto takes what follows the scheme (RFC 6068, 2), one mailbox.
func (u *URI) mailto(path string) {
	path, _, _ = strings.Cut(path, "?")
	address, err := url.PathUnescape(path)
	at := strings.LastIndexByte(address, '@')
	switch {
	case err != nil:
		u.Fault = "its percent-encoding is broken"
	case strings.HasPrefix(path, "//"):
		u.Fault = "two slashes follow \"mailto:\", which has none"
	case at < 1:
		u.Fault = "there is no mailbox in it"
	case at > 64 || strings.ContainsFunc(address[:at], func(r rune) bool { return r <= ' ' || r == 0x7f || strings.ContainsRune("@,<>", r) }):
		u.Fault = "the local part of its address is not valid"
	default:
		host, err := record.ParseDomain(address[at+1:])
		if err != nil || strings.ContainsAny(address[at+1:], "/@") {
			u.Fault = "the domain of its address is not valid"
			return
		}
		u.Address, u.Host = address, host
	}
}

func (u *URI) https() {
	parsed, err := url.Parse(u.Text)
	if err != nil || parsed.Hostname() == "" {
		u.Fault = "it is not a URL"
		return
	}
	host, err := record.ParseDomain(parsed.Hostname())
	if err != nil {
		u.Fault = "its host is not a name"
		return
	}
	u.Host = host
}
