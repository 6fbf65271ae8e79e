package plan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// Write writes a plan as a file holds it, piece by piece: of a plan with
// thousands of changes no second copy is made.
func (p Plan) Write(w io.Writer) error {
	s := stream{to: bufio.NewWriter(w)}
	s.value(s.encoder(0), p.head())
	s.whole.Truncate(s.whole.Len() - len("\n}"))
	s.flush()
	list(&s, "changes", p.Changes, toChange)
	list(&s, "concerns", p.Concerns, toConcern)
	list(&s, "basis", p.Basis, toSet)
	s.whole.WriteString("\n}\n")
	s.flush()
	if s.err != nil {
		return s.err
	}
	return s.to.Flush()
}

// A stream is JSON on its way out, two blanks a level.
type stream struct {
	to    *bufio.Writer
	whole bytes.Buffer // runes
	err   error
}

const indent = "  "

// encoder is one for values below so many levels.
func (s *stream) encoder(depth int) *json.Encoder {
	enc := json.NewEncoder(&s.whole)
	enc.SetEscapeHTML(false)
	enc.SetIndent(strings.Repeat(indent, depth), indent)
	return enc
}

func (s *stream) value(enc *json.Encoder, v any) {
	if err := enc.Encode(v); err != nil && s.err == nil {
		s.err = err
	}
	s.whole.Truncate(len(bytes.TrimRight(s.whole.Bytes(), "\n")))
}

// list writes a field of the top, an array.
func list[A, B any](s *stream, name string, values []A, wire func(A) B) {
	fmt.Fprintf(&s.whole, ",\n%s%q: [", indent, name)
	enc := s.encoder(2)
	for i, v := range values {
		if i > 0 {
			s.whole.WriteByte(',')
		}
		s.whole.WriteString("\n" + indent + indent)
		s.value(enc, wire(v))
		s.flush()
	}
	if len(values) > 0 {
		s.whole.WriteString("\n" + indent)
	}
	s.whole.WriteByte(']')
	s.flush()
}

func (s *stream) flush() {
	if s.err == nil {
		_, s.err = printable{s.to}.Write(s.whole.Bytes())
	}
	s.whole.Reset()
}

// Read reads a plan that Write wrote. It is an error where the plan does not
// fit together: a record outside of its slot, a set that is not that of its hash.
func Read(r io.Reader) (Plan, error) {
	limited := &io.LimitedReader{R: r, N: maxFile + 1}
	var p Plan
	err := p.decode(limited)
	if limited.N == 0 {
		return Plan{}, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	if err != nil {
		return Plan{}, fmt.Errorf("it is no plan: %w", err)
	}
	return p, nil
}

// decode reads a plan in JSON, element by element. Where it is none, p stays as
// it is.
func (p *Plan) decode(r io.Reader) error {
	dec := json.NewDecoder(r)
	if open, err := dec.Token(); err != nil {
		return err
	} else if open != json.Delim('{') {
		return errors.New("it is no object")
	}
	var read Plan
	var head wireHead
	texts := map[string]*string{
		"schema": &head.Schema, "zone": &head.Zone, "source": &head.Source, "provider": &head.Provider, "tsig_key_file": &head.TSIGKey, "made": &head.Made,
	}
	seen := make(map[string]bool)
	for dec.More() {
		token, err := dec.Token()
		if err != nil {
			return err
		}
		name, _ := token.(string) // a key is one
		if seen[name] {
			return fmt.Errorf("%q stands twice", name)
		}
		seen[name] = true
		switch {
		case texts[name] != nil:
			err = dec.Decode(texts[name])
			if name == "schema" && err == nil && head.Schema != SchemaName { // of another, the rest may be anything
				err = head.other()
			}
		case name == "changes":
			read.Changes, err = elements(dec, name, fromChange)
		case name == "concerns":
			read.Concerns, err = elements(dec, name, fromConcern)
		case name == "basis":
			read.Basis, err = elements(dec, name, fromSet)
		default: // of a later version
			err = dec.Decode(new(json.RawMessage))
		}
		if err != nil {
			return err
		}
	}
	if _, err := dec.Token(); err != nil { // the end of the object
		return err
	}
	if _, err := dec.Token(); err != io.EOF {
		return errors.New("something stands behind it")
	}
	if err := head.to(&read); err != nil {
		return err
	}
	if err := read.sound(); err != nil {
		return err
	}
	*p = read
	return nil
}

// elements reads an array. Nothing at all is nil.
func elements[W, A any](dec *json.Decoder, name string, from func(W) (A, error)) ([]A, error) {
	open, err := dec.Token()
	if err != nil || open == nil { // null
		return nil, err
	}
	if open != json.Delim('[') {
		return nil, fmt.Errorf("%s is no array", name)
	}
	var list []A
	for dec.More() {
		var w W
		if err := dec.Decode(&w); err != nil {
			return nil, err
		}
		a, err := from(w)
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	_, err = dec.Token()
	return list, err
}
