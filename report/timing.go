package report

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// An Asked is one question that was sent to a DNS server.
type Asked struct {
	Question string
	Server   string // who answered, or was asked last; may be empty
	Failure  string // why there is no answer; empty if there is one
	Took     time.Duration
}

// maxSlowest is how many of the slowest are shown.
const maxSlowest = 5

// Timing writes where the time of an examination went: the DNS servers, the
// slowest questions and the slowest checks. It follows the text of the reports.
func Timing(w io.Writer, reports []diagnosis.Report, asked []Asked, o TextOptions) error {
	p := newPage(o)
	p.line("")
	p.header("where the time went")
	p.servers(asked)
	p.slowestQuestions(asked)
	p.slowestChecks(reports)
	_, err := io.WriteString(w, p.String())
	return err
}

// servers is one paragraph for each server, the one asked most first.
func (p *page) servers(asked []Asked) {
	by := make(map[string][]Asked)
	for _, a := range asked {
		by[a.Server] = append(by[a.Server], a)
	}
	names := make([]string, 0, len(by))
	for name := range by {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(by[b]), len(by[a])), cmp.Compare(a, b))
	})
	p.gap()
	p.line("  " + p.in(strong, "DNS servers"))
	for i, name := range names {
		if i == maxSlowest {
			p.line("    " + p.in(faint, "and "+plural(len(names)-i, "more server")))
			break
		}
		p.para("    ", cmp.Or(flat(name), "no server")+": "+speed(by[name]), plain)
	}
}

// speed is "112 questions, half within 12 ms, the slowest 1.2 s, 3 without an answer".
func speed(asked []Asked) string {
	var took []time.Duration
	for _, a := range asked {
		if a.Failure == "" {
			took = append(took, a.Took)
		}
	}
	s := plural(len(asked), "question")
	if n := len(took); n > 0 {
		slices.Sort(took)
		s += fmt.Sprintf(", half within %s, the slowest %s", duration(took[(n-1)/2]), duration(took[n-1]))
	}
	if n := len(asked) - len(took); n > 0 {
		s += fmt.Sprintf(", %d without an answer", n)
	}
	return s
}

func (p *page) slowestQuestions(asked []Asked) {
	list := slices.Clone(asked)
	slices.SortStableFunc(list, func(a, b Asked) int { return cmp.Compare(b.Took, a.Took) })
	p.gap()
	p.line("  " + p.in(strong, "slowest questions"))
	for _, a := range list[:min(len(list), maxSlowest)] {
		s := flat(a.Question)
		if a.Failure != "" {
			s += ": " + flat(a.Failure)
		}
		p.took(a.Took, s)
	}
}

// slowestChecks counts what a check waited for, mail hosts included.
func (p *page) slowestChecks(reports []diagnosis.Report) {
	type check struct {
		name string
		took time.Duration
	}
	var list []check
	for _, r := range reports {
		for _, result := range r.Results {
			name := flat(result.Rule.ID)
			if len(reports) > 1 {
				name += " of " + subject(r)
			}
			list = append(list, check{name, result.Took})
		}
	}
	if len(list) == 0 {
		return
	}
	slices.SortStableFunc(list, func(a, b check) int { return cmp.Compare(b.took, a.took) })
	p.gap()
	p.line("  " + p.in(strong, "slowest checks") + ", with all that they waited for")
	for _, c := range list[:min(len(list), maxSlowest)] {
		p.took(c.took, c.name)
	}
}

// took stands on one line, whatever its width: names are copied.
func (p *page) took(d time.Duration, what string) {
	p.line(fmt.Sprintf("    %8s  ", duration(d)) + what)
}
