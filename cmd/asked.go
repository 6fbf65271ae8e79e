package cmd

import (
	"errors"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// errNoAnswer goes with the verdict of examinations to which no DNS server said
// a word. It changes no exit code: an outage is no finding, and --strict is
// there for those to whom it matters.
var errNoAnswer = &codeError{exitHealthy, errors.New("no DNS question was answered, so nothing is known; check the network, name another resolver with --resolver, or give more time with --timeout")}

// unanswered reports whether questions were asked and none was answered.
// Questions that were still on their way at the end are not in stats.
func unanswered(reports []diagnosis.Report, stats resolve.Stats) bool {
	asked := 0
	for _, r := range reports {
		asked += r.Questions
	}
	return asked > 0 && stats.Questions == stats.Errors
}

// asked is events as the report shows them.
func asked(events []resolve.Event) []report.Asked {
	list := make([]report.Asked, len(events))
	for i, e := range events {
		list[i] = report.Asked{Question: e.Question.String(), Server: e.Answer.Server, Took: e.Took}
		var failed *resolve.Error
		switch {
		case errors.As(e.Err, &failed):
			list[i].Server, list[i].Failure = failed.Server, failed.Kind.String()
		case e.Err != nil:
			list[i].Failure = e.Err.Error()
		}
	}
	return list
}
