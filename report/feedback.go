package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/senders"
)

// A Feedback is what reports tell, of each domain that they are about.
type Feedback struct {
	Domains   []Reported
	Refused   []feedback.Refusal // what could not be read
	Others    int                // mails and files beside the reports that hold none
	Elsewhere int                // reports on domains that were not asked for
	Notes     []FeedbackNote     // what was wrong with reports that were read all the same
}

// A FeedbackNote is something wrong with reports, the first that had it, and how many
// did.
type FeedbackNote struct {
	Text, Name string
	Reports    int
}

// A Reported is what reports tell of one domain.
type Reported struct {
	Tally   *senders.Tally
	Sources []senders.Source
	Outlook senders.Outlook
	Since   string // when the sources were kept with which these were compared; empty: they were not
	// Records are the lines of a zone file with the policy of the next step; empty where
	// what is published is not known.
	Records []record.Record
	Untold  string // why addresses could not be named by published ranges; empty if they could
}

// FeedbackText writes it for a person.
func FeedbackText(w io.Writer, f Feedback, o TextOptions) error {
	p := newPage(o)
	for _, d := range f.Domains {
		p.gap()
		p.reported(d)
	}
	p.unread(f)
	_, err := io.WriteString(w, p.String())
	return err
}

func (p *page) reported(d Reported) {
	t := d.Tally
	p.header(title(t.Domain()))
	p.gap()
	total := t.Total()
	if t.Reports > 0 {
		p.para("", fmt.Sprintf("%s by %s, %s to %s: %s", plural(t.Reports, "DMARC report"), plural(len(t.Receivers()), "receiver"), onDate(t.Begin), onDate(t.End), amount(total.Messages, "message")), plain)
		p.para("", policyWords(d.Outlook), plain)
		p.gap()
		p.shares(d, total)
		p.perDay(t.Days())
		p.sources(d)
		p.losses(d.Outlook)
		p.nextStep(d)
	}
	p.tlsReports(t.TLS())
	p.aside(t)
}

// policyWords says which policy the reports are about.
func policyWords(o senders.Outlook) string {
	policy := o.Policy
	switch {
	case policy.Domain == "" && policy.Policy.Policy == "":
		return "No report tells the policy of the domain itself."
	case o.Published:
		return fmt.Sprintf("Policy: %s, by the DNS; the last reports had another.", policyTags(policy))
	}
	return fmt.Sprintf("Policy: %s, by the reports until %s.", policyTags(policy), onDate(policy.At))
}

func policyTags(p senders.InForce) string {
	text := "p=" + flat(p.Policy.Policy)
	if p.Policy.Policy == "" {
		text = "none that is valid"
	}
	for _, tag := range []struct{ name, value string }{{"sp", p.Subdomains}, {"np", p.NonExistent}} {
		if tag.value != "" && tag.value != p.Policy.Policy {
			text += "; " + tag.name + "=" + flat(tag.value)
		}
	}
	if p.Testing == "y" {
		text += "; t=y"
	}
	if p.Percent != "" && p.Percent != "100" {
		text += "; pct=" + flat(p.Percent)
	}
	return text
}

// shares puts how much passed, and what the rest is.
func (p *page) shares(d Reported, total senders.Counts) {
	rows := []struct {
		name string
		n    int64
		tone tone
	}{{"passed DMARC", total.Passed, good}}
	for s, name := range []string{"failed, of your own", "failed, perhaps yours", "failed, forwarded", "failed, of strangers"} {
		tones := []tone{bad, warn, hint, faint}
		if n := d.Outlook.Lost[s].Messages; n > 0 {
			rows = append(rows, struct {
				name string
				n    int64
				tone tone
			}{name, n, tones[s]})
		}
	}
	room := p.width - 46
	for _, row := range rows {
		if p.narrow() {
			p.para("  ", row.name+": "+grouped(row.n)+" ("+share(row.n, total.Messages)+")", plain)
			continue
		}
		bar := ""
		if room > 0 && total.Messages > 0 {
			bar = strings.Repeat("█", int((row.n*int64(min(room, 40))+total.Messages-1)/total.Messages))
		}
		p.line(fmt.Sprintf("  %-21s  %11s  %5s  ", row.name, grouped(row.n), share(row.n, total.Messages)) + p.in(row.tone, bar))
	}
	if total.Failed() > 0 {
		p.para("  ", "Of what failed, receivers "+dispositions(total)+"."+overrides(d.Tally.Overrides), faint)
	}
	p.gap()
}

// dispositions says what receivers did with mail that failed.
func dispositions(c senders.Counts) string {
	var parts []string
	for _, one := range []struct {
		did string
		n   int64
	}{{"let through", c.Spared}, {"quarantined", c.Quarantined}, {"rejected", c.Rejected}} {
		if one.n > 0 {
			parts = append(parts, one.did+" "+grouped(one.n))
		}
	}
	return strings.Join(parts, ", ")
}

// overrides says why they did other than the policy says.
func overrides(types map[string]int64) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(types)) {
		parts = append(parts, flat(name)+" "+grouped(types[name]))
	}
	if len(parts) == 0 {
		return ""
	}
	return " They overrode the policy for: " + strings.Join(parts, ", ") + "."
}

// perDay puts messages over time.
func (p *page) perDay(days []senders.Day) {
	if len(days) < 2 {
		return
	}
	const day = 24 * time.Hour
	last := days[len(days)-1].At
	n := int(last.Sub(days[0].At)/day) + 1 // days without a report are days, too
	n = min(n, max(min(p.width-36, 60), 10))
	all, failed, highest := make([]int, n), make([]int, n), 0
	for _, d := range days {
		if i := n - 1 - int(last.Sub(d.At)/day); i >= 0 {
			all[i], failed[i] = int(d.Messages), int(d.Failed())
			highest = max(highest, all[i])
		}
	}
	p.line("  messages a day  " + bars(all, highest) + "  at most " + grouped(int64(highest)))
	p.line("  that failed     " + p.in(warn, bars(failed, highest)))
	p.gap()
}

// narrow tells a page that has no room for a table.
func (p *page) narrow() bool { return p.width < 56 }

// standings are the headings over sources.
var standings = [...]string{
	senders.Own:       "Yours",
	senders.Maybe:     "Perhaps yours",
	senders.Forwarder: "Forwarders and mailing lists",
	senders.Stranger:  "Unknown",
}

// sources puts a table of who sends, by standing.
func (p *page) sources(d Reported) {
	name := 10
	for _, s := range d.Sources {
		name = max(name, cells(flat(s.Name)))
	}
	name = min(name, p.width-36)
	p.para("", "Who sends as "+title(d.Tally.Domain()), strong)
	p.gap()
	if !p.narrow() {
		p.line(p.in(faint, "    "+pad("", name)+"   messages  passed   DKIM    SPF"))
	}
	if d.Untold != "" {
		p.para("  "+p.in(warn, "?")+" ", "Addresses are named by what authenticates them alone: "+flat(d.Untold), warn)
	}
	left := 0
	for i, s := range d.Sources {
		if i == 0 || d.Sources[i-1].Standing != s.Standing {
			left = 0
			p.line("  " + p.in(strong, standings[s.Standing]))
		}
		if left++; !p.verbose && left > mostShown(s.Standing) {
			if last := i == len(d.Sources)-1 || d.Sources[i+1].Standing != s.Standing; last {
				p.line(p.in(faint, fmt.Sprintf("    and %d more: --verbose shows them", left-mostShown(s.Standing))))
			}
			continue
		}
		p.source(d, s, name)
	}
	p.gap()
}

// mostShown is how many sources of a standing are shown to who does not want all.
func mostShown(s senders.Standing) int {
	if s == senders.Forwarder || s == senders.Stranger {
		return 5
	}
	return 30
}

func (p *page) source(d Reported, s senders.Source, width int) {
	mark := p.in(good, "✓")
	switch {
	case s.Standing == senders.Own && s.Leaks() && !s.Over:
		mark = p.in(bad, "✗")
	case s.Standing == senders.Maybe:
		mark = p.in(warn, "!")
	case s.Standing == senders.Stranger, s.Standing == senders.Forwarder && s.Failed() > 0:
		mark = p.in(faint, "–")
	}
	if p.narrow() {
		p.para("  "+mark+" ", flat(s.Name), strong)
		p.para("      ", fmt.Sprintf("%s, %s passed (DKIM %s, SPF %s)", amount(s.Messages, "message"), share(s.Passed, s.Messages), share(s.DKIM, s.Messages), share(s.SPF, s.Messages)), plain)
	} else {
		p.line("  " + mark + " " + pad(p.in(strong, clip(flat(s.Name), width)), width) + fmt.Sprintf("%11s  %6s %6s %6s", grouped(s.Messages), share(s.Passed, s.Messages), share(s.DKIM, s.Messages), share(s.SPF, s.Messages)))
	}
	if s.New {
		p.para("      ", "New: it was not there "+flat(d.Since)+".", strongWarn)
	}
	p.marked("      ", p.marks(d, s))
	for _, text := range concerns(d, s) {
		p.para("      ", text, plain)
	}
}

// marked puts parts behind each other, a line broken between them where they fit.
func (p *page) marked(indent string, parts []string) {
	for _, part := range parts {
		if cells(indent)+cells(part) > p.width {
			p.para(indent, strings.Join(parts, " · "), faint)
			return
		}
	}
	p.flow(indent, each(parts, func(part string) string { return p.in(faint, part) }), " · ")
}

// marks are what a source is known by.
func (p *page) marks(d Reported, s senders.Source) (parts []string) {
	most := 2
	if p.verbose {
		most = len(s.Addresses) + len(s.Signers) + len(s.From) + len(s.Envelopes)
	}
	if s.Addresses[0].Addr.IsValid() && (s.Hosts > 1 || s.Name != s.Addresses[0].Addr.String()) {
		parts = append(parts, listed(each(s.Addresses, func(a senders.Address) string { return a.Addr.String() }), most, s.Hosts))
	}
	if s.By != "" {
		parts = append(parts, flat(s.By))
	}
	var keys []string
	for _, k := range s.Signers {
		if k.Passed > 0 && (k.Aligned || p.verbose) {
			keys = append(keys, flat(k.Selector+"._domainkey."+record.Display(k.Domain)))
		}
	}
	if len(keys) > 0 {
		parts = append(parts, listed(keys, most, len(keys)))
	}
	if len(s.From) > 1 || s.From[0].Name != d.Tally.Domain() {
		parts = append(parts, "From: "+listed(each(s.From, func(n senders.Named) string { return flat(record.Unicode(n.Name)) }), max(most, 3), len(s.From)))
	}
	if p.verbose {
		parts = append(parts, fmt.Sprintf("%s to %s", onDate(s.First), onDate(s.Last)), "seen by "+plural(s.Reporters, "receiver"))
		if s.Failed() > 0 {
			parts = append(parts, "receivers "+dispositions(s.Counts))
		}
		if len(s.Envelopes) > 0 {
			parts = append(parts, "envelope: "+listed(each(s.Envelopes, func(e senders.Domain) string { return flat(record.Display(e.Name)) }), most, len(s.Envelopes)))
		}
	}
	if len(parts) == 0 {
		parts = []string{fmt.Sprintf("%s to %s", onDate(s.First), onDate(s.Last))}
	}
	return parts
}

// listed is the first of names, and how many more there are.
func listed(names []string, most, all int) string {
	shown := names[:min(len(names), most)]
	text := strings.Join(shown, ", ")
	if all > len(shown) {
		text += fmt.Sprintf(" and %d more", all-len(shown))
	}
	return text
}

// concerns are what is wrong with a source, and what to do.
func concerns(d Reported, s senders.Source) (list []string) {
	domain := title(d.Tally.Domain())
	switch {
	case s.Standing == senders.Maybe && s.Service:
		list = append(list, fmt.Sprintf("Nothing of it is aligned. If you use %s, set up its DKIM for %s there; if not, somebody else sends as you.", flat(s.Name), domain))
	case s.Standing == senders.Maybe:
		list = append(list, wholeSentence(s.Why))
	case s.Over:
		list = append(list, fmt.Sprintf("%s failed until %s; all that it sends since is aligned.", amount(s.Failed(), "message"), onDate(s.LastFailure)))
	case s.Standing == senders.Own && s.Leaks() && s.Altered*2 > s.Failed():
		list = append(list, fmt.Sprintf("%s failed, though signed: the signature does not verify. See that the published key is that which signs, and that nothing alters mail behind the signer.", amount(s.Failed(), "message")))
	case s.Standing == senders.Own && s.Leaks():
		list = append(list, fmt.Sprintf("%s failed: neither signed with a key of %s nor let send by its SPF record.", amount(s.Failed(), "message"), domain))
	case s.Standing == senders.Own && s.DKIM == 0 && s.Passed > 0:
		list = append(list, "Not signed: it passes by SPF alone, which forwarding breaks.")
	case s.Standing == senders.Forwarder && s.Failed() > 0:
		list = append(list, fmt.Sprintf("%s failed: %s.", amount(s.Failed(), "message"), flat(s.Why)))
	}
	return list
}

func wholeSentence(text string) string {
	text = flat(text)
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// Wrong reports whether something is wrong: mail that is the owner's, or may be, is not
// aligned, TLS failed, or reports look forged.
func (d Reported) Wrong() bool {
	for _, s := range d.Sources {
		if s.Leaks() && !s.Over {
			return true
		}
	}
	return d.Tally.TLS().Failures > 0 || len(d.Tally.Aside) > 0
}
