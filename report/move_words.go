package report

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
)

// moveTitle is a move in a line.
func moveTitle(m migration.Move) string {
	s := "Move of the mail of " + title(m.Domain)
	if m.Old.Name != "" && m.New.Name != "" {
		s += ": " + flat(m.Old.Name) + " → " + flat(m.New.Name)
	}
	return s
}

// MoveState is where the move stands and what is next.
func MoveState(m migration.Move) string {
	done := 0
	for _, s := range m.Steps {
		if !s.Done.IsZero() {
			done++
		}
	}
	next, open := moveNext(m)
	switch {
	case len(m.Steps) == 0:
		return "There is no plan yet."
	case !open:
		return fmt.Sprintf("All %s done.", plural(len(m.Steps), "step"))
	}
	s := fmt.Sprintf("%d of %s done. Next: %s", done, plural(len(m.Steps), "step"), flat(next.Title))
	if when := moveWhen(m, next); when != "" {
		s += ", " + when
	}
	switch n := len(moveBlocked(m, next.ID)); n {
	case 0:
	case 1:
		s += "; 1 thing stands in its way"
	default:
		s += fmt.Sprintf("; %d things stand in its way", n)
	}
	return s + "."
}

// moveNext is the first step that is not done.
func moveNext(m migration.Move) (migration.Step, bool) {
	for _, s := range m.Steps {
		if s.Done.IsZero() {
			return s, true
		}
	}
	return migration.Step{}, false
}

// moveBlockers are those of a step.
func moveBlockers(m migration.Move, step string) []migration.Blocker {
	return slices.DeleteFunc(slices.Clone(m.Blockers), func(b migration.Blocker) bool { return b.Step != step })
}

// moveBlocked are those that are not over by themselves when the step is due.
func moveBlocked(m migration.Move, step string) []migration.Blocker {
	return slices.DeleteFunc(moveBlockers(m, step), func(b migration.Blocker) bool { return !m.Switch.IsZero() && m.Waits(b) })
}

// movePauses are what the plan waits for anyway, in the order of the move.
func movePauses(m migration.Move) []migration.Blocker {
	return slices.DeleteFunc(slices.Clone(m.Blockers), func(b migration.Blocker) bool { return m.Switch.IsZero() || !m.Waits(b) })
}

// moveStops are what stands in the way, and does not end by itself in time.
func moveStops(m migration.Move) []migration.Blocker {
	return slices.DeleteFunc(slices.Clone(m.Blockers), func(b migration.Blocker) bool { return !m.Switch.IsZero() && m.Waits(b) })
}

// moveWhy is what goes wrong without a step.
func moveWhy(s migration.Step) string {
	if why := flat(s.Why); why != "" {
		return "Without it: " + sentence(why)
	}
	return ""
}

// moveStep is the title of a step, for a reader, or what was given.
func moveStep(m migration.Move, id string) string {
	for _, s := range m.Steps {
		if s.ID == id {
			return flat(s.Title)
		}
	}
	return flat(id)
}

// moveWhen is when a step is due or was done: "Sun 15 Nov 2026, 10:00 UTC (T-7d)".
func moveWhen(m migration.Move, s migration.Step) string {
	switch at := moveAt(m, s); {
	case !s.Done.IsZero():
		return moveDate(s.Done)
	case at.IsZero():
		return moveOffset(s.Offset)
	default:
		return moveDate(at) + " (" + moveOffset(s.Offset) + ")"
	}
}

// moveAt is when a step is due, or was done; zero if that is not settled.
func moveAt(m migration.Move, s migration.Step) time.Time {
	switch {
	case !s.Done.IsZero():
		return s.Done.UTC()
	case m.Switch.IsZero():
		return time.Time{}
	}
	return m.Switch.Add(s.Offset).UTC()
}

// moveDate is a time for a reader. Its form is the same in each language that has
// these numbers.
func moveDate(t time.Time) string {
	if t.IsZero() {
		return "on a day not settled yet"
	}
	return t.UTC().Format("Mon 2 Jan 2006, 15:04 UTC")
}

// moveOffset is a time before or after the switch: "T-7d", "T+1d 6h", "T".
func moveOffset(d time.Duration) string {
	switch {
	case d < 0:
		return "T-" + moveSpan(-d)
	case d > 0:
		return "T+" + moveSpan(d)
	}
	return "T"
}

// moveSpan is a span of days, hours and minutes: "1d 6h".
func moveSpan(d time.Duration) string {
	d = max(d, 0) // what is no span at all
	const day = 24 * time.Hour
	var parts []string
	for _, u := range []struct {
		n    time.Duration
		unit string
	}{{d / day, "d"}, {d % day / time.Hour, "h"}, {d % time.Hour / time.Minute, "min"}} {
		if u.n > 0 {
			parts = append(parts, fmt.Sprintf("%d%s", u.n, u.unit))
		}
	}
	if len(parts) == 0 {
		return duration(d)
	}
	return strings.Join(parts, " ")
}

// moveLift is what lifts a blocker, in sentences.
func moveLift(b migration.Blocker) string {
	act := sentence(flat(b.Act))
	switch {
	case b.Until.IsZero() && act == "":
		return ""
	case b.Until.IsZero():
		return "To lift it: " + act
	case act == "":
		return "It is over by itself on " + moveDate(b.Until) + "."
	}
	return "It is over by itself on " + moveDate(b.Until) + ". To lift it sooner: " + act
}

// moveBlocker is what stands in the way, in sentences.
func moveBlocker(b migration.Blocker) string {
	s := begun(sentence(flat(b.Text)))
	if name := flat(title(b.Subject)); b.Subject != "" && !strings.Contains(s, name) {
		s = name + ": " + s
	}
	if b.Unknown {
		s = "Could not be told: " + s
	}
	return s
}

// sentence is text with an end.
func sentence(s string) string {
	s = strings.TrimRight(s, " ")
	if s == "" || strings.ContainsAny(s[len(s)-1:], ".!?") {
		return s
	}
	return s + "."
}

// moveWait is how long a step has to stand, and why.
func moveWait(s migration.Step) string {
	if s.Wait <= 0 {
		return ""
	}
	text := "Then wait " + moveSpan(s.Wait)
	if why := flat(s.WaitFor); why != "" {
		text += ": " + why
	}
	return sentence(text)
}

// moveRecords are the changes of a plan as a patch: what goes behind "-", what
// comes behind "+".
func moveRecords(p plan.Plan) []string {
	var out []string
	for _, c := range p.Changes {
		for _, r := range c.Before {
			if !slices.Contains(c.After, r) {
				out = append(out, "- "+Escape(r.String()))
			}
		}
		for _, r := range c.After {
			if !slices.Contains(c.Before, r) {
				out = append(out, "+ "+Escape(r.String()))
			}
		}
	}
	return out
}

// moveRehearsed is what an examination of the state after a step would find.
func moveRehearsed(r *plan.Rehearsal) string {
	if r == nil {
		return ""
	}
	s := "After it, an examination finds: " + count(r.After.Results).verdict(r.After.CutShort)
	if worse := len(r.Worse(nil)); worse > 0 {
		s += " · " + plural(worse, "new finding") + " above advice"
	}
	return s
}

// moveItems are the items with one of the fates, in the order of the move.
func moveItems(m migration.Move, fates ...migration.Fate) []migration.Item {
	var out []migration.Item
	for _, i := range m.Items {
		if slices.Contains(fates, i.Fate) {
			out = append(out, i)
		}
	}
	return out
}

// blockedState is how grave a blocker is.
func blockedState(b migration.Blocker) state {
	if b.Unknown {
		return unknown
	}
	return critical
}

// moveGrade is how grave it is in a move, where the plan may wait for it.
func moveGrade(m migration.Move, b migration.Blocker) state {
	if !b.Unknown && !m.Switch.IsZero() && m.Waits(b) {
		return advice
	}
	return blockedState(b)
}

// begun is text that begins a sentence: a capital, unless its first word is a name.
func begun(s string) string {
	word, _, _ := strings.Cut(s, " ")
	if s == "" || s[0] < 'a' || s[0] > 'z' || strings.ContainsAny(word, "._-=:/@") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
