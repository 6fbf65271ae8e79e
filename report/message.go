package report

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/score"
)

// A Message is what was found out about one mail. All of it may be hostile text.
type Message struct {
	Subject, From, ID string // of the header, decoded
	Size              int    // octets

	Client    string // address; empty where it is not known
	HELO      string
	MailFrom  string // without angle brackets; empty is the null one, if FromKnown
	FromKnown bool
	At        time.Time // as of which it was judged
	Received  int       // field of the boundary, counted from the top; 0 where none was used
	Assumed   []string  // what the envelope rests on, a sentence each

	Saw []Sight // by the side that received it; nil where none of us did

	Summary  string            // the verdict in words
	Story    string            // what was changed on the way, in words; empty where nothing is known to be
	Outcome  diagnosis.Outcome // of DMARC; Skipped where no policy applies
	Readings []Reading         // of DMARC; the first is the one that counts
	Methods  []Method          // in the order of a page
	Hops     []Hop             // in the order it travelled

	// Authentication is what the rules of authentication came to. Said are the IDs of
	// those whose findings Summary and Story tell.
	Authentication []diagnosis.Result
	Said           []string
	Results        []diagnosis.Result // of the checks of header and body; nil where none ran
	// Findings and Doubts are what no rule is about, such as what the receiving side
	// saw.
	Findings []diagnosis.Finding
	Doubts   []diagnosis.Doubt
	Score    score.Score
	Policies []diagnosis.Judgement // answers to what was asked for besides
	Filters  []spam.Answer         // of spam filters that were named
	Header   string                // the header field that a receiver would add; may have several lines

	Questions int
	Took      time.Duration
	CutShort  bool
}

// A Method is one way to authenticate a message and its end.
type Method struct {
	Name    string            // "SPF", "DKIM"
	Result  string            // "pass", "softfail"; empty where it was not tried
	Outcome diagnosis.Outcome // Skipped where there was nothing to try
	Subject string            // what was looked at: "example.org, selector s1, RSA 2048"
	Aligned string            // how it stands to the author: "aligned", "not aligned"; empty where it does not matter
	Why     string            // in words
	Changes []Change          // of a signature: what happened to the message
	More    []string          // for who wants to know more

	Domain, Selector, Algorithm string // of a signature; Domain of SPF too
	Bits                        int    // of its key
	Fault                       string // why it does not pass: "body changed"
}

// A Change is what happened to a message after it was signed.
type Change struct{ Field, Text, Was, Is string }

// A Reading is DMARC by one specification.
type Reading struct {
	Name   string // "RFC 9989"
	Result string // "fail (reject)"
	Fate   string // "rejected"
	Author string // author domain; empty if there is none
	Cause  string
	Trace  []string // step by step
}

// A Hop is one host that took the message over.
type Hop struct {
	From, Address, By, With, TLS string
	At                           time.Time     // zero where it is not told
	Delay                        time.Duration // since the hop before
	Boundary                     bool          // here the mail was taken from outside
}

// MessageText writes what was found out about a message for a person: the verdict
// first, what to do and the score, then how it all came about.
func MessageText(w io.Writer, m Message, o TextOptions) error {
	p := newPage(o)
	name := "message"
	if m.Subject != "" {
		name = clip(flat(m.Subject), max(p.width-8, 8))
	}
	p.header(name)
	p.verdict(m)
	p.toDo(m)
	p.score(m.Score)
	p.filters(m.Filters)
	p.policies(m.Policies)
	p.came(m)
	p.sights(m.Saw)
	p.section("Authentication")
	for i, x := range m.Methods {
		p.method(x, i > 0 && sameFault(x, m.Methods[i-1]))
	}
	p.readings(m.Readings)
	p.hops(m.Hops)
	p.untold(m)
	p.content(m)
	if p.verbose && m.Header != "" {
		p.section("As a receiver writes it")
		for _, l := range lines(strings.ReplaceAll(m.Header, "\r\n", "\n")) {
			p.line("  " + strings.ReplaceAll(l, `\x09`, "  "))
		}
	}
	p.gap()
	p.closing(m)
	_, err := io.WriteString(w, p.String())
	return err
}

// content puts what was found in header and body. The topics that stand under
// Authentication already are not counted up again.
func (p *page) content(m Message) {
	if len(m.Results) > 0 {
		p.section("Header and body")
		own := slices.DeleteFunc(slices.Clone(m.Results), func(r diagnosis.Result) bool {
			return !strings.HasPrefix(r.Rule.ID, "message.") && !p.verbose
		})
		if len(own) == 0 { // it is what was asked for
			own = m.Results
		}
		p.topics(diagnosis.Report{Results: own})
		p.findings(m.Results)
		p.unknowns(m.Results)
	}
	p.gap()
	p.hints(firstFailed(slices.Concat(m.Authentication, m.Results)))
}

func (p *page) section(title string) {
	p.gap()
	p.line(p.in(strong, title))
}

// verdict puts what matters at two in the morning.
func (p *page) verdict(m Message) {
	p.gap()
	tones := map[diagnosis.Outcome]tone{diagnosis.Passed: good, diagnosis.Failed: strongBad, diagnosis.Unknown: strongWarn, diagnosis.Skipped: strong}
	p.para(p.mark(outcomeState(m.Outcome))+" ", flat(m.Summary), tones[m.Outcome])
	if m.Story != "" {
		p.para("  ", flat(m.Story), plain)
	}
	if text := fates(m.Readings); text != "" {
		p.para("  ", text, plain)
	}
	if m.CutShort {
		p.para("  "+p.in(strongWarn, "!")+" ", cutShort, strongWarn)
	}
}

// fates is what becomes of the message, in a sentence.
func fates(list []Reading) string {
	var parts []string
	same := true
	for _, r := range list {
		same = same && r.Fate == list[0].Fate
		parts = append(parts, flat(r.Fate)+" by "+flat(r.Name))
	}
	switch {
	case len(list) == 0:
		return ""
	case same && list[0].Fate == "open":
		return "What becomes of it is open: receivers deliver such mail, or let the sender try again later."
	case same:
		return "As far as DMARC decides, it is " + flat(list[0].Fate) + "."
	}
	return "Receivers differ: it is " + strings.Join(parts, ", ") + "."
}

// outcomeState is an outcome as the marks know it.
func outcomeState(o diagnosis.Outcome) state {
	return map[diagnosis.Outcome]state{diagnosis.Passed: passed, diagnosis.Failed: critical, diagnosis.Unknown: unknown, diagnosis.Skipped: skipped}[o]
}

// came puts the message and its envelope.
func (p *page) came(m Message) {
	p.gap()
	put := func(label, text string) {
		if text != "" {
			p.para("  "+p.in(faint, pad(label, 9))+" ", text, plain)
		}
	}
	put("From", clip(flat(m.From), 3*p.width))
	sender := "not known"
	if m.FromKnown {
		sender = "<" + flat(m.MailFrom) + ">"
	}
	put("MAIL FROM", sender)
	client := "not known"
	if m.Client != "" {
		client = flat(m.Client)
	}
	if m.HELO != "" {
		client += " (" + flat(m.HELO) + ")"
	}
	put("client", client)
	put("judged as", "of "+m.At.UTC().Format(time.RFC3339))
	for _, a := range m.Assumed {
		p.para("  "+p.in(faint, "–")+" ", flat(a), faint)
	}
}

// sameFault reports whether two signatures fail in the same way.
func sameFault(x, y Method) bool {
	return x.Outcome == diagnosis.Failed && x.Name == y.Name && x.Why == y.Why && slices.Equal(x.Changes, y.Changes)
}

// method puts one row, and what explains it unless the row above says the same.
func (p *page) method(x Method, same bool) {
	head := "  " + p.mark(methodState(x)) + " " + pad(flat(x.Name), 9) + " "
	text := flat(x.Result)
	if text == "" {
		text = "not evaluated"
	}
	if x.Subject != "" {
		text += " · " + flat(x.Subject)
	}
	if x.Aligned != "" {
		text += " · " + flat(x.Aligned)
	}
	p.para(head, text, plain)
	below := strings.Repeat(" ", 14)
	switch {
	case same:
		p.para(below, "for the same reason", plain)
	case x.Why != "" && (x.Outcome != diagnosis.Passed || p.verbose):
		p.para(below, flat(x.Why), plain)
	}
	for _, c := range x.Changes {
		if same {
			break
		}
		p.para(below+p.in(warn, "~")+" ", flat(c.Text), plain)
		if !strings.Contains(c.Text, c.Was) || !strings.Contains(c.Text, c.Is) {
			p.sideBySide(below+"  ", c)
		}
	}
	if p.verbose {
		for _, l := range x.More {
			p.para(below, flat(l), faint)
		}
	}
}

// methodState is less than critical for a way that is not the only one.
func methodState(x Method) state {
	if x.Outcome == diagnosis.Failed {
		return warning
	}
	return outcomeState(x.Outcome)
}

// sideBySide puts a field as it was signed and as it is.
func (p *page) sideBySide(indent string, c Change) {
	for _, side := range []struct {
		sign string
		tone tone
		text string
	}{{"-", bad, c.Was}, {"+", good, c.Is}} {
		text := flat(side.text)
		if !p.verbose {
			text = clip(text, p.width-cells(indent)-2)
		}
		p.para(indent+p.in(side.tone, side.sign)+" ", text, plain)
	}
}

// readings puts DMARC step by step; a second reading that comes to the same in the
// same way is only named.
func (p *page) readings(list []Reading) {
	for i, r := range list {
		if i > 0 && !p.verbose && alike(r, list[0]) {
			p.para("  ", flat(r.Name)+" comes to the same: "+flat(r.Result)+".", faint)
			continue
		}
		p.section("DMARC by " + r.Name + ": " + flat(r.Result))
		for _, l := range r.Trace {
			indent := "  "
			if strings.HasPrefix(l, "  ") {
				indent = "    "
			}
			p.para(indent, flat(l), plain)
		}
	}
}

func alike(a, b Reading) bool { return a.Result == b.Result && a.Cause == b.Cause }

// toDo puts the findings about authentication and what to do. What the verdict said
// is not said again: of that only the steps are left, and come first.
func (p *page) toDo(m Message) {
	said := func(r diagnosis.Result) bool { return slices.Contains(m.Said, r.Rule.ID) }
	first := findingsOf(slices.DeleteFunc(slices.Clone(m.Authentication), func(r diagnosis.Result) bool { return !said(r) }))
	rest := append(findingsOf(slices.DeleteFunc(slices.Clone(m.Authentication), said)), m.Findings...)
	told := make(map[string]bool)
	steps := func(f diagnosis.Finding, indent string) {
		for _, s := range f.Remedy.Steps {
			if len(told) == 0 && len(rest) == 0 {
				p.section("What to do")
			}
			if !told[s] {
				p.para(indent+p.in(faint, "→")+" ", flat(s), plain)
			}
			told[s] = true
		}
	}
	if len(rest) > 0 {
		p.section("What to do")
	}
	for _, f := range gravest(first) {
		steps(f, "  ")
	}
	for _, f := range gravest(rest) {
		p.para("  "+p.mark(stateOfSeverity(f.Severity))+" ", flat(f.Message), plain)
		steps(f, "    ")
	}
}

func findingsOf(results []diagnosis.Result) (list []diagnosis.Finding) {
	for _, r := range results {
		list = append(list, r.Findings...)
	}
	return list
}

// doubtsOf are the doubts that no other result explains.
func doubtsOf(results []diagnosis.Result) (list []diagnosis.Doubt) {
	for _, r := range results {
		if r.Cause == "" {
			list = append(list, r.Doubts...)
		}
	}
	return list
}

// untold puts what could not be told of the authentication.
func (p *page) untold(m Message) {
	doubts := append(doubtsOf(m.Authentication), m.Doubts...)
	if len(doubts) == 0 {
		return
	}
	p.section("What could not be told")
	for _, d := range doubts {
		p.para("  "+p.mark(unknown)+" ", flat(d.Subject)+": "+flat(d.Reason), plain)
	}
}

// closing is the counts.
func (p *page) closing(m Message) {
	n := severities(diagnosis.Report{Results: slices.Concat(m.Authentication, m.Results, []diagnosis.Result{{Outcome: diagnosis.Failed, Findings: m.Findings}})})
	var parts []string
	for _, s := range []struct {
		severity diagnosis.Severity
		one      string
	}{{diagnosis.Critical, "critical finding"}, {diagnosis.Warning, "warning"}} {
		if n[s.severity] > 0 {
			parts = append(parts, plural(n[s.severity], s.one))
		}
	}
	if k := n[diagnosis.Advice]; k > 0 {
		parts = append(parts, fmt.Sprintf("%d advice", k))
	}
	if len(parts) == 0 {
		parts = append(parts, p.in(good, "nothing wrong"))
	}
	if k := len(doubtsOf(m.Authentication)) + len(m.Doubts) + count(m.Results).unknown(); k > 0 {
		parts = append(parts, fmt.Sprintf("%d could not be told", k))
	}
	parts = append(parts, plural(m.Questions, "question")+" in "+duration(m.Took))
	p.flow("", parts, " · ")
}
