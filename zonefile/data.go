package zonefile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// record reads a statement as a record.
func (p *parser) record(c *scope, s statement, e Entry) {
	h, fault := head(s)
	if s.owner {
		name, err := c.absolute(p, h.owner, s.line)
		if err != nil {
			p.problem(c, s.line, Syntax, "%s", err)
			return
		}
		c.owner = name
	}
	switch {
	case fault != "":
		p.problem(c, s.line, Syntax, "%s", fault)
		return
	case c.owner == "":
		p.problem(c, s.line, Syntax, "the line begins with a blank, as if it went on with the name of a record before, and there is none")
		return
	}
	r, err := data(c, h)
	if err != nil {
		p.problem(c, s.line, Syntax, "%s: %s", h.typ, err)
		return
	}
	if fields := strings.Fields(r.Data); r.Type == "SOA" && len(fields) == 7 && !p.hasMinimum {
		p.minimum, p.hasMinimum = parseTTL(fields[6])
	}
	r.TTL = p.timeToLive(h)
	e.Record = r
	p.add(c, e)
}

// timeToLive is the TTL of a record: its own, else that of $TTL, else the last
// that was given (RFC 1035, 5.1), else the minimum of the SOA record, as before
// RFC 2308, else DefaultTTL.
func (t *timing) timeToLive(h header) uint32 {
	switch {
	case h.timed:
		t.last, t.hasLast = h.ttl, true
		return h.ttl
	case t.hasTTL:
		return t.ttl
	case t.hasLast:
		return t.last
	case t.hasMinimum:
		return t.minimum
	}
	return DefaultTTL
}

// absolute is a name as it is written, absolute.
func (c *scope) absolute(p *parser, word string, line int) (string, error) {
	plain, err := Field{Text: word}.plain()
	if err != nil {
		return "", err
	}
	name := plain
	switch {
	case plain == "@":
		name = c.origin
	case !dns.IsFqdn(plain) && c.origin == ".":
		name = plain + "."
	case !dns.IsFqdn(plain):
		name = plain + "." + c.origin
	}
	if !dns.IsFqdn(plain) && !c.rooted && p.out.Unrooted == 0 {
		p.out.Unrooted = line
	}
	if _, ok := dns.IsDomainName(name); !ok {
		return "", fmt.Errorf("%.80q is no domain name", word)
	}
	return name, nil
}

// data reads the data of a record.
func data(c *scope, h header) (record.Record, error) {
	generic := len(h.data) > 0 && h.data[0].Text == `\#` && !h.data[0].Quoted // RFC 3597, 5
	if (h.typ == "TXT" || h.typ == "SPF") && !generic {
		return text(c, h)
	}
	if len(h.data) == 0 && h.typ != "APL" { // RFC 3123, 4: a list that may be empty
		return record.Record{}, errors.New("it has no data")
	}
	r, err := parsed(c, h)
	if err != nil || names[h.typ] != nil || h.typ == "A" || h.typ == "AAAA" {
		return r, err
	}
	// The library lets some odd data of rare types pass: what it makes of them
	// must at least say the same again.
	l := lexer{text: " " + r.Data, line: 1}
	s, _ := l.next()
	again, err := parsed(c, header{typ: h.typ, data: s.fields})
	if err != nil || again != r {
		return r, errors.New("its data are not those of this type")
	}
	return r, nil
}

// parsed reads data that are no text.
func parsed(c *scope, h header) (record.Record, error) {
	line, err := plainLine(append([]Field{{Text: c.owner}, {Text: "0"}, {Text: "IN"}, {Text: h.typ}}, h.data...))
	if err != nil {
		return record.Record{}, err
	}
	z := dns.NewZoneParser(strings.NewReader(line), c.origin, "")
	z.SetIncludeAllowed(false)
	rr, ok := z.Next()
	if err := z.Err(); err != nil || !ok {
		return record.Record{}, inWords(err)
	}
	r := resolve.FromRR(rr)
	switch h.typ {
	case "TLSA", "SMIMEA", "SSHFP", "DS", "CDS", "ZONEMD": // numbers and hexadecimal digits
		r.Data = strings.ToLower(r.Data)
	}
	return r, nil
}

// inWords is an error of the library without its place, which is not that in
// the file.
func inWords(err error) error {
	if err == nil {
		return errors.New("it has no data")
	}
	s := strings.TrimPrefix(err.Error(), "dns: ")
	if i := strings.LastIndex(s, " at line: "); i >= 0 {
		s = s[:i]
	}
	if field, token, ok := strings.Cut(s, ": "); ok && strings.HasPrefix(field, "bad ") {
		words := strings.Fields(field)
		s = token + " cannot be read as " + words[len(words)-1]
	}
	if len(s) > 200 {
		s = s[:200] + "..."
	}
	return errors.New(s)
}

// text reads the character-strings of a TXT record (RFC 1035, 3.3.14).
func text(c *scope, h header) (record.Record, error) {
	var b strings.Builder
	wire := 0
	for _, f := range h.data {
		octets, err := f.Octets()
		if err != nil {
			return record.Record{}, err
		}
		b.WriteString(octets)
		wire += len(octets) + max(1, (len(octets)+254)/255)
	}
	switch {
	case len(h.data) == 0:
		return record.Record{}, errors.New("it has no text")
	case wire > 65535:
		return record.Record{}, fmt.Errorf("its text takes %d octets; a record holds 65535", wire)
	}
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: c.owner, Rrtype: dns.StringToType[h.typ], Class: dns.ClassINET}}
	r := resolve.FromRR(rr)
	r.Data = b.String()
	return r, nil
}
