package report_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/peertest"
)

// components reads a calendar by the grammar of RFC 5545, 3.1 and 3.6: content
// lines of at most 75 octets, unfolded, within components that are closed.
func components(doc string) ([]map[string]string, error) {
	if !strings.HasSuffix(doc, "\r\n") {
		return nil, fmt.Errorf("the last line has no end")
	}
	var list []map[string]string
	var open []string
	for line := range strings.SplitSeq(strings.TrimSuffix(doc, "\r\n"), "\r\n") {
		if len(line) > 75 {
			return nil, fmt.Errorf("a line of %d octets", len(line))
		}
		if !utf8.ValidString(line) {
			return nil, fmt.Errorf("a character is split: %q", line)
		}
		if strings.ContainsAny(line, "\r\n") {
			return nil, fmt.Errorf("a bare line end: %q", line)
		}
	}
	unfolded := strings.ReplaceAll(doc, "\r\n ", "")
	for line := range strings.SplitSeq(strings.TrimSuffix(unfolded, "\r\n"), "\r\n") {
		name, value, ok := strings.Cut(line, ":")
		if !ok || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ-") != "" {
			return nil, fmt.Errorf("no content line: %.100q", line)
		}
		switch {
		case name == "BEGIN":
			open = append(open, value)
			list = append(list, map[string]string{"BEGIN": value})
		case name == "END":
			if len(open) == 0 || open[len(open)-1] != value {
				return nil, fmt.Errorf("%s ends, which is not open", value)
			}
			open = open[:len(open)-1]
		default:
			of := list[len(list)-1]
			if open[len(open)-1] == "VALARM" || of["BEGIN"] != "VALARM" {
				of[name] = value
			}
		}
	}
	if len(open) > 0 {
		return nil, fmt.Errorf("%v are not closed", open)
	}
	return list, nil
}

func events(t *testing.T, m migration.Move) (events, alarms []map[string]string) {
	t.Helper()
	list, err := components(writtenMove(t, "move.ics", m))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range list {
		switch c["BEGIN"] {
		case "VEVENT":
			events = append(events, c)
		case "VALARM":
			alarms = append(alarms, c)
		}
	}
	return events, alarms
}

func TestMoveICS(t *testing.T) {
	m := moving()
	list, alarms := events(t, m)
	if len(list) != len(m.Steps) || len(alarms) != len(m.Steps)-1 {
		t.Fatalf("%d events and %d alarms of %d steps, one of them done", len(list), len(alarms), len(m.Steps))
	}
	for i, want := range []struct{ start, status string }{
		{"20261124T202000Z", "CONFIRMED"}, {"20261126T200000Z", "TENTATIVE"}, {"20261201T200000Z", "TENTATIVE"}, {"20261231T213000Z", "CONFIRMED"},
	} {
		if e := list[i]; e["DTSTART"] != want.start || e["STATUS"] != want.status || e["DTSTAMP"] != "20261124T202000Z" {
			t.Errorf("event %d: %v, want %+v", i, e, want)
		}
	}
	if d := list[2]["DESCRIPTION"]; !strings.Contains(d, `\n+ example.org. IN MX 10 mail.example.org.`) || !strings.Contains(d, `nothing there. It is over by itself on Thu 3 Dec 2026\, 20:00 UTC.`) {
		t.Errorf("the switch says %s", d)
	}
	for _, a := range alarms {
		if a["TRIGGER"] != "-P1D" || a["ACTION"] != "DISPLAY" || a["DESCRIPTION"] == "" {
			t.Errorf("an alarm: %v", a)
		}
	}
}

// TestMoveICSAgain: a calendar that has the events takes the times of a later
// writing.
func TestMoveICSAgain(t *testing.T) {
	before, _ := events(t, moving())
	later := moving()
	later.Switch = later.Switch.Add(7 * day)
	later.Revision++
	later.Log = append(later.Log, migration.Entry{At: later.Begun.Add(5 * day), Text: "a week later"})
	after, _ := events(t, later)
	for i := range before {
		if before[i]["UID"] != after[i]["UID"] || before[i]["SEQUENCE"] >= after[i]["SEQUENCE"] || before[i]["DTSTAMP"] >= after[i]["DTSTAMP"] {
			t.Errorf("event %d: %v, then %v", i, before[i], after[i])
		}
		for j := range before {
			if i != j && before[i]["UID"] == before[j]["UID"] {
				t.Errorf("events %d and %d have one UID", i, j)
			}
		}
	}
	other := moving()
	other.Domain = "other.example."
	if list, _ := events(t, other); list[0]["UID"] == before[0]["UID"] {
		t.Error("two moves have one UID")
	}
}

// TestMoveICSFolds: wherever the limit falls in a character, the text comes back.
func TestMoveICSFolds(t *testing.T) {
	for lead := range 80 {
		m := moving()
		m.Steps[1].Title = strings.Repeat("x", lead) + strings.Repeat("ü→😀", 60) + `;,\`
		list, _ := events(t, m)
		want := "example.org: " + strings.Repeat("x", lead) + strings.Repeat("ü→😀", 60) + `\;\,\\`
		if got := list[1]["SUMMARY"]; got != want {
			t.Fatalf("with %d octets before: %q", lead, got)
		}
	}
}

// readICS prints each event of a calendar as a line of JSON.
const readICS = `
import sys, json, icalendar
cal = icalendar.Calendar.from_ical(open(sys.argv[1], 'rb').read())
for e in cal.walk('VEVENT'):
    print(json.dumps({'start': e['DTSTART'].dt.isoformat(), 'summary': str(e['SUMMARY']), 'text': str(e['DESCRIPTION']),
        'uid': str(e['UID']), 'status': str(e['STATUS']), 'alarms': [a['TRIGGER'].dt.total_seconds() for a in e.walk('VALARM')]}))
`

// TestPeersICS: the icalendar library of Python reads what was meant.
func TestPeersICS(t *testing.T) {
	python := peertest.Program(t, "python3")
	peertest.Works(t, "python3-icalendar", python, "-c", "import icalendar")
	m := moving()
	m.Steps[3].Title = `Raise; the TTLs, "back" \x to ` + strings.Repeat("früher → ", 20) + "😀"
	file := filepath.Join(t.TempDir(), "move.ics")
	if err := os.WriteFile(file, []byte(writtenMove(t, "move.ics", m)), 0o600); err != nil {
		t.Fatal(err)
	}
	out, err := exec.Command(python, "-c", readICS, file).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	rows := strings.Split(strings.TrimSpace(string(out)), "\n")
	if len(rows) != len(m.Steps) {
		t.Fatalf("%d events of %d steps:\n%s", len(rows), len(m.Steps), out)
	}
	for i, row := range rows {
		t.Log(row)
		var e struct {
			Start, Summary, Text string
			Alarms               []float64
		}
		if err := json.Unmarshal([]byte(row), &e); err != nil {
			t.Fatal(err)
		}
		s := m.Steps[i]
		at, alarms := m.Switch.Add(s.Offset), 1
		if !s.Done.IsZero() {
			at, alarms = s.Done, 0
		}
		if e.Start != at.Format(time.RFC3339) && e.Start != at.Format("2006-01-02T15:04:05")+"+00:00" || len(e.Alarms) != alarms || alarms == 1 && e.Alarms[0] != -86400 || !strings.HasSuffix(e.Summary, "example.org: "+s.Title) || !strings.HasPrefix(e.Text, fmt.Sprintf("Step %d of %d", i+1, len(m.Steps))) {
			t.Errorf("event %d: %+v", i, e)
		}
	}
}
