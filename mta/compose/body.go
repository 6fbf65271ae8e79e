package compose

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/quotedprintable"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/message"
)

// entity is a text with the fields that describe it, in front of it the empty line.
// It ends in CRLF.
func entity(kind, text string) []byte {
	lines := message.ToCRLF([]byte(text))
	if len(lines) > 0 && !bytes.HasSuffix(lines, []byte("\r\n")) {
		lines = append(lines, "\r\n"...)
	}
	charset, encoding := "utf-8", "7bit"
	switch n := beyond(lines); {
	case n == 0 && tame(lines):
		charset = "us-ascii"
	case n > utf8.RuneCount(lines)/3: // base64 is shorter there, and no less to be read
		encoding, lines = "base64", inBase64(lines)
	default:
		encoding, lines = "quoted-printable", inQuotedPrintable(lines)
	}
	return append(fmt.Appendf(nil, "Content-Type: %s; charset=%s\r\nContent-Transfer-Encoding: %s\r\n\r\n", kind, charset, encoding), lines...)
}

// beyond counts the characters that are not ASCII.
func beyond(text []byte) int {
	n := 0
	for _, r := range string(text) {
		if r >= utf8.RuneSelf {
			n++
		}
	}
	return n
}

// tame reports whether ASCII text comes through as it is: its lines are short, do not
// end in blanks, hold no controls, and none begins as that of an mbox file does.
func tame(text []byte) bool {
	const width = 78 // RFC 5322, 2.1.1
	for line := range strings.SplitSeq(string(text), "\r\n") {
		if len(line) > width || strings.HasSuffix(line, " ") || strings.HasSuffix(line, "\t") || strings.HasPrefix(line, "From ") {
			return false
		}
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
			return false
		}
	}
	return true
}

func inBase64(text []byte) []byte {
	const width = 76 // RFC 2045, 6.8
	all := base64.StdEncoding.EncodeToString(text)
	var b bytes.Buffer
	for len(all) > 0 {
		n := min(width, len(all))
		b.WriteString(all[:n] + "\r\n")
		all = all[n:]
	}
	return b.Bytes()
}

// inQuotedPrintable also encodes the F of a line that begins with "From ", which
// many programs write as ">From ", and so break its signature.
func inQuotedPrintable(text []byte) []byte {
	var b bytes.Buffer
	w := quotedprintable.NewWriter(&b)
	_, _ = w.Write(text) // a buffer takes everything
	_ = w.Close()
	out := bytes.ReplaceAll(b.Bytes(), []byte("\r\nFrom "), []byte("\r\n=46rom "))
	if bytes.HasPrefix(out, []byte("From ")) {
		out = append([]byte("=46rom "), out[len("From "):]...)
	}
	return out
}
