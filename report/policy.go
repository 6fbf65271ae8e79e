package report

import (
	"io"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/policy"
)

// Policy writes what a receiver asks for, for a person: its question, a line for
// each demand, what no examination shows, and the source. Titles are the claims
// of checks by their IDs.
func Policy(w io.Writer, rules policy.Policy, titles map[string]string, o TextOptions) error {
	p := newPage(o)
	p.line(p.in(strong, flat(rules.Name)) + " (rules of " + flat(rules.AsOf) + ")")
	p.para("", flat(rules.Question), strong)
	p.gap()
	p.para("", "Yes, if none of these is broken. A finding less grave than the word beside a check breaks nothing.", plain)
	for _, d := range rules.Demands {
		p.demand(d, titles)
	}
	p.gap()
	p.para("", "They also ask for what is not seen here: "+flat(strings.Join(rules.Unseen, "; "))+".", plain)
	if of, ok := rules.ForMessage(); ok {
		p.gap()
		p.para("", flat(of.Question)+" (maildoctor message)", strong)
		p.gap()
		for _, d := range of.Demands {
			p.demand(d, titles)
		}
		p.gap()
		p.para("", "Not seen in one message: "+flat(strings.Join(of.Unseen, "; "))+".", plain)
	}
	p.gap()
	p.flow("", []string{flat(rules.Source.Name), p.in(faint, flat(rules.Source.URL))}, "  ")
	_, err := io.WriteString(w, p.String())
	return err
}

// demand puts one demand: each check that meets it.
func (p *page) demand(d policy.Demand, titles map[string]string) {
	for i, id := range d.Any {
		head, indent := "– ", "  "
		if i > 0 {
			head = "  or "
		}
		note := "from " + d.From.String()
		if d.From == diagnosis.Critical {
			note = d.From.String()
		}
		if d.Present {
			note += ", and it has to be there"
		}
		switch d.Moot {
		case policy.IfSkipped:
			note += ", where the question arises"
		case policy.IfUnknown:
			note += ", where it is known"
		}
		p.line(head + p.in(strong, flat(id)) + " " + p.in(faint, "("+note+")"))
		p.para(indent, flat(titles[id]), plain)
	}
}

// PolicySchemaName stands in the field "schema" of a policy in JSON.
const PolicySchemaName = "maildoctor.policy/v1"

// PolicyJSON writes what a receiver asks for, for a machine:
// {"schema":"maildoctor.policy/v1","policy","question","as_of","source":{"name","url"},
// "demands":[{"any":[ID],"from":SEVERITY,"present":BOOL,"moot":[OUTCOME]}],"unseen":[TEXT],
// "message":{"question","demands","unseen"}}; message is left out where nothing is asked of messages.
// An outcome that is moot meets the demand as well as passed does.
func PolicyJSON(w io.Writer, rules policy.Policy) error {
	type wireDemand struct {
		Any     []string `json:"any"`
		From    string   `json:"from"`
		Present bool     `json:"present"`
		Moot    []string `json:"moot"`
	}
	type wireOfMessage struct {
		Question string       `json:"question"`
		Demands  []wireDemand `json:"demands"`
		Unseen   []string     `json:"unseen"`
	}
	demand := func(d policy.Demand) wireDemand {
		return wireDemand{each(d.Any, text), d.From.String(), d.Present, each(d.Moot.Outcomes(), diagnosis.Outcome.String)}
	}
	var ofMessage *wireOfMessage
	if of, ok := rules.ForMessage(); ok {
		ofMessage = &wireOfMessage{text(of.Question), each(of.Demands, demand), each(of.Unseen, text)}
	}
	return writeJSON(w, struct {
		Schema   string       `json:"schema"`
		Policy   string       `json:"policy"`
		Question string       `json:"question"`
		AsOf     string       `json:"as_of"`
		Source   wireRef      `json:"source"`
		Demands  []wireDemand `json:"demands"`
		Unseen   []string     `json:"unseen"`

		Message *wireOfMessage `json:"message,omitempty"`
	}{PolicySchemaName, text(rules.Name), text(rules.Question), text(rules.AsOf), toRef(rules.Source),
		each(rules.Demands, demand), each(rules.Unseen, text), ofMessage})
}
