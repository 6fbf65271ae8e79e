package zonefile

import (
	"cmp"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/record"
)

// EditOptions say how a zone file is edited.
type EditOptions struct {
	Name     string // of the file, for errors; empty for "line 7" in place of "name:7"
	Origin   string // as in ReadOptions
	Includes fs.FS  // as in ReadOptions; the files are read, and never changed
	// Now is the time by which the serial of the SOA record is chosen, see
	// NextSerial. At the zero time it is counted up.
	Now time.Time
}

// Edit changes the text of a zone file so that every slot holds what its edit
// wants. Lines that no edit is about stay octet for octet: comments, order, blank
// lines and the ends of lines.
//
// A record takes the place of the one that it replaces, with the name, the columns
// and the comment of that line; what is new stands behind the last record of its
// set, or of its name, or at the end of the file. A record that takes its name or
// its TTL from a line that goes or changes gets its own. The serial of the SOA
// record, where there is one, is that of NextSerial. Where nothing changes, the
// text does not, nor does the serial.
//
// A wanted TTL of 0 is that of the set as it is; of a new set it is what the file
// gives to records without one. A record that is there twice stays twice.
//
// The error tells of a file that cannot be read in full, of a record that cannot be
// changed because $GENERATE made it or another file holds it, and of whatever would
// make a file that does not read back as the old one with the edits.
func Edit(text []byte, edits []record.Edit, o EditOptions) ([]byte, error) {
	e := &editor{options: o, text: string(text)}
	if err := e.read(); err != nil {
		return nil, err
	}
	changed, err := e.assign(edits)
	if err != nil || !changed {
		return text, err
	}
	if err := e.bump(); err != nil {
		return nil, err
	}
	if err := e.compose(); err != nil {
		return nil, err
	}
	if err := e.verify(); err != nil {
		return nil, err
	}
	return []byte(e.out.String()), nil
}

// An editor edits one file.
type editor struct {
	options EditOptions
	text    string
	file    File
	parts   []part
	at      map[int]int // the part of an entry
	end     place       // what holds at the end of the file
	tail    []record.Record

	// What is written so far, and what that leaves for the next record.
	out      strings.Builder
	owner    string
	last     uint32
	hasLast  bool
	words    map[[2]string]string // how a name is written, by name and origin
	defaults map[set]uint32       // the TTLs of new sets
	want     map[record.Record]int
}

// A set is all records of one type at one name.
type set struct{ name, typ string }

func setOf(r record.Record) set { return set{r.Name, r.Type} }

// A part is one statement of the file, what holds where it stands, and what
// becomes of it.
type part struct {
	statement
	head       header
	entry      int // its entry; -1 where it is no record
	start, end int // its octets in the text, the end of its line included
	place
	after timing
	makes bool // a directive that makes records: $INCLUDE, $GENERATE

	gone bool
	wish *record.Record // what it becomes
	news []record.Record
}

// A place is what holds somewhere in a file.
type place struct {
	timing
	origin string
}

// read takes the file apart.
func (e *editor) read() error {
	p := &parser{options: ReadOptions{Origin: e.options.Origin, Includes: e.options.Includes}, records: maxRecords, octets: maxOctets}
	e.at = make(map[int]int)
	e.end.origin = record.Canonical(e.options.Origin)
	shift := len(e.text) - len(strings.TrimPrefix(e.text, "\ufeff"))
	p.saw = func(c *scope, s statement, before timing, entries int) {
		b := part{statement: s, entry: -1, start: s.offset + shift, end: s.end + shift, place: place{before, c.origin}, after: p.timing}
		if b.end < len(e.text) {
			b.end++ // the end of the line
		}
		e.end = place{p.timing, c.origin}
		switch directive := s.fault != "" || s.owner && strings.HasPrefix(s.fields[0].Text, "$") && !s.fields[0].Quoted; {
		case directive:
			b.makes = s.fault == "" && (strings.EqualFold(s.fields[0].Text, "$INCLUDE") || strings.EqualFold(s.fields[0].Text, "$GENERATE"))
		case len(p.out.Entries) > entries:
			b.head, _ = head(s)
			b.entry = entries
			e.at[entries] = len(e.parts)
		}
		e.parts = append(e.parts, b)
	}
	p.file(e.text, "", record.Canonical(e.options.Origin), 0)
	e.file = p.out
	e.file.Name = e.options.Name
	if len(p.problems) > 0 {
		problem := p.problems[0]
		return e.fault(problem.File, problem.Line, "%s", problem.Text)
	}
	return nil
}

// fault is an error about a line.
func (e *editor) fault(file string, line int, format string, args ...any) error {
	file = cmp.Or(file, e.options.Name)
	where := fmt.Sprintf("%s:%d: ", file, line)
	switch {
	case file == "":
		where = fmt.Sprintf("line %d: ", line)
	case line == 0:
		where = file + ": "
	}
	return fmt.Errorf(where+format, args...)
}

// bump gives the SOA record its next serial.
func (e *editor) bump() error {
	found := -1
	for i, entry := range e.file.Entries {
		if entry.Type != "SOA" {
			continue
		}
		if found >= 0 {
			return e.fault(entry.File, entry.Line, "this is a second SOA record; a zone has one: remove one of them by hand")
		}
		found = i
	}
	if found < 0 {
		return nil // a fragment
	}
	soa := e.file.Entries[found]
	i, ok := e.at[found]
	if !ok || soa.Generated {
		return e.fault(soa.File, soa.Line, "the SOA record stands in an included file, which is not edited, so that the serial cannot be raised; move the record into %s", cmp.Or(e.options.Name, "the file itself"))
	}
	fields := strings.Fields(soa.Data)
	if len(fields) != 7 {
		return e.fault("", soa.Line, "the SOA record has %d fields, not 7 (RFC 1035, 3.3.13)", len(fields))
	}
	serial, err := strconv.ParseUint(fields[2], 10, 32)
	if err != nil {
		return e.fault("", soa.Line, "the serial %q is no number", fields[2])
	}
	fields[2] = fmt.Sprint(NextSerial(uint32(serial), e.options.Now))
	next := soa.Record
	next.Data = strings.Join(fields, " ")
	e.parts[i].wish = &next
	return nil
}

// verify holds the text that was made to what it has to be: the records that
// were to stay, those that were wanted, and no other.
func (e *editor) verify() error {
	file, problems, err := Parse(strings.NewReader(e.out.String()), ReadOptions{Origin: e.options.Origin, Includes: e.options.Includes})
	switch {
	case err != nil:
		return err
	case len(problems) > 0:
		return fmt.Errorf("the edited file would not be readable (%w); nothing is changed", problems[0])
	}
	for _, r := range file.Records() {
		e.want[r]--
	}
	for r, n := range e.want {
		if n != 0 {
			return fmt.Errorf("the edited file would not read as it has to: %.200q; nothing is changed: edit it by hand", r.String())
		}
	}
	return nil
}
