package zonefile

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Form is for whom a file is written.
type Form int

const (
	// Plain is what BIND, NSD, Knot and PowerDNS read.
	Plain Form = iota
	// Cloudflare is what its import reads: every record on one line; A, AAAA and
	// CNAME records that must not be proxied marked cf_tags=cf-proxied:false; no
	// SOA record and no NS records of the zone itself, which are Cloudflare's own.
	Cloudflare
)

// WriteOptions say how a file is written.
type WriteOptions struct {
	// Origin is the zone. It may be empty where Relative and Full are not set.
	Origin string
	// Relative writes $ORIGIN, and the names in the zone relative to it; else all
	// names are absolute.
	Relative bool
	// Full is a whole zone: it is an error if the SOA record, or an NS record, is
	// missing. Else the file is a fragment, which may have them or not.
	Full bool
	Form Form
	// TTL in seconds is that of record sets that have none, which is 0. Where it
	// is 0 too, 0 is written.
	TTL uint32
	// Header is lines of comment at the beginning of the file.
	Header []string
}

// Write writes records as the text of a zone file, which Read reads as the same
// records. The order is that of the zone: the SOA record, the NS records of the
// zone, then by name and type, whatever the order of entries. All records of a
// set get its lowest TTL (RFC 2181, 5.2). A record that is there twice is
// written once. Write returns an error, and has written nothing, where a record
// cannot be written so that it reads back the same.
func Write(w io.Writer, entries []Entry, o WriteOptions) error {
	o.Origin = record.Canonical(o.Origin)
	list, err := arrange(entries, o)
	if err != nil {
		return err
	}
	f := &writer{options: o, direct: Direct(records(list))}
	f.header()
	for i, e := range list {
		if err := f.entry(e, i > 0 && list[i-1].Name != e.Name); err != nil {
			return err
		}
	}
	b := bufio.NewWriter(w)
	b.WriteString(f.text.String()) // its error stays until Flush
	return b.Flush()
}

func records(entries []Entry) []record.Record { return File{Entries: entries}.Records() }

// arrange is entries as they are written: in order, each once, sets with one TTL.
func arrange(entries []Entry, o WriteOptions) ([]Entry, error) {
	list := slices.Clone(entries)
	for i := range list {
		list[i].Name, list[i].Type = record.Canonical(list[i].Name), strings.ToUpper(list[i].Type)
		if o.Origin != "." && !record.Within(list[i].Name, o.Origin) {
			return nil, fmt.Errorf("%.80q does not belong into the zone %s", list[i].Name, record.Display(o.Origin))
		}
	}
	if err := o.complete(list); err != nil {
		return nil, err
	}
	if o.Form == Cloudflare {
		list = slices.DeleteFunc(list, func(e Entry) bool { return e.Type == "SOA" || e.Type == "NS" && e.Name == o.Origin })
	}
	slices.SortStableFunc(list, func(a, b Entry) int {
		return cmp.Or(cmp.Compare(rank(a, o.Origin), rank(b, o.Origin)), record.Compare(a.Record, b.Record))
	})
	oneTTL(list, o.TTL)
	return slices.CompactFunc(list, func(a, b Entry) bool { return a.Record == b.Record }), nil
}

// complete holds a full zone to have what every zone has (RFC 1035, 5.2).
func (o WriteOptions) complete(list []Entry) error {
	if !o.Full {
		return nil
	}
	soa, ns := 0, 0
	for _, e := range list {
		if e.Type == "SOA" && e.Name == o.Origin {
			soa++
		}
		if e.Type == "NS" && e.Name == o.Origin {
			ns++
		}
	}
	switch {
	case o.Form == Cloudflare:
		return errors.New("the form for Cloudflare has no SOA record, so it is no whole zone")
	case soa != 1:
		return fmt.Errorf("a whole zone has one SOA record at %s, and there are %d", record.Display(o.Origin), soa)
	case ns == 0:
		return fmt.Errorf("a whole zone has NS records at %s, and there is none", record.Display(o.Origin))
	}
	return nil
}

// rank puts the SOA record and the NS records of the zone first.
func rank(e Entry, origin string) int {
	switch {
	case e.Type == "SOA":
		return 0
	case e.Type == "NS" && e.Name == origin:
		return 1
	}
	return 2
}

// oneTTL gives the records of each set its lowest TTL. The list is in order.
func oneTTL(list []Entry, fallback uint32) {
	for i := 0; i < len(list); {
		j, lowest := i, list[i].TTL
		for ; j < len(list) && list[j].Name == list[i].Name && list[j].Type == list[i].Type; j++ {
			if ttl := list[j].TTL; ttl != 0 && (ttl < lowest || lowest == 0) {
				lowest = ttl
			}
		}
		for ; i < j; i++ {
			list[i].TTL = cmp.Or(lowest, fallback)
		}
	}
}

// A writer writes one file.
type writer struct {
	options WriteOptions
	direct  Directness
	text    strings.Builder
}

func (f *writer) header() {
	f.comments(f.options.Header)
	if f.options.Relative {
		fmt.Fprintf(&f.text, "$ORIGIN %s\n", f.options.Origin)
	}
	if f.text.Len() > 0 {
		f.text.WriteByte('\n')
	}
}

// comments writes lines of comment, without controls and octets that are not UTF-8.
func (f *writer) comments(lines []string) {
	for _, text := range lines {
		for line := range strings.SplitSeq(text, "\n") {
			f.text.WriteString(strings.TrimRight("; "+legible(line), " ") + "\n")
		}
	}
}

// entry writes one record below its comments, and holds what was written to
// read back as the same.
func (f *writer) entry(e Entry, gap bool) error {
	if gap && len(e.Comment) > 0 {
		f.text.WriteByte('\n')
	}
	f.comments(e.Comment)
	line := f.line(e)
	origin := "."
	if f.options.Relative {
		origin = f.options.Origin
	}
	got, err := Read(strings.NewReader(line), origin)
	if err != nil || len(got) != 1 || got[0] != e.Record {
		return fmt.Errorf("%.80q cannot be written as a line of a zone file so that it reads back the same", e.Record.String())
	}
	f.text.WriteString(line)
	return nil
}

// line is the record with the end of its line.
func (f *writer) line(e Entry) string {
	owner, data := e.Name, e.Data
	if f.options.Relative {
		owner, data = record.Relative(e.Name, f.options.Origin), f.relative(e.Record)
	}
	if e.IsText() {
		data = f.strings(e.Data)
	}
	line := fmt.Sprintf("%s %d IN %s %s", owner, e.TTL, e.Type, data)
	if f.options.Form == Cloudflare && Proxiable(e.Record) {
		if _, direct := f.direct.Why(e.Record); direct || e.Direct {
			line += " ; " + attributes + "cf-proxied:false"
		}
	}
	return line + "\n"
}

// strings is text in quotation marks, over several lines where it has several
// strings and the form allows it.
func (f *writer) strings(text string) string {
	quoted := record.QuoteText(text)
	if len(text) <= maxString || f.options.Form == Cloudflare {
		return quoted
	}
	l := lexer{text: quoted, line: 1}
	s, _ := l.next()
	var b strings.Builder
	b.WriteByte('(')
	for _, field := range s.fields {
		b.WriteString("\n    \"" + field.Text + `"`)
	}
	b.WriteString(" )")
	return b.String()
}

// maxString is the octets that one character-string holds (RFC 1035, 3.3).
const maxString = 255

// names says which fields of the data of a type are names of hosts.
var names = map[string][]int{
	"CNAME": {0}, "DNAME": {0}, "NS": {0}, "PTR": {0}, "MX": {1}, "SRV": {3}, "SOA": {0, 1},
}

// relative is the data of r with the names in the zone relative to it.
func (f *writer) relative(r record.Record) string {
	fields := strings.Split(r.Data, " ")
	for _, i := range names[r.Type] {
		if i < len(fields) && fields[i] != "" {
			fields[i] = record.Relative(fields[i], f.options.Origin)
		}
	}
	return strings.Join(fields, " ")
}
