package zonefile

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// compose writes the text as it shall be. It keeps account of the name and the
// TTL that the next line would take from those that are written, and of the
// records that the text has to read as.
func (e *editor) compose() error {
	e.words, e.want = make(map[[2]string]string), make(map[record.Record]int)
	for i, entry := range e.file.Entries {
		if _, ok := e.at[i]; !ok {
			e.want[entry.Record]++
		}
	}
	at := 0
	for i := range e.parts {
		p := &e.parts[i]
		e.out.WriteString(e.text[at:p.start])
		at = p.end
		if err := e.part(p); err != nil {
			return err
		}
		for _, r := range p.news {
			r = e.timed(r, p.after)
			if e.disturbs(r, i) {
				e.tail = append(e.tail, r)
				continue
			}
			if err := e.add(r, place{p.after, p.origin}, p); err != nil {
				return err
			}
		}
	}
	e.out.WriteString(e.text[at:])
	for _, r := range e.tail {
		if err := e.add(e.timed(r, e.end.timing), e.end, nil); err != nil {
			return err
		}
	}
	return nil
}

// part writes one statement as it becomes.
func (e *editor) part(p *part) error {
	source := e.text[p.start:p.end]
	if p.entry < 0 {
		e.out.WriteString(source)
		if !p.makes {
			return nil
		}
		if !p.hasTTL && !generatesTimed(p.statement) && (e.last != p.last || e.hasLast != p.hasLast) {
			return e.fault("", p.line, "%s takes a TTL from the lines above that change; write $TTL at the beginning of the file", strings.ToUpper(p.fields[0].Text))
		}
		e.last, e.hasLast = p.after.last, p.after.hasLast
		return nil
	}
	is := e.file.Entries[p.entry].Record
	if p.owner {
		e.words[[2]string{is.Name, p.origin}] = p.head.owner
	}
	if p.gone {
		return nil
	}
	want := is
	if p.wish != nil {
		want = *p.wish
	}
	here := e.here(p.place)
	if is.Type == "SOA" {
		here.minimum, here.hasMinimum = p.after.minimum, p.after.hasMinimum
	}
	if want != is || !p.head.timed && here.timeToLive(header{}) != is.TTL || !p.owner && e.owner != is.Name {
		body := strings.TrimRight(source, "\r\n")
		text, ok := e.rewritten(p, body, is, want, here)
		if !ok {
			return e.fault("", p.line, "%s %.80s cannot be changed in its place; edit this line by hand", is.Type, record.Display(is.Name))
		}
		source = text + source[len(body):]
	}
	e.out.WriteString(source)
	e.wrote(want, source)
	return nil
}

// generatesTimed reports whether a directive is a $GENERATE that gives a TTL.
func generatesTimed(s statement) bool {
	if len(s.fields) < 3 || !strings.EqualFold(s.fields[0].Text, "$GENERATE") {
		return false
	}
	s.fields, s.owner = s.fields[2:], true
	h, _ := head(s)
	return h.timed
}

// here is a place with what the lines written so far leave for the next one.
func (e *editor) here(p place) place {
	p.last, p.hasLast = e.last, e.hasLast
	return p
}

// wrote takes account of a record that was written.
func (e *editor) wrote(r record.Record, source string) {
	e.want[r]++
	e.owner = r.Name
	l := lexer{text: source, line: 1}
	s, _ := l.next()
	if h, _ := head(s); h.timed {
		e.last, e.hasLast = h.ttl, true
	}
}

// timed is a new record with its TTL. Where none is wanted it is that of a line
// without one.
func (e *editor) timed(r record.Record, t timing) record.Record {
	if r.TTL != 0 {
		return r
	}
	ttl, ok := e.defaults[setOf(r)]
	if !ok {
		t.last, t.hasLast = e.last, e.hasLast
		ttl = t.timeToLive(header{})
		if e.defaults == nil {
			e.defaults = make(map[set]uint32)
		}
		e.defaults[setOf(r)] = ttl
	}
	r.TTL = ttl
	return r
}

// disturbs reports whether a new record behind a statement would change the TTL
// of lines below it that have none.
func (e *editor) disturbs(r record.Record, i int) bool {
	t := e.parts[i].after
	t.last, t.hasLast = e.last, e.hasLast
	return i < len(e.parts)-1 && !t.hasTTL && t.timeToLive(header{}) != r.TTL
}

// add writes a new record as a line of its own, in the manner of the statement
// before it where it has that one's name.
func (e *editor) add(r record.Record, at place, beside *part) error {
	at = e.here(at)
	if written := e.out.String(); written != "" && !strings.HasSuffix(written, "\n") {
		e.out.WriteString(e.eol())
	}
	lines := []string{e.fresh(r, at)}
	if beside != nil {
		lines = append(e.alike(beside, r, at), lines...)
	}
	for _, line := range lines {
		if reads(line, at, e.owner, r) {
			e.out.WriteString(line + e.eol())
			e.wrote(r, line)
			return nil
		}
	}
	return fmt.Errorf("%.80q cannot be written as a line of this file so that it reads back the same", r.String())
}

// eol is how lines end in this file.
func (e *editor) eol() string {
	if i := strings.IndexByte(e.text, '\n'); i > 0 && e.text[i-1] == '\r' {
		return "\r\n"
	}
	return "\n"
}

// reads reports whether a text reads as one record and as this, at a place and
// behind a record of the name owner.
func reads(text string, at place, owner string, want record.Record) bool {
	p := &parser{records: 1, octets: maxOctets, timing: at.timing}
	c := &scope{origin: at.origin, owner: owner, rooted: true}
	l := lexer{text: text, line: 1}
	s, ok := l.next()
	if !ok || s.fault != "" || s.owner && strings.HasPrefix(s.fields[0].Text, "$") {
		return false
	}
	p.record(c, s, Entry{})
	if _, more := l.next(); more {
		return false
	}
	return len(p.problems) == 0 && len(p.out.Entries) == 1 && p.out.Entries[0].Record == want
}
