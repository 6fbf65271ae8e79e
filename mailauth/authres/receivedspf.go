package authres

import (
	"strings"
)

// ReceivedSPFName is the name of the other header field for SPF.
const ReceivedSPFName = "Received-SPF"

// A ReceivedSPF is the value of a Received-SPF field (RFC 7208, 9.1).
type ReceivedSPF struct {
	Value   string // "pass", in lower case
	Comment string // for people, without the parentheses
	Pairs   []Pair
}

// A Pair is a detail: client-ip, envelope-from, helo, receiver, identity,
// mechanism, problem, or what else there is.
type Pair struct{ Key, Value string }

// Get is the value of the first pair with the key; empty if there is none.
func (r ReceivedSPF) Get(key string) string {
	for _, p := range r.Pairs {
		if strings.EqualFold(p.Key, key) {
			return p.Value
		}
	}
	return ""
}

// With is r with a pair added, unless its value is empty.
func (r ReceivedSPF) With(key, value string) ReceivedSPF {
	if value != "" {
		r.Pairs = append(r.Pairs[:len(r.Pairs):len(r.Pairs)], Pair{key, value})
	}
	return r
}

// String is the value in one line, well-formed whatever stands in r.
func (r ReceivedSPF) String() string {
	var w writer
	value := keyword(r.Value)
	if value == "" {
		value = "none"
	}
	w.bare(value)
	w.comment(r.Comment)
	for _, p := range r.Pairs {
		key := keyword(p.Key)
		if key == "" {
			continue
		}
		if w.some {
			w.semicolon()
		}
		w.some = true
		text := clean(p.Value)
		if !isDotAtom(text) {
			text = quoted(text)
		}
		w.bare(key + "=" + text)
	}
	return w.String()
}

// Field is the whole header field, folded as Results.Field is, with its CRLF.
func (r ReceivedSPF) Field() string { return fold(ReceivedSPFName, r.String()) }

var spfValues = map[string]bool{"pass": true, "fail": true, "softfail": true, "neutral": true, "none": true, "temperror": true, "permerror": true}

// ParseReceivedSPF reads the value of a Received-SPF field, what stands behind the
// colon with its folding, and what is wrong with it. It reads on behind faults.
func ParseReceivedSPF(value string) (ReceivedSPF, []Problem) {
	p := parser{lexer{s: value}}
	var r ReceivedSPF
	p.skip()
	at := p.i
	if word := p.run(";="); isKeyword(word) {
		r.Value = strings.ToLower(word)
	}
	if !spfValues[r.Value] {
		p.problem(at, "%.40q is no result of SPF", r.Value)
	}
	p.skip()
	r.Comment = p.take()
	for !p.end() {
		p.pair(&r)
		p.skip()
	}
	if c := p.take(); c != "" && r.Comment == "" {
		r.Comment = c
	}
	return r, p.problems
}

// pair reads a pair and the semicolon behind it.
func (p *parser) pair(r *ReceivedSPF) {
	at := p.i
	key := p.run("=;")
	p.skip()
	switch {
	case key == "" && p.peek() == ';':
		p.i++
		return
	case !isKeyword(key) || p.peek() != '=':
		p.problem(at, "%.40q is not a pair: it wants key=value", key)
		if p.i == at {
			p.i++
		}
		return
	}
	p.i++
	p.skip()
	value := p.value(";")
	p.skip()
	if len(r.Pairs) == maxProperties {
		p.problem(at, "more than %d pairs; the rest is not looked at", maxProperties)
		p.i = len(p.s)
		return
	}
	r.Pairs = append(r.Pairs, Pair{strings.ToLower(key), value})
	if p.peek() == ';' {
		p.i++
	} else if !p.end() {
		p.problem(p.i, "no semicolon between two pairs") // some receivers put a space there
	}
}
