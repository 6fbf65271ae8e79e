package cmd

import (
	"cmp"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/rotation"
)

// at is a time for a reader: of today without the date.
func (r *rotating) at(t time.Time) string {
	now := r.clock()
	t = t.In(now.Location())
	if t.Format(time.DateOnly) == now.Format(time.DateOnly) {
		return t.Format("15:04 MST")
	}
	return t.Format("2006-01-02 15:04 MST")
}

// until is a time that is to come, and how long that is.
func (r *rotating) until(t time.Time) string {
	// Of seconds nobody sees anything: the minute that is told must not be too early.
	if whole := t.Truncate(time.Minute); whole.Before(t) {
		t = whole.Add(time.Minute)
	}
	rest := t.Sub(r.clock())
	switch {
	case rest <= 0:
		return r.at(t)
	case rest >= 2*aDay:
		return fmt.Sprintf("%s (in %d days)", r.at(t), rest/aDay)
	case rest >= 2*time.Hour:
		return fmt.Sprintf("%s (in %d hours)", r.at(t), rest/time.Hour)
	}
	return fmt.Sprintf("%s (in %s)", r.at(t), counted(max(1, int(rest/time.Minute)), "minute"))
}

// print shows where the rotation stands.
func (r *rotating) print() error {
	return r.output.print(func(w io.Writer) error {
		if r.output.format.value == "json" {
			return r.json(w)
		}
		return r.page(w)
	})
}

// none says that there is no rotation.
func (r *rotating) none(w io.Writer) error {
	if r.output.format.value == "json" {
		return r.json(w)
	}
	p := keysPage{now: r.clock()}
	p.line("No rotation of %s has begun.", record.Display(r.domain))
	p.line("")
	p.line("Next:")
	numbered(&p, []string{"Begin one:" + r.again()})
	return p.writeTo(w)
}

func (r *rotating) page(w io.Writer) error {
	p := &keysPage{now: r.clock()}
	s := r.step.State
	old := rotation.Selectors(s.Old)
	if old == "" {
		old = "none"
	}
	p.line("DKIM of %s: from %s to %s", record.Display(s.Domain), old, rotation.Selectors(s.Next))
	p.line("")
	for _, k := range s.Old {
		p.fact("old", fmt.Sprintf("%s, %s: %s", k.Selector, k.Describe(), r.oldIs()))
	}
	for _, k := range fromHere(s.Next) {
		text := fmt.Sprintf("%s, %s: %s", k.Selector, k.Describe(), r.newIs())
		if k.File != "" {
			text += "; " + k.File
		}
		p.fact("new", text)
	}
	p.line("")
	r.stages(p)
	list(p, "Done now:", r.did)
	r.waiting(p)
	list(p, "This is in the way:", r.step.Held)
	list(p, "Mind:", r.step.Notes)
	r.fileLines(p)
	if err := r.toPublish(p); err != nil {
		return err
	}
	if next := r.next(); len(next) > 0 {
		p.line("")
		p.line("Next:")
		numbered(p, next)
	}
	return p.writeTo(w)
}

// fromHere is keys with the paths of their files relative to this directory.
func fromHere(keys []rotation.Key) []rotation.Key {
	list := slices.Clone(keys)
	for i := range list {
		if list[i].File != "" {
			list[i].File = below(".", list[i].File)
		}
	}
	return list
}

// below is an absolute path relative to dir, if it is below that.
func below(dir, path string) string {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return path
	}
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}

// oldIs is what the old keys are now.
func (r *rotating) oldIs() string {
	switch s := r.step.State; s.Phase {
	case rotation.Retiring:
		return "published for mail on its way"
	case rotation.Revoked:
		return "withdrawn"
	case rotation.Deleted:
		return "gone"
	}
	return "signs"
}

func (r *rotating) newIs() string {
	switch s := r.step.State; s.Phase {
	case rotation.Prepared:
		return "made"
	case rotation.Published:
		return "published, not by every server yet"
	case rotation.Seen:
		return "published, not safe to sign with yet"
	case rotation.Ripe:
		return "safe to sign with"
	case rotation.Aborting, rotation.Aborted:
		return "given up"
	}
	return "signs"
}

// stages shows what has come about, and what is to come.
func (r *rotating) stages(p *keysPage) {
	s := r.step.State
	line := func(at time.Time, what, otherwise string) {
		mark, when := "✓", at
		switch {
		case !at.IsZero():
			p.line("  %s %-15s %s", mark, what, r.at(when))
		case otherwise != "":
			p.line("  · %-15s %s", what, otherwise)
		}
	}
	line(s.Begun, "made", "")
	if s.Phase == rotation.Aborting || s.Phase == rotation.Aborted {
		line(s.Ended, "given up", "its record goes")
		return
	}
	line(s.Published, "published", "not yet")
	line(s.Seen, "seen by all", "when every authoritative server answers with it")
	safe := s.SafeFrom()
	switch {
	case s.Phase == rotation.Seen:
		line(time.Time{}, "safe to sign", "from "+r.until(safe))
	default:
		line(safe, "safe to sign", fmt.Sprintf("%s after that", longer(s.Remembered)))
	}
	line(s.Switched, "switched", "when you say so: --switched")
	if len(s.Old) == 0 {
		return
	}
	switch {
	case !s.Revoked.IsZero():
		line(s.Revoked, "old withdrawn", "")
	case s.Phase == rotation.Retiring:
		line(time.Time{}, "old withdrawn", "from "+r.until(s.RevokeFrom()))
	case s.Phase != rotation.Deleted:
		line(time.Time{}, "old withdrawn", longer(s.Waits.Retire)+" after that")
	}
	switch {
	case s.Phase == rotation.Deleted:
		line(s.Ended, "old gone", "")
	case s.Phase == rotation.Revoked:
		line(time.Time{}, "old gone", "from "+r.until(s.DeleteFrom()))
	default:
		line(time.Time{}, "old gone", longer(max(s.Waits.Delete, s.OldTTL))+" after that")
	}
}

// longer is a duration in days where it has whole ones.
func longer(d time.Duration) string {
	switch {
	case d == 0:
		return "at once"
	case d%aDay == 0:
		return counted(int(d/aDay), "day")
	}
	return spoken(d)
}

// list is lines under a heading.
func list(p *keysPage, heading string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("")
	p.line("%s", heading)
	for _, text := range lines {
		for i, l := range wrapped(text, 76) {
			lead := "  - "
			if i > 0 {
				lead = "    "
			}
			p.line("%s%s", lead, l)
		}
	}
}

// waiting names the servers that do not answer as they should.
func (r *rotating) waiting(p *keysPage) {
	if r.step.Await == rotation.Carry { // nobody has written it yet
		return
	}
	var lines []string
	for _, l := range r.step.Laggards {
		lines = append(lines, l.String())
	}
	const most = 12
	if len(lines) > most {
		lines = append(lines[:most], fmt.Sprintf("and %d more", len(lines)-most))
	}
	list(p, "Not yet everywhere:", lines)
}

// fileLines says what to change in the owner's file.
func (r *rotating) fileLines(p *keysPage) {
	if len(r.step.Lines) == 0 || r.entries == nil {
		return
	}
	p.line("")
	p.line("In %s, under dkim of %s:", r.entries.Name, record.Display(r.domain))
	for _, l := range r.step.Lines {
		p.line("  %s", r.lineText(l))
	}
}

// lineText is a line of the owner's file. Paths are relative to that.
func (r *rotating) lineText(l rotation.Line) string {
	selector := plainYAML(l.Selector)
	switch {
	case l.Kind == rotation.Remove:
		return fmt.Sprintf("remove the line of %s", selector)
	case l.Kind == rotation.Revoke:
		return fmt.Sprintf("%s: {revoked: true}   (in place of the key)", selector)
	case l.File != "":
		return fmt.Sprintf("%s: {file: %s}", selector, plainYAML(below(filepath.Dir(r.file), l.File)))
	}
	return fmt.Sprintf("%s: {key: %s}", selector, plainYAML(l.Record))
}

// toPublish shows the records that a person has to make.
func (r *rotating) toPublish(p *keysPage) error {
	if r.byProvider() || r.status { // what is seen by --status is not noted as asked for
		return nil
	}
	for _, w := range r.step.Wishes {
		name := record.Display(w.Edit.Slot.Name)
		p.line("")
		if len(w.Edit.Want) == 0 {
			p.line("To remove: the TXT record at %s", name)
			continue
		}
		rec := w.Edit.Want[0]
		if !isKey(rec.Data) {
			p.line("To publish in place of the TXT record at %s:", name)
		} else {
			p.line("To publish, beside what is there:")
		}
		if rec.TTL == 0 { // a zone file has some
			rec.TTL = cmp.Or(uint32(r.step.State.OldTTL/time.Second), keyTTL)
		}
		text, err := zoneLines(rec)
		if err != nil {
			return err
		}
		p.b.WriteString("\n" + text + "\n")
		p.line("In a panel: a TXT record, name %s, value in one piece:", record.Relative(rec.Name, r.domain))
		p.line("%s", rec.Data)
	}
	return nil
}

// byProvider reports whether records are made by a provider.
func (r *rotating) byProvider() bool { return r.provider.spec != "" }
