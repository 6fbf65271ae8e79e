package cmd

import (
	"io"

	"github.com/maildoctor/maildoctor/report"
)

// scoreTopic is what explain calls the score of a message.
const scoreTopic = "score"

// score prints how the score of a message is made.
func (o *output) score() error {
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.ScoreTableJSON(w)
		}
		return report.ScoreTable(w, o.text())
	})
}
