package report

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/migration"
)

// ErrNoSwitch tells that a move has no day yet, so that it is in no calendar.
var ErrNoSwitch = errors.New("the move has no day of the switch yet")

// MoveICS writes the steps of a move as a calendar (iCalendar, RFC 5545): an event
// for each, at its time in UTC, with an alarm the day before while it is not done.
// What is written later for the same move, with other times, takes the place of
// these events where a calendar is given it: their UIDs stay, and SEQUENCE is the
// revision of the move. ErrNoSwitch where the day is not settled.
func MoveICS(w io.Writer, m migration.Move) error {
	if m.Switch.IsZero() {
		return ErrNoSwitch
	}
	var c calendar
	c.line("BEGIN", "VCALENDAR")
	c.line("VERSION", "2.0")
	c.line("PRODID", "-//maildoctor//migrate//EN")
	c.line("CALSCALE", "GREGORIAN")
	c.text("X-WR-CALNAME", moveTitle(m))
	for i, s := range m.Steps {
		c.step(m, i, s)
	}
	c.line("END", "VCALENDAR")
	_, err := io.WriteString(w, c.String())
	return err
}

// A calendar is iCalendar being written.
type calendar struct{ strings.Builder }

// stepLasts is how long the event of a step lasts.
const stepLasts = "PT1H"

func (c *calendar) step(m migration.Move, i int, s migration.Step) {
	blockers := moveBlockers(m, s.ID)
	done := !s.Done.IsZero()
	summary := fmt.Sprintf("%s: %s", title(m.Domain), flat(s.Title))
	status := "CONFIRMED"
	switch {
	case done:
		summary = "✓ " + summary
	case len(moveBlocked(m, s.ID)) > 0:
		status = "TENTATIVE" // RFC 5545, 3.8.1.11: of an event, nothing else says that it may not take place
	}
	c.line("BEGIN", "VEVENT")
	c.line("UID", moveUID(m, s.ID))
	c.line("SEQUENCE", fmt.Sprint(max(0, m.Revision)))
	c.line("DTSTAMP", utc(moveWritten(m))) // without METHOD: when the event was last changed (3.8.7.2)
	c.line("DTSTART", utc(moveAt(m, s)))
	c.line("DURATION", stepLasts)
	c.text("SUMMARY", summary)
	c.text("DESCRIPTION", moveDescription(m, i, s, blockers))
	c.line("STATUS", status)
	c.line("TRANSP", "TRANSPARENT") // it is not a meeting
	if !done {
		c.line("BEGIN", "VALARM")
		c.line("ACTION", "DISPLAY")
		c.text("DESCRIPTION", "Tomorrow: "+summary)
		c.line("TRIGGER", "-P1D")
		c.line("END", "VALARM")
	}
	c.line("END", "VEVENT")
}

// moveDescription is what an event says of its step.
func moveDescription(m migration.Move, i int, s migration.Step, blockers []migration.Blocker) string {
	lines := []string{fmt.Sprintf("Step %d of %d: %s, %s.", i+1, len(m.Steps), moveTitle(m), moveOffset(s.Offset)), moveWhy(s)}
	for _, b := range blockers {
		lines = append(lines, "In the way: "+moveBlocker(b)+" "+moveLift(b))
	}
	if len(s.Before) > 0 {
		lines = append(lines, "Must be green before: "+flat(strings.Join(s.Before, ", ")))
	}
	for _, task := range s.Tasks {
		lines = append(lines, "– "+flat(task))
	}
	if n := len(s.Plan.Changes); n > 0 {
		lines = append(lines, "– Apply "+plural(n, "change")+" of records:")
		for _, r := range moveRecords(s.Plan) {
			lines = append(lines, clip(r, 300))
		}
	}
	if len(s.After) > 0 {
		lines = append(lines, "Must be green after: "+flat(strings.Join(s.After, ", ")))
	}
	lines = append(lines, moveWait(s))
	if s.Rollback != "" {
		lines = append(lines, "Way back: "+flat(s.Rollback))
	}
	return strings.Join(nonEmpty(lines), "\n")
}

// nonEmpty is a list without its empty texts.
func nonEmpty(list []string) []string {
	var out []string
	for _, s := range list {
		if s != "" {
			out = append(out, s)
		}
	}
	return out
}

// moveUID names the event of a step for good: the same move has the same names,
// whatever becomes of its times. It tells nothing of who made it (RFC 7986, 5.3).
func moveUID(m migration.Move, step string) string {
	sum := sha256.Sum256([]byte(m.Domain + "\x00" + m.Begun.UTC().Format(time.RFC3339Nano) + "\x00" + step))
	return hex.EncodeToString(sum[:16]) + "@maildoctor"
}

// moveWritten is when the move last changed.
func moveWritten(m migration.Move) time.Time {
	at := m.Begun
	for _, e := range m.Log {
		if e.At.After(at) {
			at = e.At
		}
	}
	return at
}

// utc is a time as DATE-TIME, form 2 (RFC 5545, 3.3.5). It has years of four
// digits only.
func utc(t time.Time) string {
	t = t.UTC()
	if y := t.Year(); y < 0 || y > 9999 {
		t = time.Time{}
	}
	return t.Format("20060102T150405Z")
}

// text puts a property of the type TEXT (RFC 5545, 3.3.11).
func (c *calendar) text(name, value string) {
	c.line(name, strings.NewReplacer(`\`, `\\`, ";", `\;`, ",", `\,`, "\n", `\n`).Replace(value))
}

// line puts a content line, folded after at most 75 octets, the blank before those
// that go on counted, and within no character (RFC 5545, 3.1). A line that goes on
// begins with no colon, unless there is nothing but colons: see quiet.
func (c *calendar) line(name, value string) {
	const most = 75
	rest, room := name+":"+value, most
	for len(rest) > room {
		end := room
		for end > 1 && (rest[end] == ':' || rest[end] == ' ') {
			end--
		}
		if end == 1 {
			end = room
		}
		for end > 1 && !utf8.RuneStart(rest[end]) {
			end--
		}
		c.WriteString(rest[:end] + "\r\n ")
		rest, room = rest[end:], most-1
	}
	c.WriteString(rest + "\r\n")
}
