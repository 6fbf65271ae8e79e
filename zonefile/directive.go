package zonefile

import (
	"fmt"
	"io"
	"io/fs"
	"path"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Directive is a line of a file that is no record.
type Directive struct {
	Name string   // "$ORIGIN", "$TTL", "$INCLUDE", "$GENERATE"
	Args []string // in printable ASCII: other octets as \DDD
	Line int
	File string // as in Entry
	// Origin is, of $ORIGIN, the name that it means, absolute.
	Origin string
}

// directive obeys a line that begins with a dollar sign (RFC 1035, 5.1; RFC
// 2308, 4; $GENERATE is BIND's).
func (p *parser) directive(c *scope, s statement, e Entry) {
	d := Directive{Name: strings.ToUpper(s.fields[0].Text), Line: s.line, File: c.file}
	for _, f := range s.fields[1:] {
		plain, err := Field{Text: f.Text}.plain()
		if err != nil {
			p.problem(c, s.line, Syntax, "%s", err)
			return
		}
		d.Args = append(d.Args, plain)
	}
	var err error
	switch {
	case len(d.Args) == 0:
		err = fmt.Errorf("%.20q says nothing", d.Name)
	case d.Name == "$ORIGIN":
		d.Origin, err = p.origin(c, d)
	case d.Name == "$TTL":
		if p.ttl, p.hasTTL = parseTTL(strings.ToUpper(d.Args[0])); !p.hasTTL {
			err = fmt.Errorf("$TTL %.20q is no time to live", d.Args[0])
		}
	case d.Name == "$INCLUDE":
		p.include(c, d)
	case d.Name == "$GENERATE":
		err = p.generate(c, s, e)
	default:
		err = fmt.Errorf("%.20q is no directive", s.fields[0].Text)
	}
	if err != nil {
		p.problem(c, s.line, Syntax, "%s", err)
		return
	}
	p.out.Directives = append(p.out.Directives, d)
}

func (p *parser) origin(c *scope, d Directive) (string, error) {
	name, err := c.absolute(p, d.Args[0], d.Line)
	if err != nil {
		return "", err
	}
	c.origin, c.rooted = record.Canonical(name), true
	return c.origin, nil
}

// include reads the file that $INCLUDE names. What it sets does not outlive it
// (RFC 1035, 5.1), but for the TTL, as in BIND.
func (p *parser) include(c *scope, d Directive) {
	name, _ := Field{Text: d.Args[0]}.Octets()
	if p.options.Includes == nil {
		p.problem(c, d.Line, Included, "$INCLUDE %.80q is not followed: other files are read only where that is allowed", name)
		return
	}
	if p.includes++; p.includes > maxIncludes || c.depth >= maxDepth {
		p.stop(c, d.Line, fmt.Sprintf("$INCLUDE leads to more than %d files, or more than %d deep", maxIncludes, maxDepth))
		return
	}
	origin := c.origin
	if len(d.Args) > 1 {
		given, err := c.absolute(p, d.Args[1], d.Line)
		if err != nil {
			p.problem(c, d.Line, Syntax, "%s", err)
			return
		}
		origin = record.Canonical(given)
	}
	text, err := p.open(path.Clean(name))
	if err != nil {
		p.problem(c, d.Line, Included, "$INCLUDE %.80q: %s", name, err)
		return
	}
	p.file(text, path.Clean(name), origin, c.depth+1)
}

func (p *parser) open(name string) (string, error) {
	if !fs.ValidPath(name) {
		return "", fmt.Errorf("only files below the directory of the zone file are read")
	}
	f, err := p.options.Includes.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, int64(p.octets)+1))
	return string(text), err
}

// generate makes the records of a $GENERATE: range, owner, [TTL], [class],
// type, data. The range has at most 65536 steps; the text that comes of it
// counts against the octets of the file.
func (p *parser) generate(c *scope, s statement, e Entry) error {
	if len(s.fields) < 3 {
		return fmt.Errorf("$GENERATE takes a range, a name, a type and data")
	}
	inner := s
	inner.fields, inner.owner = s.fields[2:], true
	h, fault := head(inner)
	if fault != "" {
		return fmt.Errorf("$GENERATE: %s", fault)
	}
	if h.typ == "SOA" {
		return fmt.Errorf("$GENERATE makes no SOA records")
	}
	line, err := plainLine(append([]Field{{Text: "$GENERATE"}, s.fields[1], {Text: h.owner}, {Text: fmt.Sprint(p.timeToLive(h))}, {Text: "IN"}, {Text: h.typ}}, h.data...))
	if err != nil {
		return err
	}
	z := dns.NewZoneParser(strings.NewReader(line), c.origin, "")
	z.SetIncludeAllowed(false)
	if !dns.IsFqdn(h.owner) && !c.rooted && p.out.Unrooted == 0 {
		p.out.Unrooted = s.line
	}
	e.Generated = true
	for rr, ok := z.Next(); ok && !p.full; rr, ok = z.Next() {
		e.Record = resolve.FromRR(rr)
		if p.octets -= len(e.Name) + len(e.Data); p.octets < 0 {
			p.stop(c, s.line, fmt.Sprintf("$GENERATE makes more than %d octets", maxOctets))
			return nil
		}
		p.add(c, e)
	}
	if err := z.Err(); err != nil {
		return fmt.Errorf("$GENERATE: %w", inWords(err))
	}
	return nil
}
