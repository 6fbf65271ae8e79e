// Package authres reads and writes the header fields in which a receiver tells
// what it found out about a message: Authentication-Results (RFC 8601), its twin
// in ARC (RFC 8617, 4.1.1) and Received-SPF (RFC 7208, 9.1). It takes out of a
// message the fields that claim to be the receiver's own.
//
// It has a reader of its own because it must see what other readers see: fields
// without an authserv-id, properties without a type, comments anywhere, with the
// place of each fault. That of go-msgauth cuts at every semicolon and space, also
// in quotes and comments, and refuses a whole field for oldest-pass=0; where a
// field has neither quotes nor comments it serves as a second opinion in the tests.
//
// It verifies nothing.
package authres

import (
	"strconv"
	"strings"
)

// FieldName is the name of the header field.
const FieldName = "Authentication-Results"

// Bounds of what is kept of a field.
const (
	maxResults    = 100
	maxProperties = 50 // of one result
	maxProblems   = 50
	maxDepth      = 20 // of comments in comments
)

// Results is the value of an Authentication-Results field.
type Results struct {
	ID      string   // authserv-id: who says so; empty where it is missing
	Version int      // 1; 0 where it is not there, which means 1
	List    []Result // empty: "none", nothing was evaluated
}

// A Result is what one method found.
type Result struct {
	Method     string // "spf", "dkim", in lower case
	Version    int    // of the method; 0 where it is not there, which means 1
	Value      string // "pass", in lower case
	Comment    string // behind the value, without the parentheses
	Reason     string // for people; empty if there is none
	Properties []Property
	Offset     int // of the method in the value that was parsed
}

// A Property is a detail of a result: smtp.mailfrom=user@example.org.
type Property struct {
	Type    string // ptype: "smtp", "header", "body", "policy"; empty where it is missing
	Name    string
	Value   string // without the quotes around all of it
	Comment string // behind the value
}

// Get is the value of the first property "ptype.name"; empty if there is none.
func (r Result) Get(property string) string {
	for _, p := range r.Properties {
		if strings.EqualFold(p.name(), property) {
			return p.Value
		}
	}
	return ""
}

// With is r with a property added, unless its value is empty.
func (r Result) With(ptype, name, value string) Result {
	if value != "" {
		r.Properties = append(r.Properties[:len(r.Properties):len(r.Properties)], Property{Type: ptype, Name: name, Value: value})
	}
	return r
}

// Because is r with a comment, for people.
func (r Result) Because(comment string) Result {
	r.Comment = comment
	return r
}

func (p Property) name() string {
	if p.Type == "" {
		return p.Name
	}
	return p.Type + "." + p.Name
}

// All returns the results of a method.
func (r Results) All(method string) []Result {
	var list []Result
	for _, one := range r.List {
		if strings.EqualFold(one.Method, method) {
			list = append(list, one)
		}
	}
	return list
}

// String is the value in one line. Whatever stands in r, it is one well-formed
// value: control characters are taken out, and text is quoted where it must be.
func (r Results) String() string {
	var w writer
	id := r.ID
	if id == "" {
		id = "unknown" // the grammar wants one (RFC 8601, 2.2)
	}
	w.word(id)
	if r.Version > 0 {
		w.bare(strconv.Itoa(r.Version))
	}
	for _, one := range r.List {
		if keyword(one.Method) != "" {
			w.semicolon()
			w.result(one)
		}
	}
	if !w.some {
		w.semicolon()
		w.bare("none")
	}
	return w.String()
}

// Field is the whole header field, folded to lines of at most 78 octets where
// the text has spaces (RFC 5322, 2.1.1), with its CRLF.
func (r Results) Field() string { return fold(FieldName, r.String()) }

// ARCFieldName is the name of the field that keeps results in a chain.
const ARCFieldName = "ARC-Authentication-Results"

// ARCField is the whole header field ARC-Authentication-Results of an instance
// (RFC 8617, 4.1.1), folded as Field is, with its CRLF.
func (r Results) ARCField(instance int) string {
	return fold(ARCFieldName, "i="+strconv.Itoa(instance)+"; "+r.String())
}

func (w *writer) result(r Result) {
	w.some = true
	method := keyword(r.Method)
	if r.Version > 0 {
		method += "/" + strconv.Itoa(r.Version)
	}
	value := keyword(r.Value)
	if value == "" {
		value = "none"
	}
	w.bare(method + "=" + value)
	w.comment(r.Comment)
	if reason := plain(r.Reason); reason != "" {
		w.bare("reason=" + quoted(reason))
	}
	for _, p := range r.Properties {
		name, ptype := keyword(p.Name), keyword(p.Type)
		if name == "" || ptype == "" && strings.EqualFold(name, "reason") {
			continue
		}
		if ptype != "" {
			name = ptype + "." + name
		}
		w.bare(name + "=" + value8601(p.Value))
		w.comment(p.Comment)
	}
}
