package dsn

import (
	"bytes"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/message"
)

// maxHeader bounds how much of the header of a message goes back.
const maxHeader = 64 << 10

// A part of the notification.
type part struct {
	kind        string
	description string
	content     []byte // lines end in CRLF
}

// write writes the part, encoded if it needs to be.
func (p part) write(b *bytes.Buffer) {
	fmt.Fprintf(b, "Content-Type: %s\r\nContent-Description: %s\r\n", p.kind, p.description)
	if sevenBit(p.content) {
		b.WriteString("\r\n")
		b.Write(p.content)
	} else {
		b.WriteString("Content-Transfer-Encoding: quoted-printable\r\n\r\n")
		w := quotedprintable.NewWriter(b)
		_, _ = w.Write(p.content) // a buffer takes all
		_ = w.Close()
	}
	b.WriteString("\r\n")
}

// sevenBit reports whether text may travel as it is (RFC 2045, 2.7).
func sevenBit(text []byte) bool {
	for line := range bytes.SplitSeq(text, []byte("\r\n")) {
		if len(line) > 998 || bytes.ContainsFunc(line, func(r rune) bool { return r == '\r' || r == '\n' || r == 0 || r > '~' }) {
			return false
		}
	}
	return true
}

// header is the header of a message as it came, with line ends of CRLF.
func header(m *message.Message) []byte {
	var b []byte
	for _, f := range m.Fields {
		if len(b)+len(f.Raw) > maxHeader {
			break
		}
		b = append(b, f.Raw...)
	}
	b = message.ToCRLF(b)
	if len(b) > 0 && !bytes.HasSuffix(b, []byte("\r\n")) {
		b = append(b, "\r\n"...)
	}
	return b
}

// clean is text from outside on one line, without what could steer a terminal.
func clean(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
	return strings.TrimSpace(s)
}

// clip is at most n octets of s, and whole characters.
func clip(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

func ascii(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > unicode.MaxASCII })
}
