package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/report"
)

func server() report.Server {
	return report.Server{
		At: queueNow, Version: "1.2\x1b", PID: 42, Since: queueNow.Add(-3 * time.Hour), Reloaded: queueNow.Add(-time.Hour), Hostname: "mx.example.org",
		Domains: []string{"example.org", "example.net"}, Listeners: []string{"mx :25"}, Sessions: 7, Accepted: 5, Refused: 2, Delivered: 4, Failed: 1, Deferred: 3,
		Messages: 3, DeferredMessages: 1, Held: 1, Delivering: 1, Octets: 2 << 20, Oldest: queueNow.Add(-time.Hour), Spool: "/spool", Free: 3 << 30, MinFree: 256 << 20,
		Certs: []report.ServerCert{
			{Names: []string{"mx.example.org"}, NotAfter: queueNow.Add(60 * 24 * time.Hour), TLSA: []string{"3 1 1 ab", "3 1 1 cd\x1b"}},
			{Names: []string{"old.example.org"}, NotAfter: queueNow.Add(-time.Hour), From: "old.pem"},
			{From: "gone.pem", Error: "no such file"},
			{Names: []string{"due.example.org"}, NotAfter: queueNow.Add(time.Hour), Error: "the authority\x1b says no"},
		},
		Problems: []string{"the disk\x1b"},
	}
}

func TestServerStatus(t *testing.T) {
	for _, width := range []int{60, 100} {
		var b bytes.Buffer
		if err := report.ServerStatus(&b, server(), report.TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		fits(t, b.String(), width)
		flat := strings.Join(strings.Fields(b.String()), " ")
		for _, part := range []string{
			"mail server mx.example.org", `since 2026-11-22 09:00:00 UTC (3 h), process 42, version 1.2\x1b`, "read again 2026-11-22 11:00:00 UTC", "mail for example.org, example.net",
			"mx :25", "7 sessions; 5 messages taken, 2 refused 4 recipients delivered to, 1 failed; 3 attempts put off",
			"3 messages (2.0 MiB), 1 deferred, 1 held; 1 being delivered; the oldest is 60 min old", "3.0 GiB free; below 256 MiB no mail is taken",
			"✓ mx.example.org: valid for 60 days, until 2027-01-21", `another key, whose record comes first: TLSA 3 1 1 cd\x1b`, "✗ old.example.org: ended 2026-11-22 11:00:00 UTC", "✗ gone.pem: none: no such file",
			`! due.example.org: valid for 60 min, until 2026-11-22 13:00:00 UTC; the authority\x1b says no`, `! the disk\x1b`,
		} {
			if !strings.Contains(flat, part) {
				t.Errorf("width %d: no %q in\n%s", width, part, b.String())
			}
		}
	}
	var b bytes.Buffer
	if err := report.ServerStatus(&b, report.Server{At: queueNow}, report.TextOptions{}); err != nil || !strings.Contains(b.String(), "✓ nothing to look at") || !strings.Contains(b.String(), "Queue        empty\n") {
		t.Error(b.String(), err)
	}
}

func TestServerJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.ServerJSON(&b, server()); err != nil {
		t.Fatal(err)
	}
	var got struct {
		Schema, Hostname, Since string
		Queue                   struct{ Messages, Held int }
		Counts                  struct{ Accepted int }
		Certificates            []struct{ Error string }
		Problems                []string
	}
	if err := json.Unmarshal(b.Bytes(), &got); err != nil || got.Schema != report.ServerSchema || got.Since != "2026-11-22T09:00:00Z" || got.Queue.Held != 1 || got.Counts.Accepted != 5 ||
		len(got.Certificates) != 4 || got.Problems[0] != "the disk\x1b" || strings.Contains(b.String(), "\x1b") {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestServerReloaded(t *testing.T) {
	for want, r := range map[string]report.ServerReload{
		"✓ The settings were read again; nothing has changed.\n":                                                      {},
		"✓ The settings were read again; what has changed: domains, users.\n! Only a restart changes: listen\\x1b.\n": {Changed: []string{"domains", "users"}, Later: []string{"listen\x1b"}},
	} {
		var b bytes.Buffer
		if err := report.ServerReloaded(&b, r, report.TextOptions{}); err != nil || b.String() != want {
			t.Errorf("%q, %v", b.String(), err)
		}
	}
	var b bytes.Buffer
	if err := report.ServerReloadedJSON(&b, report.ServerReload{}); err != nil || !strings.Contains(b.String(), `"changed": []`) {
		t.Error(b.String(), err)
	}
}
