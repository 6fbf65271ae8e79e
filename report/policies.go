package report

import (
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// policies puts the answers to what receivers ask.
func (p *page) policies(list []diagnosis.Judgement) {
	for _, j := range list {
		p.judgement(j)
		p.para("  ", "By the rules of "+flat(j.AsOf)+": "+flat(j.Source.Name)+", "+flat(j.Source.URL)+
			". They also ask for what is not seen here: "+flat(strings.Join(j.Unseen, "; "))+".", faint)
	}
}

// fitness puts the answer about an address, whose rules are nobody's alone.
func (p *page) fitness(list []diagnosis.Judgement) {
	for _, j := range list {
		p.judgement(j)
		p.para("  ", "Not seen here: "+flat(strings.Join(j.Unseen, "; "))+".", faint)
	}
}

// judgement puts the question, the answer and what it rests on.
func (p *page) judgement(j diagnosis.Judgement) {
	p.gap()
	mark, answer := p.answer(j.Answer)
	p.para(mark+" ", flat(j.Question)+" "+answer, strong)
	if len(j.Against) > 0 {
		p.grounds(j.Against)
	} else {
		p.grounds(j.Open)
	}
}

// answer is the outcome as the answer to a question.
func (p *page) answer(o diagnosis.Outcome) (mark, words string) {
	switch o {
	case diagnosis.Passed:
		return p.mark(passed), "As far as can be seen, yes."
	case diagnosis.Failed:
		return p.mark(critical), "No."
	}
	return p.mark(unknown), "That could not be told."
}

// grounds puts what an answer rests on.
func (p *page) grounds(list []diagnosis.Ground) {
	for i, g := range list {
		if i == maxFindings && !p.verbose && len(list) > maxFindings+1 {
			p.line("  " + p.in(faint, fmt.Sprintf("and %d more; --verbose shows all", len(list)-i)))
			return
		}
		p.para("  – ", flat(g.Check)+": "+flat(g.Message), plain)
	}
}

// The shape of a judgement in JSON.
type (
	wireJudgement struct {
		Policy   string       `json:"policy"`
		Question string       `json:"question"`
		Answer   string       `json:"answer"`
		Against  []wireGround `json:"against"`
		Open     []wireGround `json:"open"`
		Unseen   []string     `json:"unseen"`
		AsOf     string       `json:"as_of"`
		Source   wireRef      `json:"source"`
	}
	wireGround struct {
		Check   string `json:"check"`
		Message string `json:"message"`
	}
)

// answers is the words of an answer in JSON.
var answers = map[diagnosis.Outcome]string{diagnosis.Passed: "yes", diagnosis.Failed: "no", diagnosis.Unknown: "unknown"}

func toJudgement(j diagnosis.Judgement) wireJudgement {
	return wireJudgement{
		Policy: text(j.Policy), Question: text(j.Question), Answer: answers[j.Answer],
		Against: each(j.Against, toGround), Open: each(j.Open, toGround), Unseen: each(j.Unseen, text),
		AsOf: text(j.AsOf), Source: toRef(j.Source),
	}
}

func toGround(g diagnosis.Ground) wireGround { return wireGround{text(g.Check), text(g.Message)} }

func fromJudgement(w wireJudgement) (diagnosis.Judgement, error) {
	j := diagnosis.Judgement{
		Policy: w.Policy, Question: w.Question, Unseen: w.Unseen, AsOf: w.AsOf, Source: diagnosis.Ref{Name: w.Source.Name, URL: w.Source.URL},
	}
	known := false
	for outcome, word := range answers {
		if word == w.Answer {
			j.Answer, known = outcome, true
		}
	}
	var errs [3]error
	if !known {
		errs[0] = fmt.Errorf("no answer %q", w.Answer)
	}
	j.Against, errs[1] = all(w.Against, "against", fromGround)
	j.Open, errs[2] = all(w.Open, "open", fromGround)
	return j, errors.Join(errs[:]...)
}

func fromGround(w wireGround) (diagnosis.Ground, error) {
	return diagnosis.Ground{Check: w.Check, Message: w.Message}, nil
}
