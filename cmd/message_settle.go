package cmd

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/score"
)

// settle puts what the rules of authentication and the checks came to on a page,
// each fault once, with the score and the answers of receivers.
func (f messageFlags) settle(page *report.Message, m *message.Message, j judge.Judgement, checked []diagnosis.Result, chosen selection) {
	authentication := j.Verdicts()
	if f.seen != nil {
		authentication = append(authentication, f.seen(j)...)
	}
	foldTwins(authentication, checked, len(m.All(dkim.FieldName)) == 0)
	all := append(append([]diagnosis.Result{}, authentication...), checked...)
	page.Authentication, page.Results = authentication, chosen.relevant(checked)
	page.Score = score.Of(all)
	answered := diagnosis.Report{Results: all}
	f.wanted.answer(&answered)
	page.Policies = answered.Policies
}

// messagePolicies is the receivers that names name, as they judge one message.
func messagePolicies(names []string) (receivers, error) {
	named, err := policy.Find(trimmed(names))
	if err != nil {
		return nil, fmt.Errorf("--policy: %w", err)
	}
	list := receivers{}
	for _, p := range named {
		of, ok := p.ForMessage()
		if !ok {
			return nil, fmt.Errorf("--policy: %s asks nothing of one mail; maildoctor check DOMAIN --policy %s has it", p.Name, p.Name)
		}
		list = append(list, of)
	}
	return list, nil
}

// messagePolicyNames is the receivers that ask something of one mail.
func messagePolicyNames() (names []string) {
	for _, p := range policy.All() {
		if _, ok := p.ForMessage(); ok {
			names = append(names, p.Name)
		}
	}
	return names
}

// authRules is the rules of authentication, and those of a session, as what can be selected and explained.
func authRules() []*checks.Check {
	var list []*checks.Check
	for _, r := range slices.Concat(judge.Rules(), inbox.Rules()) {
		list = append(list, &checks.Check{Rule: r, Of: checks.Messages})
	}
	return list
}

// foldTwins makes of two results that tell the same fault, one of a rule of
// authentication and one of a check, a cause and a consequence. What a check says
// of the author goes further; of all else the rules do.
func foldTwins(authentication, checked []diagnosis.Result, unsigned bool) {
	rules := make(map[string]*diagnosis.Result)
	for _, list := range [][]diagnosis.Result{authentication, checked} {
		for i := range list {
			rules[list[i].Rule.ID] = &list[i]
		}
	}
	fold := func(id, cause string) {
		own, why := rules[id], rules[cause]
		if own != nil && why != nil && own.Outcome == diagnosis.Failed && why.Outcome == diagnosis.Failed {
			*own = diagnosis.Result{Rule: own.Rule, Severity: own.Rule.Severity, Outcome: diagnosis.Skipped, Cause: cause, Reason: "because of " + cause, Took: own.Took}
		}
	}
	if dmarc := rules["auth.dmarc"]; dmarc != nil && len(dmarc.Findings) > 0 && dmarc.Findings[0].Subject == "from" {
		fold("auth.dmarc", "message.author")
	}
	if unsigned {
		fold("message.dkim-signature", "auth.dkim")
	}
	fold("arc.chain", "auth.arc")
	fold("auth.tls", "session.tls")
}
