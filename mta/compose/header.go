package compose

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/message"
)

// A header is one being written, up to its first fault.
type header struct {
	bytes.Buffer
	err error
}

// plain puts a field whose value is known to be good.
func (h *header) plain(name, value string) { h.WriteString(fold(name, value)) }

// text puts a field of words for people. An empty one is left out.
func (h *header) text(name, value string) {
	value = strings.TrimSpace(value)
	switch {
	case value == "":
	case strings.ContainsFunc(value, control):
		h.fail("%s %w", name, ErrControl)
	case !utf8.ValidString(value):
		h.fail("%s is not UTF-8", name)
	default:
		h.plain(name, words(value))
	}
}

func (h *header) fail(format string, args ...any) {
	if h.err == nil {
		h.err = fmt.Errorf(format, args...)
	}
}

// addresses puts a list of mailboxes. An empty one is left out.
func (h *header) addresses(name string, list []Address) {
	var texts []string
	for _, a := range list {
		if err := a.check(); err != nil {
			h.fail("%s: %q %w", name, a.Path(), err)
			continue
		}
		texts = append(texts, a.String())
	}
	if len(texts) > 0 {
		h.plain(name, strings.Join(texts, ", "))
	}
}

// id puts the Message-ID (RFC 5322, 3.6.4).
func (h *header) id(m Message) {
	id := m.ID
	if id == "" {
		id = random(16) + "@" + strings.NewReplacer("[", "", "]", "", ":", ".").Replace(m.From.Domain)
	}
	if strings.ContainsFunc(id, func(r rune) bool { return r <= ' ' || r >= 0x7f || strings.ContainsRune("<>", r) }) || len(id) > message.MaxLine-20 {
		h.fail("the Message-ID %q is none", id)
	}
	h.plain("Message-ID", "<"+id+">")
}

// more puts a field that the caller chose. Those that are written anyway are not
// to be had twice.
func (h *header) more(f Field) {
	own := []string{"From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
	for _, name := range own {
		if strings.EqualFold(name, f.Name) {
			h.fail("the field %s is written already", name)
		}
	}
	if f.Name == "" || len(f.Name) > 70 || strings.ContainsFunc(f.Name, func(r rune) bool { return r <= ' ' || r >= 0x7f || r == ':' }) {
		h.fail("%q is no name of a field", f.Name) // RFC 5322, 3.6.8
	}
	h.text(f.Name, f.Value)
}

// maxWord bounds what is written as it is: a longer word has no place to fold at.
const maxWord = 500

// words is text as an unstructured field has it, encoded where it has to be.
func words(text string) string {
	long := false
	for _, w := range strings.Fields(text) {
		long = long || len(w) > maxWord
	}
	ascii := !strings.ContainsFunc(text, func(r rune) bool { return r >= utf8.RuneSelf })
	if ascii && !long && !strings.Contains(text, "=?") {
		return text
	}
	return encoded(text)
}

// encoded is text as encoded words of at most 75 octets, with a blank between them
// (RFC 2047, 2). No character is divided.
func encoded(text string) string {
	text = strings.ToValidUTF8(text, "?")
	const most = 75 - len("=?utf-8?q?") - len("?=")
	letters, encode := 0, quotedWord
	for _, r := range text {
		if r < utf8.RuneSelf {
			letters++
		}
	}
	if letters < utf8.RuneCountInString(text)/2 {
		encode = func(s string) (string, string) { return "b", base64.StdEncoding.EncodeToString([]byte(s)) }
	}
	var list []string
	from := 0
	for i, r := range text {
		if _, e := encode(text[from : i+utf8.RuneLen(r)]); len(e) > most {
			kind, e := encode(text[from:i])
			list, from = append(list, "=?utf-8?"+kind+"?"+e+"?="), i
		}
	}
	kind, e := encode(text[from:])
	return strings.Join(append(list, "=?utf-8?"+kind+"?"+e+"?="), " ")
}

// quotedWord is the Q encoding, with the octets that every place allows (RFC 2047,
// 5 (3)).
func quotedWord(text string) (kind, out string) {
	var b strings.Builder
	for _, c := range []byte(text) {
		switch {
		case c == ' ':
			b.WriteByte('_')
		case 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("!*+-/", c) >= 0:
			b.WriteByte(c)
		default:
			fmt.Fprintf(&b, "=%02X", c)
		}
	}
	return "q", b.String()
}

// fold is a field with its CRLF, in lines of at most 78 octets where there are blanks
// to fold at (RFC 5322, 2.2.3).
func fold(name, value string) string {
	const width = 78
	var b strings.Builder
	line, rest := name+":", " "+value
	for rest != "" {
		gap := len(rest) - len(strings.TrimLeft(rest, " "))
		end := len(rest)
		if n := strings.IndexByte(rest[gap:], ' '); n >= 0 {
			end = gap + n
		}
		if len(line)+end > width && line != name+":" { // the blanks in front of a word begin the line
			b.WriteString(line + "\r\n")
			line = ""
		}
		line, rest = line+rest[:end], rest[end:]
	}
	return b.String() + line + "\r\n"
}
