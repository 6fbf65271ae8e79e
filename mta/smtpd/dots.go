package smtpd

import "bytes"

// undot takes the text after DATA apart: it finds the end and removes the dots
// that were stuffed in (RFC 5321, 4.5.2). The end is CRLF.CRLF and nothing else: a
// bare CR or LF neither ends a line nor begins one.
type undot struct {
	state dotState
	bare  bare
}

// bare counts CR and LF that are not part of CRLF.
type bare struct {
	cr, lf int
}

type dotState int

const (
	atStart  dotState = iota // of a line: after CRLF, or of the text
	inLine                   //
	afterCR                  // in a line; the CR is held back
	afterDot                 // the first octet of a line is a dot, held back
	dotCR                    // a line is a dot and a CR, both held back
)

var (
	crByte = []byte("\r")
	crlf   = []byte("\r\n")
)

// feed reads text until its end or that of p, and gives what belongs to the message
// to sink. It returns how much of p it has read, and whether the text ended there.
func (d *undot) feed(p []byte, sink func([]byte)) (n int, ended bool) {
	for n < len(p) {
		if d.state == inLine {
			n += d.run(p[n:], sink)
			continue
		}
		c := p[n]
		n++
		switch d.state {
		case atStart:
			if c == '.' {
				d.state = afterDot
				continue
			}
			d.in(c, p[n-1:n], sink)
		case afterDot: // the dot was stuffed in, unless the line ends here
			if c == '\r' {
				d.state = dotCR
				continue
			}
			d.in(c, p[n-1:n], sink)
		case dotCR:
			if c == '\n' {
				d.state = atStart
				return n, true
			}
			d.bare.cr++
			sink(crByte)
			d.in(c, p[n-1:n], sink)
		case afterCR:
			if c == '\n' {
				d.state = atStart
				sink(crlf)
				continue
			}
			d.bare.cr++
			sink(crByte)
			d.in(c, p[n-1:n], sink)
		}
	}
	return n, false
}

// in takes an octet that stands in a line.
func (d *undot) in(c byte, octet []byte, sink func([]byte)) {
	d.state = inLine
	switch c {
	case '\r':
		d.state = afterCR
		return
	case '\n':
		d.bare.lf++
	}
	sink(octet)
}

// run takes octets up to the next CR, and whole lines as they stand while no
// dot is at their beginning.
func (d *undot) run(p []byte, sink func([]byte)) int {
	n := 0
	for {
		cr := bytes.IndexByte(p[n:], '\r')
		if cr < 0 {
			d.bare.lf += bytes.Count(p[n:], []byte("\n"))
			sink(p)
			return len(p)
		}
		d.bare.lf += bytes.Count(p[n:n+cr], []byte("\n"))
		n += cr
		if n+2 < len(p) && p[n+1] == '\n' && p[n+2] != '.' && p[n+2] != '\r' && p[n+2] != '\n' {
			n += 2
			continue
		}
		if n > 0 {
			sink(p[:n])
		}
		d.state = afterCR
		return n + 1
	}
}

// scan counts the bare CR and LF of text that comes in pieces, as BDAT has it.
type scan struct {
	bare bare
	cr   bool // the last octet was CR
}

func (s *scan) feed(p []byte) {
	for len(p) > 0 {
		if s.cr {
			if s.cr = false; p[0] == '\n' {
				p = p[1:]
				continue
			}
			s.bare.cr++
		}
		i := bytes.IndexByte(p, '\r')
		if i < 0 {
			s.bare.lf += bytes.Count(p, []byte("\n"))
			return
		}
		s.bare.lf += bytes.Count(p[:i], []byte("\n"))
		s.cr, p = true, p[i+1:]
	}
}

// end counts a CR that nothing followed.
func (s *scan) end() {
	if s.cr {
		s.cr = false
		s.bare.cr++
	}
}
