package report

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A place is where a record stands in a file: "example.org.zone:12".
type place struct {
	file string // with slashes; empty where there is none
	line int    // from 1; 1 where it is not known
}

// placeOf is the first place of a finding.
func placeOf(f diagnosis.Finding) place {
	if len(f.Places) == 0 {
		return place{line: 1}
	}
	file, line, ok := cutLast(f.Places[0], ":")
	n, err := strconv.Atoi(line)
	if !ok || err != nil || n < 1 {
		return place{file: f.Places[0], line: 1}
	}
	return place{file: strings.ReplaceAll(file, `\`, "/"), line: n}
}

func cutLast(s, sep string) (before, after string, ok bool) {
	i := strings.LastIndex(s, sep)
	if i < 0 {
		return s, "", false
	}
	return s[:i], s[i+len(sep):], true
}

// identity is what a report is about in the words of a program: the domain in
// A-labels, or the address.
func identity(r diagnosis.Report) string {
	if r.Address != "" {
		return r.Address
	}
	return r.Domain
}

// A found is a finding with what it belongs to.
type found struct {
	diagnosis.Finding
	report diagnosis.Report
	rule   diagnosis.Rule
	of     diagnosis.Severity // the result's
	nth    int                // of those that share report, rule and subject
}

// text is what it says, on one line.
func (f found) text() string { return message(f.Finding, f.Severity) }

// fingerprint tells the same finding of another run: it does not change with the
// words of the message, nor with the values in it.
func (f found) fingerprint() string {
	sum := sha256.New()
	for _, part := range []string{flat(identity(f.report)), flat(f.rule.ID), flat(f.Subject), strconv.Itoa(f.nth)} {
		sum.Write([]byte(part))
		sum.Write([]byte{0})
	}
	return hex.EncodeToString(sum.Sum(nil)[:16])
}

// allFound is the findings of reports: report by report, causes before
// consequences, the gravest first.
func allFound(reports []diagnosis.Report) []found {
	var list []found
	for _, r := range reports {
		for _, result := range failures(r.Results) {
			times := make(map[string]int)
			for _, f := range gravest(result.Findings) {
				list = append(list, found{Finding: f, report: r, rule: result.Rule, of: result.Severity, nth: times[f.Subject]})
				times[f.Subject]++
			}
		}
	}
	return list
}

// A waivedFound is a finding that counts for nothing.
type waivedFound struct {
	found
	waived diagnosis.Waived
}

// allWaived is the waived findings of reports, in their order.
func allWaived(reports []diagnosis.Report) []waivedFound {
	var list []waivedFound
	for _, r := range reports {
		for _, result := range r.Results {
			times := make(map[string]int)
			for _, f := range result.Findings {
				times[f.Subject]++
			}
			for _, w := range result.Waived {
				list = append(list, waivedFound{found{Finding: w.Finding, report: r, rule: result.Rule, of: result.Severity, nth: times[w.Subject]}, w})
				times[w.Subject]++
			}
		}
	}
	return list
}

// cureOf is a remedy in lines of plain text; records stand on lines of their own.
func cureOf(r diagnosis.Remedy) []string {
	var list []string
	for _, e := range r.Edits {
		list = append(list, instruction(e))
		for _, w := range e.Want {
			list = append(list, Escape(w.String()))
		}
	}
	for _, s := range r.Steps {
		list = append(list, flat(s))
	}
	return list
}

// doubts is what could not be told in a result.
func doubts(r diagnosis.Result) []string {
	var list []string
	for _, d := range r.Doubts {
		list = append(list, inWords(d))
	}
	if len(list) == 0 && r.Outcome == diagnosis.Unknown {
		list = append(list, flat(r.Reason))
	}
	return list
}

// source is the first source of a rule that has an address on the web.
func source(r diagnosis.Rule) string {
	for _, ref := range r.Refs {
		if url := RefURL(ref); strings.HasPrefix(url, "https://") {
			return flat(url)
		}
	}
	return ""
}
