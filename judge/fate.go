package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
)

// A Fate is what becomes of a message.
type Fate string

const (
	Delivered   Fate = "delivered"   // as far as authentication decides
	Quarantined Fate = "quarantined" // put into the junk folder, or held
	Rejected    Fate = "rejected"
	// Open: the DNS gave no answer, or the envelope is not known. Receivers let the
	// sender try again later or deliver; none has a reason to reject.
	Open Fate = "open"
)

// fate is what a receiver does that follows the policy.
func fate(v dmarc.Verdict) Fate {
	switch v.Code {
	case dmarc.TempError:
		return Open
	case dmarc.Fail:
		return map[dmarc.Policy]Fate{dmarc.None: Delivered, dmarc.Quarantine: Quarantined, dmarc.Reject: Rejected}[v.Disposition]
	}
	return Delivered
}

// input is what DMARC is to know.
func (j Judgement) input() dmarc.Input {
	in := dmarc.Input{Authors: j.Author.Domains}
	s := j.MailFrom
	switch {
	case s.Evaluated:
		in.SPF = dmarc.SPF{Result: string(s.Code), Domain: s.Result.Domain, HELO: s.Sender == ""}
	case j.Envelope.Known && s.domain() != "":
		// It might have passed: for DMARC that is the same as no answer from the DNS.
		in.SPF = dmarc.SPF{Result: string(spf.TempError), Domain: s.domain(), HELO: s.Sender == ""}
	}
	for _, v := range j.DKIM {
		in.DKIM = append(in.DKIM, dmarc.DKIM{Result: string(v.Code), Domain: v.Signature.Domain, Selector: v.Signature.Selector})
	}
	return in
}

// withoutSPF takes a failure back where SPF might be what makes the message pass,
// and could not be evaluated for want of its domain.
func (j Judgement) withoutSPF(v *dmarc.Verdict) {
	if v.Code != dmarc.Fail || j.MailFrom.Evaluated || j.Envelope.Known && j.MailFrom.domain() != "" {
		return
	}
	v.Code, v.Disposition = dmarc.TempError, dmarc.None
	v.Cause = "no signature makes it pass, and SPF could not be evaluated: " + j.MailFrom.Missing
}

// Unauthenticated reports whether neither SPF nor a signature passes, of whatever
// domain. It is false where one of them could not be told.
func (j Judgement) Unauthenticated() bool {
	if !j.MailFrom.Evaluated || j.MailFrom.Code == spf.Pass || j.MailFrom.Code == spf.TempError {
		return false
	}
	for _, v := range j.DKIM {
		if v.Code == "pass" || v.Code == "temperror" {
			return false
		}
	}
	return true
}

// authenticated reports whether SPF or a signature passes, of whatever domain.
func (j Judgement) authenticated() bool {
	return j.MailFrom.Evaluated && j.MailFrom.Code == spf.Pass ||
		slices.ContainsFunc(j.DKIM, func(v dkim.Verdict) bool { return v.Code == dkim.Pass })
}

// mayAlign reports whether something that was not told may yet be aligned and pass.
func (j Judgement) mayAlign(v dmarc.Verdict) bool {
	if !j.MailFrom.Evaluated && (!j.Envelope.Known || j.MailFrom.domain() == "") {
		return true
	}
	return slices.ContainsFunc(v.Alignments, func(a dmarc.Alignment) bool {
		return a.Result == "temperror" && a.State != dmarc.NotAligned || a.Result == "pass" && a.State == dmarc.Undecided
	})
}

// Summary is the judgement in a sentence or two, for a person.
func (j Judgement) Summary() string {
	v := j.DMARC.RFC9989
	author := record.Display(v.Author)
	switch v.Code {
	case dmarc.Pass:
		return fmt.Sprintf("This mail passes DMARC: %s.", success(v))
	case dmarc.Fail:
		return fmt.Sprintf("This mail fails DMARC: %s. %s", j.failure(v), asks(v))
	case dmarc.TempError:
		return fmt.Sprintf("Whether this mail passes DMARC could not be told: %s.", v.Cause)
	case dmarc.PermError:
		return fmt.Sprintf("The DMARC policy that applies to this mail cannot be used: %s.", v.Cause)
	}
	if author == "" {
		_, why := j.Author.Domain()
		return fmt.Sprintf("DMARC cannot be applied to this mail: %s.", first(why, v.Cause))
	}
	return fmt.Sprintf("No DMARC policy applies to this mail: %s.", v.Cause)
}

// success is what makes a message pass.
func success(v dmarc.Verdict) string {
	var said []string
	for _, a := range v.Aligned() {
		words := fmt.Sprintf("%s of %s", strings.ToUpper(string(a.Mechanism)), record.Display(a.Domain))
		if !slices.Contains(said, words) {
			said = append(said, words)
		}
	}
	is := "is"
	if len(said) > 1 {
		is = "are"
	}
	return fmt.Sprintf("%s %s aligned with the author domain %s", joined(said), is, record.Display(v.Author))
}

// asks is what the policy wants of mail that fails, in a sentence.
func asks(v dmarc.Verdict) string {
	owner := record.Display(v.Discovery.Policy.Domain)
	tag := string(v.Requested)
	if v.Tag != "" {
		tag = v.Tag + "=" + tag
	}
	switch v.Disposition {
	case dmarc.Reject:
		return fmt.Sprintf("%s asks receivers to reject such mail (%s).", owner, tag)
	case dmarc.Quarantine:
		return fmt.Sprintf("%s asks receivers to treat such mail as suspicious (%s), so it goes to the junk folder.", owner, tag)
	}
	return fmt.Sprintf("%s asks for no more than reports (%s), so it is delivered all the same.", owner, tag)
}

func first(texts ...string) string {
	for _, s := range texts {
		if s != "" {
			return s
		}
	}
	return ""
}
