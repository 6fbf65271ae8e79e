package dkim

import (
	"bytes"

	"github.com/maildoctor/maildoctor/message"
)

// A bodyVariant undoes one thing that relays do to a body. Nil means that it
// cannot have happened.
type bodyVariant struct {
	kind ChangeKind
	text string
	undo func(*message.Message) []byte
}

var bodyVariants = []bodyVariant{
	{WhiteSpace, "blanks at the ends of lines were added; without them it matches", func(m *message.Message) []byte {
		return lines(m.Body, func(l []byte) []byte { return bytes.TrimRight(l, " \t") })
	}},
	{WhiteSpace, "tabs were written for blanks, or blanks for tabs", func(m *message.Message) []byte { return bytes.ReplaceAll(m.Body, []byte("\t"), []byte(" ")) }},
	{Escaped, "\"From \" at the beginning of a line was written \">From \", as for an mbox file", func(m *message.Message) []byte {
		return lines(m.Body, func(l []byte) []byte {
			if bytes.HasPrefix(l, []byte(">From ")) {
				return l[1:]
			}
			return l
		})
	}},
	{Escaped, "a dot at the beginning of a line was doubled and not restored (RFC 5321, 4.5.2)", func(m *message.Message) []byte {
		return lines(m.Body, func(l []byte) []byte {
			if bytes.HasPrefix(l, []byte("..")) {
				return l[1:]
			}
			return l
		})
	}},
	{Escaped, "a dot at the beginning of a line was taken away that was not doubled (RFC 5321, 4.5.2)", func(m *message.Message) []byte {
		return lines(m.Body, func(l []byte) []byte {
			if bytes.HasPrefix(l, []byte(".")) {
				return append([]byte("."), l...)
			}
			return l
		})
	}},
	{Wrapped, "lines that are too long were broken with an exclamation mark", func(m *message.Message) []byte { return bytes.ReplaceAll(m.Body, []byte("!\r\n "), nil) }},
	{Wrapped, "lines of more than 998 octets were broken by a relay (RFC 5322, 2.1.1)", func(m *message.Message) []byte { return joined(m.Body, true) }},
	{Wrapped, "lines of more than 998 octets were broken by a relay (RFC 5322, 2.1.1)", func(m *message.Message) []byte { return joined(m.Body, false) }},
	{Recoded, "the transfer encoding was changed by a relay; decoded it matches, so it was signed as 8bit or 7bit (RFC 6376, 5.3)", decoded},
	{Enclosed, "it was put into a multipart as its first part: a mailing list or gateway wrapped it to add another part", firstPart},
}

// lines is body with every line changed by change.
func lines(body []byte, change func([]byte) []byte) []byte {
	out := make([]byte, 0, len(body)+64)
	for len(body) > 0 {
		line, rest, found := bytes.Cut(body, crlf)
		out = append(out, change(line)...)
		if found {
			out = append(out, crlf...)
		}
		body = rest
	}
	return out
}

// longLine is from where on a line counts as one that a relay broke.
const longLine = 900

// joined puts lines together again that were broken, where a blank was put in
// front of the rest or none was.
func joined(body []byte, blank bool) []byte {
	out := make([]byte, 0, len(body))
	for len(body) > 0 {
		line, rest, found := bytes.Cut(body, crlf)
		out = append(out, line...)
		body = rest
		switch {
		case found && len(line) >= longLine && blank && bytes.HasPrefix(rest, []byte(" ")):
			body = rest[1:]
		case found && len(line) >= longLine && !blank:
		case found:
			out = append(out, crlf...)
		}
	}
	return out
}

// decoded is the body of a message of one part without its transfer encoding.
func decoded(m *message.Message) []byte {
	parts, _ := m.Parts()
	top := parts[0]
	if len(parts) > 1 || top.Encoding != "quoted-printable" && top.Encoding != "base64" {
		return nil
	}
	body, err := top.Decoded(len(m.Body))
	if err != nil {
		return nil
	}
	return message.ToCRLF(body)
}

// firstPart is the body of the first part of a multipart, where a list keeps what
// was the whole body.
func firstPart(m *message.Message) []byte {
	parts, _ := m.Parts()
	if len(parts) < 2 || !parts[0].Multipart() {
		return nil
	}
	return parts[1].Body
}
