package report

import (
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/senders"
)

// losses puts what a stricter policy would do to the mail that the reports are about.
func (p *page) losses(o senders.Outlook) {
	if o.Lost == [len(o.Lost)]senders.Loss{} {
		return
	}
	p.para("", lossHeading(o), strong)
	p.gap()
	words := [...]string{
		senders.Own:       "of your own, which is not aligned",
		senders.Maybe:     "of what may be yours: set it up before, or say that it is not",
		senders.Forwarder: "that was forwarded or went through mailing lists",
		senders.Stranger:  "of strangers: that is what the policy is for",
	}
	marks := [...]string{senders.Own: p.in(bad, "✗"), senders.Maybe: p.in(warn, "!"), senders.Forwarder: p.in(faint, "–"), senders.Stranger: p.in(good, "✓")}
	for s, loss := range o.Lost {
		if loss.Messages == 0 {
			continue
		}
		text := fmt.Sprintf("%s from %s, %s", amount(loss.Messages, "message"), plural(loss.Sources, "source"), words[s])
		if loss.Spared > 0 && loss.Spared < loss.Messages {
			text += fmt.Sprintf("; %s of them were let through so far", grouped(loss.Spared))
		}
		p.para("  "+marks[s]+" ", text, plain)
	}
	p.gap()
}

func lossHeading(o senders.Outlook) string {
	switch dmarc.Policy(o.Policy.Policy.Policy) {
	case dmarc.Quarantine:
		return "What fails now: it goes to the junk folder, and at p=reject it would bounce"
	case dmarc.Reject:
		return "What fails now, and bounces"
	}
	return "What would break: in the junk folder at p=quarantine, bounced at p=reject"
}

// step puts the next step and when it is safe.
func (p *page) nextStep(d Reported) {
	step := d.Outlook.Next
	if step.Policy == "" {
		if d.Outlook.Policy.Policy.Policy == string(dmarc.Reject) {
			p.para("", "Next step: none. The policy is reject, which is as strict as it gets.", strong)
			p.gap()
		}
		return
	}
	p.para("", "Next step: "+step.String(), strong)
	p.gap()
	switch {
	case step.Ready:
		p.para("  "+p.in(good, "✓")+" ", "It is safe now, by these reports.", good)
	case step.At.IsZero():
		p.para("  "+p.in(warn, "!")+" ", "It is not safe yet, and no day can be named: something has to happen first.", plain)
	default:
		p.para("  "+p.in(hint, "…")+" ", "It is safe from "+onDate(step.At)+" on, if everything stays as it is.", plain)
	}
	for _, text := range step.First {
		p.para("    first: ", flat(text), plain)
	}
	for _, text := range step.Why {
		p.para("    as ", flat(text), faint)
	}
	for _, text := range step.Mind {
		p.para("    mind: ", flat(text), plain)
	}
	if len(d.Records) > 0 {
		p.gap()
		for _, r := range d.Records {
			p.quoted = true
			p.line(r.String())
		}
	}
	p.gap()
}

// tlsReports puts what senders said of TLS.
func (p *page) tlsReports(t senders.TLS) {
	if t.Reports == 0 {
		return
	}
	p.para("", fmt.Sprintf("TLS on the way in: %s, %s to %s", plural(t.Reports, "report"), onDate(t.Begin), onDate(t.End)), strong)
	p.gap()
	for _, k := range t.Kinds {
		mark := p.in(good, "✓")
		if k.Failures > 0 {
			mark = p.in(bad, "✗")
		}
		p.para("  "+mark+" ", fmt.Sprintf("%s: %s in order, %s failed", tlsWords(k.Type), amount(k.Successes, "session"), grouped(k.Failures)), plain)
	}
	for _, f := range t.Failed {
		host := "a host that is not told"
		if f.Host != "" {
			host = title(f.Host)
		}
		p.para("      ", fmt.Sprintf("%s at %s: %s, as %s saw, the last on %s", flat(f.Result), host, amount(f.Sessions, "session"), flat(strings.Join(f.Reporters, ", ")), onDate(f.Last)), plain)
	}
	p.gap()
}

func tlsWords(kind string) string {
	switch kind {
	case "sts":
		return "by MTA-STS"
	case "tlsa":
		return "by DANE"
	case "no-policy-found":
		return "without a policy"
	}
	return "by a policy of the kind " + flat(kind)
}

// aside puts what was read and does not count.
func (p *page) aside(t *senders.Tally) {
	if n := len(t.Aside) + t.More; n > 0 {
		p.para("", plural(n, "report")+" set aside: forged by the look of it, or not possible (--doubted lets such count)", strong)
		p.gap()
		for _, a := range t.Aside[:p.most(len(t.Aside), 5)] {
			p.para("  "+p.in(warn, "!")+" ", flat(a.Name)+": "+flat(a.Why), plain)
		}
		if !p.verbose && n > 5 {
			p.line(p.in(faint, fmt.Sprintf("    and %d more", n-5)))
		}
		p.gap()
	}
	var more []string
	if t.Repeated > 0 {
		more = append(more, plural(t.Repeated, "report")+" came twice and count once.")
	}
	if t.Old > 0 {
		more = append(more, plural(t.Old, "report")+" ended before --since.")
	}
	for _, why := range sortedKeys(t.LeftOut) {
		more = append(more, plural(t.LeftOut[why], "record")+" left out, with "+why+".")
	}
	if t.Unproven > 0 {
		more = append(more, amount(t.Unproven, "message")+" passed by a signature that the report does not show.")
	}
	for _, text := range more {
		p.para("", text, faint)
	}
}

func (p *page) most(n, short int) int {
	if p.verbose {
		return n
	}
	return min(n, short)
}

// unread puts what could not be read, and what was odd.
func (p *page) unread(f Feedback) {
	if len(f.Refused) > 0 {
		p.gap()
		heading := plural(len(f.Refused), "file") + " not read"
		if len(f.Domains) > 0 {
			heading += "; the others were"
		}
		p.para("", heading, strong)
		p.gap()
		for _, r := range f.Refused[:p.most(len(f.Refused), 20)] {
			text := flat(r.Name) + ": " + flat(r.Reason)
			if r.Next != "" {
				text += "; " + flat(r.Next)
			}
			p.para("  "+p.in(warn, "?")+" ", text, plain)
		}
		if n := len(f.Refused) - p.most(len(f.Refused), 20); n > 0 {
			p.line(p.in(faint, fmt.Sprintf("    and %d more: --verbose shows them", n)))
		}
	}
	var more []string
	if f.Others > 0 {
		more = append(more, fmt.Sprintf("Files and mails that hold no report: %d.", f.Others))
	}
	if f.Elsewhere > 0 {
		more = append(more, plural(f.Elsewhere, "report")+" on other domains.")
	}
	if len(f.Notes) > 0 && !p.verbose {
		more = append(more, "Some reports are not written as they should be and were read all the same: --verbose says how.")
	}
	if len(more) > 0 {
		p.gap()
	}
	for _, text := range more {
		p.para("", text, faint)
	}
	if len(f.Notes) > 0 && p.verbose {
		p.gap()
		p.para("", "Not as it should be, and read all the same", strong)
		p.gap()
		for _, n := range f.Notes {
			p.para("  – ", fmt.Sprintf("%s (%s, the first %s)", flat(n.Text), plural(n.Reports, "report"), flat(n.Name)), plain)
		}
	}
}

func onDate(t time.Time) string { return t.UTC().Format("2006-01-02") }

// amount is "1 message", "12,345 messages".
func amount(n int64, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return grouped(n) + " " + noun + "s"
}

// grouped is a number with its thousands apart.
func grouped(n int64) string {
	text := fmt.Sprint(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// share is n of all in percent: 100 only for all, 0 for none alone.
func share(n, all int64) string {
	switch {
	case n == 0 || all == 0:
		return "–"
	case n == all:
		return "100 %"
	case n*100 < all:
		return "<1 %"
	}
	return fmt.Sprintf("%d %%", min(int64(float64(n)*100/float64(all)+0.5), 99))
}
