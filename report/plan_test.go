package report_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// hostilePlan has what a network may say in every place of a plan.
func hostilePlan() report.Planned {
	const zone = "example.org."
	evil := "\x1b[2J\u202e\r\n" + strings.Repeat("long ", 60)
	current := []record.Record{record.TXT(zone, "v=spf1 "+evil), record.TXT(zone, "neighbour")}
	p, conflicts := plan.Make(current, []plan.Wish{
		{Edit: record.Set(record.SPF(zone), record.TXT(zone, "v=spf1 mx -all")), Reason: evil, From: "spf.exists"},
		{Edit: record.Set(record.MXSet("example.net.")), Reason: evil, From: evil},
	}, plan.Given{Zone: zone, TTLs: true})
	p.Source = "the DNS"
	f := diagnosis.Finding{Subject: zone, Message: evil, Severity: diagnosis.Warning}
	r := plan.Rehearse(
		diagnosis.Report{Results: []diagnosis.Result{fail("spf.exists", diagnosis.Warning, "", f)}},
		diagnosis.Report{Results: []diagnosis.Result{fail("spf.new", diagnosis.Warning, "", f), doubt("spf.exists", "", zone, evil)}})
	r.Measures = []plan.Measure{{Name: "SPF lookups", Before: evil, After: "2 of 10"}}
	return report.Planned{Plan: p, Conflicts: conflicts, Tasks: []report.Task{{Subject: evil, Text: evil}}, Rehearsal: &r}
}

func TestPlanIsHarmless(t *testing.T) {
	for _, width := range []int{40, 60, 80} {
		var b bytes.Buffer
		if err := report.Plan(&b, hostilePlan(), report.TextOptions{Width: width}); err != nil {
			t.Fatal(err)
		}
		for l := range strings.Lines(b.String()) {
			l = strings.TrimSuffix(l, "\n")
			if report.Escape(l) != l {
				t.Errorf("a control in %q", l)
			}
			if n := len([]rune(l)); n > width {
				t.Errorf("%d columns of %d: %s", n, width, l)
			}
		}
		for _, want := range []string{"~ TXT example.org (v=spf1)", "– MX example.net", "Comes:", "Can no longer be told:", "1 conflict"} {
			if !strings.Contains(b.String(), want) {
				t.Errorf("width %d: no %q in\n%s", width, want, b.String())
			}
		}
		if strings.Contains(b.String(), "neighbour") {
			t.Error("a neighbour is shown as if it changed")
		}
	}
}

func TestPlanVerboseIsWhole(t *testing.T) {
	key := "v=DKIM1; p=" + strings.Repeat("A", 390)
	slot := record.DKIMKey("s1", "example.org")
	p, _ := plan.Make(nil, []plan.Wish{{Edit: record.Set(slot, record.TXT(slot.Name, key))}}, plan.Given{})
	for verbose, whole := range map[bool]bool{true: true, false: false} {
		var b bytes.Buffer
		if err := report.Plan(&b, report.Planned{Plan: p}, report.TextOptions{Verbose: verbose}); err != nil {
			t.Fatal(err)
		}
		if strings.Contains(b.String(), record.QuoteText(key)) != whole || strings.Contains(b.String(), "…") == whole {
			t.Errorf("verbose %v:\n%s", verbose, b.String())
		}
	}
}

func TestPlanTTL(t *testing.T) {
	old := record.Record{Name: "example.org.", Type: "TXT", TTL: 300, Data: "v=spf1 -all"}
	wished := old
	wished.TTL = 60
	p, _ := plan.Make([]record.Record{old}, []plan.Wish{{Edit: record.Set(record.SPF("example.org"), wished)}}, plan.Given{TTLs: true})
	var b bytes.Buffer
	if err := report.Plan(&b, report.Planned{Plan: p}, report.TextOptions{}); err != nil || !strings.Contains(b.String(), "TTL 300 becomes 60") {
		t.Errorf("%v:\n%s", err, b.String())
	}
}

func TestPlanJSON(t *testing.T) {
	d := hostilePlan()
	var b bytes.Buffer
	if err := report.PlanJSON(&b, d); err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Schema    string
		Plan      plan.Plan
		Conflicts []struct{ Why string }
		Rehearsal struct{ Gone, Came, Dark []struct{ Check string } }
	}
	if err := json.Unmarshal(b.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if doc.Schema != report.PlanSchemaName || len(doc.Conflicts) != 1 || len(doc.Rehearsal.Came) != 1 || len(doc.Rehearsal.Dark) != 1 {
		t.Errorf("%+v", doc)
	}
	if got := doc.Plan.Changes[0].Before[0].Data; got != d.Plan.Changes[0].Before[0].Data {
		t.Errorf("the record is not whole: %q", got)
	}
	if strings.ContainsAny(b.String(), "\x1b\u202e") {
		t.Error("a control in JSON")
	}
}
