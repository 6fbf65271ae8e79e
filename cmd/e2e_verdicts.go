package cmd

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// verdicts is what all letters come to: the worst of each question.
func (w *trialWorld) verdicts(letters []sent, published []*publishedKey) []report.Verdict {
	var list []report.Verdict
	for _, name := range []string{"spf", "dkim", "dmarc", "arc"} {
		var of []report.Verdict
		for _, s := range letters {
			if !s.outward {
				continue
			}
			v := report.Verdict{Name: name, Result: "not tried", Outcome: diagnosis.Skipped, Text: "the receiver did not get to see the message"}
			if s.Judgement != nil {
				v = judged(s)[slices.Index(trialMethods(), name)]
			}
			if v.Outcome != diagnosis.Passed && v.Outcome != diagnosis.Skipped && len(w.senders) > 1 {
				v.Text = "from " + s.Client.String() + ": " + v.Text
			}
			of = append(of, v)
		}
		list = append(list, worst(of))
	}
	list[1] = w.explained(list[1], published)
	inward := letters[len(letters)-1]
	list = append(list, w.tlsVerdict(inward), w.stsVerdict(inward))
	list = append(list, w.daneVerdict(inward)...)
	var all []report.Verdict
	for _, s := range letters {
		v := delivered(s)
		if v.Outcome != diagnosis.Passed {
			v.Text = fmt.Sprintf("%s → %s: %s", s.From, s.To, v.Text)
		}
		all = append(all, v)
	}
	return append(list, worst(all))
}

func trialMethods() []string { return []string{"spf", "dkim", "dmarc", "arc"} }

// worst is the gravest of verdicts, the first of its kind.
func worst(list []report.Verdict) report.Verdict {
	for _, o := range []diagnosis.Outcome{diagnosis.Failed, diagnosis.Unknown, diagnosis.Passed} {
		for _, v := range list {
			if v.Outcome == o {
				return v
			}
		}
	}
	return list[0]
}

// explained says of a signature that fails what is wrong with its key, which is the
// cause if anything is.
func (w *trialWorld) explained(v report.Verdict, published []*publishedKey) report.Verdict {
	if v.Outcome != diagnosis.Failed {
		return v
	}
	var why []string
	for i, p := range published {
		if p.err == nil && p.match != dkim.Same {
			why = append(why, fmt.Sprintf("the published key of selector %s does not fit the private one: %s", w.keys[i].Selector, p.why))
		}
	}
	if len(why) > 0 {
		v.Text = strings.Join(why, "; ")
		v.Do = "Publish the record of the key that signs (maildoctor dkim show FILE prints it), or sign with the key whose record is published."
	}
	return v
}

// judged is what the receiver found out, in the order of methods.
func judged(s sent) []report.Verdict {
	j := s.Judgement
	spf := inWords(j, "auth.spf", report.Verdict{Name: "spf", Result: string(j.MailFrom.Code), Text: decided(j.MailFrom), Outcome: ended(string(j.MailFrom.Code))})
	signed := report.Verdict{Name: "dkim", Result: "none", Outcome: diagnosis.Skipped, Text: "nothing is signed; --key SELECTOR=FILE names the private key"}
	var each []report.Verdict
	for _, v := range j.DKIM {
		each = append(each, report.Verdict{Name: "dkim", Result: string(v.Code), Outcome: ended(string(v.Code)), Text: "selector " + v.Signature.Selector + ": " + v.Cause})
	}
	if len(each) > 0 {
		signed = worst(each)
	}
	if signed.Outcome == diagnosis.Passed {
		signed.Text = fmt.Sprintf("%d of %d signatures: %s", len(each), len(each), allOf(each))
	}
	d := j.DMARC.RFC9989
	dmarc := inWords(j, "auth.dmarc", report.Verdict{Name: "dmarc", Result: string(d.Code), Outcome: ended(string(d.Code)), Text: d.Cause})
	arc := report.Verdict{Name: "arc", Result: string(j.ARC.Status), Outcome: ended(string(j.ARC.Status)), Text: j.ARC.Cause}
	if arc.Result == "none" {
		arc.Outcome, arc.Text = diagnosis.Passed, "nobody forwarded it"
	}
	return []report.Verdict{spf, signed, dmarc, arc}
}

// decided is what decided an evaluation of SPF: "ip4:192.0.2.1".
func decided(s judge.SPF) string {
	return strings.TrimSuffix(strings.TrimPrefix(s.Result.String(), string(s.Code)+" ("), ")")
}

// inWords is a verdict that fails, in the words of the rule that it breaks, and with
// what that says is to be done first.
func inWords(j *judge.Judgement, rule string, v report.Verdict) report.Verdict {
	if v.Outcome != diagnosis.Failed {
		return v
	}
	for _, r := range j.Verdicts() {
		if r.Rule.ID != rule || len(r.Findings) == 0 {
			continue
		}
		v.Text = r.Findings[0].Message
		if steps := r.Findings[0].Remedy.Steps; len(steps) > 0 {
			v.Do = steps[0]
		}
	}
	return v
}

// allOf is the texts of verdicts.
func allOf(list []report.Verdict) string {
	var texts []string
	for _, v := range list {
		texts = append(texts, v.Text)
	}
	return strings.Join(texts, "; ")
}

func ended(code string) diagnosis.Outcome {
	switch code {
	case "pass":
		return diagnosis.Passed
	case "temperror":
		return diagnosis.Unknown
	}
	return diagnosis.Failed
}

// delivered is whether a letter is in the inbox.
func delivered(s sent) report.Verdict {
	v := report.Verdict{Name: "delivered", Result: "yes"}
	switch {
	case s.Stored != nil && s.Stored.Folder == "":
	case s.Stored != nil:
		v.Result, v.Outcome, v.Text = "to "+s.Stored.Folder, diagnosis.Failed, "the DMARC policy asks for quarantine"
	case refusesAll(s.Attempt):
		v.Result, v.Outcome, v.Text = "not tried", diagnosis.Skipped, "the domain takes no mail (null MX, RFC 7505)"
	default:
		v.Result, v.Outcome, v.Text = "no", diagnosis.Failed, "no attempt was made"
		if len(s.Attempt.Results) > 0 {
			v.Text = ending(s.Attempt.Results[0])
		}
	}
	return v
}

// ending is why a letter is not delivered, in short.
func ending(r deliver.Result) string {
	if !r.Said {
		return r.Text
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(r.Text, r.Enhanced+" "), ":")
	return fmt.Sprintf("the receiver answers %d %s: %s", r.Code, r.Enhanced, text)
}

// refusesAll reports whether the destination says that it takes no mail.
func refusesAll(r deliver.Report) bool {
	return len(r.Results) > 0 && r.Results[0].Enhanced == "5.1.10" && len(r.Sessions) == 0 // RFC 7505, 4.2
}

// stsStep is what to do where a host or a policy is not as MTA-STS wants it (result
// types of RFC 8460, 4.3).
func stsStep(r deliver.TLSResult, domain string) string {
	switch r.Result {
	case "certificate-expired":
		return "Renew the certificate of " + r.MX + "."
	case "certificate-not-trusted":
		return "Get a certificate for " + r.MX + " that others trust; maildoctor mta run gets one by ACME."
	case "certificate-host-mismatch":
		return "Get a certificate that has the name " + r.MX + "."
	}
	return fmt.Sprintf("maildoctor check %s looks at each step of the policy.", domain)
}

// keptBack reports whether the sender did not go on because TLS was not as it has to be
// (RFC 3463, 3.8: X.7.4 and X.7.5).
func keptBack(r deliver.Report) bool {
	return len(r.Results) > 0 && r.Results[0].Status != deliver.Delivered && !r.Results[0].Said && strings.HasPrefix(r.Results[0].Enhanced, "4.7.")
}

// tlsVerdict is how the conversation with the domain's host was protected.
func (w *trialWorld) tlsVerdict(s sent) report.Verdict {
	v := report.Verdict{Name: "tls", Result: "not tried", Outcome: diagnosis.Skipped, Text: "no conversation was held"}
	if len(s.Attempt.Sessions) == 0 {
		return v
	}
	session := s.Attempt.Sessions[len(s.Attempt.Sessions)-1]
	v.Text = required(session.Policy) + w.certificateWords(session)
	switch {
	case session.TLS == nil:
		v.Result, v.Outcome = "none", diagnosis.Failed
	case keptBack(s.Attempt):
		v.Result, v.Outcome, v.Text = "not as required", diagnosis.Failed, s.Attempt.Results[0].Text
	case session.Policy.Least == deliver.Verified:
		v.Result, v.Outcome = "verified", diagnosis.Passed
	default:
		v.Result, v.Outcome = "encrypted", diagnosis.Passed
	}
	return v
}

// stsVerdict is whether the policy of the domain lets its own mail in.
func (w *trialWorld) stsVerdict(s sent) report.Verdict {
	v := report.Verdict{Name: "mta-sts", Result: "not tried", Outcome: diagnosis.Skipped, Text: w.noSTS}
	if w.http == nil || refusesAll(s.Attempt) {
		return v
	}
	for _, r := range s.Attempt.TLS {
		switch {
		case r.PolicyType != "sts":
		case r.Result != "":
			v.Result, v.Outcome, v.Text = "fail", diagnosis.Failed, fmt.Sprintf("%s (%s)", r.Reason, r.Result)
			v.Do = stsStep(r, record.Display(w.domain))
			if len(r.MXHosts) > 0 && !slices.Contains(r.MXHosts, r.MX) {
				v.Do = fmt.Sprintf("Name the host in the policy (mx: %s), then give the record _mta-sts.%s another id; or let the MX records name a host that the policy has.", r.MX, record.Display(w.domain))
			}
			return v
		default:
			v.Result, v.Outcome, v.Text = "pass", diagnosis.Passed, strings.Join(r.PolicyString, ", ")
		}
	}
	if v.Outcome == diagnosis.Skipped {
		v.Result, v.Text = "none", "no policy is published, or it is not in force"
	}
	return v
}
