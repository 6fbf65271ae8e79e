package judge

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// failure is why nothing makes the message pass, in a few words: what the verdict of
// DMARC says at length.
func (j Judgement) failure(v dmarc.Verdict) string {
	var said []string
	signatures := 0
	for _, a := range v.Alignments {
		words := j.spfFailure(a)
		if a.Mechanism == dmarc.ByDKIM {
			words = j.dkimFailure(a, signatures)
			signatures++
		}
		if !slices.Contains(said, words) {
			said = append(said, words)
		}
	}
	if signatures == 0 {
		said = append(said, "there is no DKIM signature")
	}
	const most = 4
	if n := len(said) - most; n > 0 {
		said = append(said[:most], fmt.Sprintf("and %d more signatures are no better", n))
	}
	return strings.Join(said, "; ")
}

func (j Judgement) spfFailure(a dmarc.Alignment) string {
	domain := record.Display(a.Domain)
	if a.Domain == "" {
		domain = "a name that is no domain"
	}
	switch {
	case a.Result == "pass":
		return fmt.Sprintf("SPF passes, but for %s", domain)
	case a.Result == "none":
		return fmt.Sprintf("SPF finds no record at %s", domain)
	case a.Result == "permerror":
		return fmt.Sprintf("the SPF record of %s cannot be used", domain)
	case a.State == dmarc.Aligned:
		return fmt.Sprintf("SPF of %s does not let %s send (%s)", domain, j.Envelope.Client, a.Result)
	}
	return fmt.Sprintf("SPF does not pass (%s), and is about %s", a.Result, domain)
}

func (j Judgement) dkimFailure(a dmarc.Alignment, i int) string {
	domain := record.Display(a.Domain)
	if a.Domain == "" {
		domain = "what is no domain"
	}
	fault := a.Result
	if i < len(j.DKIM) && j.DKIM[i].Fault != 0 {
		fault = j.DKIM[i].Fault.String()
	}
	switch {
	case a.Result == "pass":
		return fmt.Sprintf("the DKIM signature is good, but that of %s", domain)
	case a.State == dmarc.Aligned:
		return fmt.Sprintf("the DKIM signature of %s does not pass (%s)", domain, fault)
	}
	return fmt.Sprintf("a DKIM signature of %s does not pass (%s), and would not count", domain, fault)
}
