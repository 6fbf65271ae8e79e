package message

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// Charset: what is not ASCII says what it is.
var Charset = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.charset",
		Title:    "Text that is not ASCII says how it is written",
		Severity: diagnosis.Warning,
		Why:      "Text in an undeclared charset is shown as garbage to some readers. Octets above 127 that are not declared are mended by some servers on the way, which breaks the DKIM signature, and counted by filters.",
		Doc: `In the header, octets above 127 may stand only where the message travels by SMTPUTF8, and only as UTF-8 (RFC 6532, 3.2); else they are written as encoded words (RFC 2047). In the body, they may stand only where the Content-Transfer-Encoding says 8bit or binary (RFC 2045, 6.2); a part without that field is 7bit.

The charset parameter of a text must name what it is written in: without one it is us-ascii (RFC 2046, 4.1.2). What is declared as UTF-8 must be UTF-8.

To fix it, have the mail library write headers and body, with UTF-8 and quoted-printable or base64. PHP: mb_encode_mimeheader for the subject, and a library such as PHPMailer or Symfony Mailer in place of mail().`,
		Refs: []diagnosis.Ref{{Name: "RFC 2045, 6.2"}, {Name: "RFC 2046, 4.1.2"}, {Name: "RFC 2047, 2"}, {Name: "RFC 6532, 3.2"}},
	},
	Of:  checks.Messages,
	Run: of(charset),
})

func charset(v *diagnosis.Verdict, m *facts.Mail) {
	for _, f := range m.Fields {
		if why := eightBit(f, smtputf8(m)); why != "" {
			find(v, diagnosis.Warning, f.Name, why, []diagnosis.Evidence{{Question: fmt.Sprintf("line %d", f.Line), Answer: fmt.Sprintf("%.200q", f.Raw)}},
				"Write it in encoded words: =?UTF-8?Q?Caf=C3=A9?=.")
			break
		}
	}
	for _, p := range m.Parts {
		if len(v.Findings) >= 10 {
			return
		}
		if p.Multipart() || p.Enclosed() {
			continue
		}
		if why := undeclared(p); why != "" {
			find(v, diagnosis.Warning, place(p), why, shown(contentType(p)...), "Declare the charset in Content-Type, and encode the text as quoted-printable or base64.")
		}
	}
	if len(v.Findings) == 0 {
		saw(v, "charsets", "%s", charsets(m.Parts))
	}
}

// eightBit says what is wrong with a field that is not ASCII.
func eightBit(f mail.Field, allowed bool) string {
	switch {
	case ascii(f.Raw):
		return ""
	case !utf8.Valid(f.Raw):
		return f.Name + " holds octets above 127 that are no UTF-8"
	case allowed:
		return ""
	}
	return f.Name + " holds UTF-8 as it is, which is allowed in mail by SMTPUTF8 only"
}

// smtputf8 reports whether the message travels by SMTPUTF8: a host says so (RFC
// 6531, 4.3), or it has an address that cannot be written otherwise.
func smtputf8(m *facts.Mail) bool {
	if slices.ContainsFunc(m.Hops, func(h mail.Hop) bool { return strings.HasPrefix(strings.ToUpper(h.With), "UTF8") }) {
		return true
	}
	for _, f := range m.Fields {
		if !f.Is("From") && !f.Is("To") && !f.Is("Cc") {
			continue
		}
		addresses, _ := f.Addresses()
		if slices.ContainsFunc(addresses, func(a mail.Address) bool { return !ascii([]byte(a.Local)) }) {
			return true
		}
	}
	return false
}

// undeclared says what a part is that it does not say of itself.
func undeclared(p mail.Part) string {
	what := fmt.Sprintf("%s (%.60s)", place(p), p.Type)
	if p.Encoding == "7bit" && !ascii(p.Body) {
		if len(transferEncoding(p)) == 0 {
			return what + " has octets above 127 and no Content-Transfer-Encoding"
		}
		return what + " has octets above 127, and its Content-Transfer-Encoding says 7bit"
	}
	if !strings.HasPrefix(p.Type, "text/") {
		return ""
	}
	text, err := p.Decoded(maxDecoded)
	if err != nil { // told by message.mime
		return ""
	}
	switch declared := p.Charset(); {
	case declared == "us-ascii" && p.Params["charset"] == "" && p.Type != "text/plain" && p.Type != "text/html":
		return "" // other types have charsets of their own: text/calendar is UTF-8 (RFC 5545, 3.1.4)
	case (declared == "us-ascii" || declared == "ascii") && p.Params["charset"] == "" && !ascii(text):
		return what + " is not ASCII and declares no charset"
	case (declared == "us-ascii" || declared == "ascii") && !ascii(text):
		return what + " is declared as us-ascii and is not"
	case declared == "utf-8" && !utf8.Valid(text):
		return what + " is declared as UTF-8 and is not"
	}
	return ""
}

func ascii(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func charsets(parts []mail.Part) string {
	var list []string
	for _, p := range parts {
		if p.Text() && len(list) < 8 {
			list = append(list, fmt.Sprintf("%s: %.40s, %.20s", place(p), p.Charset(), p.Encoding))
		}
	}
	if len(list) == 0 {
		return "no text"
	}
	return strings.Join(list, "; ")
}
