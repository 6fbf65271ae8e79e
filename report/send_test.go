package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/report"
)

// sending is one message to two domains: one takes it at the second attempt, one
// refuses one recipient and loses the answer about the other.
func sending() report.Sending {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	tls := &report.SendTLS{Version: "TLS 1.3", Cipher: "TLS_AES_128_GCM_SHA256", Names: []string{"mx.example.net"}, Issuer: "Test\x1b CA", Until: at.AddDate(0, 1, 0), Fault: "not trusted: expired"}
	policy := &report.SendPolicy{Source: "mta-sts", Least: "verified", Why: "the policy is enforced"}
	refused := report.Stage{Name: "rcpt", Outcome: diagnosis.Failed, Said: "RCPT TO:<b@example.net> → 450-4.2.0 Greylisted\x07", More: []string{"450 4.2.0 see \x1b[31mhere"}, Took: 12 * time.Millisecond}
	taken := report.Stage{Name: "message", Said: "(message of 400 octets) → 250 Ok", Took: 1500 * time.Millisecond}
	return report.Sending{
		At: at, End: at.Add(90 * time.Second), From: "a@example.com", To: []string{"b@example.net", "c@example.org", "d@example.org"}, Subject: "Grüße\x07", MessageID: "1@example.com",
		Octets: 400, Signed: []string{"s1 of example.com (Ed25519)"}, HELO: "mail.example.com", Seen: []string{"192.0.2.1"}, Message: "From: a@example.com\r\nSubject: x\x1b\r\n\r\nhello\r\n",
		Warnings: []report.SendWarning{{ID: "ptr", Text: "no PTR record", Do: "Set one."}, {ID: "key-unknown", Text: "the server did not answer"}},
		Plans: []report.SendPlan{
			{Destination: "example.net", Route: "direct", Provider: "example.net", Hosts: []report.SendHost{
				{Name: "mx.example.net", Addresses: []string{"192.0.2.2"}, Policy: policy},
				{Name: "mx2.example.net", Addresses: []string{"192.0.2.3"}, Left: []string{"10.0.0.1 is private"}, Fault: "the MTA-STS policy does not name it"},
			}},
			{Destination: "example.org", Route: "direct", Faults: []string{"no host has an address"}},
		},
		Sent: true, Port25: "closed",
		Deliveries: []report.SendDelivery{
			{Destination: "example.net", Tries: []report.SendTry{
				{At: at, Took: time.Second, Route: "direct", Sessions: []report.SendSession{{Host: "mx.example.net", Address: "192.0.2.2:25", Policy: policy, Stages: []report.Stage{refused}, Took: time.Second}}},
				{At: at.Add(time.Minute), Took: time.Second, Route: "direct", Sessions: []report.SendSession{{Host: "mx.example.net", Address: "192.0.2.2:25", Policy: policy, TLS: tls, Stages: []report.Stage{taken}, Took: 1600 * time.Millisecond}}},
			}, Recipients: []report.SendRecipient{
				{Address: "b@example.net", Fate: report.SendDelivered, Host: "mx.example.net", Stage: "message", Said: true, Code: 250, Status: "2.0.0", Text: "2.0.0 Ok: queued as 123456", QueueID: "123456", Tries: 2, Next: "Look."},
			}},
			{Destination: "example.org", Tries: []report.SendTry{{At: at, Route: "direct"}}, Recipients: []report.SendRecipient{
				{
					Address: "c@example.org", Fate: report.SendRefused, Host: "mx.example.org", Stage: "rcpt", Said: true, Code: 550, Status: "5.7.1", Text: "5.7.1 no\x1b[2J\n5.7.1 really", Tries: 1,
					Meaning: "policy", Plain: "A rule.", Next: "Ask.", Link: "https://example.org/", Source: "https://example.org/source",
				},
				{Address: "d@example.org", Fate: report.SendMaybe, Host: "mx.example.org", Stage: "message", Code: 451, Status: "4.4.2", Text: "connection closed", Tries: 1},
			}},
		},
	}
}

func TestSendText(t *testing.T) {
	for _, test := range []struct {
		name  string
		o     report.TextOptions
		write func(*bytes.Buffer, report.TextOptions) error
	}{
		{"plan.txt", report.TextOptions{}, func(b *bytes.Buffer, o report.TextOptions) error { return report.SendPlanText(b, sending(), true, o) }},
		{"sent.txt", report.TextOptions{}, func(b *bytes.Buffer, o report.TextOptions) error { return report.SendText(b, sending(), o) }},
		{"sent.60.txt", report.TextOptions{Verbose: true, Width: 60}, func(b *bytes.Buffer, o report.TextOptions) error { return report.SendText(b, sending(), o) }},
		{"json", report.TextOptions{}, func(b *bytes.Buffer, _ report.TextOptions) error { return report.SendJSON(b, sending(), true) }},
	} {
		t.Run(test.name, func(t *testing.T) {
			var b bytes.Buffer
			if err := test.write(&b, test.o); err != nil {
				t.Fatal(err)
			}
			if strings.ContainsAny(b.String(), "\x1b\x07") {
				t.Errorf("controls in %q", b.String())
			}
			golden(t, "send."+test.name, b.String())
		})
	}
}

// A message that was not sent has no fates; arrays are never null.
func TestSendJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.SendJSON(&b, report.Sending{}, false); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(b.String(), "null") || strings.Contains(b.String(), `"message"`) {
		t.Errorf("%s", b.String())
	}
	var got struct {
		Schema string
		Sent   bool
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.Schema != report.SendSchemaName || got.Sent {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestSendEnd(t *testing.T) {
	with := func(interrupted bool, fates ...string) report.Sending {
		s := report.Sending{Interrupted: interrupted, Deliveries: []report.SendDelivery{{Destination: "example.org"}}}
		for _, f := range fates {
			s.Deliveries[0].Recipients = append(s.Deliveries[0].Recipients, report.SendRecipient{Address: "a@example.org", Fate: f})
		}
		return s
	}
	for want, s := range map[string]report.Sending{
		"The message is delivered.":                    with(false, report.SendDelivered),
		"The message is refused for good.":             with(false, report.SendRefused, report.SendRefused),
		"The message may have been delivered.":         with(false, report.SendMaybe),
		"The message could not be tried.":              with(false, report.SendUntried),
		"1 of 2 delivered, 1 of 2 refused for now.":    with(false, report.SendDeferred, report.SendDelivered),
		"Interrupted: the message is refused for now.": with(true, report.SendDeferred),
	} {
		var b bytes.Buffer
		if err := report.SendText(&b, s, report.TextOptions{}); err != nil || !strings.HasSuffix(b.String(), "\n"+want+"\n") {
			t.Errorf("want %s in\n%s", want, b.String())
		}
	}
}
