package dns

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/caa"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// conclude says what is wrong with the set: a finding for each authority that it
// bars, and one for each record that does not say what it was meant to.
func (s *caaSet) conclude(v *diagnosis.Verdict, env *checks.Env) {
	if s.At == "" {
		return
	}
	evidence := []diagnosis.Evidence{{Question: s.Answer.Question.String(), Answer: s.Answer.String()}}
	find := func(severity diagnosis.Severity, message string, remedy diagnosis.Remedy) {
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: record.Display(s.At), Severity: severity, Message: message, Evidence: evidence, Remedy: remedy,
		})
	}
	remedy, left := s.remedy(env)
	for left := s.barred; len(left) > 0; {
		first := left[0]
		var names []string
		var rest []barred
		for _, b := range left {
			if b.authority.Name == first.authority.Name && b.decision.Reason == first.decision.Reason {
				names = append(names, record.Display(b.host.Name))
			} else {
				rest = append(rest, b)
			}
		}
		left = rest
		find(diagnosis.Warning, fmt.Sprintf("CAA at %s %s, so that %s must not renew the certificate of %s%s", record.Display(s.At), why(first.decision), first.authority.Name, strings.Join(names, ", "), s.slip(first.decision)), remedy)
	}
	for i, r := range s.Records {
		j := slices.IndexFunc(s.Problems[i], func(p caa.Problem) bool { return p.Effect != caa.Harmless })
		if j < 0 || s.bars(r) { // said above
			continue
		}
		p, own := s.Problems[i][j], remedy // one fault leads to the next
		if left[i] {
			own = diagnosis.Remedy{Steps: []string{fmt.Sprintf("Replace `%s` by what was meant, such as `%s`, or take it away if nothing was.", r, caa.Permit("letsencrypt.org"))}}
		}
		find(diagnosis.Advice, fmt.Sprintf("CAA at %s, %.120s: %s", record.Display(s.At), r, p.Message), own)
	}
}

// why is what in the set bars an authority.
func why(d caa.Decision) string {
	var by []string
	for _, r := range d.By {
		by = append(by, fmt.Sprintf("%.80s", r))
	}
	const most = 3
	text := strings.Join(by[:min(len(by), most)], ", ")
	if n := len(by) - most; n > 0 {
		text += fmt.Sprintf(" and %d more", n)
	}
	switch d.Reason {
	case caa.Unknown:
		return "holds " + text
	case caa.Nobody:
		return "lets nobody issue (" + text + ")"
	}
	return "lets others issue (" + text + ")"
}

// slip is what is wrong with the first of the properties that bar.
func (s *caaSet) slip(d caa.Decision) string {
	for i, r := range s.Records {
		for _, p := range s.Problems[i] {
			if p.Effect == caa.Bars && slices.Contains(d.By, r) {
				return ": " + p.Message
			}
		}
	}
	return ""
}

// remedy is the set as it should be: with those who are barred, and without what
// says nothing. What bars stays where nobody is known to be barred, as leaving it
// out would let everybody issue; left says which records those are. Where the set
// stands with somebody else it is theirs to change.
func (s *caaSet) remedy(env *checks.Env) (remedy diagnosis.Remedy, left map[int]bool) {
	if len(s.Answer.Chain) > 0 || !record.Within(s.At, dmarc.ListedOrganizational(env.Domain)) {
		return diagnosis.Remedy{Steps: []string{"Tell whoever publishes the CAA records of " + record.Display(s.Answer.Target()) + "; they are not yours to change."}}, nil
	}
	left = make(map[int]bool)
	var want []record.Record
	put := func(data string) {
		if !slices.ContainsFunc(want, func(w record.Record) bool { return w.Data == data }) {
			want = append(want, record.Record{Name: s.At, Type: "CAA", TTL: s.Answer.Records[0].TTL, Data: data})
		}
	}
	var dropped []string
	for i, r := range s.Records {
		fixed, ok := repaired(r, s.Problems[i])
		switch {
		case s.bars(r) && (!ok || nobodys(fixed)), !ok && caa.Worst(s.Problems[i]) == caa.Lost:
			dropped = append(dropped, "`"+r.String()+"`")
		case !ok:
			left[i] = true
			put(s.Answer.Records[i].Data)
		case fixed == r:
			put(s.Answer.Records[i].Data)
		default:
			put(fixed.String())
		}
	}
	for _, b := range s.barred {
		if data := s.missing(b, want); data != "" {
			put(data)
		}
	}
	remedy.Edits = []record.Edit{record.Set(record.Slot{Name: s.At, Type: "CAA"}, want...)}
	if len(dropped) > 0 {
		remedy.Steps = []string{"What is left out, " + strings.Join(dropped, ", ") + ", says nothing or bars everybody. If it was meant for something, publish it as it was meant."}
	}
	return remedy, left
}

// missing is the property that want lacks for an authority to issue; empty where
// it lacks none.
func (s *caaSet) missing(b barred, want []record.Record) string {
	var records []caa.Record
	wild := false
	for _, w := range want {
		r, _ := caa.Parse(w.Data)
		records = append(records, r)
		wild = wild || r.Tag == caa.IssueWild
	}
	switch {
	case len(records) > 0 && caa.Restricts(records, b.host.Wildcard) && caa.Evaluate(records, b.authority.Identifiers, b.host.Wildcard).Permitted():
		return ""
	case b.host.Wildcard && wild:
		return caa.PermitWildcards(b.authority.Identifiers[0]).String()
	}
	return caa.Permit(b.authority.Identifiers[0]).String()
}

// bars reports whether a property keeps somebody from issuing who was seen to.
func (s *caaSet) bars(r caa.Record) bool {
	return slices.ContainsFunc(s.barred, func(b barred) bool { return slices.Contains(b.decision.By, r) })
}

// nobodys reports whether a property permits nobody.
func nobodys(r caa.Record) bool {
	if r.Tag != caa.Issue && r.Tag != caa.IssueWild {
		return false
	}
	issuer, _ := r.Issuer()
	return issuer.Domain == ""
}

// repaired is a record as it was meant; ok is false where that cannot be told.
func repaired(r caa.Record, problems []caa.Problem) (fixed caa.Record, ok bool) {
	switch {
	case caa.Worst(problems) == caa.Harmless:
		return r, true
	case r.Tag == caa.Iodef && strings.Count(r.Value, "@") == 1 && !strings.Contains(r.Value, ":"):
		r.Value = "mailto:" + r.Value
		return r, true
	case r.Tag == caa.Issue || r.Tag == caa.IssueWild:
		return r.Repaired()
	}
	return r, false
}
