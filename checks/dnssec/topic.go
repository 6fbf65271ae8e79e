// Package dnssec holds the zones that mail depends on to DNSSEC: the domain's,
// and those of its MX hosts. That a zone is not signed is no fault; one that
// should be signed and does not validate is gone for whoever looks.
package dnssec

import (
	"context"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// eachZone judges each zone once: by the first of the domain's names that shows
// it, an unsigned one by no more than a line in what was seen.
func eachZone(ctx context.Context, env *checks.Env, judge func(*diagnosis.Verdict, facts.Signing)) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	set, err := facts.DNSSEC.Of(ctx, env)
	if err != nil {
		return v, err
	}
	if v.Skip = set.Off; v.Skip != "" {
		return v, nil
	}
	type state struct {
		zone     string
		security resolve.Security
	}
	done, doubted := make(map[state]bool), make(map[string]bool)
	for _, s := range set.Names {
		if s.Err != nil {
			if !doubted[s.Name] && !doubted[s.Err.Error()] {
				v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: record.Display(s.Name), Reason: s.Err.Error()})
			}
			doubted[s.Name], doubted[s.Err.Error()] = true, true
			continue
		}
		if at := (state{s.Proof.Zone, s.Proof.Security}); !done[at] {
			done[at] = true
			judge(&v, s)
		}
	}
	return v, nil
}

// seen is what a zone showed, in a line.
func seen(s facts.Signing) diagnosis.Evidence {
	zone := record.Display(s.Proof.Zone)
	e := diagnosis.Evidence{Question: "zone " + zone, Answer: zone + " is signed and valid"}
	if s.Proof.Security == resolve.Insecure {
		e.Answer, e.Absent = zone+" is not signed", true
	}
	return e
}

// broken is what is bogus: the question, and why.
func broken(s facts.Signing) diagnosis.Evidence {
	return diagnosis.Evidence{Question: s.Question.String(), Answer: "bogus: " + s.Proof.Why}
}
