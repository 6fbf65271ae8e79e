package smtpd

import (
	"bytes"
)

// watch looks at a message as it comes by: its header, and the octets that the
// envelope has to announce.
type watch struct {
	limits *Limits
	size   int64
	fault  *Reply // the first limit that was passed

	inBody  bool
	header  int // octets
	fields  int
	hops    int
	start   [9]byte // of the current line of the header: "Received:"
	length  int     // of the current line, in octets, without its LF
	longest int
	last    byte

	eightBit       bool
	eightBitHeader bool
	nul            int
}

var receivedName = []byte("received:")

// feed looks at the next octets.
func (w *watch) feed(p []byte) {
	w.size += int64(len(p))
	if w.size > w.limits.MessageBytes {
		w.fail(replyTooBig)
	}
	w.eightBit = w.eightBit || hasHighBit(p)
	w.nul += bytes.Count(p, []byte{0})
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\n')
		text := p
		if i >= 0 {
			text = p[:i]
		}
		w.text(text)
		if i < 0 {
			return
		}
		w.endLine()
		p = p[i+1:]
	}
}

// text takes a part of a line.
func (w *watch) text(p []byte) {
	if !w.inBody {
		if w.length < len(w.start) {
			copy(w.start[w.length:], p)
		}
		w.header += len(p)
		if w.header > w.limits.HeaderBytes {
			w.fail(replyHeaderBig)
		}
		w.eightBitHeader = w.eightBitHeader || hasHighBit(p)
	}
	if w.length += len(p); len(p) > 0 {
		w.last = p[len(p)-1]
	}
}

// endLine counts a line, ended by LF: a bare one too, for a loop is not to hide.
func (w *watch) endLine() {
	length := w.length
	if length > 0 && w.last == '\r' {
		length--
	}
	w.longest = max(w.longest, length)
	if !w.inBody {
		w.header++
		w.endHeaderLine(length)
	}
	w.length, w.last = 0, 0
}

func (w *watch) endHeaderLine(length int) {
	switch {
	case length == 0:
		w.inBody = true
		return
	case w.start[0] == ' ' || w.start[0] == '\t': // folded
		return
	}
	if w.fields++; w.fields > w.limits.Fields {
		w.fail(replyFields)
	}
	if length >= len(receivedName) && bytes.EqualFold(w.start[:], receivedName) {
		if w.hops++; w.hops > w.limits.Hops {
			w.fail(replyLoop) // RFC 5321, 6.3
		}
	}
}

// end looks at a last line that nothing ended.
func (w *watch) end() {
	if w.length > 0 {
		w.endLine()
	}
}

func (w *watch) fail(r *Reply) {
	if w.fault == nil {
		w.fault = r
	}
}

func hasHighBit(p []byte) bool {
	for len(p) >= 8 {
		if (p[0]|p[1]|p[2]|p[3]|p[4]|p[5]|p[6]|p[7])&0x80 != 0 {
			return true
		}
		p = p[8:]
	}
	for _, c := range p {
		if c >= 0x80 {
			return true
		}
	}
	return false
}
