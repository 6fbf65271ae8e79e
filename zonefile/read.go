// Package zonefile turns the text of zone files (RFC 1035, 5) into records.
//
// It does not judge what the records say, and does not write them yet.
package zonefile

import (
	"bufio"
	"errors"
	"fmt"
	"io"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// DefaultTTL is the TTL in seconds of records in a file that gives none.
const DefaultTTL = 3600

const (
	// maxRecords bounds what one file may expand to ($GENERATE multiplies).
	maxRecords = 100_000
	// maxOctets bounds a file.
	maxOctets = 64 << 20
)

// An Entry is one record of a file and the line on which it begins, from 1.
type Entry struct {
	record.Record
	Line int
}

// Read reads the records of a zone file. Names that are not absolute end in
// origin. $INCLUDE is refused. The error names the line.
func Read(r io.Reader, origin string) ([]record.Record, error) {
	entries, err := ReadEntries(r, origin)
	if err != nil {
		return nil, err
	}
	records := make([]record.Record, len(entries))
	for i, e := range entries {
		records[i] = e.Record
	}
	return records, nil
}

// ReadEntries is Read with the line of each record.
func ReadEntries(r io.Reader, origin string) ([]Entry, error) {
	lines := &counter{r: bufio.NewReader(r), line: 1}
	parser := dns.NewZoneParser(lines, record.Canonical(origin), "")
	parser.SetDefaultTTL(DefaultTTL)
	parser.SetIncludeAllowed(false)
	var entries []Entry
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		if len(entries) == maxRecords {
			return nil, fmt.Errorf("more than %d records", maxRecords)
		}
		entries = append(entries, Entry{resolve.FromRR(rr), lines.began})
		lines.began = 0
	}
	return entries, errors.Join(parser.Err(), lines.err)
}

// A counter feeds the parser, which takes no more octets than it needs for the
// next record, and notes on which line that record begins: the first that holds
// more than white space, a comment or a directive.
type counter struct {
	r       *bufio.Reader
	line    int
	began   int  // 0 until the record has begun
	comment bool // until the end of the line
	control bool // likewise: the line is a directive
	first   bool // an octet that is no white space stood on this line
	octets  int
	err     error
}

// Read is for io.Reader only; the parser takes octets one by one.
func (c *counter) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	b, err := c.ReadByte()
	if err != nil {
		return 0, err
	}
	p[0] = b
	return 1, nil
}

// ReadByte returns the next octet of the file.
func (c *counter) ReadByte() (byte, error) {
	if c.octets++; c.octets > maxOctets {
		c.err = fmt.Errorf("more than %d octets", maxOctets)
		return 0, c.err
	}
	b, err := c.r.ReadByte()
	if err != nil {
		return 0, err
	}
	switch {
	case b == '\n':
		c.line++
		c.comment, c.control, c.first = false, false, false
	case b == ' ' || b == '\t' || b == '\r' || c.comment:
	case b == ';':
		c.comment = true
	default:
		c.control = c.control || !c.first && b == '$'
		c.first = true
		if c.began == 0 && !c.control {
			c.began = c.line
		}
	}
	return b, nil
}
