package cmd

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// planOf is a planning that cures all that it finds in a scenario.
func planOf(t *testing.T, name string) planning {
	t.Helper()
	a := &app{}
	a.wire()
	world, err := newPlayer("../testdata/scenarios/" + name + ".txtar")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := a.choose(checks.Domains, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	from := diagnosis.Advice
	return planning{
		domain: world.subject.domain, world: world, there: fromDNS(world.subject.domain), fix: &from, cure: whole.wanted, all: whole.run,
		timeout: time.Minute, progress: func() *progress { return nil },
	}
}

// A plan cures what made it, brings nothing that is as bad, and is empty once
// it is carried out.
func TestPlanCures(t *testing.T) {
	for _, id := range []string{
		"spf.single-record", "spf.exists", "spf.syntax", "dmarc.exists", "dmarc.syntax", "tlsrpt.record", "mx.null-consistent",
	} {
		t.Run(id, func(t *testing.T) {
			p := planOf(t, id)
			planned, err := p.rehearsed(context.Background())
			if err != nil {
				t.Fatal(err)
			}
			if planned.Plan.Empty() {
				t.Fatal("no record cures it")
			}
			if worse := planned.Rehearsal.Worse(nil); len(worse) > 0 {
				t.Errorf("it brings %v", worse)
			}
			gone := false
			for _, s := range planned.Rehearsal.Gone {
				gone = gone || s.Check == id
			}
			if !gone {
				t.Errorf("%s is not gone; %v are", id, ids(planned.Rehearsal.Gone))
			}
			p.world = p.world.with(planned.Plan.Edits())
			again, err := p.rehearsed(context.Background())
			if err != nil || !again.Plan.Empty() {
				t.Errorf("a second plan is not empty: %v, %v", again.Plan.Changes, err)
			}
		})
	}
}

// Where the file wants a slot, no cure is planned for it, and both are named.
func TestFileStandsAgainstCure(t *testing.T) {
	p := planOf(t, "dmarc.exists")
	slot := record.DMARC(p.domain)
	p.wishes = []plan.Wish{{Edit: record.Set(slot), From: "maildoctor.yaml (dmarc)"}}
	planned, err := p.rehearsed(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	if !planned.Plan.Empty() || len(planned.Conflicts) > 0 {
		t.Errorf("changes %v, conflicts %v", planned.Plan.Changes, planned.Conflicts)
	}
	for _, task := range planned.Tasks {
		if task.Subject == "dmarc.exists" && strings.Contains(task.Text, "maildoctor.yaml (dmarc)") {
			return
		}
	}
	t.Errorf("nothing tells that the file stands: %v", planned.Tasks)
}
