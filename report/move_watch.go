package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/maildoctor/maildoctor/turnover"
)

// A MoveWatch is who still answers with the records of before the switch.
type MoveWatch struct {
	Domain string // canonical
	Status turnover.Status
	Keep   time.Duration // for which the old records may be kept
	Silent string        // why no name server could be asked; empty if one could
	Note   string        // what else a reader should know; may be empty
	Leave  time.Time     // until when the old server has to take mail; zero: not known
	Next   string        // where the move stands
}

// The ends of a watch.
const (
	WatchOver    = iota // nobody has the old records any more
	WatchOpen           // somebody has, or may have
	WatchUnknown        // no name server could be asked
	WatchNothing        // nobody could
)

// Verdict is what a watch came to.
func (m MoveWatch) Verdict() int {
	s := m.Status
	switch {
	case s.Over():
		return WatchOver
	case s.Count(turnover.Silent) == len(s.States):
		return WatchNothing
	case s.Count(turnover.Old)+s.Count(turnover.Other) > 0 || s.Served():
		return WatchOpen
	}
	return WatchUnknown
}

// MoveWatched writes it for a person.
func MoveWatched(w io.Writer, m MoveWatch, o TextOptions) error {
	p := newPage(o)
	p.header("after the switch of " + title(m.Domain))
	for i, kind := range []string{"Name servers", "Resolvers"} {
		first := true
		for _, s := range m.Status.States {
			if s.Source.Authoritative != (i == 0) {
				continue
			}
			if first {
				p.gap()
				p.para("", kind, strong)
				first = false
			}
			p.para("  "+p.mark(watchState(s.Outcome))+" ", watchLine(s), plain)
			for _, is := range s.Differs() {
				p.para("      ", flat(is), faint)
			}
		}
		if i == 0 && m.Silent != "" {
			p.gap()
			p.para(p.mark(unknown)+" ", "The name servers could not be asked: "+flat(m.Silent)+".", plain)
		}
	}
	if m.Note != "" {
		p.gap()
		p.para(p.mark(warning)+" ", flat(m.Note), plain)
	}
	p.gap()
	p.para("", watchVerdict(m), strong)
	if m.Leave.After(m.Status.At) {
		p.para("", "Leave the old server taking mail until "+moveDate(m.Leave)+": senders try again what is on its way to it (RFC 5321, 4.5.4.1).", plain)
	}
	if m.Next != "" {
		p.gap()
		p.para("", flat(m.Next), plain)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func watchState(o turnover.Outcome) state {
	switch o {
	case turnover.New:
		return passed
	case turnover.Old:
		return critical
	case turnover.Other:
		return warning
	}
	return unknown
}

// watchLine is a source and what it answers.
func watchLine(s turnover.State) string {
	line := flat(s.Source.Name) + ": "
	switch s.Outcome {
	case turnover.New:
		return line + "the new server"
	case turnover.Old:
		line += "the old server"
	case turnover.Other:
		line += "something else"
	default:
		return line + "no answer: " + flat(s.Reason)
	}
	if !s.Until.IsZero() {
		line += ", until " + clock(s.Until.UTC())
	}
	return line
}

func watchVerdict(m MoveWatch) string {
	s := m.Status
	switch m.Verdict() {
	case WatchOver:
		return fmt.Sprintf("It is over: all %s answer with the new server, and the time for which the old one may be remembered (%s) is spent.", plural(s.Count(turnover.New), "source"), moveSpan(m.Keep))
	case WatchNothing:
		return "Nobody could be asked."
	case WatchUnknown:
		return "No name server could be asked, so it is not known until when the old server is remembered."
	}
	old := s.Count(turnover.Old) + s.Count(turnover.Other)
	who := fmt.Sprintf("%d of %s do not answer with the new server yet", old, plural(len(s.States), "source"))
	if old == 1 {
		who = fmt.Sprintf("1 of %s does not answer with the new server yet", plural(len(s.States), "source"))
	}
	switch {
	case !s.Served():
		return who + ", a name server among them: only when all have it does the time run (" + moveSpan(m.Keep) + ")."
	case old == 0:
		return "All who were asked answer with the new server. Others may remember the old one until " + clock(s.Until.UTC()) + " at the latest."
	}
	return who + ". The old one may be remembered until " + clock(s.Until.UTC()) + " at the latest."
}

// MoveWatchLine writes one source whose answer became another, as a line.
func MoveWatchLine(w io.Writer, s turnover.State) error {
	_, err := fmt.Fprintln(w, quiet(s.At.UTC().Format(time.RFC3339)+" "+watchLine(s)))
	return err
}

// MoveWatchCount is where a watch stands, for the line at the foot of a terminal.
func MoveWatchCount(s turnover.Status) string {
	line := fmt.Sprintf("%d of %d answer with the new server", s.Count(turnover.New), len(s.States))
	if !s.Until.IsZero() {
		line += "; the old one may be remembered until " + clock(s.Until.UTC())
	}
	return line
}

type (
	wireWatchState struct {
		Source        string   `json:"source"`
		Authoritative bool     `json:"authoritative"`
		Outcome       string   `json:"outcome"` // new, old, other, silent
		At            string   `json:"at"`
		Until         string   `json:"until,omitempty"`
		Answers       []string `json:"differs"`
		Reason        string   `json:"reason,omitempty"`
	}
	wireWatch struct {
		Schema  string           `json:"schema"`
		Domain  string           `json:"domain"`
		State   string           `json:"state"` // over, open, unknown, nothing
		At      string           `json:"at"`
		Until   string           `json:"until,omitempty"`
		KeepS   int64            `json:"keep_s"`
		Sources []wireWatchState `json:"sources"`
		Leave   string           `json:"old_server_until,omitempty"`
		Silent  string           `json:"name_servers_unknown,omitempty"`
		Note    string           `json:"note,omitempty"`
		Next    string           `json:"next,omitempty"`
	}
)

// MoveWatchSchema stands in the field "schema" of a watch in JSON.
const MoveWatchSchema = "maildoctor.move-watch/v1"

func toWatchState(s turnover.State) wireWatchState {
	return wireWatchState{text(s.Source.Name), s.Source.Authoritative, s.Outcome.String(), stamped(s.At), stamped(s.Until), each(s.Differs(), text), text(s.Reason)}
}

// stamped is a time for a program; empty for none.
func stamped(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

// writeLine writes a document of JSON as one line.
func writeLine(w io.Writer, document any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(document); err != nil {
		return err
	}
	_, err := w.Write(inert(b.Bytes()))
	return err
}

func toWatch(m MoveWatch) wireWatch {
	return wireWatch{
		MoveWatchSchema, title(m.Domain), []string{WatchOver: "over", WatchOpen: "open", WatchUnknown: "unknown", WatchNothing: "nothing"}[m.Verdict()],
		stamped(m.Status.At), stamped(m.Status.Until), int64(m.Keep / time.Second), each(m.Status.States, toWatchState), stamped(m.Leave), text(m.Silent), text(m.Note), text(m.Next),
	}
}

// MoveWatchedJSON writes a watch for a program.
func MoveWatchedJSON(w io.Writer, m MoveWatch) error { return writeJSON(w, toWatch(m)) }

// MoveWatchedNDJSON writes a watch as one line.
func MoveWatchedNDJSON(w io.Writer, m MoveWatch) error { return writeLine(w, toWatch(m)) }

// MoveWatchLineNDJSON writes one source whose answer became another, as one line of JSON.
func MoveWatchLineNDJSON(w io.Writer, s turnover.State) error { return writeLine(w, toWatchState(s)) }
