// Package zonefile turns the text of zone files (RFC 1035, 5) into records, and
// records into the text of zone files.
//
// It does not judge what the records say; zonelint does.
package zonefile

import (
	"fmt"
	"io"
	"io/fs"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// DefaultTTL is the TTL in seconds of records in a file that gives none.
const DefaultTTL = 3600

// Bounds of one file, with all that it includes and generates.
const (
	maxRecords  = 250_000
	maxOctets   = 64 << 20
	maxProblems = 256
	maxIncludes = 1000
	maxDepth    = 8 // of files that include files
)

// ReadOptions say how a file is read.
type ReadOptions struct {
	// Origin is what names end in that are not absolute, until the file says
	// otherwise. Empty is the root.
	Origin string
	// Includes is where the files of $INCLUDE are looked up; nil refuses them.
	Includes fs.FS
}

// A Problem is something in a file that cannot be read.
type Problem struct {
	File string // the path of an included file; empty for the file itself
	Line int    // from 1; 0 for the file as a whole
	Kind ProblemKind
	Text string // what is wrong; may quote the file, with control octets escaped
}

// A ProblemKind tells problems apart.
type ProblemKind int

const (
	Syntax   ProblemKind = iota // a line that is no record and no directive
	Included                    // an $INCLUDE that was not followed
	Bound                       // the file is more than is read; the rest is not read
)

func (p Problem) Error() string {
	where := ""
	if p.File != "" {
		where = p.File + ": "
	}
	if p.Line > 0 {
		where += fmt.Sprintf("line %d: ", p.Line)
	}
	return where + p.Text
}

// Read reads the records of a zone file. Names that are not absolute end in
// origin. $INCLUDE is refused. The error names the line.
func Read(r io.Reader, origin string) ([]record.Record, error) {
	entries, err := ReadEntries(r, origin)
	if err != nil {
		return nil, err
	}
	return File{Entries: entries}.Records(), nil
}

// ReadEntries is Read with what is known of each record besides.
func ReadEntries(r io.Reader, origin string) ([]Entry, error) {
	file, problems, err := Parse(r, ReadOptions{Origin: origin})
	if err == nil && len(problems) > 0 {
		err = problems[0]
	}
	if err != nil {
		return nil, err
	}
	return file.Entries, nil
}

// Parse reads a zone file and goes on behind what cannot be read: the lines
// that problems are about are not among the entries. The error is that of r.
func Parse(r io.Reader, o ReadOptions) (File, []Problem, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxOctets+1))
	if err != nil {
		return File{}, nil, err
	}
	p := &parser{options: o, records: maxRecords, octets: maxOctets}
	p.file(string(text), "", record.Canonical(o.Origin), 0)
	return p.out, p.problems, nil
}

// A parser reads one file with all that it includes.
type parser struct {
	options  ReadOptions
	out      File
	problems []Problem
	full     bool // a bound is reached: nothing more is read
	includes int
	records  int // how many more there may be
	octets   int // how many more of text there may be

	timing

	// saw is told of each statement of the file itself, after it is read, with what
	// held before: where records take their TTL from, and how many entries there were.
	saw func(c *scope, s statement, before timing, entries int)
}

// A timing is where records take their TTL from that give none: $TTL, the last
// record that gave one, the minimum of the SOA record.
type timing struct {
	ttl, last, minimum          uint32
	hasTTL, hasLast, hasMinimum bool
}

// A scope is what holds for one file: its name, the origin, the last owner.
type scope struct {
	file, origin, owner string
	depth               int
	rooted              bool // the origin was given
}

func (p *parser) problem(c *scope, line int, kind ProblemKind, format string, args ...any) {
	if p.full {
		return
	}
	p.problems = append(p.problems, Problem{c.file, line, kind, fmt.Sprintf(format, args...)})
	if len(p.problems) >= maxProblems && kind != Bound {
		p.stop(c, line, fmt.Sprintf("there are %d problems already; the rest of the file is not read", maxProblems))
	}
}

func (p *parser) stop(c *scope, line int, text string) {
	p.problem(c, line, Bound, "%s", text)
	p.full = true
}

// file reads the text of one file.
func (p *parser) file(text, name, origin string, depth int) {
	c := &scope{file: name, origin: origin, depth: depth, rooted: origin != "." || p.options.Origin == "."}
	if p.octets -= len(text); p.octets < 0 {
		p.stop(c, 0, fmt.Sprintf("more than %d octets", maxOctets))
		return
	}
	l := lexer{text: strings.TrimPrefix(text, "\ufeff"), line: 1}
	shift := len(text) - len(l.text)
	for !p.full {
		s, ok := l.next()
		before, entries := p.timing, len(p.out.Entries)
		switch {
		case !ok:
			return
		case s.fault != "":
			p.problem(c, s.faultLine, Syntax, "%s", s.fault)
		case s.owner && strings.HasPrefix(s.fields[0].Text, "$") && !s.fields[0].Quoted:
			p.directive(c, s, Entry{Line: s.line, File: name, Source: l.text[s.offset:s.end], Offset: s.offset + shift})
		default:
			p.record(c, s, Entry{Line: s.line, File: name, Source: l.text[s.offset:s.end], Offset: s.offset + shift})
		}
		if p.saw != nil && depth == 0 {
			p.saw(c, s, before, entries)
		}
	}
}

// add adds an entry, within the bounds.
func (p *parser) add(c *scope, e Entry) {
	if p.records--; p.records < 0 {
		p.stop(c, e.Line, fmt.Sprintf("more than %d records", maxRecords))
		return
	}
	p.out.Entries = append(p.out.Entries, e)
}
