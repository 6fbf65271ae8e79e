package report

import (
	"io"

	"github.com/maildoctor/maildoctor/diagnosis"
)

type (
	gitlabIssue struct {
		Description string         `json:"description"`
		Check       string         `json:"check_name"`
		Fingerprint string         `json:"fingerprint"`
		Severity    string         `json:"severity"`
		Location    gitlabLocation `json:"location"`
	}
	gitlabLocation struct {
		Path  string      `json:"path"`
		Lines gitlabLines `json:"lines"`
	}
	gitlabLines struct {
		Begin int `json:"begin"`
	}
)

// GitLab writes the findings as a code quality report of GitLab CI. A finding about
// what is published, and not in a file, is shown at a file of the domain's name.
func GitLab(w io.Writer, reports []diagnosis.Report, _ Options) error {
	issues := []gitlabIssue{}
	for _, f := range allFound(reports) {
		at := f.location()
		severity := map[diagnosis.Severity]string{diagnosis.Advice: "info", diagnosis.Warning: "major", diagnosis.Critical: "critical"}[f.Severity]
		if severity == "" {
			severity = "critical"
		}
		issues = append(issues, gitlabIssue{
			Description: f.text(), Check: flat(f.rule.ID), Fingerprint: f.fingerprint(), Severity: severity,
			Location: gitlabLocation{at.file, gitlabLines{at.line}},
		})
	}
	return writeJSON(w, issues)
}

// location is where a finding is shown: at its place, or where it is about what is
// published at a name of its own, as formats for code want one.
func (f found) location() place {
	at := placeOf(f.Finding)
	if at.file == "" {
		at.file = "dns/" + identity(f.report)
	}
	at.file = flat(at.file)
	return at
}
