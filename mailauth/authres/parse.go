package authres

import (
	"strconv"
	"strings"
)

// Parse reads the value of an Authentication-Results field, what stands behind the
// colon with its folding, and what is wrong with it. It reads on behind faults.
func Parse(value string) (Results, []Problem) {
	p := parser{lexer{s: value}}
	r := p.results()
	return r, p.problems
}

// ParseARC reads the value of an ARC-Authentication-Results field: the instance,
// 0 where it is none, and the results (RFC 8617, 4.1.1).
func ParseARC(value string) (instance int, r Results, problems []Problem) {
	p := parser{lexer{s: value}}
	p.skip()
	at := p.i
	if p.equals("i") {
		digits := p.run(";")
		n, err := strconv.Atoi(digits)
		if err != nil || n < 1 || n > 50 {
			p.problem(at, "the instance %.20q is not a number from 1 to 50", digits)
		} else {
			instance = n
		}
		p.skip()
		if p.peek() == ';' {
			p.i++
		} else {
			p.problem(p.i, "no semicolon behind the instance")
		}
		p.take()
	} else {
		p.i = at
		p.problem(at, "the value does not begin with the instance, i=")
	}
	r = p.results()
	return instance, r, p.problems
}

type parser struct{ lexer }

// equals reads name and "=", each with white space and comments behind it.
func (p *parser) equals(name string) bool {
	if !strings.EqualFold(p.run("=;"), name) {
		return false
	}
	p.skip()
	if p.peek() != '=' {
		return false
	}
	p.i++
	p.skip()
	return true
}

func (p *parser) results() Results {
	var r Results
	p.id(&r)
	none := false
	for p.peek() == ';' {
		at := p.i
		p.i++
		p.skip()
		if p.end() || p.peek() == ';' {
			p.problem(at, "a semicolon with nothing behind it")
			continue
		}
		if len(r.List) == maxResults {
			p.problem(at, "more than %d results; the rest is not looked at", maxResults)
			return r
		}
		none = p.one(&r) || none
	}
	if len(r.List) == 0 && !none && p.end() {
		p.problem(len(p.s), "there is no result, and not \"none\" either")
	}
	return r
}

// id reads the authserv-id and the version. Fields without them are about; then
// the first result stands in their place.
func (p *parser) id(r *Results) {
	p.skip()
	p.take()
	at := p.i
	id := p.value("=;")
	p.skip()
	switch {
	case p.peek() == '=':
		p.problem(at, "there is no authserv-id in front of the results")
		p.i = at
		p.take()
		p.one(r)
		return
	case id == "":
		p.problem(at, "there is no authserv-id")
	}
	r.ID = id
	if c := p.peek(); c >= '0' && c <= '9' {
		at := p.i
		version := p.run(";")
		n, err := strconv.Atoi(version)
		if err != nil || n != 1 {
			p.problem(at, "version %.20q is not 1", version)
		}
		if err == nil {
			r.Version = n
		}
		p.skip()
	}
	if !p.end() && p.peek() != ';' {
		p.problem(p.i, "something between the authserv-id and the semicolon")
		p.upTo()
	}
	p.take()
}

// one reads a result, or the "none" that stands for no result.
func (p *parser) one(r *Results) (none bool) {
	at := p.i
	method := p.run("=/;")
	if p.skip(); strings.EqualFold(method, "none") && (p.end() || p.peek() == ';') {
		p.take()
		return true
	}
	result := Result{Method: strings.ToLower(method), Offset: at}
	if p.peek() == '/' {
		p.i++
		p.skip()
		version := p.run("=;")
		n, err := strconv.Atoi(version)
		if err != nil || n < 1 {
			p.problem(at, "the version %.20q of the method is not a number", version)
		} else {
			result.Version = n
		}
		p.skip()
	}
	if !isKeyword(method) || p.peek() != '=' {
		p.problem(at, "%.40q is not a result: it wants method=value", method)
		p.upTo()
		return false
	}
	p.i++
	p.skip()
	value := p.run(";=")
	if !isKeyword(value) {
		p.problem(at, "%.40q is not the value of a result", value)
		p.upTo()
		return false
	}
	result.Value = strings.ToLower(value)
	p.skip()
	result.Comment = p.take()
	p.details(&result)
	r.List = append(r.List, result)
	return false
}

func isKeyword(s string) bool { return s != "" && keyword(s) == strings.ToLower(s) }

// details reads the reason and the properties.
func (p *parser) details(r *Result) {
	for p.skip(); !p.end() && p.peek() != ';'; p.skip() {
		at := p.i
		name := p.run("=;")
		p.skip()
		if !strings.HasSuffix(name, ".") && strings.HasPrefix(p.s[p.i:], ".") { // "smtp . mailfrom"
			name += p.run("=;")
			p.skip()
		}
		if strings.HasSuffix(name, ".") && p.peek() != '=' {
			name += p.run("=;")
			p.skip()
		}
		if p.peek() != '=' {
			p.problem(at, "%.40q is not a property: it wants type.name=value", name)
			if p.i == at {
				p.i++
			}
			continue
		}
		p.i++
		p.skip()
		value := p.value(";")
		p.skip()
		p.detail(r, at, name, value)
	}
	if c := p.take(); c != "" && r.Comment == "" {
		r.Comment = c
	}
}

func (p *parser) detail(r *Result, at int, name, value string) {
	comment := p.take()
	ptype, property, typed := strings.Cut(name, ".")
	switch {
	case strings.EqualFold(name, "reason"):
		if r.Reason == "" {
			r.Reason = plain(value)
		}
		if r.Comment == "" {
			r.Comment = comment
		}
		return
	case len(r.Properties) == maxProperties:
		p.problem(at, "more than %d properties", maxProperties)
		return
	case !typed && isKeyword(name):
		p.problem(at, "the property %.40q has no type", name)
		ptype, property = "", name
	case !isKeyword(ptype) || !isKeyword(property):
		p.problem(at, "%.40q is not the name of a property", name)
		return
	}
	if value == "" {
		p.problem(at, "the property %.40q has no value", name)
	}
	r.Properties = append(r.Properties, Property{Type: strings.ToLower(ptype), Name: strings.ToLower(property), Value: value, Comment: comment})
}
