package judge

import (
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// Findings are what is wrong with how the message is authenticated, the gravest of
// DMARC first, and what could not be told. Their subjects are "dmarc", "spf",
// "dkim", "iprev", "arc" or "from".
func (j Judgement) Findings() ([]diagnosis.Finding, []diagnosis.Doubt) {
	f := findings{j: j}
	f.policy()
	f.spf()
	f.signatures()
	f.reverse()
	f.chain()
	return f.list, f.doubts
}

type findings struct {
	j      Judgement
	list   []diagnosis.Finding
	doubts []diagnosis.Doubt
}

func (f *findings) add(subject string, s diagnosis.Severity, steps []string, format string, args ...any) {
	f.list = append(f.list, diagnosis.Finding{Subject: subject, Severity: s, Message: fmt.Sprintf(format, args...), Remedy: diagnosis.Remedy{Steps: steps}})
}

func (f *findings) doubt(subject, format string, args ...any) {
	f.doubts = append(f.doubts, diagnosis.Doubt{Subject: subject, Reason: fmt.Sprintf(format, args...)})
}

// passes reports whether DMARC passes: then a fault of one of the ways there costs
// nothing today.
func (f *findings) passes() bool { return f.j.DMARC.RFC9989.Code == dmarc.Pass }

// unlessPassing is the severity of such a fault.
func (f *findings) unlessPassing(s diagnosis.Severity) diagnosis.Severity {
	if f.passes() {
		return diagnosis.Advice
	}
	return s
}

// policy is what DMARC makes of the message.
func (f *findings) policy() {
	v := f.j.DMARC.RFC9989
	author := record.Display(v.Author)
	switch {
	case v.Author == "":
		_, why := f.j.Author.Domain()
		f.add("from", diagnosis.Critical, []string{"Write one From field with one address in it; receivers refuse mail whose author they cannot tell."},
			"DMARC cannot be applied: %s", first(why, v.Cause))
	case v.Code == dmarc.TempError:
		f.doubt("dmarc", "%s", v.Cause)
	case v.Code == dmarc.PermError:
		f.add("dmarc", diagnosis.Warning, []string{fmt.Sprintf("Correct the DMARC record; maildoctor check %s shows the record to publish.", author)}, "%s", v.Cause)
	case v.Code == dmarc.Fail && f.j.Fate == Delivered:
		f.add("dmarc", diagnosis.Warning, f.alignSteps(), "DMARC fails, and only the policy lets the mail through: %s", f.j.failure(v))
	case v.Code == dmarc.Fail:
		f.add("dmarc", diagnosis.Critical, f.alignSteps(), "DMARC fails, so the mail is %s: %s", f.j.Fate, f.j.failure(v))
	}
	if f.j.Unauthenticated() {
		f.add("dmarc", diagnosis.Critical, f.alignSteps(), "neither SPF nor a DKIM signature passes, for any domain: large receivers such as Gmail refuse unauthenticated mail whatever the policy is")
	}
	f.readings()
}

// readings is where the two RFCs differ.
func (f *findings) readings() {
	now, then := f.j.DMARC.RFC9989, f.j.DMARC.RFC7489
	if f.j.DMARC.Agree() || now.Code == dmarc.TempError || then.Code == dmarc.TempError {
		return
	}
	f.add("dmarc", diagnosis.Warning, []string{"Publish a DMARC record at the author domain itself and leave out pct, so that both readings find the same."},
		"receivers differ: %s by RFC 9989, %s by RFC 7489, which many still follow (%s)", now, then, then.Cause)
}

// alignSteps is what makes the next such mail pass.
func (f *findings) alignSteps() []string {
	v := f.j.DMARC.RFC9989
	author := record.Display(v.Author)
	var steps []string
	passing := func(m dmarc.Mechanism) (string, bool) {
		for _, a := range v.Alignments {
			if a.Mechanism == m && a.Result == "pass" {
				return record.Display(a.Domain), true
			}
		}
		return "", false
	}
	broken, aligned := f.brokenAligned()
	signer, signed := passing(dmarc.ByDKIM)
	switch {
	case broken: // the signature's own finding says what to do
	case signed:
		steps = append(steps, fmt.Sprintf("The signature of %s is good, but it is not the author's: let that service sign with d=%s (often called a custom or verified sending domain).", signer, author))
	case !aligned:
		steps = append(steps, fmt.Sprintf("Sign outgoing mail with DKIM as %s; that also survives forwarding.", author))
	}
	if bounce, ok := passing(dmarc.BySPF); ok {
		steps = append(steps, fmt.Sprintf("SPF passes for %s only: let the service use a bounce address (MAIL FROM) at or below %s.", bounce, author))
	}
	return steps
}

// brokenAligned reports whether a signature of the author domain is there and
// broken, and whether there is one at all.
func (f *findings) brokenAligned() (broken, aligned bool) {
	for _, a := range f.j.DMARC.RFC9989.Alignments {
		if a.Mechanism == dmarc.ByDKIM && a.State == dmarc.Aligned {
			aligned = true
			broken = broken || a.Result != "pass"
		}
	}
	return broken, aligned
}

func (f *findings) spf() {
	s := f.j.MailFrom
	switch {
	case !s.Evaluated:
		f.doubt("spf", "SPF was not evaluated: %s", s.Missing)
		return
	case s.Code == spf.TempError:
		f.doubt("spf", "%s", s.Cause)
		return
	case s.Code == spf.Pass:
		return
	}
	client, domain := f.j.Envelope.Client, record.Display(s.Result.Domain)
	severity := f.unlessPassing(diagnosis.Warning)
	check := fmt.Sprintf("maildoctor check %s --ip %s shows the record to publish.", domain, client)
	switch s.Code {
	case spf.Fail, spf.SoftFail:
		f.add("spf", severity, f.spfSteps(check), "SPF of %s does not let %s send: %s", domain, client, s.Result)
	case spf.PermErr:
		f.add("spf", severity, []string{"Correct the SPF record; " + check}, "the SPF record of %s cannot be used: %s", domain, s.Cause)
	case spf.None:
		f.add("spf", severity, []string{"Publish an SPF record; " + check}, "SPF has nothing to go by: %s", s.Cause)
	default:
		f.add("spf", severity, f.spfSteps(check), "SPF of %s says nothing about %s: %s", domain, client, s.Result)
	}
}

func (f *findings) spfSteps(check string) []string {
	if f.passes() {
		return []string{"Nothing, if the mail was forwarded: SPF does not survive that, and DKIM has carried it. Else authorise the address; " + check}
	}
	return []string{fmt.Sprintf("If %s is one of your senders, authorise it; %s", f.j.Envelope.Client, check), "If somebody forwarded the mail, SPF cannot pass: it needs a DKIM signature that survives."}
}

// signatures that fail in the same way are one finding.
func (f *findings) signatures() {
	at := make(map[string]int)
	for _, v := range f.j.DKIM {
		name := fmt.Sprintf("the signature of %.80q, selector %.60q", v.Signature.Domain, v.Signature.Selector)
		switch v.Code {
		case dkim.Pass:
		case dkim.TempError:
			f.doubt("dkim", "%s: %s", name, v.Cause)
		default:
			cause := fmt.Sprintf("%s: %s", v.Code, v.Cause)
			if len(v.Changes) > 0 { // which stand with the signature
				cause = fmt.Sprintf("%s: the mail is not as it was signed (%s)", v.Code, v.Fault)
			}
			if i, same := at[cause]; same {
				f.list[i].Message = name + "; " + f.list[i].Message
				continue
			}
			at[cause] = len(f.list)
			f.add("dkim", f.unlessPassing(diagnosis.Warning), cure(v), "%s: %s", name, cause)
		}
	}
}

func (f *findings) reverse() {
	switch r := f.j.IPRev; r.Code {
	case "temperror":
		f.doubt("iprev", "the reverse DNS of %s: %s", f.j.Envelope.Client, r.Cause)
	case "fail", "permerror":
		f.add("iprev", diagnosis.Warning, []string{fmt.Sprintf("Whoever rents out %s sets its reverse DNS; it needs a name that leads back to the address.", f.j.Envelope.Client)},
			"the reverse DNS is not confirmed: %s; Gmail and others refuse mail from such addresses", r.Cause)
	}
}

func (f *findings) chain() {
	switch c := f.j.ARC; {
	case c.Temporary:
		f.doubt("arc", "%s", c.Cause)
	case c.Status == arc.Pass && f.j.Fate != Delivered && f.j.Fate != Open:
		newest, _ := c.Newest()
		f.add("arc", diagnosis.Advice, nil, "the ARC chain holds, and %.80q vouches for what it found before its own changes: a receiver that trusts it may deliver the mail all the same", newest.Domain)
	case c.Status == arc.Fail:
		f.add("arc", diagnosis.Advice, []string{"Whoever forwards the mail has to seal it after his own changes (RFC 8617, 5.1); the chain then helps where DMARC fails."}, "the ARC chain fails: %s", c.Cause)
	}
}
