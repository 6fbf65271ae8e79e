package report_test

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/report"
)

func testAddresses() []report.TestAddress {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	return []report.TestAddress{
		{Address: "test-a@example.org", Made: at, Until: at.Add(24 * time.Hour), Mails: []report.TestMail{
			{ID: "m1", At: at.Add(time.Minute), From: "ann\x1b[2J@example.net", Client: "192.0.2.25", Size: 1},
			{ID: "m2", At: at.Add(time.Hour), Size: 2000},
		}},
		{Address: "test-b@example.org", Made: at, Until: at.Add(time.Hour)},
	}
}

func TestInboxText(t *testing.T) {
	for _, c := range []struct {
		list []report.TestAddress
		want string
	}{
		{nil, "No test address takes mail now.\n"},
		{testAddresses(), `test-a@example.org
  takes mail until 2026-11-23 12:00:00 UTC
  m1  2026-11-22 12:01:00 UTC
    from <ann\x1b[2J@example.net> by 192.0.2.25, 1 octet
  m2  2026-11-22 13:00:00 UTC
    from <>, 2000 octets

test-b@example.org
  takes mail until 2026-11-22 13:00:00 UTC
  nothing came yet
`},
	} {
		var b strings.Builder
		if err := report.InboxText(&b, c.list, report.TextOptions{}); err != nil || b.String() != c.want {
			t.Errorf("%v\n%s\nwant\n%s", err, b.String(), c.want)
		}
	}
}

func TestInboxJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.InboxJSON(&b, testAddresses()); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema": "maildoctor.inboxes/v1"`, `"mail_from": "ann\u001b[2J@example.net"`, `"until": "2026-11-22T13:00:00`, `"size": 2000`} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %s in\n%s", want, b.String())
		}
	}
	b.Reset()
	if err := report.IssuedJSON(&b, testAddresses()[1]); err != nil || strings.Count(b.String(), "\n") != 1 || !strings.HasPrefix(b.String(), `{"schema":"maildoctor.inbox/v1","address":"test-b@example.org","made":"2026-11-22T12:00:00`) {
		t.Errorf("%v, %s", err, b.String())
	}
}
