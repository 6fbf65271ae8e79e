package senders

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// What the next step takes. RFC 9989, 5.1, says to watch reports and names no numbers;
// two weeks see every weekday twice, and most monthly senders half the time.
const (
	NeedDays      = 14 // days with reports before a policy is made stricter
	NeedTested    = 7  // and before t=y, under which it was tried, is taken away
	NeedReceivers = 3  // that report: one alone sees little, and can be forged
	fresh         = 7 * 24 * time.Hour
	still         = 3 * 24 * time.Hour // a source that failed so short before the last report still does
)

// A Loss is messages that failed DMARC, and the sources they came from.
type Loss struct {
	Messages int64
	Spared   int64 // of which nothing became, as the policy was none or a receiver overrode it
	Sources  int
}

// An Outlook is what a stricter policy would do, and when it is time for it.
type Outlook struct {
	Policy    InForce // for the domain itself; its Domain is empty where nothing tells it
	Published bool    // Policy is from the DNS, and the last reports had another
	Days      int     // with reports
	Receivers int
	// Lost is what fails, by the standing of the source: at quarantine it would go to
	// the junk folder, at reject it would bounce.
	Lost [Stranger + 1]Loss
	Next Step
}

// A Step is the next change of the policy.
type Step struct {
	Policy  dmarc.Policy // empty where there is none: it is reject already
	Testing bool         // with t=y
	// At is the day from which it is safe, if everything stays as it is; zero where
	// that cannot be foreseen, as something has to happen first. Ready tells that it
	// has come.
	At    time.Time
	Ready bool
	Why   []string // what speaks for the date
	First []string // what has to happen first
	Mind  []string // what to think of, whatever the reports say
}

// String is the step as tags of the record.
func (s Step) String() string {
	if s.Policy == "" {
		return ""
	}
	text := "p=" + string(s.Policy)
	if s.Testing {
		text += "; t=y"
	}
	return text
}

// Outlook is what lies ahead, as of now, for these sources.
func (t *Tally) Outlook(sources []Source, now time.Time) Outlook {
	o := Outlook{Days: len(t.days), Receivers: len(t.receives)}
	o.Policy, o.Published = t.applies(now)
	for _, s := range sources {
		if failed := s.Failed(); failed > 0 {
			loss := &o.Lost[s.Standing]
			loss.Messages += failed
			loss.Spared += s.Spared
			loss.Sources++
		}
	}
	o.Next = t.next(o, sources, now)
	return o
}

// Publish tells the record that the DNS has for the domain now, which goes before what
// reports tell.
func (t *Tally) Publish(r dmarc.Record) { t.current = &r }

// applies is the policy that applies to the domain: its own or, by sp, that of a domain
// above it. published tells that it is newer than the reports.
func (t *Tally) applies(now time.Time) (p InForce, published bool) {
	p, ok := t.inForce(t.domain)
	for name := record.Parent(t.domain); !ok && name != "."; name = record.Parent(name) {
		if p, ok = t.inForce(name); ok && p.Subdomains != "" {
			p.Policy.Policy = p.Subdomains
		}
	}
	if t.current == nil {
		return p, false
	}
	stated, _ := t.current.Stated(dmarc.Self)
	same := ok && string(stated) == p.Policy.Policy && t.current.Testing == (p.Testing == "y")
	if same || !ok && stated == "" {
		return p, false
	}
	testing := ""
	if t.current.Testing {
		testing = "y"
	}
	return InForce{feedback.Policy{Domain: t.domain, Policy: string(stated), Testing: testing}, now, now}, true
}

// following is the step behind a policy. First it is tried with t=y, which receivers
// by RFC 9989 take for one step less, and then meant (RFC 9989, 4.7). There is no pct
// any more.
func following(p InForce) (step Step, days int) {
	testing := p.Testing == "y"
	switch policy := dmarc.Policy(p.Policy.Policy); {
	case policy == dmarc.Quarantine && testing:
		return Step{Policy: dmarc.Quarantine}, NeedTested
	case policy == dmarc.Quarantine:
		return Step{Policy: dmarc.Reject, Testing: true}, NeedDays
	case policy == dmarc.Reject && testing:
		return Step{Policy: dmarc.Reject}, NeedTested
	case policy == dmarc.Reject:
		return Step{}, 0
	}
	return Step{Policy: dmarc.Quarantine, Testing: true}, NeedDays
}

func (t *Tally) next(o Outlook, sources []Source, now time.Time) Step {
	step, need := following(o.Policy)
	if step.Policy == "" || t.Reports == 0 {
		return Step{}
	}
	first := t.firstDay(o.Policy)
	step.At = first.AddDate(0, 0, need)
	step.Why = append(step.Why, fmt.Sprintf("%d days of reports are wanted, from %s on", need, date(first)))
	step.enough(t, o, need, now)
	for _, s := range sources {
		step.source(t, s, need)
	}
	if o.Receivers >= NeedReceivers {
		step.Why = append(step.Why, fmt.Sprintf("%d receivers report", o.Receivers))
	}
	step.mind(o)
	switch today := now.UTC().Truncate(24 * time.Hour); {
	case len(step.First) > 0:
		step.At = time.Time{}
	case !step.At.After(today):
		step.At, step.Ready = today, true
	}
	return step
}

// firstDay is the first day with reports under the policy in force.
func (t *Tally) firstDay(p InForce) time.Time {
	for _, d := range t.Days() {
		if dmarc.Policy(p.Policy.Policy).Strength() == 0 || !d.At.Before(p.Since.Truncate(24*time.Hour)) {
			return d.At
		}
	}
	return p.Since.Truncate(24 * time.Hour)
}

// enough asks for reports that are many, of several and new.
func (s *Step) enough(t *Tally, o Outlook, need int, now time.Time) {
	if o.Receivers < NeedReceivers {
		s.First = append(s.First, fmt.Sprintf("reports of at least %d receivers; there are those of %s", NeedReceivers, numbered(o.Receivers)))
	}
	days, from := 0, t.firstDay(o.Policy)
	for _, d := range t.Days() {
		if !d.At.Before(from) {
			days++
		}
	}
	age := now.Sub(t.End)
	if age > fresh {
		s.First = append(s.First, fmt.Sprintf("newer reports: the last is of %s", date(t.End)))
	} else if span := int(t.End.Sub(from).Hours()/24) + 1; span >= need && days*2 < need {
		s.First = append(s.First, fmt.Sprintf("reports of more days: there are those of %d", days))
	}
}

func numbered(n int) string {
	if n == 1 {
		return "one"
	}
	return fmt.Sprint(n)
}

// leak is the messages of a source of the owner's that fail and are not forwarded.
func (s Source) leak() int64 {
	if !s.Ours() {
		return 0
	}
	return s.Failed() - s.Forwarded
}

// Leaks reports whether a source of the owner's, or one that may be, sends what is not
// aligned; one message in a thousand is what mistakes of receivers bring.
func (s Source) Leaks() bool { return s.leak()*1000 > s.Messages }

// source asks that one source is in order, and long enough.
func (s *Step) source(t *Tally, of Source, need int) {
	if !of.Leaks() {
		return
	}
	if of.Standing == Maybe {
		s.First = append(s.First, fmt.Sprintf("%s: %s, none aligned, the last on %s: set it up, or say that it is none of yours (--stranger %q)", of.Name, messages(of.leak()), date(of.Last), of.Name))
		return
	}
	if t.recent(of.LastFailure) {
		s.First = append(s.First, fmt.Sprintf("%s: %s of %s not aligned, the last on %s: set that right, and wait %d days", of.Name, numberOf(of.leak()), messages(of.Messages), date(of.LastFailure), need))
		return
	}
	if at := of.LastFailure.AddDate(0, 0, need+1); at.After(s.At) {
		s.At = at
	}
	s.Why = append(s.Why, fmt.Sprintf("all that %s sends is aligned since %s", of.Name, date(of.LastFailure.AddDate(0, 0, 1))))
}

// mind is what the reports cannot tell.
func (s *Step) mind(o Outlook) {
	if s.Testing {
		s.Mind = append(s.Mind, "receivers that still follow RFC 7489 do not know t=y and apply the policy at once")
	}
	if n := o.Lost[Forwarder].Messages; n > 0 && s.Policy == dmarc.Reject {
		s.Mind = append(s.Mind, fmt.Sprintf("%s came through forwarders or mailing lists and failed: where people write to lists, stay at quarantine (RFC 9989, 7.4)", messages(n)))
	}
}

func messages(n int64) string {
	if n == 1 {
		return "1 message"
	}
	return numberOf(n) + " messages"
}

// numberOf is n with its thousands apart.
func numberOf(n int64) string {
	text := fmt.Sprint(n)
	var parts []string
	for len(text) > 3 {
		parts = append(parts, text[len(text)-3:])
		text = text[:len(text)-3]
	}
	parts = append(parts, text)
	slices.Reverse(parts)
	return strings.Join(parts, ",")
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02") }
