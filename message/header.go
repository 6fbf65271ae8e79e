package message

import (
	"bytes"
	"fmt"
)

var newline = []byte{'\n'}

// lineEnd is the offset behind the line that begins at at.
func lineEnd(raw []byte, at int) int {
	if i := bytes.IndexByte(raw[at:], '\n'); i >= 0 {
		return at + i + 1
	}
	return len(raw)
}

// withoutEnd is a line without its CRLF or LF.
func withoutEnd(line []byte) []byte {
	line = bytes.TrimSuffix(line, newline)
	return bytes.TrimSuffix(line, []byte{'\r'})
}

// A header reads the fields of a header block, that of the message or of a part.
type header struct {
	raw      []byte
	at       int // of the next line; of the body in the end
	stop     int // octets not to read beyond; 0 for all
	line     int // number of the next line, from 1
	room     int // fields that may still come
	size     int // octets that the block has so far
	fields   []Field
	ended    bool // by an empty line
	cut      bool
	problems *problems
}

// read reads to the empty line, or to the end.
func (h *header) read() {
	stop := len(h.raw)
	if h.stop > 0 {
		stop = h.stop
	}
	for h.at < stop {
		end := min(lineEnd(h.raw, h.at), stop)
		line := withoutEnd(h.raw[h.at:end])
		if len(line) == 0 {
			h.at, h.ended = end, true
			return
		}
		h.take(line, end)
		h.size += end - h.at
		h.at = end
		h.line++
	}
}

func (h *header) take(line []byte, end int) {
	if h.cut {
		return
	}
	if h.size+end-h.at > MaxHeader {
		h.cut = true
		h.problems.add(h.at, TooLargeHead, "the header has more than %d octets; the rest of it is not looked at", MaxHeader)
		return
	}
	if line[0] == ' ' || line[0] == '\t' {
		h.fold(end)
		return
	}
	colon := bytes.IndexByte(line, ':')
	name := bytes.TrimRight(line[:max(colon, 0)], " \t") // RFC 5322, 4.5: space before the colon is obsolete
	if !isFieldName(name) {
		h.problems.add(h.at, NotAField, "line %d of the header is no header field: %s", h.line, quote(line))
		return
	}
	if len(h.fields) == h.room {
		h.cut = true
		h.problems.add(h.at, TooManyFields, "more than %d header fields; the rest of them is not looked at", h.room)
		return
	}
	h.fields = append(h.fields, Field{Name: string(name), Raw: h.raw[h.at:end:end], Offset: h.at, Line: h.line, colon: colon})
}

// fold appends a continuation line to the field above (RFC 5322, 2.2.3).
func (h *header) fold(end int) {
	if n := len(h.fields); n > 0 && h.fields[n-1].end() == h.at {
		f := &h.fields[n-1]
		f.Raw = h.raw[f.Offset:end:end]
		return
	}
	h.problems.add(h.at, NotAField, "line %d continues a header field, and there is none above it", h.line)
}

// isFieldName reports whether b is 1*ftext (RFC 5322, 3.6.8).
func isFieldName(b []byte) bool {
	for _, c := range b {
		if c <= ' ' || c > '~' || c == ':' {
			return false
		}
	}
	return len(b) > 0
}

// quote is text of the message for a reader, escaped and cut short.
func quote[T string | []byte](text T) string {
	return fmt.Sprintf("%.60q", string(text[:min(len(text), 240)]))
}
