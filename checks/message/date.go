package message

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
)

// Date: the message was written when it says.
var Date = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "message.date",
		Title:    "The Date is a date, and fits the time at which the message was sent",
		Severity: diagnosis.Warning,
		Why:      "Mail is sorted by its Date: one that is wrong puts the message where nobody looks. Filters count a Date that lies hours in the past or the future.",
		Doc: `The field must have the form of RFC 5322, 3.3: "Sun, 22 Nov 2026 11:58:00 +0100", in English, with the zone as an offset, and the day of the week, if it is there, that of the date.

It is held against the times in the Received fields, as filters do: it may lie a day before the first of them, as of a message that waited in an outbox, and a day behind the last at most. A message without a Received field was not sent yet: then only a date in the future is wrong.

To fix it, look at the clock and the time zone of the host that writes the message (timedatectl), and let the mail library write the date.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5322, 3.3"}, {Name: "RFC 5322, 3.6.1"}},
	},
	Of:    checks.Messages,
	Needs: []*checks.Check{Headers},
	Run:   with(date),
})

// slack is how far the date may be off the times of the hosts.
const slack = 24 * time.Hour

func date(_ context.Context, env *checks.Env, v *diagnosis.Verdict, m *facts.Mail) {
	fields := m.All("Date")
	if len(fields) != 1 {
		v.Skip = "there is not one Date field"
		return
	}
	f := fields[0]
	at, err := mail.ParseDate(f.Value())
	if err != nil {
		find(v, diagnosis.Critical, "Date", fmt.Sprintf("the Date %.60q is no date as mail has it", f.Unfolded()), shown(f),
			"Write it as in: Sun, 22 Nov 2026 12:00:00 +0000")
		return
	}
	if day, rest, ok := strings.Cut(f.Unfolded(), ","); ok && rest != "" && !strings.EqualFold(strings.TrimSpace(day), at.Format("Mon")) {
		find(v, diagnosis.Advice, "Date", fmt.Sprintf("the Date says %.20q, but %s was a %s", strings.TrimSpace(day), at.Format("2 January 2006"), at.Weekday()), shown(f),
			"Let the mail library write the date.")
	}
	first, last, where := sent(env, m)
	switch {
	case at.After(last.Add(slack)):
		find(v, diagnosis.Warning, "Date", fmt.Sprintf("the Date lies %s after %s", span(at.Sub(last)), where), shown(f), "Set the clock and the time zone of the host that writes the message.")
	case !first.IsZero() && at.Before(first.Add(-slack)):
		find(v, diagnosis.Warning, "Date", fmt.Sprintf("the Date lies %s before the message was first received", span(first.Sub(at))), shown(f), "Set the clock and the time zone of the host that writes the message, and send it when it is written.")
	}
	if len(v.Findings) == 0 {
		saw(v, "Date", "%s", at.Format(time.RFC1123Z))
	}
}

// sent is the time at which the first host took the message, zero if none says,
// and the latest that there is.
func sent(env *checks.Env, m *facts.Mail) (first, last time.Time, what string) {
	for _, h := range m.Hops {
		if h.At.IsZero() {
			continue
		}
		if first.IsZero() {
			first = h.At
		}
		if h.At.After(last) {
			last, what = h.At, "the message was received"
		}
	}
	if last.IsZero() {
		return first, env.Now(), "now"
	}
	return first, last, what
}

// span is a time in its largest unit.
func span(d time.Duration) string {
	switch {
	case d >= 48*time.Hour:
		return fmt.Sprintf("%d days", d/(24*time.Hour))
	case d >= 2*time.Hour:
		return fmt.Sprintf("%d hours", d/time.Hour)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d minutes", d/time.Minute)
	}
	return fmt.Sprintf("%d seconds", d/time.Second)
}
