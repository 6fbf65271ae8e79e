package report

import (
	"encoding/xml"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

type (
	junitSuites struct {
		XMLName  xml.Name     `xml:"testsuites"`
		Name     string       `xml:"name,attr"`
		Tests    int          `xml:"tests,attr"`
		Failures int          `xml:"failures,attr"`
		Errors   int          `xml:"errors,attr"`
		Time     string       `xml:"time,attr"`
		Suites   []junitSuite `xml:"testsuite"`
	}
	junitSuite struct {
		Name      string      `xml:"name,attr"`
		Tests     int         `xml:"tests,attr"`
		Failures  int         `xml:"failures,attr"`
		Errors    int         `xml:"errors,attr"`
		Skipped   int         `xml:"skipped,attr"`
		Time      string      `xml:"time,attr"`
		Timestamp string      `xml:"timestamp,attr"`
		Cases     []junitCase `xml:"testcase"`
	}
	junitCase struct {
		Name    string        `xml:"name,attr"`
		Class   string        `xml:"classname,attr"`
		Time    string        `xml:"time,attr"`
		Skipped *junitSkipped `xml:"skipped"`
		Failure *junitFailure `xml:"failure"`
		Out     *junitOut     `xml:"system-out"`
	}
	junitOut struct {
		Text string `xml:",cdata"`
	}
	junitSkipped struct {
		Message string `xml:"message,attr"`
	}
	junitFailure struct {
		Message string `xml:"message,attr"`
		Type    string `xml:"type,attr"`
		Text    string `xml:",cdata"`
	}
)

// JUnit writes the reports as test results: a suite for each, a case for each
// check. A finding from Options.FailOn on is a failure; one below it stands in the
// output of a case that passes. What could not be told is skipped, as a failure it
// is not.
func JUnit(w io.Writer, reports []diagnosis.Report, o Options) error {
	all := junitSuites{Name: "maildoctor"}
	var took time.Duration
	for _, r := range reports {
		s := junitSuite{Name: flat(identity(r)), Tests: len(r.Results), Time: seconds(r.Took), Timestamp: r.At.UTC().Format("2006-01-02T15:04:05")}
		for _, result := range r.Results {
			c := junitCaseOf(r, result, o.FailOn)
			if c.Failure != nil {
				s.Failures++
			}
			if c.Skipped != nil {
				s.Skipped++
			}
			s.Cases = append(s.Cases, c)
		}
		all.Tests, all.Failures, took = all.Tests+s.Tests, all.Failures+s.Failures, took+r.Took
		all.Suites = append(all.Suites, s)
	}
	all.Time = seconds(took)
	if _, err := io.WriteString(w, xml.Header); err != nil {
		return err
	}
	enc := xml.NewEncoder(w)
	enc.Indent("", "  ")
	if err := enc.Encode(all); err != nil {
		return fmt.Errorf("write the report as JUnit XML: %w", err)
	}
	_, err := io.WriteString(w, "\n")
	return err
}

func junitCaseOf(r diagnosis.Report, result diagnosis.Result, failOn diagnosis.Severity) junitCase {
	c := junitCase{Name: flat(result.Rule.ID), Class: flat(identity(r)), Time: seconds(result.Took)}
	text := strings.Join(inFull(result), "\n")
	switch result.Outcome {
	case diagnosis.Skipped:
		c.Skipped = &junitSkipped{flat(result.Reason)}
	case diagnosis.Unknown:
		c.Skipped = &junitSkipped{"could not be told: " + strings.Join(doubts(result), "; ")}
	case diagnosis.Failed:
		if result.Severity < failOn {
			c.Out = &junitOut{text}
			break
		}
		worst := gravest(result.Findings)
		first := flat(result.Rule.Title)
		if len(worst) > 0 {
			first = message(worst[0], worst[0].Severity)
		}
		if n := len(worst) - 1; n > 0 {
			first += fmt.Sprintf(" (+%d more)", n)
		}
		c.Failure = &junitFailure{Message: first, Type: result.Severity.String(), Text: text}
	}
	return c
}

// inFull is a failed check in lines of plain text.
func inFull(r diagnosis.Result) []string {
	if r.Outcome != diagnosis.Failed {
		return nil
	}
	var list []string
	for _, f := range gravest(r.Findings) {
		list = append(list, strings.ToUpper(f.Severity.String())+": "+message(f, f.Severity))
		for _, p := range f.Places {
			list = append(list, "at "+flat(p))
		}
		for _, e := range f.Evidence {
			list = append(list, "seen: "+flat(e.Question)+" → "+flat(e.Answer))
		}
		for _, line := range cureOf(f.Remedy) {
			list = append(list, "fix: "+line)
		}
	}
	if r.Rule.Why != "" {
		list = append(list, "why: "+flat(r.Rule.Why))
	}
	for _, d := range doubts(r) {
		list = append(list, "could not be told: "+d)
	}
	return list
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.3f", max(d, 0).Seconds()) }
