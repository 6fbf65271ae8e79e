package dns

import (
	"context"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// IDN: everybody encodes the name alike.
var IDN = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "dns.idn",
		Title:    "The name is valid in its internationalized form",
		Severity: diagnosis.Warning,
		Why:      "A name that some software encodes differently, or refuses to encode, is no address to that software: mail to it is not sent. One that mixes scripts looks like a forgery, to filters and to people.",
		Doc: `A name with letters outside ASCII has two forms: the U-label, which people write (bücher), and the A-label, which stands in the DNS (xn--bcher-kva). Each label that begins with xn-- is decoded, and held to the rules of IDNA2008: only letters, digits and marks, no symbols or emoji; joiners and digits only where their script wants them; right-to-left labels by the Bidi rule; and encoding what was decoded gives the same label again. Both forms are shown.

Some registries sell names that IDNA2008 does not allow, such as those with emoji. Browsers reach them, by the older or wider rules of UTS 46; mail software that holds to the standard does not, as the name cannot be encoded by its rules.

Letters of several scripts in one label are a breach where no language writes them together, as Latin with Cyrillic or Greek, whose letters look alike (Unicode Technical Standard 39, section 5.2). That a label of one script looks like a word of another is not looked for.

Only the domain is judged. Local parts outside ASCII are another matter: they need SMTPUTF8 (RFC 6531) on every hop, which an internationalized domain alone does not, as it travels as A-labels.

To fix it, use another name for mail; a name in the DNS cannot be repaired. Where the software can be told the A-label, that works meanwhile.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5890, 2.3.2.1"}, {Name: "RFC 5891, 4"}, {Name: "RFC 5892, 2"}, {Name: "RFC 5893, 2"}, {Name: "UTS 39, 5.2", URL: "https://www.unicode.org/reports/tr39/"}},
	},
	Needs: []*checks.Check{DomainExists},
	Run:   idn,
})

func idn(_ context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	domain := record.Display(env.Domain)
	var shown []string
	for _, label := range record.Labels(env.Domain) {
		if !isALabel(label) {
			shown = append(shown, label)
			continue
		}
		u, fault := uLabel(label)
		step := "Send and receive mail under a name that IDNA2008 allows; this one may go on for the web."
		if scripts := mixed(u); fault == "" && len(scripts) > 0 {
			step = "Send and receive mail under a name in one script. If the letter was a slip, see who registered the name that was meant."
			fault = fmt.Sprintf("mixes the scripts %s in %q, where %s", strings.Join(scripts, " and "), u, stranger(u))
		}
		seen := diagnosis.Evidence{Question: label, Answer: fmt.Sprintf("%q", u)}
		v.Seen = append(v.Seen, seen)
		shown = append(shown, u)
		if fault == "" {
			continue
		}
		v.Findings = append(v.Findings, diagnosis.Finding{
			Subject: domain, Severity: diagnosis.Warning, Evidence: []diagnosis.Evidence{seen},
			Message: fmt.Sprintf("the label %s of %s %s", label, domain, fault),
			Remedy:  diagnosis.Remedy{Steps: []string{step}},
		})
	}
	if len(v.Findings) > 0 {
		return v, nil
	}
	if len(v.Seen) == 0 {
		v.Seen = []diagnosis.Evidence{{Question: domain, Answer: "ASCII only: nothing to encode"}}
		return v, nil
	}
	v.Seen = append(v.Seen, diagnosis.Evidence{Question: domain, Answer: strings.Join(shown, ".") + " to people, and valid"})
	return v, nil
}
