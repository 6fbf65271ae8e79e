package report

import (
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/score"
)

// ScoreTable writes how a score is made, for a person: what each rule costs, by the
// gravity of its finding, and why.
func ScoreTable(w io.Writer, o TextOptions) error {
	p := newPage(o)
	p.line(p.in(strong, "The score of a message"))
	p.prose(score.About)
	for _, l := range score.Limits() {
		p.gap()
		p.para("", string(l.Group)+": "+score.Points(l.Most)+" at most", strong)
		p.para("", l.Reason, plain)
		for _, weight := range score.Weights() {
			if weight.Group != l.Group {
				continue
			}
			p.gap()
			p.flow("  ", []string{weight.Check, p.in(faint, costs(weight.Cost))}, "  ")
			p.para("    ", weight.Reason, plain)
			if len(weight.Unless) > 0 {
				p.para("    ", "Not where this counts already: "+strings.Join(weight.Unless, ", ")+".", faint)
			}
		}
	}
	_, err := io.WriteString(w, p.String())
	return err
}

// costs is "critical −6, warning −2.5, none −1".
func costs(c score.Cost) string {
	var parts []string
	for _, x := range []struct {
		word   string
		tenths int
	}{{"critical", c.Critical}, {"warning", c.Warning}, {"advice", c.Advice}, {"if there is none", c.Absent}} {
		if x.tenths > 0 {
			parts = append(parts, x.word+" −"+score.Points(x.tenths))
		}
	}
	return strings.Join(parts, ", ")
}

// ScoreSchema stands in the field "schema" of the table in JSON.
const ScoreSchema = "maildoctor.score/v1"

// ScoreTableJSON writes the table for a program:
// {"schema","of","limits":[{"group","most","reason"}],
// "weights":[{"check","group","critical","warning","advice","absent","unless":[ID],"reason"}]}.
func ScoreTableJSON(w io.Writer) error {
	type wireLimit struct {
		Group  string  `json:"group"`
		Most   float64 `json:"most"`
		Reason string  `json:"reason"`
	}
	type wireWeight struct {
		Check    string   `json:"check"`
		Group    string   `json:"group"`
		Critical float64  `json:"critical"`
		Warning  float64  `json:"warning"`
		Advice   float64  `json:"advice"`
		Absent   float64  `json:"absent"`
		Unless   []string `json:"unless"`
		Reason   string   `json:"reason"`
	}
	return writeJSON(w, struct {
		Schema  string       `json:"schema"`
		Of      float64      `json:"of"`
		Limits  []wireLimit  `json:"limits"`
		Weights []wireWeight `json:"weights"`
	}{ScoreSchema, points(score.Full),
		each(score.Limits(), func(l score.Limit) wireLimit { return wireLimit{string(l.Group), points(l.Most), l.Reason} }),
		each(score.Weights(), func(x score.Weight) wireWeight {
			return wireWeight{x.Check, string(x.Group), points(x.Cost.Critical), points(x.Cost.Warning), points(x.Cost.Advice), points(x.Cost.Absent), each(x.Unless, text), x.Reason}
		})})
}
