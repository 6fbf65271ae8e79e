package cmd

import (
	"encoding/json"
	"io"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/rotation"
)

// The shape of a run in JSON.
type (
	rotateDocument struct {
		Schema   string          `json:"schema"`
		Domain   string          `json:"domain"`
		State    *rotation.State `json:"state"` // null where none has begun
		Await    rotation.Await  `json:"await"`
		When     *time.Time      `json:"when,omitempty"`
		SafeFrom *time.Time      `json:"safe_from,omitempty"`
		Done     []string        `json:"done"`
		Records  []rotateRecord  `json:"records"`  // that are still to be made
		Laggards []rotateLaggard `json:"laggards"` // servers
		Held     []string        `json:"held"`
		Notes    []string        `json:"notes"`
		File     []string        `json:"file"` // lines of maildoctor.yaml
		Next     []string        `json:"next"`
	}
	rotateRecord struct {
		Name   string `json:"name"`
		Type   string `json:"type"`
		Data   string `json:"data,omitempty"` // nothing where the record goes
		Remove bool   `json:"remove"`
		Reason string `json:"reason"`
	}
	rotateLaggard struct {
		Server   string `json:"server"`
		Selector string `json:"selector"`
		Text     string `json:"text"`
		Known    bool   `json:"known"` // the server answered
	}
)

const rotateSchema = "maildoctor.dkim-rotate/v1"

func (r *rotating) json(w io.Writer) error {
	doc := rotateDocument{
		Schema: rotateSchema, Domain: record.Display(r.domain), Await: rotation.Nothing,
		Done: orEmpty(r.did), Records: []rotateRecord{}, Laggards: []rotateLaggard{}, File: []string{}, Next: []string{},
		Held: orEmpty(r.step.Held), Notes: orEmpty(r.step.Notes),
	}
	if r.state != nil {
		doc.State, doc.Await, doc.When = &r.step.State, r.step.Await, stamp(r.step.When)
		doc.SafeFrom, doc.Next = stamp(r.step.State.SafeFrom()), orEmpty(r.next())
	}
	for _, wish := range r.step.Wishes {
		if r.status {
			break
		}
		doc.Records = append(doc.Records, wished(wish))
	}
	for _, l := range r.step.Laggards {
		doc.Laggards = append(doc.Laggards, rotateLaggard{l.Server, l.Selector, l.Why, !l.Silent})
	}
	for _, l := range r.step.Lines {
		doc.File = append(doc.File, r.lineText(l))
	}
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	return e.Encode(doc)
}

func wished(w plan.Wish) rotateRecord {
	out := rotateRecord{Name: w.Edit.Slot.Name, Type: w.Edit.Slot.Type, Remove: len(w.Edit.Want) == 0, Reason: w.Reason}
	if !out.Remove {
		out.Data = w.Edit.Want[0].Data
	}
	return out
}

func orEmpty(list []string) []string {
	if list == nil {
		return []string{}
	}
	return list
}

func stamp(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
