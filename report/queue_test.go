package report_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/report"
)

var queueNow = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

func queued(id, state string) report.QueueMessage {
	return report.QueueMessage{
		ID: id, State: state, From: "ann@sender.example", Received: queueNow.Add(-3 * time.Hour), Size: 4096, Total: 2, Waiting: 1,
		Next: queueNow.Add(20 * time.Minute), Until: queueNow.Add(100 * time.Hour), Delayed: true, Auth: "ann\x1b[2J", Client: "192.0.2.9", HELO: "laptop", TLS: "TLS 1.3",
		Rcpts: []report.QueueRcpt{
			{
				Addr: "bob\u202e@example.net", Status: "waiting", Attempts: 2, Tried: queueNow.Add(-time.Hour), Next: queueNow.Add(20 * time.Minute), Maybe: true,
				Reply: &report.QueueReply{Code: 421, Enhanced: "4.7.28", Text: "slow\ndown\x07", Host: "mx.example.net", Plain: "Too much at once.", Do: "Send less.", Link: "https://example.net/why"},
			},
			{Addr: "eve@example.com", Status: "delivered", Attempts: 1, Reply: &report.QueueReply{Code: 250, Enhanced: "2.0.0", Text: "OK", Host: "mx.example.com"}},
		},
	}
}

func queueText(t *testing.T, l report.QueueList, width int) string {
	t.Helper()
	l.At = queueNow
	var b bytes.Buffer
	if err := report.Queue(&b, l, report.TextOptions{Width: width}); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func fits(t *testing.T, text string, width int) {
	t.Helper()
	if strings.ContainsAny(text, "\x1b\x07\u202e") {
		t.Errorf("controls in %q", text)
	}
	for l := range strings.Lines(text) {
		if n := len([]rune(strings.TrimSuffix(l, "\n"))); n > width {
			t.Errorf("%d columns: %q", n, l)
		}
	}
}

func TestQueue(t *testing.T) {
	l := report.QueueList{Running: true, Total: 3, Matching: 3, Messages: []report.QueueMessage{queued("a1", "deferred"), queued("a2", "held"), {ID: "a3", State: "delivering", Received: queueNow, Size: 3 << 20, Total: 1, Rcpts: []report.QueueRcpt{{Addr: "x@y.example", Status: "waiting"}}}}}
	for _, width := range []int{60, 80, 120} {
		text := queueText(t, l, width)
		fits(t, text, width)
		for _, part := range []string{
			"a1  3 h old, 4 KiB, deferred, next in 20 min\n", "a2  3 h old, 4 KiB, held\n", "a3  0 s old, 3.0 MiB, being delivered\n  <> → x@y.example\n",
			`ann@sender.example → bob\u{202e}@example.net and 1 more`, `? bob\u{202e}@example.net: 421 4.7.28 of mx.example.net:`,
			"3 messages in the queue: 1 deferred, 1 held, 1 delivering.\n",
		} {
			if !strings.Contains(text, part) {
				t.Errorf("width %d: no %q in\n%s", width, part, text)
			}
		}
	}
}

func TestQueueEnds(t *testing.T) {
	for want, l := range map[string]report.QueueList{
		"The queue is empty.": {},
		"No mail server runs. This is what lies in its spool, /spool.":                                             {Where: "/spool"},
		"None of 5 messages in the queue is held.":                                                                 {Total: 5, Asked: "held"},
		"2 of 5 messages in the queue (held); the 1 oldest are shown, --limit 0 shows all.":                        {Total: 5, Matching: 2, Asked: "held", Messages: []report.QueueMessage{queued("a1", "held")}},
		"! What could not be delivered because it is broken was moved out of the way: 2 notes in /spool/bad\\x1b.": {Aside: 2, AsideDir: "/spool/bad\x1b"},
		`✗ a7 cannot be delivered: short \x1b`:                                                                     {Broken: []report.QueueBroken{{ID: "a7", Why: "short \x1b"}}},
	} {
		if text := queueText(t, l, 120); !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}

func TestQueueShow(t *testing.T) {
	header := "Received: from x\r\n\tby y\r\nSubject: \x1b[31m\r\n" + strings.Repeat("X: "+strings.Repeat("y", 100)+"\r\n", 20)
	d := report.QueueDetail{QueueMessage: queued("a1", "held"), At: queueNow, Running: true, Path: "/spool/a1.eml", Header: header, Cut: true}
	for _, verbose := range []bool{false, true} {
		var b bytes.Buffer
		if err := report.QueueShow(&b, d, report.TextOptions{Width: 60, Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		text := b.String()
		if !verbose {
			fits(t, text, 60)
		}
		flat := strings.Join(strings.Fields(text), " ")
		for _, part := range []string{
			"held; nothing is tried before maildoctor mta queue release a1; the sender was told of the delay", "2026-11-22 09:00:00 UTC, 3 h ago",
			`submitted by ann\x1b[2J, from 192.0.2.9 (laptop), under TLS 1.3`, "until 2026-11-26 16:00:00 UTC", "/spool/a1.eml", "2 recipients, 1 wait:",
			"waiting, 2 attempts, the last one 60 min ago, the next one in 20 min", "it may have been delivered, and may come twice",
			`421 4.7.28 of mx.example.net: slow down\x07 That means: Too much at once. → Send less. https://example.net/why`,
			"✓ eve@example.com, delivered, 1 attempt 250 2.0.0 of mx.example.com: OK", `Subject: \x1b[31m`,
		} {
			if !strings.Contains(flat, part) {
				t.Errorf("no %q in\n%s", part, text)
			}
		}
		if more := strings.Contains(text, "11 more lines; --verbose shows them"); more == verbose || verbose != strings.Contains(text, "… and more, in the file") {
			t.Errorf("verbose %v:\n%s", verbose, text)
		}
	}
}

func TestQueueAction(t *testing.T) {
	many := make([]string, 30)
	for i := range many {
		many[i] = fmt.Sprint("id", i)
	}
	for want, d := range map[string]report.QueueDone{
		"✓ a is tried now\n":                                                                     {Action: "retry", Running: true, IDs: []string{"a"}},
		"✓ a is tried when the mail server starts\n":                                             {Action: "retry", IDs: []string{"a"}},
		"✓ 30 messages were removed; nobody was told\n":                                          {Action: "remove", Running: true, IDs: many},
		"✓ a is held until it is released\n✗ b\\x1b: no such message\n":                          {Action: "hold", Running: true, IDs: []string{"a"}, Failed: []report.QueueFailure{{ID: "b\x1b", Why: "no such message"}}},
		"✓ a is held until it is released\n! b is broken, and was moved out of the way: short\n": {Action: "hold", IDs: []string{"a"}, Broken: []report.QueueBroken{{ID: "b", Why: "short"}}},
		"No message fits; nothing was done.\n":                                                   {Action: "release"},
	} {
		var b bytes.Buffer
		if err := report.QueueAction(&b, d, report.TextOptions{}); err != nil || b.String() != want {
			t.Errorf("%q, %v, want %q", b.String(), err, want)
		}
	}
}

func TestQueueJSON(t *testing.T) {
	var b bytes.Buffer
	if err := report.QueueJSON(&b, report.QueueList{At: queueNow, Running: true, Total: 2, Matching: 1, Messages: []report.QueueMessage{queued("a1", "deferred")}}); err != nil {
		t.Fatal(err)
	}
	if err := report.QueueShowJSON(&b, report.QueueDetail{QueueMessage: queued("a2", "held"), At: queueNow, Path: "/x", Header: "A: \xff\x1b\r\n"}); err != nil {
		t.Fatal(err)
	}
	if err := report.QueueActionJSON(&b, report.QueueDone{Action: "hold", IDs: []string{"a3"}}); err != nil {
		t.Fatal(err)
	}
	if strings.ContainsAny(b.String(), "\x1b\x07\u202e") || strings.Contains(b.String(), ": null") && !strings.Contains(b.String(), `"reply": null`) {
		t.Errorf("controls or null in %s", b.String())
	}
	d := json.NewDecoder(&b)
	var list struct {
		Schema   string
		Total    int
		Messages []struct {
			ID, State, Next string
			Recipients      []struct {
				Addr  string
				Reply struct{ Text, Plain string }
			}
		}
		Broken []any
	}
	if err := d.Decode(&list); err != nil || list.Schema != report.QueueSchema || list.Total != 2 || list.Messages[0].ID != "a1" || list.Messages[0].Next != "2026-11-22T12:20:00Z" ||
		list.Messages[0].Recipients[0].Reply.Text != "slow\ndown\x07" || list.Messages[0].Recipients[0].Addr != "bob\u202e@example.net" || list.Broken == nil {
		t.Errorf("%+v, %v", list, err)
	}
	var shown struct{ Schema, ID, Path, Header string }
	if err := d.Decode(&shown); err != nil || shown.Schema != report.QueueShowSchema || shown.ID != "a2" || shown.Path != "/x" || shown.Header != "A: \\xff\x1b\r\n" {
		t.Errorf("%+v, %v", shown, err)
	}
	var done struct {
		Schema      string
		IDs, Failed []any
	}
	if err := d.Decode(&done); err != nil || done.Schema != report.QueueActionSchema || len(done.IDs) != 1 || done.Failed == nil {
		t.Errorf("%+v, %v", done, err)
	}
}
