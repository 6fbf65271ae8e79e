package plan

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/record"
)

// SchemaName stands in the field "schema" of a plan in JSON. It changes when a
// reader of the old shape would misread the new one.
const SchemaName = "maildoctor.plan/v1"

// maxFile is the octets of a plan file at most: a zone of 10,000 records, all
// of them changed, is a sixth of it.
const maxFile = 64 << 20

// The shapes of a plan in JSON.
type (
	wireHead struct {
		Schema   string `json:"schema"`
		Zone     string `json:"zone"`
		Source   string `json:"source"`
		Provider string `json:"provider,omitempty"`
		TSIGKey  string `json:"tsig_key_file,omitempty"`
		Made     string `json:"made"`
	}
	wirePlan struct {
		wireHead
		Changes  []wireChange  `json:"changes"`
		Concerns []wireConcern `json:"concerns"`
		Basis    []wireSet     `json:"basis"`
	}
	wireSlot struct {
		Name string `json:"name"`
		Type string `json:"type"`
		Tag  string `json:"tag"`
	}
	wireChange struct {
		Slot    wireSlot     `json:"slot"`
		Kind    Kind         `json:"kind"`
		Before  []wireRecord `json:"before"`
		After   []wireRecord `json:"after"`
		Reasons []string     `json:"reasons"`
		From    []string     `json:"from"`
	}
	wireConcern struct {
		ID    string   `json:"id"`
		Slot  wireSlot `json:"slot"`
		Text  string   `json:"text"`
		Needs string   `json:"needs"`
	}
	wireSet struct {
		Name    string       `json:"name"`
		Type    string       `json:"type"`
		SHA256  string       `json:"sha256"`
		Records []wireRecord `json:"records"`
	}
	wireRecord struct {
		Name       string `json:"name"`
		Type       string `json:"type"`
		TTL        uint32 `json:"ttl"`
		Data       string `json:"data"`
		DataBase64 string `json:"data_base64,omitempty"` // where the data is not UTF-8
	}
)

// MarshalJSON is the plan as Read reads it. Arrays are never null; data that is
// not UTF-8 stands beside in base64. All of it is printable ASCII.
func (p Plan) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(printable{&b})
	enc.SetEscapeHTML(false)
	err := enc.Encode(wirePlan{p.head(), each(p.Changes, toChange), each(p.Concerns, toConcern), each(p.Basis, toSet)})
	return bytes.TrimSpace(b.Bytes()), err
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses a plan that cannot be:
// one whose records do not stand in their slots, or whose hashes do not fit.
func (p *Plan) UnmarshalJSON(text []byte) error { return p.decode(bytes.NewReader(text)) }

func (p Plan) head() wireHead {
	h := wireHead{Schema: SchemaName, Zone: p.Zone, Source: p.Source, Provider: p.Provider, TSIGKey: p.TSIGKey}
	if !p.Made.IsZero() {
		h.Made = p.Made.UTC().Format(time.RFC3339)
	}
	return h
}

// to puts what the head says into a plan.
func (h wireHead) to(p *Plan) error {
	if h.Schema != SchemaName {
		return h.other()
	}
	p.Zone, p.Source, p.Provider, p.TSIGKey = h.Zone, h.Source, h.Provider, h.TSIGKey
	if h.Made == "" {
		return nil
	}
	made, err := time.Parse(time.RFC3339, h.Made)
	if err != nil {
		return fmt.Errorf("made: %w", err)
	}
	p.Made = made.UTC()
	return nil
}

func (h wireHead) other() error {
	return fmt.Errorf("it is no plan of the version %s: its schema is %q", SchemaName, h.Schema)
}

// sound is what makes a plan unfit to be carried out; nil if nothing does.
func (p Plan) sound() error {
	sets := make(map[key][]record.Record)
	for _, s := range p.Basis {
		k := key{s.Name, s.Type}
		if _, twice := sets[k]; twice {
			return fmt.Errorf("%s %s: the plan rests on the set twice", s.Type, record.Display(s.Name))
		}
		sets[k] = s.Records
	}
	seen := make(map[record.Slot]bool)
	for _, c := range p.Changes {
		set, rests := sets[key{c.Slot.Name, c.Slot.Type}]
		switch {
		case seen[c.Slot]:
			return fmt.Errorf("%s: the slot is there twice", Title(c.Slot))
		case !rests: // nobody could tell whether it is stale
			return fmt.Errorf("%s: the plan does not rest on the set that it changes", Title(c.Slot))
		case len(c.Before)+len(c.After) == 0:
			return fmt.Errorf("%s: the change is none", Title(c.Slot))
		case !same(c.Before, held(c.Slot, set)):
			return fmt.Errorf("%s: what the change replaces is not what the plan rests on", Title(c.Slot))
		}
		seen[c.Slot] = true
		if why := forbidden(c.Slot, p.Zone); why != "" {
			return fmt.Errorf("%s: %s", Title(c.Slot), why)
		}
		for _, r := range slices.Concat(c.Before, c.After) {
			if !c.Slot.Holds(r) {
				return fmt.Errorf("%s: the record %s does not stand in this slot", Title(c.Slot), r)
			}
		}
	}
	return nil
}

func each[A, B any](list []A, f func(A) B) []B {
	out := make([]B, 0, len(list))
	for _, x := range list {
		out = append(out, f(x))
	}
	return out
}

// all is each of what may fail. Nothing at all is nil.
func all[A, B any](list []A, f func(A) (B, error), errs *[]error) []B {
	var out []B
	for _, x := range list {
		y, err := f(x)
		if err != nil {
			*errs = append(*errs, err)
		}
		out = append(out, y)
	}
	return out
}

func toSlot(s record.Slot) wireSlot { return wireSlot{s.Name, s.Type, s.Tag} }

func toChange(c Change) wireChange {
	return wireChange{
		Slot: toSlot(c.Slot), Kind: c.Kind(), Before: each(c.Before, toRecord), After: each(c.After, toRecord),
		Reasons: each(c.Reasons, itself), From: each(c.From, itself),
	}
}

func itself(s string) string { return s }

func fromChange(w wireChange) (Change, error) {
	c := Change{Slot: record.Slot(w.Slot)}
	var errs []error
	c.Before, c.After = all(w.Before, fromRecord, &errs), all(w.After, fromRecord, &errs)
	if len(w.Reasons) > 0 {
		c.Reasons = w.Reasons
	}
	if len(w.From) > 0 {
		c.From = w.From
	}
	return c, errors.Join(errs...)
}

func toConcern(c Concern) wireConcern { return wireConcern{c.ID, toSlot(c.Slot), c.Text, c.Needs} }

func fromConcern(w wireConcern) (Concern, error) {
	return Concern{w.ID, record.Slot(w.Slot), w.Text, w.Needs}, nil
}

func toSet(s Set) wireSet { return wireSet{s.Name, s.Type, s.Hash(), each(s.Records, toRecord)} }

func fromSet(w wireSet) (Set, error) {
	s := Set{Name: w.Name, Type: w.Type}
	var errs []error
	s.Records = all(w.Records, fromRecord, &errs)
	if s.Hash() != w.SHA256 {
		errs = append(errs, fmt.Errorf("the hash of %s %s does not fit its records", s.Type, record.Display(s.Name)))
	}
	return s, errors.Join(errs...)
}

func toRecord(r record.Record) wireRecord {
	w := wireRecord{Name: r.Name, Type: r.Type, TTL: r.TTL, Data: r.Data}
	if !utf8.ValidString(r.Data) {
		w.DataBase64 = base64.StdEncoding.EncodeToString([]byte(r.Data))
	}
	return w
}

func fromRecord(w wireRecord) (record.Record, error) {
	r := record.Record{Name: record.Canonical(w.Name), Type: w.Type, TTL: w.TTL, Data: w.Data}
	if w.DataBase64 == "" {
		return r, nil
	}
	data, err := base64.StdEncoding.DecodeString(w.DataBase64)
	if err != nil {
		return r, fmt.Errorf("data of %s %s: %w", w.Type, w.Name, err)
	}
	r.Data = string(data)
	return r, nil
}

// A printable writes JSON on with everything but printable ASCII and line feeds
// as \u escapes: it may hold texts from the network, and is looked at in
// terminals. Each piece is whole runes.
type printable struct{ to io.Writer }

func (p printable) Write(doc []byte) (int, error) {
	given, start, out := len(doc), 0, []byte(nil)
	for i := 0; i < len(doc); {
		r, n := rune(doc[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRune(doc[i:])
		}
		if r != '\n' && (r < ' ' || r > '~') {
			out = append(out, doc[start:i]...)
			if r > 0xffff {
				r -= 0x10000
				out = fmt.Appendf(out, `\u%04x`, 0xd800+(r>>10))
				r = 0xdc00 + (r & 0x3ff)
			}
			out = fmt.Appendf(out, `\u%04x`, r)
			start = i + n
		}
		i += n
	}
	if start > 0 {
		doc = append(out, doc[start:]...)
	}
	if _, err := p.to.Write(doc); err != nil {
		return 0, err
	}
	return given, nil
}
