package report

import (
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

//go:embed page.html.tmpl map.html.tmpl page.css page.js
var pageParts embed.FS

// part is a part of the page as it is embedded, without its last line end.
func part(name string) string {
	text, err := pageParts.ReadFile(name)
	if err != nil {
		panic(err) // it is part of the binary
	}
	return strings.TrimSuffix(string(text), "\n")
}

// The data of the page's template. All texts are escaped for reading (Escape); the
// template escapes them for HTML.
type (
	htmlPage struct {
		Title, CSP string
		CSS        template.CSS
		JS         template.JS
		Reports    []htmlReport
	}
	htmlReport struct {
		Anchor, Subject, At, Took, Questions string
		State, Mark, CutShort                string
		Critical, Warning, Advice, Unknown   int
		Counts, Topics                       []htmlLine
		Policies                             []htmlPolicy
		Failures                             []htmlFailure
		Riddles                              []htmlRiddle
		Results                              []htmlResult
		Map                                  *htmlMap
	}
	htmlLine    struct{ State, Mark, Name, Text string }
	htmlFailure struct {
		Anchor, State, Mark, Severity, ID, Why string
		Findings                               []htmlFinding
		Refs                                   []diagnosis.Ref
	}
	htmlFinding struct {
		Message, Places string
		Evidence        []diagnosis.Evidence
		Edits           []htmlEdit
		Steps           [][]piece
	}
	htmlEdit struct {
		Instruction string
		Records     []string
	}
	htmlRiddle struct{ Words, IDs string }
	htmlResult struct{ State, Mark, ID, Outcome, Text string }
	htmlPolicy struct {
		State, Answer, Question, AsOf, Source, URL string
		Grounds                                    []string
	}
)

// HTML writes the reports as one page that needs nothing beside it: no other file,
// and no network. It shows itself light or dark as its reader likes, and prints.
// Its own script copies records; no other one runs (Content-Security-Policy).
func HTML(w io.Writer, reports []diagnosis.Report, _ Options) error {
	t, err := template.New("page").Parse(part("map.html.tmpl") + part("page.html.tmpl"))
	if err != nil {
		return err
	}
	css, js := part("page.css"), part("page.js")
	page := htmlPage{
		Title: htmlTitle(reports), CSS: template.CSS(css), JS: template.JS(js),
		CSP: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", cspHash(css), cspHash(js)),
	}
	for i, r := range reports {
		page.Reports = append(page.Reports, htmlReportOf(i+1, r))
	}
	return t.Execute(w, page)
}

func htmlTitle(reports []diagnosis.Report) string {
	switch len(reports) {
	case 0:
		return "maildoctor"
	case 1:
		return "Mail of " + subject(reports[0])
	}
	return fmt.Sprintf("Mail of %s and %d more", subject(reports[0]), len(reports)-1)
}

// cspHash is how a policy names a text (CSP Level 3, 6.7.2.3).
func cspHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

func htmlReportOf(n int, r diagnosis.Report) htmlReport {
	t := count(r.Results)
	all := gravestOf(r.Results)
	h := htmlReport{
		Anchor: fmt.Sprintf("report-%d", n), Subject: subject(r), At: r.At.UTC().Format("2 January 2006, 15:04 UTC"), Took: duration(r.Took), Questions: plural(r.Questions, "question"),
		State: class(all), Mark: bare(all),
		Critical: t.findings[diagnosis.Critical], Warning: t.findings[diagnosis.Warning], Advice: t.findings[diagnosis.Advice], Unknown: t.unknown(),
	}
	if r.At.Equal(time.Time{}) {
		h.At = "an unknown day"
	}
	if r.CutShort {
		h.CutShort = cutShort
	}
	for _, c := range []struct {
		state state
		n     int
		text  string
	}{{critical, h.Critical, "critical"}, {warning, h.Warning, warningsWord(h.Warning)}, {advice, h.Advice, "advice"}, {unknown, h.Unknown, "could not be told"}, {passed, t.outcomes[diagnosis.Passed], "passed"}, {skipped, t.outcomes[diagnosis.Skipped], "skipped"}} {
		if c.n > 0 {
			h.Counts = append(h.Counts, htmlLine{State: class(c.state), Mark: bare(c.state), Text: fmt.Sprintf("%d %s", c.n, c.text)})
		}
	}
	for _, one := range byTopic(r.Results) {
		s := gravestOf(one.results)
		h.Topics = append(h.Topics, htmlLine{class(s), bare(s), flat(one.name), topicCount(one)})
	}
	for _, j := range r.Policies {
		h.Policies = append(h.Policies, htmlPolicyOf(j))
	}
	var anchors []string
	failed := failures(r.Results)
	for i, f := range failed {
		one := htmlFailureOf(f)
		one.Anchor = fmt.Sprintf("%s-finding-%d", h.Anchor, i+1)
		anchors = append(anchors, one.Anchor)
		h.Failures = append(h.Failures, one)
	}
	h.Map = htmlMapOf(h.Anchor, r, failed, anchors)
	list, _ := riddles(r.Results)
	for _, one := range list {
		h.Riddles = append(h.Riddles, htmlRiddle{one.words, flat(strings.Join(one.ids, ", "))})
	}
	for _, result := range r.Results {
		h.Results = append(h.Results, htmlResultOf(result))
	}
	return h
}

func warningsWord(n int) string {
	if n == 1 {
		return "warning"
	}
	return "warnings"
}

// topicCount is how much of a topic is in order.
func topicCount(t topic) string {
	ok, asked := 0, 0
	for _, r := range t.results {
		if r.Outcome == diagnosis.Passed {
			ok++
		}
		if r.Outcome != diagnosis.Skipped {
			asked++
		}
	}
	if asked == 0 {
		return "skipped"
	}
	return fmt.Sprintf("%d of %d", ok, asked)
}

func htmlFailureOf(r diagnosis.Result) htmlFailure {
	s := stateOf(r)
	h := htmlFailure{State: class(s), Mark: bare(s), Severity: r.Severity.String(), ID: flat(r.Rule.ID), Why: flat(r.Rule.Why)}
	for _, f := range gravest(r.Findings) {
		one := htmlFinding{Message: message(f, r.Severity), Places: flat(strings.Join(f.Places, ", "))}
		for _, e := range f.Evidence {
			one.Evidence = append(one.Evidence, diagnosis.Evidence{Question: flat(e.Question), Answer: strings.Join(lines(e.Answer), "\n")})
		}
		for _, e := range f.Remedy.Edits {
			edit := htmlEdit{Instruction: instruction(e)}
			for _, w := range e.Want {
				edit.Records = append(edit.Records, Escape(w.String()))
			}
			one.Edits = append(one.Edits, edit)
		}
		for _, step := range f.Remedy.Steps {
			one.Steps = append(one.Steps, pieces(flat(step)))
		}
		h.Findings = append(h.Findings, one)
	}
	for _, ref := range r.Rule.Refs {
		h.Refs = append(h.Refs, diagnosis.Ref{Name: flat(ref.Name), URL: web(RefURL(ref))})
	}
	return h
}

// web is an address that a browser may be sent to, or nothing.
func web(url string) string {
	if !strings.HasPrefix(url, "https://") {
		return ""
	}
	return flat(url)
}

func htmlResultOf(r diagnosis.Result) htmlResult {
	s := stateOf(r)
	h := htmlResult{State: class(s), Mark: bare(s), ID: flat(r.Rule.ID), Outcome: r.Outcome.String(), Text: flat(r.Rule.Title)}
	switch {
	case r.Outcome == diagnosis.Passed && len(r.Seen) > 0:
		h.Text = flat(r.Seen[0].Question) + ": " + clip(flat(r.Seen[0].Answer), 160)
	case r.Outcome == diagnosis.Skipped:
		h.Text = flat(r.Reason)
	case r.Outcome == diagnosis.Unknown:
		h.Text = strings.Join(doubts(r), "; ")
	}
	return h
}

func htmlPolicyOf(j diagnosis.Judgement) htmlPolicy {
	p := htmlPolicy{Question: flat(j.Question), AsOf: flat(j.AsOf), Source: flat(j.Source.Name), URL: web(j.Source.URL)}
	switch j.Answer {
	case diagnosis.Passed:
		p.State, p.Answer = class(passed), "yes"
	case diagnosis.Failed:
		p.State, p.Answer = class(critical), "no"
	default:
		p.State, p.Answer = class(unknown), "could not be told"
	}
	for _, g := range append(j.Against[:len(j.Against):len(j.Against)], j.Open...) {
		p.Grounds = append(p.Grounds, flat(g.Check)+": "+flat(g.Message))
	}
	return p
}

// class is a state in the words of the style sheet.
func class(s state) string {
	return [...]string{skipped: "skipped", passed: "passed", unknown: "unknown", advice: "advice", warning: "warning", critical: "critical"}[s]
}

// bare is the symbol of a state, without colour.
func bare(s state) string { return new(page).mark(s) }
