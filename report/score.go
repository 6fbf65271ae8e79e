package report

import (
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/score"
)

// score puts the figure, and what it was deducted for.
func (p *page) score(s score.Score) {
	tone := map[bool]tone{true: good, false: plain}[s.Tenths == score.Full && len(s.Open) == 0]
	p.gap()
	head := p.in(strong, "Score ") + p.in(tone, s.String())
	switch {
	case len(s.Deductions) > 0:
		p.line(head + ", because of")
	case len(s.Open) > 0:
		p.line(head)
	default:
		p.line(head + ": nothing found that costs a point")
	}
	for _, d := range s.Deductions {
		head := "  " + p.in(bad, pad("−"+score.Points(d.Cost), 4)) + "  "
		p.para(head, deducted(d, p.width-cells(head)), plain)
	}
	if n := len(s.Open); n > 0 {
		p.para("  "+p.mark(unknown)+" ", "not counted, as it could not be told: "+names(s.Open), plain)
	}
}

// names is the checks of grounds.
func names(list []diagnosis.Ground) string {
	text := ""
	for i, g := range list {
		switch {
		case i == 6 && len(list) > 7:
			return text + fmt.Sprintf(" and %d more", len(list)-i)
		case i > 0:
			text += ", "
		}
		text += flat(g.Check)
	}
	return text
}

// deducted is what a deduction is for: in a line, or in two where it costs less than
// it would alone.
func deducted(d score.Deduction, width int) string {
	more := ""
	if d.More > 0 {
		more = fmt.Sprintf(" (+%d more)", d.More)
	}
	switch d.Cut {
	case score.AtLimit:
		more += fmt.Sprintf(" (of %s; %s costs %s at most)", score.Points(d.Full), d.Group, score.Points(score.Most(d.Group)))
	case score.NothingLeft:
		more += fmt.Sprintf(" (of %s; no more is left)", score.Points(d.Full))
	}
	if d.Cut != score.Whole {
		width = 2*width - 12 // wrapping wastes some
	}
	head := flat(d.Check) + ": "
	return head + brief(flat(d.Message), max(width-cells(head)-cells(more), 12)) + more
}

type (
	wireScore struct {
		Points     float64         `json:"points"`
		Of         float64         `json:"of"`
		Deductions []wireDeduction `json:"deductions"`
		NotCounted []wireGround    `json:"not_counted"`
	}
	wireDeduction struct {
		Check    string  `json:"check"`
		Points   float64 `json:"points"`
		Full     float64 `json:"full"`
		Group    string  `json:"group"`
		Severity string  `json:"severity"`
		Message  string  `json:"message"`
		More     int     `json:"more"`
	}
)

func toScore(s score.Score) wireScore {
	return wireScore{points(s.Tenths), points(score.Full), each(s.Deductions, toDeduction), each(s.Open, toGround)}
}

func toDeduction(d score.Deduction) wireDeduction {
	return wireDeduction{text(d.Check), points(d.Cost), points(d.Full), string(d.Group), d.Severity.String(), text(d.Message), d.More}
}

// points is tenths as JSON has them: the shortest decimal that is that many.
func points(tenths int) float64 { return float64(tenths) / 10 }
