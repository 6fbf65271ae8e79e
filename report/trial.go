package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Trial is real mail that was sent for a domain, between servers of our own.
type Trial struct {
	Domain   string // canonical
	Source   string // where its records come from: "maildoctor.yaml", "the DNS"
	At       time.Time
	Notes    []string // what was taken for granted, or left out
	Passages []Passage
	Ordeals  []Ordeal  // of the sender; nil: there were none
	Verdicts []Verdict // what all of it comes to
	Took     time.Duration
}

// A Passage is one message on its way.
type Passage struct {
	From, To  string // mailboxes
	Client    string // the address from which the receiver saw it come
	HELO      string
	Stages    []Stage
	Header    string // the field that the receiver added; may have several lines, or be empty
	Delivered bool
}

// A Stage is one step of a message on its way.
type Stage struct {
	Name    string // "ehlo"
	Outcome diagnosis.Outcome
	Said    string   // the answer, or what was found
	Why     string   // of a failure
	More    []string // further lines of the answer
	Took    time.Duration
}

// A Verdict is the end of one question about a trial.
type Verdict struct {
	Name    string // "spf"
	Result  string // "pass"
	Outcome diagnosis.Outcome
	Text    string // why; may be empty
	Do      string // what to do about it, a sentence; may be empty
}

// Failed is the verdicts that make the trial one that failed.
func (t Trial) Failed() []Verdict { return t.that(diagnosis.Failed) }

// Unknown is the verdicts that could not be told.
func (t Trial) Unknown() []Verdict { return t.that(diagnosis.Unknown) }

func (t Trial) that(o diagnosis.Outcome) []Verdict {
	return slices.DeleteFunc(slices.Clone(t.Verdicts), func(v Verdict) bool { return v.Outcome != o })
}

// TrialText writes a trial for a person.
func TrialText(w io.Writer, t Trial, o TextOptions) error {
	p := newPage(o)
	p.header("mail of " + title(t.Domain))
	p.gap()
	p.para("", "The records are those of "+flat(t.Source)+". Both mail servers run on this machine; nothing is sent to anybody.", faint)
	for _, note := range t.Notes {
		p.para("Mind: ", flat(note), plain)
	}
	for i, passage := range t.Passages {
		p.passage(passage, !o.Verbose && passage.repeats(t.Passages[:i]))
	}
	p.ordeals(t.Ordeals)
	p.gap()
	for _, v := range t.Verdicts {
		text := flat(v.Result)
		if v.Text != "" {
			text += ": " + flat(v.Text)
		}
		p.para(p.ended(v.Outcome)+" "+pad(v.Name, 10), text, plain)
		if v.Do != "" {
			p.para(strings.Repeat(" ", 12)+"→ ", flat(v.Do), plain)
		}
	}
	p.gap()
	p.para("", trialEnd(t), strong)
	_, err := io.WriteString(w, p.String())
	return err
}

// trialEnd is a trial in one sentence.
func trialEnd(t Trial) string {
	name := func(list []Verdict) string {
		return strings.Join(each(list, func(v Verdict) string { return v.Name }), ", ")
	}
	failed, unknown := t.Failed(), t.Unknown()
	switch {
	case len(failed) > 0:
		return "The mail of " + title(t.Domain) + " does not pass: " + name(failed) + "."
	case len(unknown) > 0:
		return "Nothing fails, but not all could be told: " + name(unknown) + "."
	}
	return "The mail of " + title(t.Domain) + " goes all the way."
}

// repeats reports whether a passage shows nothing that one before it has not shown:
// all stages pass, as they did there.
func (m Passage) repeats(before []Passage) bool {
	passes := func(o Passage) bool {
		return !slices.ContainsFunc(o.Stages, func(s Stage) bool { return s.Outcome != diagnosis.Passed })
	}
	return passes(m) && slices.ContainsFunc(before, func(o Passage) bool { return o.From == m.From && o.To == m.To && passes(o) })
}

// passage puts a message on its way; in brief that it went as one before it.
func (p *page) passage(m Passage, brief bool) {
	p.gap()
	p.para("", fmt.Sprintf("From %s to %s, sent from %s (%s)", flat(m.From), flat(m.To), flat(m.Client), flat(m.HELO)), strong)
	if brief {
		p.para("  "+p.mark(passed)+" ", fmt.Sprintf("each of its %d stages passes, as above; -v shows them", len(m.Stages)), plain)
		return
	}
	p.stages(m.Stages, false)
	if m.Header != "" && p.verbose {
		p.gap()
		for _, l := range lines(m.Header) {
			p.line("    " + l)
		}
	}
}

// stages puts the steps of a conversation, a line each; to who wants more, all lines
// of each reply. With timed it is told how long each took.
func (p *page) stages(list []Stage, timed bool) {
	for _, s := range list {
		head := "  " + p.ended(s.Outcome) + " " + pad(s.Name, 10)
		if timed {
			head += p.in(faint, fmt.Sprintf("%7s", duration(s.Took))) + "  "
		}
		text := flat(s.Said)
		if s.Why != "" {
			text = strings.TrimPrefix(text+": "+flat(s.Why), ": ")
		}
		p.para(head, text, plain)
		if p.verbose || s.Outcome == diagnosis.Failed {
			for _, l := range s.More {
				p.para(strings.Repeat(" ", cells(head)), flat(l), faint)
			}
		}
	}
}

// ended marks an outcome.
func (p *page) ended(o diagnosis.Outcome) string {
	switch o {
	case diagnosis.Failed:
		return p.mark(critical)
	case diagnosis.Unknown:
		return p.mark(unknown)
	case diagnosis.Skipped:
		return p.in(faint, "–")
	}
	return p.mark(passed)
}

// TrialSchemaName stands in the field "schema" of a trial.
const TrialSchemaName = "maildoctor.trial/v1"

type (
	wireTrial struct {
		Schema   string        `json:"schema"`
		Domain   string        `json:"domain"`
		Source   string        `json:"source"`
		At       time.Time     `json:"at"`
		Took     float64       `json:"took_ms"`
		Passed   bool          `json:"passed"`
		Notes    []string      `json:"notes"`
		Passages []wirePassage `json:"passages"`
		Ordeals  []wireOrdeal  `json:"chaos"`
		Verdicts []wireVerdict `json:"verdicts"`
	}
	wirePassage struct {
		From      string      `json:"from"`
		To        string      `json:"to"`
		Client    string      `json:"client"`
		HELO      string      `json:"helo"`
		Delivered bool        `json:"delivered"`
		Header    string      `json:"header"`
		Stages    []wireStage `json:"stages"`
	}
	wireStage struct {
		Name    string            `json:"name"`
		Outcome diagnosis.Outcome `json:"outcome"`
		Said    string            `json:"said"`
		Why     string            `json:"why"`
		More    []string          `json:"more"`
		Took    float64           `json:"took_ms"`
	}
	wireVerdict struct {
		Name    string            `json:"name"`
		Result  string            `json:"result"`
		Outcome diagnosis.Outcome `json:"outcome"`
		Text    string            `json:"text"`
		Do      string            `json:"do"`
	}
)

func toStage(s Stage) wireStage {
	return wireStage{s.Name, s.Outcome, text(s.Said), text(s.Why), each(s.More, text), millis(s.Took)}
}

// millis is a duration in milliseconds.
func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// TrialJSON writes a trial for a program.
func TrialJSON(w io.Writer, t Trial) error {
	return writeJSON(w, wireTrial{
		Schema: TrialSchemaName, Domain: text(title(t.Domain)), Source: text(t.Source), At: t.At.UTC(), Took: millis(t.Took), Passed: len(t.Failed()) == 0,
		Notes: each(t.Notes, text),
		Passages: each(t.Passages, func(m Passage) wirePassage {
			return wirePassage{text(m.From), text(m.To), text(m.Client), text(m.HELO), m.Delivered, text(m.Header),
				each(m.Stages, toStage)}
		}),
		Ordeals: each(t.Ordeals, ordealJSON),
		Verdicts: each(t.Verdicts, func(v Verdict) wireVerdict {
			return wireVerdict{v.Name, text(v.Result), v.Outcome, text(v.Text), text(v.Do)}
		}),
	})
}
