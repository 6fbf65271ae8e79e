// Package compose writes messages: a header, a text, an HTML document beside it,
// in the form in which they can be signed and sent (RFC 5322, RFC 2045, RFC 2046,
// RFC 2047, RFC 6532).
//
// What it is given may be hostile: no value gets a line of its own into the header.
// It attaches no files, and does not sign or send.
package compose

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/message"
)

// MaxBody is how many octets the text, and the HTML, may have.
const MaxBody = 10 << 20

// A Message is one to be written. From and To are needed, all else may be left out.
type Message struct {
	From    Address
	To, Cc  []Address
	ReplyTo []Address
	Subject string
	// Text and HTML are the body, in UTF-8 with line ends of any kind. With both it is a
	// multipart/alternative; with none an empty text.
	Text, HTML string
	Date       time.Time // zero: now
	ID         string    // without angle brackets; empty: made up, below the domain of From
	More       []Field   // further fields of the header
}

// A Field is one of the header. Its value is text: what is not ASCII in it is
// encoded, and it is folded.
type Field struct{ Name, Value string }

// ErrControl is a value with a line end, or another control octet, in it: it could
// begin a field of its own.
var ErrControl = errors.New("holds a line end or another control character")

// Bytes is the message. Lines end in CRLF and have at most 998 octets (RFC 5322,
// 2.1.1), and the body is ASCII in whatever encoding that takes.
func (m Message) Bytes() ([]byte, error) {
	body, err := m.body()
	if err != nil {
		return nil, err
	}
	var h header
	h.addresses("From", []Address{m.From})
	h.addresses("To", m.To)
	h.addresses("Cc", m.Cc)
	h.addresses("Reply-To", m.ReplyTo)
	h.text("Subject", m.Subject)
	date := m.Date
	if date.IsZero() {
		date = time.Now()
	}
	h.plain("Date", date.Format(time.RFC1123Z))
	h.id(m)
	for _, f := range m.More {
		h.more(f)
	}
	h.plain("MIME-Version", "1.0") // RFC 2045, 4
	if h.err != nil {
		return nil, h.err
	}
	out := append(h.Bytes(), body...)
	if _, problems := message.Parse(out); len(problems) > 0 {
		return nil, fmt.Errorf("the message cannot be written: %s", problems[0].Message)
	}
	return out, nil
}

// body is the fields that describe the body, the empty line and the body.
func (m Message) body() ([]byte, error) {
	for _, part := range []struct{ name, text string }{{"text", m.Text}, {"HTML", m.HTML}} {
		switch {
		case len(part.text) > MaxBody:
			return nil, fmt.Errorf("the %s has more than %d octets", part.name, MaxBody)
		case !utf8.ValidString(part.text):
			return nil, fmt.Errorf("the %s is not UTF-8", part.name)
		case strings.ContainsRune(part.text, 0):
			return nil, fmt.Errorf("the %s holds a NUL", part.name) // RFC 5322, 4: receivers refuse it
		}
	}
	switch {
	case m.HTML == "":
		return entity("text/plain", m.Text), nil
	case m.Text == "":
		return entity("text/html", m.HTML), nil
	}
	text, html := entity("text/plain", m.Text), entity("text/html", m.HTML) // the best last (RFC 2046, 5.1.4)
	border := boundary(text, html)
	var b bytes.Buffer
	fmt.Fprintf(&b, "Content-Type: multipart/alternative;\r\n boundary=\"%s\"\r\n\r\n", border)
	for _, part := range [][]byte{text, html} {
		fmt.Fprintf(&b, "--%s\r\n%s\r\n", border, part)
	}
	fmt.Fprintf(&b, "--%s--\r\n", border)
	return b.Bytes(), nil
}

// boundary is a delimiter that stands in none of the parts (RFC 2046, 5.1.1). A "="
// with a "_" behind it is found neither in quoted-printable nor in base64.
func boundary(parts ...[]byte) string {
	for {
		border := "=_" + random(12)
		in := false
		for _, p := range parts {
			in = in || bytes.Contains(p, []byte(border))
		}
		if !in {
			return border
		}
	}
}

// random is n random octets in hexadecimal.
func random(n int) string {
	b := make([]byte, n)
	rand.Read(b)
	return hex.EncodeToString(b)
}
