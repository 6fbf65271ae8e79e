package report

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/record"
)

// A Sailed move is one that was simulated: whole, and perhaps without each of its
// steps.
type Sailed struct {
	Move     migration.Move
	Every    time.Duration // between two messages of one kind
	Notes    []string      // what was taken for granted
	Passages []migration.Passage
}

// Kept reports whether the whole plan keeps its promise: nothing is lost, nothing
// forged is let in.
func (s Sailed) Kept() bool {
	for _, p := range s.Passages {
		if p.Without == "" && len(p.Lost)+len(p.Forged) > 0 {
			return false
		}
	}
	return true
}

// mostLosses is how many kinds of a passage are told, unless all are asked for.
const mostLosses = 3

// SailedText writes a simulated move for a person.
func SailedText(w io.Writer, s Sailed, o TextOptions) error {
	p := newPage(o)
	p.header("simulation of the move of " + title(s.Move.Domain))
	p.gap()
	p.para("", fmt.Sprintf("Mail goes to the domain and from it every %s, from before the first step until after the last. The clock is simulated; the servers that send, take and judge the mail are real, and all on this machine.", minutes(s.Every)), faint)
	for _, note := range s.Notes {
		p.para("Mind: ", flat(note), plain)
	}
	for _, passage := range s.Passages {
		p.gap()
		p.sailed(s.Move, passage)
	}
	p.gap()
	p.para("", sailedEnd(s), strong)
	_, err := io.WriteString(w, p.String())
	return err
}

func minutes(d time.Duration) string {
	if d <= time.Minute {
		return "minute"
	}
	return plural(int(d/time.Minute), "minute")
}

// sailed puts one passage: how it went, and what was lost the most.
func (p *page) sailed(m migration.Move, passage migration.Passage) {
	name, mark := "With every step", p.ended(diagnosis.Passed)
	if passage.Without != "" {
		name, mark = "Without "+flat(passage.Without), p.in(faint, "·")
		if step := m.Step(passage.Without); step != nil && step.Title != "" {
			name += " (" + flat(step.Title) + ")"
		}
	} else if len(passage.Lost)+len(passage.Forged) > 0 {
		mark = p.ended(diagnosis.Failed)
	}
	p.para(mark+" ", name+": "+sailedCounts(passage), plain)
	for i, list := range [][]migration.Loss{passage.Lost, passage.Forged} {
		for n, l := range list {
			if n == mostLosses && !p.verbose {
				p.para("    ", fmt.Sprintf("… and %s more; -v tells all", plural(len(list)-n, "kind")), faint)
				break
			}
			text := flat(l.Kind) + ": " + flat(l.Why)
			if i == 0 {
				text += " (sent " + sailedSpan(l) + ")"
			}
			p.para("    "+pad(thousands(l.Messages), 7)+" ", text, plain)
		}
	}
}

func sailedCounts(passage migration.Passage) string {
	text := "all " + thousands(passage.Sent) + " messages arrive"
	if lost := migration.Sum(passage.Lost); lost > 0 {
		text = fmt.Sprintf("%s of %s messages are lost", thousands(lost), thousands(passage.Sent))
	}
	if passage.Late > 0 {
		text += fmt.Sprintf(", %s come late (up to %s)", thousands(passage.Late), sailedAfter(passage.Longest))
	}
	if len(passage.Forged) > 0 {
		text += ", and forged mail is let in"
	}
	return text
}

func sailedSpan(l migration.Loss) string {
	first, last := sailedAt(l.First), sailedAt(l.Last)
	if first == last {
		return first
	}
	return first + " to " + last
}

// sailedAt is a time counted from the switch: "T+2d 4h".
func sailedAt(d time.Duration) string {
	if d < 0 {
		return "T−" + sailedAfter(-d)
	}
	return "T+" + sailedAfter(d)
}

func sailedAfter(d time.Duration) string {
	d = d.Round(time.Minute)
	days, hours, mins := d/(24*time.Hour), d/time.Hour%24, d/time.Minute%60
	switch {
	case days > 0 && hours > 0:
		return fmt.Sprintf("%dd %dh", days, hours)
	case days > 0:
		return fmt.Sprintf("%dd", days)
	case hours > 0 && mins > 0:
		return fmt.Sprintf("%dh %dm", hours, mins)
	case hours > 0:
		return fmt.Sprintf("%dh", hours)
	}
	return fmt.Sprintf("%dm", mins)
}

// thousands is "241,924".
func thousands(n int) string {
	s := strconv.Itoa(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// sailedEnd is what all of it comes to.
func sailedEnd(s Sailed) string {
	var idle []string
	for _, p := range s.Passages {
		if p.Without != "" && len(p.Lost)+len(p.Forged) == 0 {
			idle = append(idle, flat(p.Without))
		}
	}
	switch {
	case !s.Kept():
		return "The plan as it is loses mail, or lets forged mail in. See what stands in its way: maildoctor migrate status."
	case len(idle) > 0:
		return fmt.Sprintf("The plan loses nothing. Without %s nothing was lost either, in this world.", strings.Join(idle, " or "))
	case len(s.Passages) > 2:
		return "The plan loses nothing, and each of its steps is needed."
	}
	return "The plan loses nothing."
}

// SailedSchema stands in the field "schema" of a simulated move in JSON.
const SailedSchema = "maildoctor.passage/v1"

// SailedJSON writes a simulated move for a program:
// {"schema","domain","every","notes":[],"kept","passages":[{"without","sent","arrived",
// "late","longest","lost":[{"kind","why","messages","first","last"}],"forged":[…]}]}.
// Times are in seconds, first and last from the switch.
func SailedJSON(w io.Writer, s Sailed) error {
	type wireLoss struct {
		Kind     string `json:"kind"`
		Why      string `json:"why"`
		Messages int    `json:"messages"`
		First    int64  `json:"first"`
		Last     int64  `json:"last"`
	}
	type wirePassage struct {
		Without string     `json:"without,omitempty"`
		Sent    int        `json:"sent"`
		Arrived int        `json:"arrived"`
		Late    int        `json:"late"`
		Longest int64      `json:"longest"`
		Lost    []wireLoss `json:"lost"`
		Forged  []wireLoss `json:"forged"`
	}
	loss := func(l migration.Loss) wireLoss {
		return wireLoss{text(l.Kind), text(l.Why), l.Messages, int64(l.First / time.Second), int64(l.Last / time.Second)}
	}
	return writeJSON(w, struct {
		Schema   string        `json:"schema"`
		Domain   string        `json:"domain"`
		Every    int64         `json:"every"`
		Notes    []string      `json:"notes"`
		Kept     bool          `json:"kept"`
		Passages []wirePassage `json:"passages"`
	}{SailedSchema, text(record.Display(s.Move.Domain)), int64(s.Every / time.Second), each(s.Notes, text), s.Kept(),
		each(s.Passages, func(p migration.Passage) wirePassage {
			return wirePassage{p.Without, p.Sent, p.Arrived, p.Late, int64(p.Longest / time.Second), each(p.Lost, loss), each(p.Forged, loss)}
		})})
}
