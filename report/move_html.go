package report

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"slices"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

//go:embed move_html.tmpl
var moveParts embed.FS

// moveCSS is what a move needs beside the style of a report.
const moveCSS = `
section h2 { break-before: auto; }
pre.gone { color: var(--soft); text-decoration: line-through; }
td.nowrap { white-space: nowrap; }
article.passed { border-left-color: var(--good); }`

// maxMovePage is how many items a page lists; the rest is counted.
const maxMovePage = 2000

// The data of the template of a move. All texts are escaped for reading (Escape);
// the template escapes them for HTML.
type (
	movePage struct {
		Title, CSP, Switch, State string
		CSS                       template.CSS
		JS                        template.JS
		Blockers, Pauses          []moveHTMLBlocker
		Asked, Items              []moveHTMLItem
		More                      int
		Steps                     []moveHTMLStep
	}
	moveHTMLBlocker struct{ State, Mark, Step, ID, Text, Lift string }
	moveHTMLItem    struct{ Kind, Subject, Seen, Who, Fate, Why string }
	moveHTMLStep    struct {
		Anchor, State, Mark, Word, When, Title string
		Number                                 int
		Why, Rehearsed, Wait, Rollback, Count  string
		Before, After, Tasks, Concerns         []string
		Changes                                []moveHTMLChange
	}
	moveHTMLChange struct {
		Kind, Title   string
		Before, After []string
	}
)

// MoveHTML writes a move for a client, as one page that needs nothing beside it: no
// other file, and no network. It shows itself light or dark as its reader likes, and
// prints. Its own script copies records; no other one runs (Content-Security-Policy).
func MoveHTML(w io.Writer, m migration.Move) error {
	text, err := moveParts.ReadFile("move_html.tmpl")
	if err != nil {
		return err
	}
	t, err := template.New("move").Parse(string(text))
	if err != nil {
		return err
	}
	css, js := part("page.css")+moveCSS, part("page.js")
	p := movePage{
		Title: moveTitle(m), State: MoveState(m), Switch: "The day of the switch is not settled yet.", CSS: template.CSS(css), JS: template.JS(js),
		CSP: fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; base-uri 'none'; form-action 'none'", cspHash(css), cspHash(js)),
	}
	if !m.Switch.IsZero() {
		p.Switch = "Senders find the new server from " + moveDate(m.Switch) + " on; this is T below."
	}
	blocker := func(b migration.Blocker) moveHTMLBlocker {
		s := moveGrade(m, b)
		return moveHTMLBlocker{class(s), bare(s), moveStep(m, b.Step), flat(b.ID), moveBlocker(b), moveLift(b)}
	}
	p.Blockers, p.Pauses = each(moveStops(m), blocker), each(movePauses(m), blocker)
	p.Asked = each(firstOf(moveItems(m, migration.Ask), maxMovePage), func(i migration.Item) moveHTMLItem { return moveItemOf(m, i) })
	p.Items = each(firstOf(m.Items, maxMovePage), func(i migration.Item) moveHTMLItem { return moveItemOf(m, i) })
	p.More = len(m.Items) - len(p.Items)
	for i, s := range m.Steps {
		p.Steps = append(p.Steps, moveStepOf(m, i+1, s))
	}
	return t.Execute(w, p)
}

// firstOf is at most n of a list.
func firstOf[T any](list []T, n int) []T { return list[:min(n, len(list))] }

func moveItemOf(m migration.Move, i migration.Item) moveHTMLItem {
	fate := string(i.Fate)
	if step := moveStep(m, i.Step); step != "" {
		fate += ", in: " + step
	}
	return moveHTMLItem{flat(i.Kind), title(i.Subject), clip(flat(i.Seen), 300), flat(i.Who), fate, flat(i.Why)}
}

func moveStepOf(m migration.Move, number int, s migration.Step) moveHTMLStep {
	h := moveHTMLStep{
		Anchor: fmt.Sprintf("step-%d", number), Number: number, State: class(skipped), Mark: "☐", Word: "open", When: moveWhen(m, s), Title: flat(s.Title),
		Why: moveWhy(s), Rehearsed: moveRehearsed(s.Rehearsal), Wait: moveWait(s), Rollback: flat(s.Rollback),
		Before: each(s.Before, flat), After: each(s.After, flat), Tasks: each(s.Tasks, flat),
		Concerns: each(s.Plan.Concerns, func(c plan.Concern) string { return flat(c.Text) }),
		Count:    plural(len(s.Plan.Changes), "change"),
	}
	next, _ := moveNext(m)
	switch {
	case !s.Done.IsZero():
		h.State, h.Mark, h.Word = class(passed), "☑", "done"
	case len(moveBlocked(m, s.ID)) > 0:
		h.State, h.Mark, h.Word = class(critical), "☒", "blocked"
	case next.ID == s.ID:
		h.State, h.Word = class(advice), "next"
	}
	for _, c := range s.Plan.Changes {
		h.Changes = append(h.Changes, moveChangeOf(c))
	}
	return h
}

// moveChangeOf is a change without what stays.
func moveChangeOf(c plan.Change) moveHTMLChange {
	h := moveHTMLChange{Kind: map[plan.Kind]string{plan.Create: "Add", plan.Replace: "Replace", plan.Delete: "Remove"}[c.Kind()], Title: shortTitle(c.Slot)}
	line := func(r record.Record) string { return Escape(r.String()) }
	for _, r := range c.Before {
		if !slices.Contains(c.After, r) {
			h.Before = append(h.Before, line(r))
		}
	}
	for _, r := range c.After {
		if !slices.Contains(c.Before, r) {
			h.After = append(h.After, line(r))
		}
	}
	return h
}
