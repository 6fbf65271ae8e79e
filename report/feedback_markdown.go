package report

import (
	"fmt"
	"io"
	"strings"
)

// FeedbackMarkdown writes a summary for a ticket or a chat: who sends, what would
// break, and the next step.
func FeedbackMarkdown(w io.Writer, f Feedback) error {
	var b strings.Builder
	for _, d := range f.Domains {
		t := d.Tally
		fmt.Fprintf(&b, "## %s\n\n", inline(title(t.Domain())))
		if t.Reports > 0 {
			fmt.Fprintf(&b, "%s by %s, %s to %s: %s, of which %s passed. %s\n\n", plural(t.Reports, "DMARC report"), plural(len(t.Receivers()), "receiver"), onDate(t.Begin), onDate(t.End),
				amount(t.Total().Messages, "message"), share(t.Total().Passed, t.Total().Messages), inline(policyWords(d.Outlook)))
			markdownSources(&b, d)
			markdownNext(&b, d)
		}
		if tls := t.TLS(); tls.Reports > 0 {
			fmt.Fprintf(&b, "TLS: %s in order, %s failed.\n\n", amount(tls.Successes, "session"), grouped(tls.Failures))
		}
		for _, a := range t.Aside[:min(len(t.Aside), 20)] {
			fmt.Fprintf(&b, "- set aside: %s: %s\n", inline(a.Name), inline(a.Why))
		}
	}
	for _, r := range f.Refused[:min(len(f.Refused), 20)] {
		fmt.Fprintf(&b, "- not read: %s: %s; %s\n", inline(r.Name), inline(r.Reason), inline(r.Next))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func markdownSources(b *strings.Builder, d Reported) {
	b.WriteString("| | source | messages | passed | DKIM | SPF | |\n|---|---|--:|--:|--:|--:|---|\n")
	const most = 100
	for i, s := range d.Sources {
		if i == most {
			fmt.Fprintf(b, "| | and %d more | | | | | |\n", len(d.Sources)-most)
			break
		}
		var words []string
		if s.New {
			words = append(words, "new")
		}
		words = append(words, concerns(d, s)...)
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %s |\n", standings[s.Standing], inline(s.Name), grouped(s.Messages), share(s.Passed, s.Messages), share(s.DKIM, s.Messages), share(s.SPF, s.Messages), inline(strings.Join(words, "; ")))
	}
	b.WriteString("\n")
}

func markdownNext(b *strings.Builder, d Reported) {
	step := d.Outlook.Next
	if step.Policy == "" {
		return
	}
	when := "from " + onDate(step.At) + " on, if everything stays as it is"
	switch {
	case step.Ready:
		when = "safe now"
	case step.At.IsZero():
		when = "not safe yet"
	}
	fmt.Fprintf(b, "**Next step:** `%s`, %s.\n\n", step.String(), when)
	for _, text := range step.First {
		fmt.Fprintf(b, "- [ ] %s\n", inline(text))
	}
	for _, text := range step.Mind {
		fmt.Fprintf(b, "- %s\n", inline(text))
	}
	for _, r := range d.Records {
		fmt.Fprintf(b, "\n    %s\n", Escape(r.String()))
	}
	b.WriteString("\n")
}
