package report

import (
	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Sight is one thing that only the side sees that receives a message. What is
// wrong about it stands in the findings of the message, too.
type Sight struct {
	Name     string             // "EHLO"
	Said     string             // what was seen, in words
	Outcome  diagnosis.Outcome  // Skipped for what is only told
	Severity diagnosis.Severity // where Failed
}

// sights puts what the receiving side saw, in the order of a dialogue.
func (p *page) sights(list []Sight) {
	if len(list) == 0 {
		return
	}
	p.section("What the receiving side saw")
	for _, s := range list {
		p.para("  "+p.mark(s.state())+" "+pad(flat(s.Name), 9)+" ", flat(s.Said), plain)
	}
}

func (s Sight) state() state {
	if s.Outcome == diagnosis.Failed {
		return stateOfSeverity(s.Severity)
	}
	return outcomeState(s.Outcome)
}

type wireSight struct {
	Name     string `json:"name"`
	Said     string `json:"said"`
	Outcome  string `json:"outcome"`
	Severity string `json:"severity,omitempty"` // where it failed
}

func toSight(s Sight) wireSight {
	w := wireSight{Name: text(s.Name), Said: text(s.Said), Outcome: s.Outcome.String()}
	if s.Outcome == diagnosis.Failed {
		w.Severity = s.Severity.String()
	}
	return w
}
