package report_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/senders"
)

// hostileReport is a report whose every text would steer a terminal, a page or a log.
const hostileReport = `<feedback><report_metadata><org_name>&#27;[31m##[error]&#x202e;&lt;script&gt;|` + "`" + `</org_name><email>d@receiver.example</email><report_id>1</report_id><date_range><begin>1793491200</begin><end>1793577599</end></date_range></report_metadata>
<policy_published><domain>example.com</domain><p>&#27;]0;none</p><sp>&#7;</sp></policy_published>
<record><row><source_ip>192.0.2.25</source_ip><count>3</count><policy_evaluated><disposition>&#27;</disposition><dkim>pass</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers><auth_results><dkim><domain>example.com</domain><selector>&#27;[2J&#10;::error::</selector><result>pass</result></dkim></auth_results></record>
<record><row><source_ip>198.51.100.7</source_ip><count>900000000</count><policy_evaluated><disposition>none</disposition><dkim>fail</dkim><spf>fail</spf></policy_evaluated></row><identifiers><header_from>example.com</header_from></identifiers><auth_results><spf><domain>averyveryveryveryveryveryveryverylongnameindeedthatdoesnotfitanywhere.example</domain><result>pass</result></spf></auth_results></record>
</feedback>`

const hostileTLS = `{"organization-name":"\u001b[31m","date-range":{"start-datetime":"2026-11-01T00:00:00Z","end-datetime":"2026-11-01T23:59:59Z"},"report-id":"1","policies":[{"policy":{"policy-type":"\u001b","policy-domain":"example.com"},"summary":{"total-failure-session-count":2},"failure-details":[{"result-type":"\u0007bell","failed-session-count":2}]}]}`

// feedbackOf is the page on reports.
func feedbackOf(t *testing.T, contents ...string) report.Feedback {
	t.Helper()
	now := time.Date(2026, 11, 2, 12, 0, 0, 0, time.UTC)
	desk := senders.NewDesk("", senders.Options{Now: now})
	page := report.Feedback{
		Refused: []feedback.Refusal{{Name: "\x1b[1m.xml", Reason: "\x07", Next: "##[group]"}},
		Notes:   []report.FeedbackNote{{Text: "\x1b", Name: "\r", Reports: 1}},
	}
	for _, content := range contents {
		for doc, err := range feedback.From(context.Background(), "a\x1b.xml", strings.NewReader(content)) {
			if err == nil {
				err = desk.Take(doc)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, tally := range desk.Tallies() {
		sources := tally.Sources()
		page.Domains = append(page.Domains, report.Reported{Tally: tally, Sources: sources, Outlook: tally.Outlook(sources, now), Since: "\x1b", Untold: "\x9b"})
	}
	if len(page.Domains) == 0 {
		t.Fatal("no domain")
	}
	return page
}

// What strangers write steers no terminal, and no line is wider than the page.
func TestFeedbackIsInert(t *testing.T) {
	page := feedbackOf(t, hostileReport, hostileTLS)
	for _, width := range []int{40, 60, 80, 120} {
		for _, verbose := range []bool{false, true} {
			var b bytes.Buffer
			if err := report.FeedbackText(&b, page, report.TextOptions{Width: width, Verbose: verbose}); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(b.String()) {
				line = strings.TrimSuffix(line, "\n")
				if report.Escape(line) != line {
					t.Errorf("width %d: the line %q steers", width, line)
				}
				if n := utf8.RuneCountInString(line); n > width && !strings.Contains(line, `\x3a`) { // broken up behind the wrapping
					t.Errorf("width %d: %d columns: %s", width, n, line)
				}
			}
		}
	}
	var b bytes.Buffer
	if err := report.FeedbackJSON(&b, page); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		if line = strings.TrimSuffix(line, "\n"); report.Escape(line) != line {
			t.Errorf("the JSON line %q steers", line)
		}
	}
	var document struct {
		Schema  string
		Domains []struct{ Sources []struct{ Name string } }
	}
	if err := json.Unmarshal(b.Bytes(), &document); err != nil || document.Schema != report.FeedbackSchema || len(document.Domains[0].Sources) != 2 {
		t.Errorf("%v, %+v", err, document)
	}
	b.Reset()
	if err := report.FeedbackMarkdown(&b, page); err != nil {
		t.Fatal(err)
	}
	if text := b.String(); strings.ContainsAny(text, "\x1b\x07\r") || strings.Contains(text, "<script") {
		t.Errorf("the Markdown steers: %q", text)
	}
}

// The record of the next step stands on a line of its own, to be copied.
func TestFeedbackRecord(t *testing.T) {
	page := feedbackOf(t, hostileReport)
	const policy = "v=DMARC1; p=quarantine; t=y; rua=mailto:averylongmailbox-for-dmarc-reports@reports.example.com; fo=1"
	page.Domains[0].Records = []record.Record{record.TXT("_dmarc.example.com.", policy)}
	var b bytes.Buffer
	if err := report.FeedbackText(&b, page, report.TextOptions{Width: 60}); err != nil {
		t.Fatal(err)
	}
	if want := "\n_dmarc.example.com. IN TXT \"" + policy + "\"\n"; !strings.Contains(b.String(), want) {
		t.Errorf("no line %q in\n%s", want, b.String())
	}
}
