package report_test

import (
	"bytes"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

const day = 24 * time.Hour

// moving is a move that has begun, with a blocker that a date lifts.
func moving() migration.Move {
	t := time.Date(2026, 12, 1, 20, 0, 0, 0, time.UTC)
	mx := plan.Change{
		Slot: record.MXSet("example.org"), Before: []record.Record{record.MX("example.org", 1, "smtp.google.com")}, After: []record.Record{record.MX("example.org", 10, "mail.example.org")},
		Reasons: []string{"senders find the new server"}, From: []string{"migrate"},
	}
	key := record.TXT("dkim._domainkey.example.org", "v=DKIM1; k=rsa; p="+strings.Repeat("MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8A", 12))
	key.TTL = 300
	return migration.Move{
		Domain: "example.org.", Zone: "example.org.", Source: "the DNS", Wanted: "maildoctor.yaml", Begun: t.Add(-8 * day), Switch: t,
		Old: migration.Side{Name: "Google Workspace", Profile: "google", Hosts: []string{"smtp.google.com."}},
		New: migration.Side{Name: "mailcow on mail.example.org", Profile: "mailcow", Hosts: []string{"mail.example.org."}},
		Items: []migration.Item{
			{Kind: "mx", Subject: "example.org.", Seen: "1 smtp.google.com.", Who: "Google Workspace", From: "published", Fate: migration.Change, Step: migration.SwitchMX},
			{Kind: "subdomain", Subject: "news.example.org.", Seen: "v=spf1 include:sendgrid.net -all", Who: "SendGrid", From: "a report of DMARC", Fate: migration.Ask, Why: "Who sends from it is not known: does it stay?"},
		},
		Blockers: []migration.Blocker{
			{ID: "dns.ttl-running", Step: migration.SwitchMX, Subject: "example.org.", Text: "resolvers keep the MX records for a day", Until: t.Add(-6 * day)},
			{ID: "mta-sts.policy-remembered", Step: migration.SwitchMX, Subject: "example.org.", Text: "senders remember a policy of MTA-STS that does not name mail.example.org, and would deliver nothing there", Until: t.Add(2 * day), Act: "publish a policy that names both, and wait for a day"},
			{ID: "host.ptr", Step: migration.Prepare, Subject: "192.0.2.25", Text: "192.0.2.25 has no PTR", Act: "set it to mail.example.org where the server is rented", Unknown: true},
		},
		Steps: []migration.Step{
			{
				ID: migration.LowerTTLs, Title: "Lower the TTLs", Why: "resolvers keep the old MX for a day after the switch", Offset: -7 * day, Wait: 25 * time.Hour, WaitFor: "the old TTL of the MX, 24 h, and an hour for the secondaries",
				Before: []string{"ns.same-serial"}, After: []string{"ns.same-serial", "mx.exists"}, Rollback: "Raise them again; that is safe at any time.", Done: t.Add(-7*day + 20*time.Minute),
			},
			{
				ID: migration.Prepare, Title: "Publish the new keys, and allow both to send", Why: "mail of the new server would fail", Offset: -5 * day,
				Plan: plan.Plan{Zone: "example.org.", Changes: []plan.Change{{Slot: record.DKIMKey("dkim", "example.org"), After: []record.Record{key}}}}, Tasks: []string{"Make the mailboxes on the new server."},
				After: []string{"dkim.key-found"}, Rehearsal: &plan.Rehearsal{Before: sick(), After: healthy()}, Rollback: "Remove the key.",
			},
			{
				ID: migration.SwitchMX, Title: "Switch the MX", Why: "nothing comes to the new server", Plan: plan.Plan{Zone: "example.org.", Changes: []plan.Change{mx}, Concerns: []plan.Concern{{ID: "mx-replaced", Text: "mail for example.org stops going to smtp.google.com"}}},
				Wait: time.Hour, WaitFor: "the TTL of the MX", Rollback: "Publish the old MX again, until the old server is retired.",
			},
			{ID: migration.RaiseTTLs, Title: "Raise the TTLs", Offset: 30*day + 90*time.Minute},
		},
		Revision: 2,
		Log:      []migration.Entry{{At: t.Add(-8 * day), Text: "begun"}, {At: t.Add(-7*day + 20*time.Minute), Step: migration.LowerTTLs, Text: "done"}},
	}
}

// evilMove says the same hostile text wherever the network or a person may have
// written one.
func evilMove(s string) migration.Move {
	m := moving()
	m.Domain, m.Zone, m.Source, m.Wanted = s, s, s, s
	m.Old.Name, m.New.Name = s, s
	for i := range m.Items {
		m.Items[i].Kind, m.Items[i].Subject, m.Items[i].Seen, m.Items[i].Who, m.Items[i].Why, m.Items[i].Fate = s, s, s, s, s, migration.Ask
	}
	for i := range m.Blockers {
		m.Blockers[i].ID, m.Blockers[i].Subject, m.Blockers[i].Text, m.Blockers[i].Act = s, s, s, s
	}
	m.Blockers = append(m.Blockers, migration.Blocker{Step: s})
	for i := range m.Steps {
		step := &m.Steps[i]
		step.Title, step.Why, step.WaitFor, step.Rollback = s, s, s, s
		step.Before, step.After, step.Tasks = []string{s, s}, []string{s}, []string{s, s}
		evil := record.Record{Name: s, Type: "TXT", Data: s}
		step.Plan.Changes = []plan.Change{
			{Slot: record.Slot{Name: s, Type: "TXT", Tag: s}, Before: []record.Record{evil}, After: []record.Record{record.TXT("example.org", s)}},
			{Slot: record.Slot{Name: s, Type: "MX"}, After: []record.Record{{Name: s, Type: "MX", Data: s}}},
		}
		step.Plan.Concerns = []plan.Concern{{Text: s}}
		step.Rehearsal = &plan.Rehearsal{After: hostileWith(s), Came: []plan.Shift{{Check: s, Finding: diagnosis.Finding{Message: s, Severity: diagnosis.Critical}}}}
	}
	return m
}

var moveForms = map[string]func(io.Writer, migration.Move) error{
	"move.md": report.MoveMarkdown, "move.html": report.MoveHTML, "move.ics": report.MoveICS,
}

func writtenMove(t testing.TB, form string, m migration.Move) string {
	t.Helper()
	var b bytes.Buffer
	if err := moveForms[form](&b, m); err != nil {
		t.Fatalf("%s: %v", form, err)
	}
	return b.String()
}

func TestMoves(t *testing.T) {
	for form := range moveForms {
		t.Run(form, func(t *testing.T) { golden(t, "migration/"+form, writtenMove(t, form, moving())) })
	}
}

// TestMoveHarmless: what a move holds makes none of its forms do anything.
func TestMoveHarmless(t *testing.T) {
	for name, evil := range payloads {
		evil = evil[:min(len(evil), 4<<10)] // it stands in a hundred places
		for form := range moveForms {
			t.Run(name+"/"+form, func(t *testing.T) { moveHarmless(t, form, writtenMove(t, form, evilMove(evil))) })
		}
	}
}

func moveHarmless(t *testing.T, form, doc string) {
	t.Helper()
	switch form {
	case "move.md":
		harmless(t, "markdown", strings.ReplaceAll(doc, "    ", "")) // a fence stands indented, within its step
	case "move.html":
		harmless(t, "html", doc)
	case "move.ics":
		harmless(t, "ics", doc)
		if _, err := components(doc); err != nil {
			t.Error(err)
		}
	}
}

func FuzzMoves(f *testing.F) {
	for _, evil := range payloads {
		f.Add(evil)
	}
	f.Fuzz(func(t *testing.T, evil string) {
		if len(evil) > 4<<10 {
			t.Skip()
		}
		for form := range moveForms {
			moveHarmless(t, form, writtenMove(t, form, evilMove(evil)))
		}
	})
}

// TestMoveWithout: a move of which next to nothing is known yet is shown, and one
// without a day is in no calendar.
func TestMoveWithout(t *testing.T) {
	empty := migration.Move{Domain: "example.org."}
	for form, want := range map[string]string{"move.md": "not settled yet", "move.html": "There is no plan yet."} {
		if doc := writtenMove(t, form, empty); !strings.Contains(doc, want) {
			t.Errorf("%s lacks %q:\n%s", form, want, doc)
		}
	}
	if err := report.MoveICS(io.Discard, empty); err != report.ErrNoSwitch {
		t.Errorf("the calendar of a move without a day: %v", err)
	}
	undated := moving()
	undated.Switch = time.Time{}
	if doc := writtenMove(t, "move.md", undated); !strings.Contains(doc, "\u00b7 T-5d\n") {
		t.Errorf("a step without a day lacks its offset:\n%s", doc)
	}
	ended := moving()
	for i := range ended.Steps {
		ended.Steps[i].Done = ended.Switch.Add(40 * day)
	}
	if doc := writtenMove(t, "move.md", ended); !strings.Contains(doc, "All 4 steps done.") {
		t.Errorf("a move that has ended:\n%s", doc)
	}
}
