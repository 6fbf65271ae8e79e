package report

import (
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/maildoctor/maildoctor/mta/spam"
)

// maxRules is how many rules of a filter a page shows that is not verbose.
const maxRules = 12

// filters puts what spam filters made of a message. Those that said nothing stand
// among what could not be told.
func (p *page) filters(list []spam.Answer) {
	list = slices.DeleteFunc(slices.Clone(list), func(a spam.Answer) bool { return a.Verdict == nil })
	if len(list) == 0 {
		return
	}
	p.section("Spam filters")
	p.para("  ", "Beside the score, which does not count them.", faint)
	for _, a := range list {
		v := a.Verdict
		state, said := passed, "not spam"
		if v.Spam {
			state, said = warning, "spam"
		}
		points := filterPoints(v.Score) + " of " + filterPoints(v.Threshold)
		if v.Action != "" { // it marks mail before it rejects it: the threshold is that of rejecting
			points = filterPoints(v.Score)
			said += fmt.Sprintf(" (%s; it rejects from %s)", flat(v.Action), filterPoints(v.Threshold))
		}
		p.para("  "+p.mark(state)+" ", fmt.Sprintf("%s: %s, %s", flat(a.Filter), points, said), plain)
		p.rules(v.Rules)
	}
}

// rules puts those that count; all in a verbose page.
func (p *page) rules(list []spam.Rule) {
	shown, free := 0, 0
	for _, r := range list {
		switch {
		case !p.verbose && r.Told && math.Abs(r.Points) < 0.05:
			free++
			continue
		case !p.verbose && shown == maxRules:
			free++
			continue
		}
		shown++
		points := "?"
		if r.Told {
			points = filterPoints(r.Points)
		}
		text := flat(r.Name)
		if r.Text != "" {
			text += ": " + flat(r.Text)
		}
		p.para("    "+padLeft(points, 5)+"  ", text, plain)
	}
	if free > 0 {
		p.para("           ", "and "+plural(free, "more rule")+", mostly of no points; --verbose shows all", faint)
	}
}

func padLeft(s string, width int) string { return fmt.Sprintf("%*s", width, s) }

// filterPoints is points as filters write them.
func filterPoints(x float64) string {
	s := strconv.FormatFloat(math.Round(x*100)/100, 'f', -1, 64)
	if s == "-0" {
		return "0"
	}
	return s
}

type (
	wireFilter struct {
		Filter    string           `json:"filter"`
		Error     string           `json:"error"`
		Spam      *bool            `json:"spam,omitempty"`
		Score     *float64         `json:"score,omitempty"`
		Threshold *float64         `json:"threshold,omitempty"`
		Action    string           `json:"action,omitempty"`
		Rules     []wireFilterRule `json:"rules"`
	}
	wireFilterRule struct {
		Name   string   `json:"name"`
		Points *float64 `json:"points,omitempty"` // left out where the filter did not say them
		Text   string   `json:"text"`
	}
)

func toFilter(a spam.Answer) wireFilter {
	w := wireFilter{Filter: text(a.Filter), Error: text(a.Error), Rules: []wireFilterRule{}}
	if v := a.Verdict; v != nil {
		w.Spam, w.Score, w.Threshold, w.Action = &v.Spam, &v.Score, &v.Threshold, text(v.Action)
		w.Rules = each(v.Rules, toFilterRule)
	}
	return w
}

func toFilterRule(r spam.Rule) wireFilterRule {
	w := wireFilterRule{Name: text(r.Name), Text: text(r.Text)}
	if r.Told {
		w.Points = &r.Points
	}
	return w
}
