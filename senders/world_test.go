package senders_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/senders"
)

// A line is one record of a report: "ADDRESS COUNT dkim|spf|both|none [as KEY=VALUE...]".
// KEY is from, d (domain/selector/result), spf (domain/result), reason, fate.
type line string

// xml is the record.
func (l line) xml() string {
	words := strings.Fields(string(l))
	pass := map[bool]string{true: "pass", false: "fail"}
	from, fate, reasons, results := "example.com", "none", "", ""
	for _, word := range words[3:] {
		key, value, _ := strings.Cut(word, "=")
		parts := strings.Split(value+"//", "/")
		switch key {
		case "from":
			from = value
		case "fate":
			fate = value
		case "reason":
			reasons += "<reason><type>" + value + "</type></reason>"
		case "d":
			results += "<dkim><domain>" + parts[0] + "</domain><selector>" + parts[1] + "</selector><result>" + parts[2] + "</result></dkim>"
		case "spf":
			results += "<spf><domain>" + parts[0] + "</domain><scope>mfrom</scope><result>" + parts[1] + "</result></spf>"
		}
	}
	how := words[2]
	return fmt.Sprintf("<record><row><source_ip>%s</source_ip><count>%s</count><policy_evaluated><disposition>%s</disposition><dkim>%s</dkim><spf>%s</spf>%s</policy_evaluated></row><identifiers><header_from>%s</header_from></identifiers><auth_results>%s</auth_results></record>",
		words[0], words[1], fate, pass[how == "dkim" || how == "both"], pass[how == "spf" || how == "both"], reasons, from, results)
}

// A letter is one report to add up.
type letter struct {
	day    int // of November 2026
	org    string
	policy string // XML; p=none where empty
	domain string // example.com where empty
	lines  []line
}

func (l letter) xml() string {
	policy, name := l.policy, l.domain
	if policy == "" {
		policy = "<p>none</p>"
	}
	if name == "" {
		name = "example.com"
	}
	begin := time.Date(2026, 11, l.day, 0, 0, 0, 0, time.UTC)
	var b strings.Builder
	fmt.Fprintf(&b, "<feedback><report_metadata><org_name>%s</org_name><email>dmarc@%s</email><report_id>%d-%s-%s</report_id><date_range><begin>%d</begin><end>%d</end></date_range></report_metadata><policy_published><domain>%s</domain>%s</policy_published>",
		l.org, l.org, l.day, l.org, policy[3:4], begin.Unix(), begin.Unix()+86399, name, policy)
	for _, r := range l.lines {
		b.WriteString(r.xml())
	}
	return b.String() + "</feedback>"
}

// add adds reports up.
func add(t *testing.T, tally *senders.Tally, letters ...letter) {
	t.Helper()
	for _, l := range letters {
		for doc, err := range feedback.From(context.Background(), "report.xml", strings.NewReader(l.xml())) {
			if err == nil {
				err = tally.Add(doc)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
}

// daily is reports of three receivers a day, from day to day.
func daily(from, to int, policy string, lines ...line) (list []letter) {
	for day := from; day <= to; day++ {
		for _, org := range []string{"one.example", "two.example", "three.example"} {
			list = append(list, letter{day: day, org: org, policy: policy, lines: lines})
		}
	}
	return list
}

// summary is the tallies of a desk: domain, reports, messages, TLS sessions.
func summary(d *senders.Desk) string {
	var b strings.Builder
	for _, t := range d.Tallies() {
		fmt.Fprintf(&b, "%s %d %d %d/%d, ", t.Domain(), t.Reports, t.Total().Messages, t.TLS().Successes, t.TLS().Failures)
	}
	return b.String()
}
