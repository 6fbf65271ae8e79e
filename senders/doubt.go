package senders

import (
	"fmt"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/record"
)

const (
	longest = 31 * 24 * time.Hour // that a report may cover; a day is usual (RFC 9990, 3.5)
	ahead   = 36 * time.Hour      // that clocks and time zones may differ by
)

// firstReports is when the first DMARC reports were written.
var firstReports = time.Date(2011, 1, 1, 0, 0, 0, 0, time.UTC)

// doubt is why a report is not to be believed; empty where nothing speaks against it.
// That nothing does proves nothing: whoever writes a report can write what he likes.
func (t *Tally) doubt(doc *feedback.Document) string {
	head := doc.Aggregate
	if why := t.impossible(head.Begin, head.End); why != "" {
		return why
	}
	if doc.Mail == nil {
		return ""
	}
	if doc.Mail.DMARC == "fail" {
		return "the mail that brought it failed DMARC"
	}
	writer := writerOf(head.Email)
	if writer == "" || doc.Mail.From == "" || t.org(doc.Mail.From) == t.org(writer) {
		return ""
	}
	for _, signer := range doc.Mail.Signers {
		if t.org(signer) == t.org(writer) {
			return ""
		}
	}
	return fmt.Sprintf("it says that %s wrote it, but the mail that brought it is from %s", record.Display(writer), record.Display(doc.Mail.From))
}

// writerOf is the domain of the address of who wrote a report.
func writerOf(email string) string {
	_, host, ok := strings.Cut(email, "@")
	if !ok {
		return ""
	}
	name, err := record.ParseDomain(strings.TrimRight(strings.TrimSpace(host), ">"))
	if err != nil {
		return ""
	}
	return name
}

// impossible is why a report cannot be about its period.
func (t *Tally) impossible(begin, end time.Time) string {
	switch {
	case !t.now.IsZero() && end.After(t.now.Add(ahead)):
		return "it is about a time to come: until " + end.Format("2006-01-02 15:04")
	case begin.Before(firstReports):
		return "it is about a time before there was DMARC: " + begin.Format("2006-01-02")
	case end.Sub(begin) > longest:
		return fmt.Sprintf("it is about %d days at once, from %s", int(end.Sub(begin).Hours()/24), begin.Format("2006-01-02"))
	}
	return ""
}
