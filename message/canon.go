package message

import (
	"bytes"
	"io"
	"strings"
)

// A Canon is a canonicalisation algorithm: what a signature takes a message for
// (RFC 6376, 3.4). DKIM and ARC sign what it makes of fields and body.
type Canon string

const (
	Simple  Canon = "simple"  // nothing may change
	Relaxed Canon = "relaxed" // white space and folding may
)

// Known reports whether c is one of the two that there are.
func (c Canon) Known() bool { return c == Simple || c == Relaxed }

// Other is the one that c is not.
func (c Canon) Other() Canon {
	if c == Relaxed {
		return Simple
	}
	return Relaxed
}

var (
	crlf = []byte("\r\n")
)

// Field is a header field in canonical form, with its CRLF (RFC 6376, 3.4.1, 3.4.2).
func (c Canon) Field(f Field) []byte {
	if c == Relaxed {
		return relaxedField(f.Name, f.Value())
	}
	return []byte(f.Head() + f.Value() + "\r\n")
}

func relaxedField(name, value string) []byte {
	out := make([]byte, 0, len(name)+len(value)+3)
	out = append(out, strings.ToLower(name)...)
	out = append(out, ':')
	start, gap := len(out), false
	for i := range len(value) {
		switch c := value[i]; {
		case c == ' ' || c == '\t':
			gap = true
		case c == '\n', c == '\r' && i+1 < len(value) && value[i+1] == '\n': // unfolded
		default:
			if gap && len(out) > start {
				out = append(out, ' ')
			}
			out, gap = append(out, c), false
		}
	}
	return append(out, '\r', '\n')
}

// Body writes a body in canonical form to w (RFC 6376, 3.4.3, 3.4.4). Only CRLF
// ends a line. Errors are w's.
func (c Canon) Body(w io.Writer, body []byte) error {
	if c == Relaxed {
		return relaxedBody(w, body)
	}
	for bytes.HasSuffix(body, crlf) {
		body = body[:len(body)-2]
	}
	if _, err := w.Write(body); err != nil {
		return err
	}
	_, err := w.Write(crlf)
	return err
}

// relaxedBody keeps empty lines back until a line follows that is not.
func relaxedBody(w io.Writer, body []byte) error {
	out := make([]byte, 0, 8<<10)
	empty := 0
	for len(body) > 0 {
		line, rest, _ := bytes.Cut(body, crlf)
		body = rest
		line = bytes.TrimRight(line, " \t")
		if len(line) == 0 {
			empty++
			continue
		}
		for ; empty > 0; empty-- {
			out = append(out, crlf...)
			if len(out) > 4<<10 {
				if _, err := w.Write(out); err != nil {
					return err
				}
				out = out[:0]
			}
		}
		out = append(appendRelaxed(out, line), crlf...)
		if len(out) > 4<<10 {
			if _, err := w.Write(out); err != nil {
				return err
			}
			out = out[:0]
		}
	}
	_, err := w.Write(out)
	return err
}

// appendRelaxed appends a line with every run of white space as one space.
func appendRelaxed(out, line []byte) []byte {
	for len(line) > 0 {
		i := bytes.IndexAny(line, " \t")
		if i < 0 {
			return append(out, line...)
		}
		out = append(append(out, line[:i]...), ' ')
		line = bytes.TrimLeft(line[i:], " \t")
	}
	return out
}

// Line is one line of a body, without its end, in canonical form. It may share
// memory with line.
func (c Canon) Line(line []byte) []byte {
	if c == Simple {
		return line
	}
	line = bytes.TrimRight(line, " \t")
	if !bytes.Contains(line, []byte("  ")) && bytes.IndexByte(line, '\t') < 0 {
		return line
	}
	return appendRelaxed(make([]byte, 0, len(line)), line)
}
