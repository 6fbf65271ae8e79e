package cmd

import (
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/scenario"
)

// clocked is what of a page depends on the clock.
func clocked(page report.Message) diagnosis.Report {
	return diagnosis.Report{At: page.At, Took: page.Took, Questions: page.Questions, CutShort: page.CutShort, Results: page.Results}
}

// keepAnswers writes what the DNS said, the mail and what was given of it as a
// scenario that plays to the same page.
func (a *app) keepAnswers(path string, env *checks.Env, recorder *scenario.Recorder, l letter, page report.Message) error {
	recorder.Arrived(l.given, page.Filters)
	report := clocked(page)
	report.Domain = record.Display(env.Domain)
	if env.Domain == "" {
		report.Domain = ""
	}
	recorded, err := recorder.Scenario(env, report)
	if err != nil {
		return err
	}
	return a.keep(path, recorded)
}

// retime gives the page of a recording the times of the recorded one, so that both
// are the same to the last octet.
func (p *player) retime(page *report.Message) {
	r := p.scenario.Retime(clocked(*page))
	page.Took, page.Questions, page.CutShort = r.Took, r.Questions, r.CutShort
	page.Results = slices.Clone(r.Results)
}
