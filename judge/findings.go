package judge

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/arc"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

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
		f.add(ruleDMARC, "from", diagnosis.Critical, []string{"Write one From field with one address in it; receivers refuse mail whose author they cannot tell."},
			"DMARC cannot be applied: %s", first(why, v.Cause))
	case v.Code == dmarc.TempError:
		f.doubt(ruleDMARC, "dmarc", "%s", v.Cause)
	case v.Code == dmarc.PermError:
		f.add(ruleDMARC, "dmarc", diagnosis.Warning, []string{fmt.Sprintf("Correct the DMARC record; maildoctor check %s shows the record to publish.", author)}, "%s", v.Cause)
	case v.Code == dmarc.Fail && f.j.Fate == Delivered:
		f.add(ruleDMARC, "dmarc", diagnosis.Warning, f.alignSteps(), "DMARC fails, and only the policy lets the mail through: %s", f.j.failure(v))
	case v.Code == dmarc.Fail:
		f.add(ruleDMARC, "dmarc", diagnosis.Critical, f.alignSteps(), "DMARC fails, so the mail is %s: %s", f.j.Fate, f.j.failure(v))
	case v.Code == dmarc.Pass:
		f.saw(ruleDMARC, "DMARC", "pass: %s", success(v))
	default:
		f.of(ruleDMARC).Seen = []diagnosis.Evidence{{Question: "DMARC", Answer: v.Cause, Absent: true}}
	}
	switch {
	case f.j.Unauthenticated():
		f.add(ruleSome, "dmarc", diagnosis.Critical, f.alignSteps(), "neither SPF nor a DKIM signature passes, for any domain: large receivers such as Gmail refuse unauthenticated mail whatever the policy is")
	case f.j.authenticated():
		f.saw(ruleSome, "SPF, DKIM", "one of them passes")
	default:
		f.doubt(ruleSome, "dmarc", "whether SPF or a signature passes could not be told")
		f.because(ruleSome, f.doubtful())
	}
	f.readings()
}

// doubtful is the rule that explains why it is not known whether anything passes.
func (f *findings) doubtful() diagnosis.Rule {
	for _, v := range f.j.DKIM {
		if v.Code == dkim.TempError {
			return ruleDKIM
		}
	}
	return ruleSPF
}

// readings is where the two RFCs differ.
func (f *findings) readings() {
	now, then := f.j.DMARC.RFC9989, f.j.DMARC.RFC7489
	if now.Code == dmarc.TempError || then.Code == dmarc.TempError {
		f.doubt(ruleReadings, "dmarc", "one of the verdicts could not be told")
		f.because(ruleReadings, ruleDMARC)
		return
	}
	if f.j.DMARC.Agree() {
		f.saw(ruleReadings, "DMARC", "%s by both", now)
		return
	}
	f.add(ruleReadings, "dmarc", diagnosis.Warning, []string{"Publish a DMARC record at the author domain itself and leave out pct, so that both readings find the same."},
		"receivers differ: %s by RFC 9989, %s by RFC 7489, which many still follow (%s)", now, then, then.Cause)
}

// aligned is whether what passes is the author's, where no policy asks for it.
func (f *findings) aligned() {
	v := f.j.DMARC.RFC9989
	switch {
	case v.Author == "" || v.Code == dmarc.Fail:
		f.of(ruleAligned).Skip = "because of " + ruleDMARC.ID
		f.because(ruleAligned, ruleDMARC)
	case len(v.Aligned()) > 0:
		f.saw(ruleAligned, "alignment", "%s", success(v))
	case f.j.mayAlign(v):
		f.doubt(ruleAligned, "dmarc", "whether what is aligned with %s passes could not be told", record.Display(v.Author))
		f.because(ruleAligned, f.doubtful())
	case f.j.Unauthenticated():
		f.of(ruleAligned).Skip = "because of " + ruleSome.ID
		f.because(ruleAligned, ruleSome)
	default:
		f.add(ruleAligned, "dmarc", diagnosis.Warning, f.alignSteps(), "nothing that authenticates the mail is aligned with the author domain %s: %s", record.Display(v.Author), f.j.failure(v))
	}
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
	if _, changed := f.j.broken(); changed {
		return steps // who passes mail on, and changes it, sends from his own address rightly
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
		f.doubt(ruleSPF, "spf", "SPF was not evaluated: %s", s.Missing)
		return
	case s.Code == spf.TempError:
		f.doubt(ruleSPF, "spf", "%s", s.Cause)
		return
	case s.Code == spf.Pass:
		f.saw(ruleSPF, "SPF", "pass for %s", record.Display(s.Result.Domain))
		return
	}
	client, domain := f.j.Envelope.Client, record.Display(s.Result.Domain)
	severity := f.unlessPassing(diagnosis.Warning)
	check := fmt.Sprintf("maildoctor check %s --ip %s shows the record to publish.", domain, client)
	switch s.Code {
	case spf.Fail, spf.SoftFail:
		f.add(ruleSPF, "spf", severity, f.spfSteps(check), "SPF of %s does not let %s send: %s", domain, client, s.Result)
	case spf.PermErr:
		f.add(ruleSPF, "spf", severity, []string{"Correct the SPF record; " + check}, "the SPF record of %s cannot be used: %s", domain, s.Cause)
	case spf.None:
		f.add(ruleSPF, "spf", severity, []string{"Publish an SPF record; " + check}, "SPF has nothing to go by: %s", s.Cause)
	default:
		f.add(ruleSPF, "spf", severity, f.spfSteps(check), "SPF of %s says nothing about %s: %s", domain, client, s.Result)
	}
}

func (f *findings) spfSteps(check string) []string {
	if f.passes() {
		return []string{"Nothing, if the mail was forwarded: SPF does not survive that, and DKIM has carried it. Else authorise the address; " + check}
	}
	return []string{fmt.Sprintf("If %s is one of your senders, authorise it; %s", f.j.Envelope.Client, check), "If somebody forwarded the mail, SPF cannot pass: it needs a DKIM signature that survives."}
}

// signatures that fail in the same way are one finding. Beside one that passes they
// are the matter of a rule of their own.
func (f *findings) signatures() {
	rule, severity := ruleDKIM, f.unlessPassing(diagnosis.Warning)
	if good := slices.IndexFunc(f.j.DKIM, func(v dkim.Verdict) bool { return v.Code == dkim.Pass }); good >= 0 {
		s := f.j.DKIM[good].Signature
		f.saw(ruleDKIM, "DKIM", "pass for %.80q, selector %.60q", s.Domain, s.Selector)
		f.saw(ruleSignatures, "DKIM", "%d of %d pass", f.j.signaturesPassing(), len(f.j.DKIM))
		rule, severity = ruleSignatures, diagnosis.Advice
	} else {
		f.of(ruleSignatures).Skip = "no signature passes"
	}
	if len(f.j.DKIM) == 0 {
		f.unsigned()
		return
	}
	at, same := make(map[string]int), make(map[string][]dkim.Verdict)
	for _, v := range f.j.DKIM {
		name := fmt.Sprintf("the signature of %.80q, selector %.60q", v.Signature.Domain, v.Signature.Selector)
		switch v.Code {
		case dkim.Pass:
		case dkim.TempError:
			f.doubt(rule, "dkim", "%s: %s", name, v.Cause)
		default:
			cause := fmt.Sprintf("%s: %s", v.Code, v.Cause)
			if len(v.Changes) > 0 { // which stand with the signature
				cause = fmt.Sprintf("%s: the mail is not as it was signed (%s)", v.Code, v.Fault)
			}
			list := f.of(rule)
			same[cause] = append(same[cause], v)
			if i, again := at[cause]; again {
				list.Findings[i].Message = signaturesOf(same[cause]) + ": " + cause
				continue
			}
			at[cause] = len(list.Findings)
			f.add(rule, "dkim", severity, cure(v), "%s: %s", name, cause)
		}
	}
}

// signaturesOf names several signatures.
func signaturesOf(list []dkim.Verdict) string {
	var names []string
	for _, v := range list {
		names = append(names, fmt.Sprintf("%.80q (selector %.60q)", v.Signature.Domain, v.Signature.Selector))
	}
	return "the signatures of " + joined(names)
}

func (j Judgement) signaturesPassing() (n int) {
	for _, v := range j.DKIM {
		if v.Code == dkim.Pass {
			n++
		}
	}
	return n
}

// unsigned is a message without a signature. Of one that nobody has brought yet it
// is not known whether it will have one.
func (f *findings) unsigned() {
	author := f.j.DMARC.RFC9989.Author
	switch {
	case !f.j.Envelope.Client.IsValid():
		f.doubt(ruleDKIM, "dkim", "the mail has no signature; as nobody is known to have brought it, it may get one when it is sent")
	case author == "":
		f.add(ruleDKIM, "dkim", diagnosis.Warning, []string{"Have the mail server sign with a key of the author domain."}, "the mail has no DKIM signature")
	default:
		f.add(ruleDKIM, "dkim", diagnosis.Warning, []string{fmt.Sprintf("Sign outgoing mail with DKIM as %s; that also survives forwarding.", record.Display(author))}, "the mail has no DKIM signature")
	}
}

func (f *findings) reverse() {
	switch r := f.j.IPRev; r.Code {
	case "temperror":
		f.doubt(ruleReverse, "iprev", "the reverse DNS of %s: %s", f.j.Envelope.Client, r.Cause)
	case "fail", "permerror":
		f.add(ruleReverse, "iprev", diagnosis.Warning, []string{fmt.Sprintf("Whoever rents out %s sets its reverse DNS; it needs a name that leads back to the address.", f.j.Envelope.Client)},
			"the reverse DNS is not confirmed: %s; Gmail and others refuse mail from such addresses", r.Cause)
	case "pass":
		f.saw(ruleReverse, "reverse DNS", "%s", r.Cause)
	default:
		f.doubt(ruleReverse, "iprev", "the address of the client is not known")
		f.because(ruleReverse, ruleSPF)
	}
}

// cover is whether the message came under TLS.
func (f *findings) cover() {
	switch f.j.Envelope.Cover {
	case UnderTLS:
		f.saw(ruleTLS, "TLS", "yes")
	case InTheClear:
		f.add(ruleTLS, "tls", diagnosis.Advice, []string{"Switch on TLS in the host that sent it, or in the one that took it."},
			"%s brought the mail without TLS, as far as the receiver says", f.j.Envelope.Client)
	default:
		f.of(ruleTLS).Skip = "nothing tells whether the client spoke TLS"
	}
}

func (f *findings) chain() {
	switch c := f.j.ARC; {
	case c.Temporary:
		f.doubt(ruleARC, "arc", "%s", c.Cause)
	case c.Status == arc.Pass && f.j.Fate != Delivered && f.j.Fate != Open:
		newest, _ := c.Newest()
		f.add(ruleARC, "arc", diagnosis.Advice, nil, "the ARC chain holds, and %.80q vouches for what it found before its own changes: a receiver that trusts it may deliver the mail all the same", newest.Domain)
	case c.Status == arc.Fail:
		f.add(ruleARC, "arc", diagnosis.Advice, []string{"Whoever forwards the mail has to seal it after his own changes (RFC 8617, 5.1); the chain then helps where DMARC fails."}, "the ARC chain fails: %s", c.Cause)
	case c.Status == arc.None:
		f.of(ruleARC).Skip = "no host that passed the mail on sealed it"
	default:
		f.saw(ruleARC, "ARC", "%s, %d sets", c.Status, len(c.Sets))
	}
}

// largest is what large receivers take, in octets: 25 MB.
const largest = 25 << 20

func (f *findings) size() {
	switch size := f.j.Size; {
	case size > largest:
		f.add(ruleSize, "size", diagnosis.Warning, []string{"Put large files on a server, and send a link."},
			"the mail has %d MB; Yahoo and Outlook.com take about 25 MB, many hosts no more than 10", (size+1<<20-1)>>20)
	default:
		f.saw(ruleSize, "size", "%d KB", (size+1023)/1024)
	}
}
