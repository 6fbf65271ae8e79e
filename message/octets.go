package message

import "bytes"

// MaxLine is how many octets a line may have without its CRLF (RFC 5322, 2.1.1).
const MaxLine = 998

// A Count is how often something was seen, and the offset of the first.
type Count struct{ N, First int }

func (c *Count) add(at int) {
	if c.N == 0 {
		c.First = at
	}
	c.N++
}

// Octets is what the transport sees of a message, apart from what it says.
type Octets struct {
	CRLF   Count // line ends as they must be (RFC 5321, 2.3.8)
	BareLF Count // LF without CR: a file of a Unix system, or a smuggled end of the data
	BareCR Count // CR without LF
	NUL    Count // RFC 5322, 4: obsolete, and refused by many
	// LongLines have more than MaxLine octets.
	LongLines   Count
	Longest     int   // octets of the longest line, without its end
	EightHeader Count // octets above 127 in the header: right only with SMTPUTF8 (RFC 6532)
	EightBody   Count // octets above 127 in the body: right only with 8BITMIME (RFC 6152)
	NoLastEnd   bool  // the last line has no end
}

// UnixEnds reports whether every line ends in LF alone, as in a file that a Unix
// system keeps, where the message itself travelled with CRLF.
func (o Octets) UnixEnds() bool { return o.CRLF.N == 0 && o.BareCR.N == 0 && o.BareLF.N > 0 }

// UnixEnds is Octets().UnixEnds(), which takes a look at few octets as a rule.
func (m *Message) UnixEnds() bool {
	return bytes.IndexByte(m.Raw, '\r') < 0 && bytes.IndexByte(m.Raw, '\n') >= 0
}

// Octets counts what m is made of.
func (m *Message) Octets() Octets {
	var o Octets
	raw := m.Raw
	for at := 0; at < len(raw); {
		end := lineEnd(raw, at)
		o.line(raw, at, end, at < m.BodyAt)
		at = end
	}
	o.NoLastEnd = len(raw) > 0 && raw[len(raw)-1] != '\n'
	return o
}

func (o *Octets) line(raw []byte, at, end int, head bool) {
	line := raw[at:end]
	if n := len(line); n > 0 && line[n-1] == '\n' {
		if n > 1 && line[n-2] == '\r' {
			o.CRLF.add(at + n - 2)
		} else {
			o.BareLF.add(at + n - 1)
		}
		line = withoutEnd(line)
	}
	if len(line) > MaxLine {
		o.LongLines.add(at)
	}
	o.Longest = max(o.Longest, len(line))
	if bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
		for i, c := range line {
			switch c {
			case '\r':
				o.BareCR.add(at + i)
			case 0:
				o.NUL.add(at + i)
			}
		}
	}
	eight := &o.EightBody
	if head {
		eight = &o.EightHeader
	}
	for i, c := range line {
		if c > 127 {
			eight.add(at + i)
		}
	}
}
