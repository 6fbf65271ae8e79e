package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// An Applied is what became of a plan that was to be carried out.
type Applied struct {
	Zone     string // canonical
	Provider string // for a reader
	At       time.Time
	Snapshot string // the path; empty where nothing was written

	Already []plan.Change // were done before
	Done    []plan.Change
	Left    []plan.Change
	Foreign []plan.Set // what somebody else changed at the same time
	Unread  bool       // it is not known what was done: it could not be read back
	Err     error      // why not all was done

	Next string // what a person has to do for it to take effect; may be empty

	Waited  bool
	Servers []Served          // the authoritative servers, where Waited
	Until   time.Time         // when the last resolver has forgotten what was there; zero if not known
	After   *diagnosis.Report // the examination afterwards; nil if there was none
}

// A Served is what an authoritative server was found to answer.
type Served struct {
	Server string // name and address
	State  string // "has it", "has not", "not known"
	Text   string // more of it; may be empty
}

// What a server's State can be.
const (
	ServedAll     = "has it"
	ServedOther   = "has it not"
	ServedUnknown = "not known"
)

// Complete reports whether all of the plan is there.
func (d Applied) Complete() bool {
	return len(d.Left) == 0 && len(d.Foreign) == 0 && !d.Unread && d.Err == nil
}

// Arrived reports whether no authoritative server that was asked lacks it.
func (d Applied) Arrived() bool {
	return !slices.ContainsFunc(d.Servers, func(s Served) bool { return s.State == ServedOther }) &&
		(len(d.Servers) == 0 || slices.ContainsFunc(d.Servers, func(s Served) bool { return s.State == ServedAll }))
}

// Apply writes for a person what became of a plan.
func Apply(w io.Writer, d Applied, o TextOptions) error {
	p := newPage(o)
	p.header("applied to " + title(d.Zone))
	p.gap()
	p.outcomes("Done:", p.mark(passed), d.Done)
	p.outcomes("Was done before:", p.mark(passed), d.Already)
	if d.Unread {
		p.outcomes("Not known, as it could not be read back:", p.mark(unknown), d.Left)
	} else {
		p.outcomes("Not done:", p.mark(critical), d.Left)
	}
	for _, s := range d.Foreign {
		p.para("  "+p.mark(warning)+" ", "somebody else changed "+flat(plan.Title(record.Slot{Name: s.Name, Type: s.Type}))+" at the same time", plain)
	}
	if d.Next != "" {
		p.gap()
		p.para("  – ", flat(d.Next), strong)
	}
	p.served(d)
	p.gap()
	p.para("", applied(d), plain)
	if d.Snapshot != "" {
		p.gap()
		p.para("", "To take this back: maildoctor rollback "+flat(record.Display(d.Zone))+". What was there before is kept in", faint)
		p.line("  " + flat(d.Snapshot)) // whole, to be copied
	}
	if _, err := io.WriteString(w, p.String()); err != nil || d.After == nil {
		return err
	}
	if _, err := io.WriteString(w, "\n"); err != nil {
		return err
	}
	return Text(w, []diagnosis.Report{*d.After}, o)
}

// outcomes puts the changes that came to the same.
func (p *page) outcomes(head, mark string, changes []plan.Change) {
	if len(changes) == 0 {
		return
	}
	p.para("", head, strong)
	for _, c := range changes {
		p.para("  "+mark+" ", string(c.Kind())+" "+shortTitle(c.Slot), plain)
	}
}

// served puts what the name servers answer.
func (p *page) served(d Applied) {
	if len(d.Servers) == 0 {
		return
	}
	p.gap()
	p.para("", "Name servers:", strong)
	marks := map[string]string{ServedAll: p.mark(passed), ServedOther: p.mark(critical), ServedUnknown: p.mark(unknown)}
	for _, s := range d.Servers {
		text := flat(s.Server) + " " + s.State
		if s.Text != "" {
			text += ": " + flat(s.Text)
		}
		p.para("  "+marks[s.State]+" ", text, plain)
	}
}

// applied is what became of a plan in a sentence.
func applied(d Applied) string {
	var parts []string
	all := len(d.Done) + len(d.Already) + len(d.Left)
	switch {
	case d.Unread:
		parts = append(parts, "what was done is not known; run the same again, which does what is left")
	case len(d.Left) > 0 && len(d.Done)+len(d.Already) == 0:
		parts = append(parts, "nothing was changed")
	case len(d.Left) > 0:
		parts = append(parts, fmt.Sprintf("%d of %s done; run the same again, which does what is left", all-len(d.Left), plural(all, "change")))
	case len(d.Done) == 0:
		parts = append(parts, "nothing left to do")
	default:
		parts = append(parts, plural(len(d.Done), "change")+" done and read back")
	}
	if !d.Until.IsZero() && d.Complete() {
		when := "resolvers may answer with what was there until " + d.Until.Local().Format("15:04 MST")
		if d.Until.Sub(d.At) > 18*time.Hour {
			when = "resolvers may answer with what was there until " + d.Until.Local().Format("2006-01-02 15:04 MST")
		}
		parts = append(parts, when)
	}
	return strings.Join(parts, " · ")
}

// AppliedSchema stands in the field "schema" of what ApplyJSON writes.
const AppliedSchema = "maildoctor.applied/v1"

// ApplyJSON writes for a program what became of a plan. Arrays are never null.
func ApplyJSON(w io.Writer, d Applied) error {
	type set struct {
		Name string `json:"name"`
		Type string `json:"type"`
	}
	type server struct {
		Server string `json:"server"`
		State  string `json:"state"`
		Text   string `json:"text"`
	}
	type outcome struct {
		Slot string    `json:"slot"`
		Kind plan.Kind `json:"kind"`
	}
	changes := func(list []plan.Change) []outcome {
		return each(list, func(c plan.Change) outcome { return outcome{text(plan.Title(c.Slot)), c.Kind()} })
	}
	doc := struct {
		Schema   string      `json:"schema"`
		Zone     string      `json:"zone"`
		Provider string      `json:"provider"`
		At       string      `json:"at"`
		Complete bool        `json:"complete"`
		Known    bool        `json:"known"`
		Done     []outcome   `json:"done"`
		Already  []outcome   `json:"already"`
		Left     []outcome   `json:"left"`
		Foreign  []set       `json:"foreign"`
		Error    string      `json:"error,omitempty"`
		Snapshot string      `json:"snapshot,omitempty"`
		Next     string      `json:"next,omitempty"`
		Servers  []server    `json:"servers"`
		Until    string      `json:"cached_until,omitempty"`
		Report   *wireReport `json:"report,omitempty"`
	}{
		Schema: AppliedSchema, Zone: text(d.Zone), Provider: text(d.Provider), At: d.At.UTC().Format(time.RFC3339), Complete: d.Complete(), Known: !d.Unread,
		Done: changes(d.Done), Already: changes(d.Already), Left: changes(d.Left),
		Foreign: each(d.Foreign, func(s plan.Set) set { return set{text(s.Name), text(s.Type)} }), Snapshot: text(d.Snapshot), Next: text(d.Next),
		Servers: each(d.Servers, func(s Served) server { return server{text(s.Server), s.State, text(s.Text)} }),
	}
	if d.Err != nil {
		doc.Error = text(d.Err.Error())
	}
	if !d.Until.IsZero() {
		doc.Until = d.Until.UTC().Format(time.RFC3339)
	}
	if d.After != nil {
		after := toReport(*d.After)
		doc.Report = &after
	}
	return writeJSON(w, doc)
}

// Stale writes for a person how record sets differ from what a plan was made of.
func Stale(w io.Writer, was, is []plan.Set, o TextOptions) error {
	p := newPage(o)
	p.header("changed since the plan was made")
	for i := range is {
		p.gap()
		p.para("", flat(plan.Title(record.Slot{Name: is[i].Name, Type: is[i].Type})), strong)
		p.side("-", bad, was[i].Records, is[i].Records)
		p.side("+", good, is[i].Records, was[i].Records)
	}
	p.gap()
	_, err := io.WriteString(w, p.String())
	return err
}
