package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/report"
)

func planned() report.ServerPlan {
	return report.ServerPlan{
		File: "maildoctor\x1b.yaml", Hostname: "mx.example.org", State: "/var/lib/maildoctor", Metrics: "127.0.0.1:9125", Listeners: []string{"mx :25", "submissions :465"},
		Domains: []string{"example.org", "example.net"}, Mailboxes: []string{"ann", "postmaster"}, Aliases: []string{"sales → ann"}, Certs: []string{"mx.example.org, until 2027-01-21"},
		Users: []report.ServerUser{{Name: "ann", Senders: []string{"ann@example.org", "@example.net"}}}, Signing: []report.ServerSigning{{Domain: "example.org", Selectors: []string{"s1", "s2"}}},
		Routes: []string{"gmail.com: by ses", "everything else: directly"}, Notes: []string{"others on this machine can read ann.password, which holds a password\x07"},
	}
}

func TestServerPlanned(t *testing.T) {
	for _, width := range []int{60, 100} {
		var b bytes.Buffer
		if err := report.ServerPlanned(&b, planned(), report.TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		fits(t, b.String(), width)
		flat := strings.Join(strings.Fields(b.String()), " ")
		for _, part := range []string{
			`✓ maildoctor\x1b.yaml is right.`, "Name mx.example.org", "Listens mx :25 submissions :465", "Takes mail for example.org, example.net", "Mailboxes ann, postmaster, sales → ann",
			"Certificate mx.example.org, until 2027-01-21", "Users ann as ann@example.org, @example.net", "Signs example.org with s1, s2", "Sends gmail.com: by ses everything else: directly",
			"State /var/lib/maildoctor", `! others on this machine can read ann.password, which holds a password\x07`,
		} {
			if !strings.Contains(flat, part) {
				t.Errorf("width %d: no %q in\n%s", width, part, b.String())
			}
		}
	}
	var b bytes.Buffer
	if err := report.ServerPlanned(&b, report.ServerPlan{}, report.TextOptions{}); err != nil || !strings.Contains(b.String(), "mail for no domain: it only sends") {
		t.Error(b.String(), err)
	}
}

func TestServerPlannedJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.ServerPlannedJSON(&b, planned()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema, Hostname string
		Users            []struct{ Senders []string }
		Notes            []string
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil {
		t.Fatal(err)
	}
	if got.Schema != "maildoctor.server-plan/v1" || got.Hostname != "mx.example.org" || len(got.Users) != 1 || len(got.Users[0].Senders) != 2 || len(got.Notes) != 1 {
		t.Errorf("%+v\n%s", got, b.String())
	}
	b.Reset()
	if err := report.ServerPlannedJSON(&b, report.ServerPlan{}); err != nil || strings.Contains(b.String(), "null") {
		t.Errorf("%v\n%s", err, b.String())
	}
}
