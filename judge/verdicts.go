package judge

import (
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Verdicts is what Rules come to, a result each in their order: what is wrong with
// how the message is authenticated and how it came, and what could not be told.
// The subjects of findings are "dmarc", "spf", "dkim", "iprev", "arc", "from",
// "tls" or "size". What follows from another rule's failure names it as its Cause.
func (j Judgement) Verdicts() []diagnosis.Result {
	f := findings{j: j, verdicts: make(map[string]*diagnosis.Verdict)}
	f.policy()
	f.aligned()
	f.spf()
	f.signatures()
	f.reverse()
	f.cover()
	f.chain()
	f.size()
	results := make([]diagnosis.Result, len(rules))
	for i, r := range rules {
		results[i] = f.result(r)
	}
	return results
}

// Findings are the findings and doubts of Verdicts, the gravest of DMARC first.
func (j Judgement) Findings() (list []diagnosis.Finding, doubts []diagnosis.Doubt) {
	for _, r := range j.Verdicts() {
		list = append(list, r.Findings...)
		if r.Cause == "" {
			doubts = append(doubts, r.Doubts...)
		}
	}
	return list, doubts
}

// findings are the verdicts of one judgement on their way.
type findings struct {
	j        Judgement
	verdicts map[string]*diagnosis.Verdict // by rule
	causes   map[string]string
}

func (f *findings) of(r diagnosis.Rule) *diagnosis.Verdict {
	v := f.verdicts[r.ID]
	if v == nil {
		v = new(diagnosis.Verdict)
		f.verdicts[r.ID] = v
	}
	return v
}

func (f *findings) add(r diagnosis.Rule, subject string, s diagnosis.Severity, steps []string, format string, args ...any) {
	v := f.of(r)
	v.Findings = append(v.Findings, diagnosis.Finding{Subject: subject, Severity: s, Message: fmt.Sprintf(format, args...), Remedy: diagnosis.Remedy{Steps: steps}})
}

func (f *findings) doubt(r diagnosis.Rule, subject, format string, args ...any) {
	v := f.of(r)
	v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: subject, Reason: fmt.Sprintf(format, args...)})
}

func (f *findings) saw(r diagnosis.Rule, question, format string, args ...any) {
	v := f.of(r)
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: question, Answer: fmt.Sprintf(format, args...)})
}

// because makes a rule the consequence of another.
func (f *findings) because(r, cause diagnosis.Rule) {
	if f.causes == nil {
		f.causes = make(map[string]string)
	}
	f.causes[r.ID] = cause.ID
}

// result is the end of a rule.
func (f *findings) result(r diagnosis.Rule) diagnosis.Result {
	v := f.of(r)
	result := diagnosis.Result{Rule: r, Outcome: v.Outcome(), Severity: r.Severity, Seen: v.Seen, Findings: v.Findings, Doubts: v.Doubts, Reason: v.Skip, Cause: f.causes[r.ID]}
	for i, found := range v.Findings {
		if i == 0 || found.Severity > result.Severity {
			result.Severity = found.Severity
		}
	}
	for i, d := range v.Doubts {
		if i > 0 {
			result.Reason += "; "
		}
		result.Reason += d.Reason
	}
	return result
}
