package report

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
)

// Changes writes for a person what became different since an earlier examination:
// what is new first, with its cure, then what has changed, what is fixed, and what
// was there and could not be told this time.
func Changes(w io.Writer, list []history.Changes, o TextOptions) error {
	p := newPage(o)
	for _, c := range list {
		p.gap()
		p.since(c)
	}
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) since(c history.Changes) {
	p.header(title(c.Subject))
	p.gap()
	if c.Before.IsZero() {
		p.para("", "There is no earlier report on it to compare with: all that was found is new.", faint)
	} else {
		p.para("", fmt.Sprintf("%s, compared with %s", onDay(c.After), onDay(c.Before)), faint)
	}
	told := make(remedies)
	for _, one := range c.New {
		p.gap()
		p.para(p.sign(bad, "+"), p.words(one.Rule, *one.Is), strong)
		p.remedy(one.Is.Remedy, one.Rule.ID, told)
	}
	for _, one := range c.Changed {
		p.gap()
		p.para(p.sign(warn, "~"), p.words(one.Rule, *one.Is), strong)
		was := message(*one.Was, one.Was.Severity)
		if one.Was.Severity != one.Is.Severity {
			was = strings.ToUpper(one.Was.Severity.String()) + " " + was
		}
		p.para(p.label("was"), was, plain)
	}
	p.gap()
	for _, one := range c.Fixed {
		p.para(p.sign(good, "✓"), "fixed: "+p.words(one.Rule, *one.Was), plain)
	}
	p.gap()
	for _, one := range c.Untold {
		p.para(p.sign(warn, "?"), "was there, and could not be told now: "+p.words(one.Rule, *one.Was)+" ("+flat(one.Why)+")", plain)
	}
	p.gap()
	p.flow("", []string{
		fmt.Sprintf("%d new", len(c.New)), fmt.Sprintf("%d changed", len(c.Changed)), fmt.Sprintf("%d fixed", len(c.Fixed)),
		fmt.Sprintf("%d could not be told", len(c.Untold)), fmt.Sprintf("%d as before", c.Same),
	}, " · ")
}

func (p *page) sign(t tone, s string) string { return p.in(t, s) + " " }

// words is a finding in a line.
func (p *page) words(r diagnosis.Rule, f diagnosis.Finding) string {
	return strings.ToUpper(f.Severity.String()) + " " + flat(r.ID) + ": " + message(f, f.Severity)
}

func onDay(t time.Time) string { return t.UTC().Format("2 January 2006, 15:04 UTC") }
