package scenario

import (
	"fmt"
	"slices"
	"strings"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Lines is results as a want section has them: a line for every finding, doubt
// and skip, none for passes.
func Lines(results []diagnosis.Result) []string {
	var lines []string
	add := func(verb, id, text string) {
		lines = append(lines, oneLine(fmt.Sprintf("%s %s: %s", verb, id, text)))
	}
	for _, r := range results {
		for _, f := range r.Findings {
			add("fail", r.Rule.ID, f.Message)
		}
		switch r.Outcome {
		case diagnosis.Skipped:
			add("skip", r.Rule.ID, r.Reason)
		case diagnosis.Unknown, diagnosis.Failed:
			for _, d := range r.Doubts {
				add("unknown", r.Rule.ID, d.Reason)
			}
		}
	}
	return lines
}

// Verdict is what Lines makes of results, and the answers to the scenario's
// policies: a line with yes, no, or unknown, and for no and unknown one for
// every ground.
func (s *Scenario) Verdict(results []diagnosis.Result) []string {
	lines := Lines(results)
	for _, p := range s.Policies {
		j := p.Judge(results)
		verb, grounds := "yes", []diagnosis.Ground(nil)
		switch j.Answer {
		case diagnosis.Failed:
			verb, grounds = "no", j.Against
		case diagnosis.Unknown:
			verb, grounds = "unknown", j.Open
		}
		lines = append(lines, oneLine(fmt.Sprintf("%s policy.%s: %s", verb, p.Name, p.Question)))
		for _, g := range grounds {
			lines = append(lines, oneLine(fmt.Sprintf("%s policy.%s: because of %s: %s", verb, p.Name, g.Check, g.Message)))
		}
	}
	return lines
}

// oneLine escapes what would break a line or a txtar section.
func oneLine(s string) string {
	var b strings.Builder
	for _, r := range s {
		if r < ' ' || r == 0x7f {
			fmt.Fprintf(&b, `\x%02x`, r)
			continue
		}
		b.WriteRune(r)
	}
	return strings.TrimSpace(b.String())
}

// WithWant is the scenario's own file with the want section made of lines.
func (s *Scenario) WithWant(lines []string) []byte {
	body := []byte(strings.Join(append(slices.Clone(lines), ""), "\n"))
	if len(lines) == 0 {
		body = nil
	}
	files := slices.Clone(s.archive.Files)
	i := slices.IndexFunc(files, func(f txtar.File) bool { return f.Name == "want" })
	if i < 0 {
		files = append(files, txtar.File{Name: "want", Data: body})
	} else {
		files[i].Data = body
	}
	return txtar.Format(&txtar.Archive{Comment: s.archive.Comment, Files: files})
}
