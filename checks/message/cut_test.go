package message_test

import (
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/message"
	"github.com/maildoctor/maildoctor/diagnosis"
	mail "github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/resolve"
)

func examine(t *testing.T, m *mail.Message) []diagnosis.Result {
	t.Helper()
	env := &checks.Env{Message: m, DNS: resolve.NewZone(nil), Now: func() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }}
	results := checks.Run(t.Context(), env, message.Checks.All(), nil)
	if len(results) != len(message.Checks.All()) {
		t.Fatalf("%d results of %d checks", len(results), len(message.Checks.All()))
	}
	return results
}

// TestCut: of a message that was not read to its end nothing is told, neither
// that something is missing nor that all is well.
func TestCut(t *testing.T) {
	m, _ := mail.Parse([]byte("From: a@example.org\r\n" + strings.Repeat("X: y\r\n", mail.MaxFields) + "Date: Sun, 22 Nov 2026 11:58:00 +0000\r\n\r\nText\r\n"))
	if !m.Cut {
		t.Fatal("the message is not too large")
	}
	for _, r := range examine(t, m) {
		if r.Outcome != diagnosis.Unknown {
			t.Errorf("%s is %v: %v", r.Rule.ID, r.Outcome, r.Findings)
		}
	}
}

// TestNoMessage: without a message there is nothing to judge.
func TestNoMessage(t *testing.T) {
	for _, c := range message.Checks.All() {
		v, err := c.Run(t.Context(), &checks.Env{Domain: "example.org."})
		if err != nil || v.Outcome() != diagnosis.Skipped {
			t.Errorf("%s: %v %v", c.ID, v, err)
		}
	}
}

// FuzzMessage examines any message: every check comes to an end that can be
// explained, and nothing panics.
func FuzzMessage(f *testing.F) {
	for _, seed := range []string{
		"", "\r\n", "From: a@example.org\r\n\r\n", "From: a@gmail.com, b@example.org\r\nSender:\r\nDate: x\r\nMessage-ID: <@>\r\n\r\n",
		"List-Unsubscribe: <https://[>, <mailto:>\r\nList-Unsubscribe-Post: x\r\nDKIM-Signature: d=;h=;l=-1\r\nReceived: by x\r\nFrom: a@b.example\r\n\r\n",
		"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/html\r\nContent-Disposition: attachment; filename=\".exe\"\r\n\r\n<a href='http://[::1]:x/'><img><script>\r\n--b--",
		"Authentication-Results: a.example.org; none\r\nReceived: by a.example.org; Sun, 22 Nov 2026 11:58:00 +0000\r\nAuthentication-Results: a.example.org\r\nReply-To: x@example.org:y\r\n\r\n",
		"Subject: \xff\r\nContent-Transfer-Encoding: base64\r\nContent-Type: text/html; charset=utf-8\r\n\r\n\xff=\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		m, _ := mail.Parse(raw)
		for _, r := range examine(t, m) {
			if r.Outcome != diagnosis.Passed && r.Outcome != diagnosis.Failed && r.Reason == "" {
				t.Errorf("%s is %v without a reason", r.Rule.ID, r.Outcome)
			}
			if r.Outcome == diagnosis.Passed && len(r.Seen) == 0 {
				t.Errorf("%s passes and has seen nothing", r.Rule.ID)
			}
			if strings.Contains(r.Reason, "internal error") {
				t.Errorf("%s: %s", r.Rule.ID, r.Reason)
			}
		}
	})
}
