package client

import (
	"bufio"
	"errors"
	"io"
)

// Line ends that are not CRLF never leave this house: some servers take LF.LF for
// the end of a message and what follows for commands.
var (
	ErrBareCR = errors.New("the message has a CR without LF")
	ErrBareLF = errors.New("the message has an LF without CR")
)

// dots writes a message with its dots stuffed (RFC 5321, 4.5.2).
type dots struct {
	out    *bufio.Writer
	inLine bool // something stands on the line
	cr     bool // the last octet was CR
}

// Write takes octets of the message.
func (d *dots) Write(b []byte) (int, error) {
	for i, c := range b {
		switch {
		case d.cr && c != '\n':
			return i, ErrBareCR
		case !d.cr && c == '\n':
			return i, ErrBareLF
		case !d.inLine && c == '.':
			if err := d.out.WriteByte('.'); err != nil {
				return i, err
			}
		}
		if err := d.out.WriteByte(c); err != nil {
			return i, err
		}
		d.cr, d.inLine = c == '\r', c != '\n'
	}
	return len(b), nil
}

// end writes what ends the message; a last line without CRLF gets one.
func (d *dots) end() error {
	if d.cr {
		return ErrBareCR
	}
	text := ".\r\n"
	if d.inLine {
		text = "\r\n" + text
	}
	_, err := d.out.WriteString(text)
	return err
}

// Lines is what a look at a message finds.
type Lines struct {
	Size   int64 // octets
	Eight  bool  // some octet is not ASCII
	Header bool  // one of them stands in the header
	Hops   int   // Received fields in the header
}

// Look reads a message to its end. It fails with ErrBareCR or ErrBareLF, and as r
// does.
func Look(r io.Reader) (Lines, error) {
	look := look{header: true}
	if _, err := io.CopyBuffer(&look, struct{ io.Reader }{r}, make([]byte, 32<<10)); err != nil {
		return look.found, err
	}
	if look.cr {
		return look.found, ErrBareCR
	}
	return look.found, nil
}

// received is the field that counts hops, as it stands at the start of a line.
const received = "received:"

// look is how far Look has come.
type look struct {
	found  Lines
	cr     bool // the last octet was CR
	header bool // the empty line has not come yet
	column int  // in the line
	fits   int  // octets of received that the line begins with
}

func (l *look) Write(b []byte) (int, error) {
	for i, c := range b {
		switch {
		case l.cr && c != '\n':
			return i, ErrBareCR
		case !l.cr && c == '\n':
			return i, ErrBareLF
		case c >= 0x80:
			l.found.Eight = true
			l.found.Header = l.found.Header || l.header
		}
		l.found.Size++
		l.cr = c == '\r'
		if l.header {
			l.field(c)
		}
	}
	return len(b), nil
}

// field follows the octets of the header.
func (l *look) field(c byte) {
	if c == '\n' {
		l.header = l.column > len("\r")
		l.column, l.fits = 0, 0
		return
	}
	if 'A' <= c && c <= 'Z' {
		c += 'a' - 'A'
	}
	if l.column == l.fits && l.fits < len(received) && c == received[l.fits] {
		l.fits++
		if l.fits == len(received) {
			l.found.Hops++
		}
	}
	l.column++
}
