package fake

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
)

// A change is the body of a call that creates or changes a record.
type change struct {
	ID             *string        `json:"id"`
	Name           *string        `json:"name"`
	Type           *string        `json:"type"`
	Content        *string        `json:"content"`
	TTL            *float64       `json:"ttl"`
	Priority       *float64       `json:"priority"`
	Proxied        *bool          `json:"proxied"`
	Comment        *string        `json:"comment"`
	Tags           *[]string      `json:"tags"`
	Data           map[string]any `json:"data"`
	Settings       map[string]any `json:"settings"`
	PrivateRouting *bool          `json:"private_routing"`
}

// over is r with what the change says.
func (c change) over(r Record) (Record, *Error) {
	set(&r.Name, c.Name)
	set(&r.Type, c.Type)
	set(&r.Content, c.Content)
	set(&r.Proxied, c.Proxied)
	set(&r.Comment, c.Comment)
	set(&r.Tags, c.Tags)
	if c.Data != nil {
		r.Data = c.Data
	}
	if c.TTL != nil {
		if *c.TTL != math.Trunc(*c.TTL) || math.Abs(*c.TTL) > math.MaxInt32 {
			return r, invalid(codeTTL, "Invalid TTL.")
		}
		r.TTL = int(*c.TTL)
	}
	if c.Priority != nil {
		if *c.Priority != math.Trunc(*c.Priority) || *c.Priority < 0 || *c.Priority > math.MaxUint16 {
			return r, invalid(codeOther, "Invalid priority.")
		}
		p := uint16(*c.Priority)
		r.Priority = &p
	}
	return r, nil
}

func set[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// whole reports what a record that is made or overwritten lacks.
func (c change) whole() *Error {
	for name, missing := range map[string]bool{"name": c.Name == nil, "type": c.Type == nil} {
		if missing {
			return invalid(codeOther, name+" is a required field.")
		}
	}
	return nil
}

// A tx is the records of a zone while they are changed.
type tx struct {
	zone    *Zone
	records []Record
}

func (z *Zone) begin() *tx { return &tx{z, slices.Clone(z.records)} }

func (t *tx) find(id *string) (int, *Error) {
	i := -1
	if id != nil {
		i = slices.IndexFunc(t.records, func(r Record) bool { return r.ID == *id })
	}
	if i < 0 {
		return 0, &Error{Code: codeNoRecord, Message: "Record does not exist."}
	}
	if t.records[i].Meta["read_only"] == true {
		// Its code is documented nowhere.
		return 0, &Error{Code: codeOther, Message: "This record is managed by Email Routing and cannot be changed."}
	}
	return i, nil
}

// store puts a record in place i, which may be behind the last.
func (t *tx) store(r Record, i int) *Error {
	r, e := checked(r, t.zone.name)
	if e == nil {
		e = beside(r, t.records)
	}
	switch {
	case e != nil:
		return e
	case i == len(t.records):
		t.records = append(t.records, r)
	default:
		t.records[i] = r
	}
	return nil
}

func (t *tx) create(c change) (Record, *Error) {
	if e := c.whole(); e != nil {
		return Record{}, e
	}
	r, e := c.over(Record{ID: t.zone.api.newID(), TTL: 1})
	if e == nil {
		e = t.store(r, len(t.records))
	}
	if e != nil {
		return r, e
	}
	return t.records[len(t.records)-1], nil
}

// change merges c over a record (PATCH), or overwrites it (PUT).
func (t *tx) change(c change, overwrite bool) (Record, *Error) {
	i, e := t.find(c.ID)
	if e != nil {
		return Record{}, e
	}
	r := t.records[i]
	tags := r.Tags
	if c.Tags == nil {
		r.Tags = nil // those it has are no question of the quota
	}
	if overwrite {
		tags = nil
		if e := c.whole(); e != nil {
			return r, e
		}
		r = Record{ID: r.ID, TTL: 1}
	}
	if r, e = c.over(r); e != nil {
		return r, e
	}
	if e := t.store(r, i); e != nil {
		return r, e
	}
	if c.Tags == nil {
		t.records[i].Tags = tags
	}
	return t.records[i], nil
}

func (t *tx) remove(id *string) *Error {
	i, e := t.find(id)
	if e == nil {
		t.records = slices.Delete(t.records, i, i+1)
	}
	return e
}

// one is a call about one record.
func (z *Zone) one(r request, id string) answer {
	t := z.begin()
	var c change
	if r.Method != http.MethodGet && r.Method != http.MethodDelete {
		if e := decode(r, &c); e != nil {
			return refuse(*e)
		}
		if c.ID != nil && *c.ID != id {
			return refuse(Error{Code: codeBody, Message: "Request body is invalid."})
		}
	}
	c.ID = &id
	var done Record
	var e *Error
	switch r.Method {
	case http.MethodPost:
		done, e = t.create(c)
	case http.MethodPut, http.MethodPatch:
		done, e = t.change(c, r.Method == http.MethodPut)
	case http.MethodDelete:
		e = t.remove(c.ID)
	default:
		i := slices.IndexFunc(z.records, func(r Record) bool { return r.ID == id })
		if i < 0 {
			return refuse(Error{Code: codeNoRecord, Message: "Record does not exist."})
		}
		return success(z.records[i].shown())
	}
	if e != nil {
		return refuse(*e)
	}
	z.records = t.records
	if r.Method == http.MethodDelete {
		return success(map[string]string{"id": id})
	}
	return success(done.shown())
}

// batch does deletes, patches, puts and posts in this order, all or none.
func (z *Zone) batch(r request) answer {
	var all struct {
		Deletes []struct {
			ID *string `json:"id"`
		} `json:"deletes"`
		Patches []change `json:"patches"`
		Puts    []change `json:"puts"`
		Posts   []change `json:"posts"`
	}
	if e := decode(r, &all); e != nil {
		return refuse(*e)
	}
	if n := len(all.Deletes) + len(all.Patches) + len(all.Puts) + len(all.Posts); n == 0 || n > z.api.limit {
		return refuse(*invalid(codeOther, fmt.Sprintf("a batch has 1 to %d operations, not %d", z.api.limit, n)))
	}
	t := z.begin()
	result := map[string][]any{"deletes": {}, "patches": {}, "puts": {}, "posts": {}}
	for _, d := range all.Deletes {
		if e := t.remove(d.ID); e != nil {
			return refuse(*e)
		}
		result["deletes"] = append(result["deletes"], map[string]any{"id": *d.ID})
	}
	for _, kind := range []string{"patches", "puts", "posts"} {
		for _, c := range map[string][]change{"patches": all.Patches, "puts": all.Puts, "posts": all.Posts}[kind] {
			var done Record
			var e *Error
			if kind == "posts" {
				done, e = t.create(c)
			} else {
				done, e = t.change(c, kind == "puts")
			}
			if e != nil {
				return refuse(*e)
			}
			result[kind] = append(result[kind], done.shown())
		}
	}
	z.records = t.records
	return success(result)
}

// decode reads a body, and refuses what it does not know.
func decode(r request, to any) *Error {
	d := json.NewDecoder(bytes.NewReader(r.body))
	d.UseNumber()
	d.DisallowUnknownFields()
	err := d.Decode(to)
	if _, more := d.Token(); err != nil || more != io.EOF || r.Header.Get("Content-Type") != "application/json" {
		return &Error{Code: codeBody, Message: "Request body is invalid."}
	}
	return nil
}

// Error is the error as text, for who adds records by hand.
func (e *Error) Error() string {
	s := fmt.Sprintf("%s (%d)", e.Message, e.Code)
	for _, inner := range e.Chain {
		s += ": " + inner.Error()
	}
	return s
}

func refuse(e Error) answer {
	status := http.StatusBadRequest
	if e.Code == codeNoRecord {
		status = http.StatusNotFound
	}
	return failure(status, e)
}
