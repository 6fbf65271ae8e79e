package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// An Ordeal is a sender's trial by a receiver, or what leads to it, that misbehaves.
type Ordeal struct {
	Fault    string // the name of the kind: "4xx"
	Case     string // which of that kind: "RCPT"; may be empty
	Does     string // a sentence about the receiver, without a full stop
	Did      string // what the sender did
	Became   string // of the mail
	Outcome  diagnosis.Outcome
	Why      string // of a failure
	Attempts int
	Copies   int // in the recipient's mailbox
	Notices  int // to the sender
	Took     time.Duration
}

// Chaos is the verdict on a sender by its ordeals.
func Chaos(list []Ordeal) Verdict {
	v := Verdict{Name: "chaos", Outcome: diagnosis.Passed}
	coped := 0
	for _, o := range list {
		switch {
		case o.Outcome == diagnosis.Passed:
			coped++
		case v.Text == "":
			v.Outcome, v.Text = diagnosis.Failed, o.name()+": "+o.Why
		}
	}
	v.Result = fmt.Sprintf("%d of %d", coped, len(list))
	if v.Outcome == diagnosis.Passed {
		v.Text = "the sender copes with each fault"
	}
	return v
}

func (o Ordeal) name() string { return strings.TrimSpace(o.Fault + " " + o.Case) }

// ordeals puts a table: the fault, what the sender did, what became of the mail.
func (p *page) ordeals(list []Ordeal) {
	if len(list) == 0 {
		return
	}
	p.gap()
	p.para("", "The sender in trouble: receivers misbehave, in a laboratory where minutes and days pass in moments", strong)
	p.gap()
	c := p.columns(list)
	p.row(c, "    ", faint, "fault", "the sender", "the mail")
	for i, o := range list {
		if o.Case != "" && (i == 0 || list[i-1].Fault != o.Fault) {
			p.line("  " + p.in(strong, flat(o.Fault)))
		}
		did := flat(o.Did)
		if o.Why != "" {
			did += ": " + flat(o.Why)
		}
		p.row(c, "  "+p.ended(o.Outcome)+" ", plain, flat(cmp.Or(o.Case, o.Fault)), did, flat(o.Became))
		if p.verbose && o.Does != "" {
			p.para("      ", flat(o.Does), faint)
		}
	}
}

// columns is the widths of a table of ordeals: the first as wide as it needs and the
// page allows, the others by halves.
func (p *page) columns(list []Ordeal) [3]int {
	const gaps, head = 4, 4
	first := 0
	for _, o := range list {
		first = max(first, cells(flat(cmp.Or(o.Case, o.Fault))))
	}
	room := p.width - head - gaps
	first = min(first, room/3)
	second := (room - first + 1) / 2
	return [3]int{first, second, room - first - second}
}

// row puts cells, each wrapped into its column.
func (p *page) row(widths [3]int, head string, t tone, texts ...string) {
	var columns [3][]string
	height := 0
	for i, text := range texts {
		columns[i] = wrap(text, widths[i])
		height = max(height, len(columns[i]))
	}
	for n := range height {
		var b strings.Builder
		for i, column := range columns {
			cell := ""
			if n < len(column) {
				cell = column[n]
			}
			b.WriteString(pad(cell, widths[i]+2))
		}
		p.line(head + p.in(t, strings.TrimRight(b.String(), " ")))
		head = strings.Repeat(" ", cells(head))
	}
}

type wireOrdeal struct {
	Fault    string            `json:"fault"`
	Case     string            `json:"case"`
	Does     string            `json:"receiver"`
	Did      string            `json:"sender"`
	Became   string            `json:"mail"`
	Outcome  diagnosis.Outcome `json:"outcome"`
	Why      string            `json:"why"`
	Attempts int               `json:"attempts"`
	Copies   int               `json:"copies"`
	Notices  int               `json:"notices"`
	Took     float64           `json:"took_ms"`
}

func ordealJSON(o Ordeal) wireOrdeal {
	return wireOrdeal{
		o.Fault, text(o.Case), text(o.Does), text(o.Did), text(o.Became), o.Outcome, text(o.Why), o.Attempts, o.Copies, o.Notices,
		float64(o.Took.Microseconds()) / 1000,
	}
}
