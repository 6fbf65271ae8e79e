// Package message is the raw model of an Internet message: its exact octets, the
// header fields in their order and place, and views of them (RFC 5322, RFC 2045,
// RFC 6532).
//
// It reads whatever came and never refuses: what is wrong is said beside it, with
// its place. It does not judge mail, ask the DNS, write messages or render HTML.
package message

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Bounds of what is read. What lies beyond is left out, and a Problem says so.
const (
	MaxFields = 1000           // header fields
	MaxHeader = 256 << 10      // octets of the header block
	MaxSize   = 50<<20 + 1<<16 // octets of the whole message that Read takes

	maxProblems = 200
)

// A Message is one message as it was received. Nothing in it is converted: line
// ends, folding and odd octets are as they came.
type Message struct {
	Raw    []byte  // all of it
	Fields []Field // of the header, from the top down
	Body   []byte  // behind the empty line; part of Raw
	BodyAt int     // offset of Body in Raw
	// Cut tells that a bound was reached: fields or octets are missing, so that
	// nothing that covers the whole message can be told.
	Cut bool
}

// A Kind sorts problems.
type Kind int

const (
	NotAField     Kind = iota + 1 // a line of the header that is no header field
	MailboxLine                   // a "From " line of an mbox file in front of the header
	NoBody                        // the header ends without an empty line
	TooManyFields                 // more than MaxFields
	TooLargeHead                  // a header block of more than MaxHeader octets
	TooLarge                      // more than MaxSize octets
	BadAddress                    // a list of addresses that does not parse
	BadReceived                   // a Received field that does not parse
	BadDate                       // a date that does not parse
	BadMIME                       // a MIME structure that does not parse
	TooManyParts                  // more than MaxParts, or nested deeper than MaxDepth
)

// A Problem is one fault of a message.
type Problem struct {
	Offset  int // of the octet in the message where it shows
	Kind    Kind
	Message string // what is wrong; quotes the text where it helps, escaped
}

// A problems list stops growing at maxProblems.
type problems []Problem

func (p *problems) add(at int, kind Kind, format string, args ...any) {
	if len(*p) < maxProblems {
		*p = append(*p, Problem{Offset: at, Kind: kind, Message: fmt.Sprintf(format, args...)})
	}
}

// Parse reads a message. It keeps raw, which must not change afterwards.
func Parse(raw []byte) (*Message, []Problem) {
	var p problems
	m := &Message{Raw: raw}
	at := 0
	if bytes.HasPrefix(raw, []byte("From ")) || bytes.HasPrefix(raw, []byte(">From ")) {
		p.add(0, MailboxLine, "the first line is that of an mbox file, not of the message")
		at = lineEnd(raw, 0)
	}
	h := header{raw: raw, at: at, line: 1 + bytes.Count(raw[:at], newline), room: MaxFields, problems: &p}
	h.read()
	m.Fields, m.BodyAt, m.Cut = h.fields, h.at, h.cut
	m.Body = raw[m.BodyAt:]
	if !h.ended && len(h.fields) > 0 {
		p.add(len(raw), NoBody, "the header is not followed by an empty line, so there is no body")
	}
	return m, p
}

// Read reads a message of at most MaxSize octets from r. The error is that of r;
// what was read until then is in the message all the same.
func Read(r io.Reader) (*Message, []Problem, error) {
	raw, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	large := len(raw) > MaxSize
	if large {
		raw = raw[:MaxSize:MaxSize]
	}
	m, p := Parse(raw)
	if large {
		m.Cut = true
		p = append(p, Problem{Offset: MaxSize, Kind: TooLarge, Message: fmt.Sprintf("the message has more than %d octets; the rest was not read", MaxSize)})
	}
	if err != nil {
		m.Cut = true
		if errors.Is(err, io.ErrUnexpectedEOF) {
			return m, p, fmt.Errorf("message breaks off: %w", err)
		}
		return m, p, fmt.Errorf("message: %w", err)
	}
	return m, p, nil
}

// All returns the fields called name, from the top down. Case does not matter.
func (m *Message) All(name string) []Field {
	var all []Field
	for _, f := range m.Fields {
		if f.Is(name) {
			all = append(all, f)
		}
	}
	return all
}

// First returns the topmost field called name.
func (m *Message) First(name string) (f Field, ok bool) {
	for _, f := range m.Fields {
		if f.Is(name) {
			return f, true
		}
	}
	return Field{}, false
}

// Text is the decoded value of the topmost field called name; empty if there is none.
func (m *Message) Text(name string) string {
	f, _ := m.First(name)
	return f.Text()
}

// ID is the identifier of the message without its angle brackets (RFC 5322,
// 3.6.4), or the value as it stands where it has none; empty if there is no
// Message-ID.
func (m *Message) ID() string {
	f, ok := m.First("Message-ID")
	if !ok {
		return ""
	}
	id := f.Unfolded()
	if _, after, ok := strings.Cut(id, "<"); ok {
		if inner, _, ok := strings.Cut(after, ">"); ok {
			return inner
		}
	}
	return id
}

// CRLF is m with every line end written CRLF, as it travels over SMTP (RFC 5321,
// 2.3.8): bare LF and bare CR become CRLF. It is m itself where nothing changes.
func (m *Message) CRLF() *Message {
	if o := m.Octets(); o.BareCR.N == 0 && o.BareLF.N == 0 {
		return m
	}
	n, _ := Parse(ToCRLF(m.Raw))
	n.Cut = n.Cut || m.Cut
	return n
}

// ToCRLF is raw with every bare LF and every bare CR replaced by CRLF.
func ToCRLF(raw []byte) []byte {
	out := make([]byte, 0, len(raw)+bytes.Count(raw, newline))
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; c {
		case '\r':
			out = append(out, '\r', '\n')
			if i+1 < len(raw) && raw[i+1] == '\n' {
				i++
			}
		case '\n':
			out = append(out, '\r', '\n')
		default:
			out = append(out, c)
		}
	}
	return out
}
