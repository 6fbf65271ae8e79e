package migration

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// SchemaName stands in the field "schema" of a move in JSON.
const SchemaName = "maildoctor.move/v1"

// Bounds of a file.
const (
	maxFile    = 8 << 20 // octets
	maxRecords = 20000
	maxItems   = 5000
	maxLog     = 5000
	maxText    = 64 << 10 // octets of any one text
)

// The shapes of a move in JSON. Durations are in seconds, times in RFC 3339.
type (
	wireMove struct {
		Schema   string        `json:"schema"`
		Revision int           `json:"revision"`
		Domain   string        `json:"domain"`
		Zone     string        `json:"zone"`
		Source   string        `json:"source"`
		Wanted   string        `json:"wanted"`
		Begun    string        `json:"begun"`
		Switch   string        `json:"switch"`
		Old      wireSide      `json:"old"`
		New      wireSide      `json:"new"`
		Negative uint32        `json:"negative_ttl"`
		Policy   string        `json:"mta_sts_policy,omitempty"`
		Steps    []wireStep    `json:"steps"`
		Blockers []wireBlocker `json:"blockers"`
		Items    []wireItem    `json:"items"`
		Log      []wireEntry   `json:"log"`
		Before   []wireRecord  `json:"before"`
	}
	wireSide struct {
		Name     string       `json:"name"`
		Profile  string       `json:"profile,omitempty"`
		Services []string     `json:"services,omitempty"`
		Hosts    []string     `json:"hosts"`
		Addrs    []netip.Addr `json:"addresses"`
	}
	wireStep struct {
		ID       string    `json:"id"`
		Title    string    `json:"title"`
		Why      string    `json:"why"`
		Offset   int64     `json:"offset"`
		Due      string    `json:"due,omitempty"`
		Done     string    `json:"done,omitempty"`
		Wait     int64     `json:"wait"`
		WaitFor  string    `json:"wait_for,omitempty"`
		Before   []string  `json:"before"`
		After    []string  `json:"after"`
		Tasks    []string  `json:"tasks"`
		Rollback string    `json:"rollback"`
		Policy   string    `json:"mta_sts_policy,omitempty"`
		Plan     plan.Plan `json:"plan"`
	}
	wireBlocker struct {
		ID      string `json:"id"`
		Step    string `json:"step"`
		Subject string `json:"subject"`
		Text    string `json:"text"`
		Until   string `json:"until,omitempty"`
		Act     string `json:"act"`
		Unknown bool   `json:"unknown,omitempty"`
	}
	wireItem struct {
		Kind    string       `json:"kind"`
		Subject string       `json:"subject"`
		Seen    string       `json:"seen"`
		Who     string       `json:"who,omitempty"`
		From    string       `json:"from,omitempty"`
		Records []wireRecord `json:"records"`
		Fate    Fate         `json:"fate"`
		Why     string       `json:"why"`
		Step    string       `json:"step,omitempty"`
	}
	wireEntry struct {
		At   string `json:"at"`
		Step string `json:"step,omitempty"`
		Text string `json:"text"`
	}
	wireRecord struct {
		Name       string `json:"name"`
		Type       string `json:"type"`
		TTL        uint32 `json:"ttl"`
		Data       string `json:"data"`
		DataBase64 string `json:"data_base64,omitempty"` // where the data is not UTF-8
	}
)

// MarshalJSON is the move as UnmarshalJSON reads it, in printable ASCII. Of
// rehearsals nothing is kept: they are made anew.
func (m Move) MarshalJSON() ([]byte, error) {
	w := wireMove{
		Schema: SchemaName, Revision: m.Revision, Domain: record.Display(m.Domain), Zone: record.Display(m.Zone),
		Source: m.Source, Wanted: m.Wanted, Begun: stamp(m.Begun), Switch: stamp(m.Switch), Old: toSide(m.Old), New: toSide(m.New), Negative: m.Negative,
		Steps: []wireStep{}, Blockers: []wireBlocker{}, Items: []wireItem{}, Log: []wireEntry{}, Before: toRecords(m.Before),
	}
	w.Policy = policyText(m.Policy)
	for _, s := range m.Steps {
		due := ""
		if !m.Switch.IsZero() {
			due = stamp(m.Due(s))
		}
		w.Steps = append(w.Steps, wireStep{s.ID, s.Title, s.Why, seconds(s.Offset), due, stamp(s.Done), seconds(s.Wait), s.WaitFor, some(s.Before), some(s.After), some(s.Tasks), s.Rollback, policyText(s.Policy), s.Plan})
	}
	for _, b := range m.Blockers {
		w.Blockers = append(w.Blockers, wireBlocker{b.ID, b.Step, b.Subject, b.Text, stamp(b.Until), b.Act, b.Unknown})
	}
	for _, i := range m.Items {
		w.Items = append(w.Items, wireItem{i.Kind, i.Subject, i.Seen, i.Who, i.From, toRecords(i.Records), i.Fate, i.Why, i.Step})
	}
	for _, e := range m.Log {
		w.Log = append(w.Log, wireEntry{stamp(e.At), e.Step, e.Text})
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(w); err != nil {
		return nil, err
	}
	return ascii(b.Bytes()), nil
}

// UnmarshalJSON reads what MarshalJSON wrote, and refuses a move that cannot be.
func (m *Move) UnmarshalJSON(text []byte) error {
	var w wireMove
	if err := json.Unmarshal(text, &w); err != nil {
		return err
	}
	if w.Schema != SchemaName {
		return fmt.Errorf("it is no move of the version %s: its schema is %.80q", SchemaName, w.Schema)
	}
	read := Move{Revision: w.Revision, Domain: record.Canonical(w.Domain), Zone: record.Canonical(w.Zone), Source: w.Source, Wanted: w.Wanted, Negative: w.Negative}
	var errs []error
	at := func(s string) time.Time {
		t, err := parsed(s)
		errs = append(errs, err)
		return t
	}
	read.Begun, read.Switch = at(w.Begun), at(w.Switch)
	read.Old, read.New = fromSide(w.Old), fromSide(w.New)
	read.Policy = policyOf(w.Policy)
	records := func(list []wireRecord) []record.Record {
		all, err := fromRecords(list)
		errs = append(errs, err)
		return all
	}
	read.Before = records(w.Before)
	for _, s := range w.Steps {
		read.Steps = append(read.Steps, Step{ID: s.ID, Title: s.Title, Why: s.Why, Offset: bounded(s.Offset), Done: at(s.Done), Wait: bounded(s.Wait), WaitFor: s.WaitFor, Before: none(s.Before), After: none(s.After), Tasks: none(s.Tasks), Rollback: s.Rollback, Policy: policyOf(s.Policy), Plan: s.Plan})
	}
	for _, b := range w.Blockers {
		read.Blockers = append(read.Blockers, Blocker{b.ID, b.Step, b.Subject, b.Text, at(b.Until), b.Act, b.Unknown})
	}
	for _, i := range w.Items {
		read.Items = append(read.Items, Item{i.Kind, i.Subject, i.Seen, i.Who, i.From, records(i.Records), i.Fate, i.Why, i.Step})
	}
	for _, e := range w.Log {
		read.Log = append(read.Log, Entry{at(e.At), e.Step, e.Text})
	}
	if err := errors.Join(append(errs, read.sound())...); err != nil {
		return err
	}
	*m = read
	return nil
}

// Write writes a move as a file holds it.
func (m Move) Write(w io.Writer) error {
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	_, err = w.Write(append(text, '\n'))
	return err
}

// Read reads a move that Write wrote. It is an error where it cannot be: steps
// that are not in order, or one that is done before another that is not.
func Read(r io.Reader) (Move, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Move{}, err
	}
	if len(text) > maxFile {
		return Move{}, fmt.Errorf("it is larger than %d MiB", maxFile>>20)
	}
	var m Move
	if err := json.Unmarshal(text, &m); err != nil {
		return Move{}, fmt.Errorf("it is no move: %w", err)
	}
	return m, nil
}

// sound is what is wrong with a move; nil if nothing is.
func (m Move) sound() error {
	if domain, err := record.ParseDomain(record.Display(m.Domain)); err != nil || domain != m.Domain {
		return fmt.Errorf("%.80q is no domain", m.Domain)
	}
	switch {
	case m.Zone != "." && !record.Within(m.Domain, m.Zone):
		return fmt.Errorf("%s is not in the zone %.80q", record.Display(m.Domain), m.Zone)
	case m.Revision < 0 || m.Revision > 1<<30:
		return fmt.Errorf("%d is no revision", m.Revision)
	case m.Begun.IsZero():
		return errors.New("when the move began is missing")
	case len(m.Before) > maxRecords, len(m.Items) > maxItems, len(m.Blockers) > maxItems, len(m.Log) > maxLog:
		return errors.New("it holds more than any move does")
	}
	last, open := -1, ""
	for _, s := range m.Steps {
		at := slices.Index(order, s.ID)
		switch {
		case at < 0:
			return fmt.Errorf("%.40q is no step of a move", s.ID)
		case at <= last:
			return fmt.Errorf("the step %s does not follow the one before it", s.ID)
		case !s.Done.IsZero() && open != "":
			return fmt.Errorf("the step %s is done, and %s before it is not", s.ID, open)
		case s.Wait < 0 || s.Wait > 400*day || s.Offset < -400*day || s.Offset > 400*day:
			return fmt.Errorf("the times of the step %s cannot be", s.ID)
		case s.Plan.Zone != "" && s.Plan.Zone != m.Zone:
			return fmt.Errorf("the plan of the step %s is for another zone, %.80q", s.ID, s.Plan.Zone)
		}
		if s.Done.IsZero() {
			open = s.ID
		}
		last = at
	}
	for _, i := range m.Items {
		if !slices.Contains([]Fate{Keep, Change, Later, Ask}, i.Fate) {
			return fmt.Errorf("%.40q is nothing that becomes of something", string(i.Fate))
		}
	}
	return nil
}

func policyText(p *mtasts.Policy) string {
	if p == nil {
		return ""
	}
	return p.String()
}

func policyOf(text string) *mtasts.Policy {
	if text == "" {
		return nil
	}
	p, _ := mtasts.ParsePolicy(text)
	return &p
}

func toSide(s Side) wireSide {
	w := wireSide{Name: s.Name, Profile: s.Profile, Services: s.Services, Hosts: []string{}, Addrs: some(s.Addrs)}
	for _, h := range s.Hosts {
		w.Hosts = append(w.Hosts, record.Display(h))
	}
	return w
}

func fromSide(w wireSide) Side {
	s := Side{Name: w.Name, Profile: w.Profile, Services: w.Services, Addrs: none(w.Addrs)}
	for _, h := range w.Hosts {
		s.Hosts = append(s.Hosts, record.Canonical(h))
	}
	return s
}

func toRecords(list []record.Record) []wireRecord {
	out := make([]wireRecord, 0, len(list))
	for _, r := range list {
		w := wireRecord{Name: r.Name, Type: r.Type, TTL: r.TTL, Data: r.Data}
		if !utf8.ValidString(r.Data) {
			w.DataBase64 = base64.StdEncoding.EncodeToString([]byte(r.Data))
		}
		out = append(out, w)
	}
	return out
}

func fromRecords(list []wireRecord) ([]record.Record, error) {
	var out []record.Record
	for _, w := range list {
		r := record.Record{Name: record.Canonical(w.Name), Type: w.Type, TTL: w.TTL, Data: w.Data}
		if w.DataBase64 != "" {
			data, err := base64.StdEncoding.DecodeString(w.DataBase64)
			if err != nil {
				return nil, fmt.Errorf("data of %.80q: %w", w.Name, err)
			}
			r.Data = string(data)
		}
		if len(r.Data) > maxText {
			return nil, fmt.Errorf("the record of %.80q is longer than any", w.Name)
		}
		out = append(out, r)
	}
	return out, nil
}

// some is a list that JSON has as [], and none one that is nil where it is empty.
func some[T any](list []T) []T {
	if list == nil {
		return []T{}
	}
	return list
}

func none[T any](list []T) []T {
	if len(list) == 0 {
		return nil
	}
	return list
}

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

// bounded is seconds as a duration; one that is out of any bounds is found by sound.
func bounded(n int64) time.Duration {
	const most = int64(1000 * day / time.Second)
	return time.Duration(max(-most, min(n, most))) * time.Second
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func parsed(s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	t, err := time.Parse(time.RFC3339, s)
	if err != nil {
		return t, fmt.Errorf("%.40q is no time", s)
	}
	return t.UTC(), nil
}

// ascii is JSON with all but printable ASCII as escapes: it is looked at in
// terminals, and the records in it came from the network.
func ascii(doc []byte) []byte {
	out := make([]byte, 0, len(doc))
	for _, r := range string(bytes.TrimSpace(doc)) {
		switch {
		case r >= ' ' && r <= '~':
			out = append(out, byte(r))
		case r > 0xffff:
			r -= 0x10000
			out = fmt.Appendf(out, `\u%04x\u%04x`, 0xd800+(r>>10), 0xdc00+(r&0x3ff))
		default:
			out = fmt.Appendf(out, `\u%04x`, r)
		}
	}
	return out
}
