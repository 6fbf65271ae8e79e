package suite_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// revealed is the findings that a remedy may bring to light: the check that it
// cures, the one that finds something then, and why that is no fault of the remedy.
var revealed = map[[2]string]string{
	{"dmarc.exists", "dmarc.policy-none"}:                 "p=none is where everybody begins; the steps lead on from there",
	{"dmarc.single-record", "dmarc.policy-none"}:          "of several policies the weakest is kept: none was in force before",
	{"dmarc.policy-tag", "dmarc.policy-none"}:             "p=none was in force before, unsaid",
	{"dkim.no-wildcard", "dkim.not-revoked"}:              "a named selector that only the wildcard answers for has no key, before and after",
	{"tlsrpt.record", "dkim.domainkey-exists"}:            "the record is the witness that the servers deny names rightly, so that their word on _domainkey counts",
	{"ptr.forward-confirmed", "ptr.matches-helo"}:         "which name the host greets with is asked once its name is confirmed",
	{"dns.cname-coexistence", "ns.delegation-consistent"}: "the servers of the world serve what they served before",
}

// unseen is the checks whose remedies an overlay cannot show, and why.
var unseen = map[string]string{
	"dkim.no-wildcard":      "an overlay does not see that a base's answer came from the wildcard that an edit changes",
	"dns.wildcard":          "likewise, and not that a record at a name would keep the wildcard from answering there",
	"dns.cname-coexistence": "an overlay does not see what an alias hides",
}

// TestRemediesCure publishes the records that each finding of each scenario
// prescribes, alone, and examines again: the finding is gone, and nothing above
// advice is there that was not there before. It does so twice: in the zone
// itself, and by an overlay over it, as a rehearsal does. Both agree. Of a
// scenario that is named after a topic the findings of that topic count.
//
// Then, where several findings prescribe something, all of it published in the
// order of the report cures them all.
func TestRemediesCure(t *testing.T) {
	eachWorld(t, func(t *testing.T, name string, world *scenario.World) {
		before := heard.examine(t, name, world)
		concerns := make(map[string]bool)
		for _, c := range concern(name, world.Scenario) {
			concerns[c.ID] = true
		}
		for _, r := range before {
			for _, f := range r.Findings {
				if len(f.Remedy.Edits) > 0 && concerns[r.Rule.ID] {
					cure(t, world, before, r.Rule.ID, f)
				}
			}
		}
		agree(t, world, before)
	})
}

// agree publishes all remedies of one examination.
func agree(t *testing.T, world *scenario.World, before []diagnosis.Result) {
	var edits []record.Edit
	var prescribed []string
	for _, r := range before {
		for _, f := range r.Findings {
			edits = append(edits, f.Remedy.Edits...)
			if len(f.Remedy.Edits) > 0 {
				prescribed = append(prescribed, key(r.Rule.ID, f))
			}
		}
	}
	if len(prescribed) < 2 {
		return
	}
	after := examination(t, world, published(world, edits))
	for found := range findings(after, diagnosis.Advice) {
		if slices.Contains(prescribed, found) {
			t.Errorf("all remedies together leave %s\n%s", found, aftermath(edits, after, found))
		}
	}
}

func scenarioNames(t *testing.T) []string {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios in %s (%v)", scenarios, err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".txtar")
	}
	return files
}

func examination(t *testing.T, world *scenario.World, dns resolve.Resolver) []diagnosis.Result {
	return checks.Run(t.Context(), heard.env(t.Context(), world, dns), suite.All(), nil)
}

// published is the DNS of the world with the edits in its zones.
func published(world *scenario.World, edits []record.Edit) resolve.Resolver {
	records := slices.Clone(world.Records)
	for _, e := range edits {
		records = append(slices.DeleteFunc(records, e.Slot.Holds), e.Want...)
	}
	return resolve.NewFaults(resolve.NewZone(records), world.Faults)
}

// cure publishes the remedy of f, a finding of the check named, and compares.
func cure(t *testing.T, world *scenario.World, before []diagnosis.Result, id string, f diagnosis.Finding) {
	edits := f.Remedy.Edits
	after := examination(t, world, published(world, edits))
	subject := key(id, f)
	was, is := findings(before, diagnosis.Advice), findings(after, diagnosis.Advice)
	if is[subject] >= was[subject] {
		t.Errorf("published, the remedy of %s leaves it: %s\n%s", subject, f.Message, aftermath(edits, after, subject))
	}
	for found := range findings(after, diagnosis.Warning) {
		other, _, _ := strings.Cut(found, " ")
		if was[found] == 0 && revealed[[2]string{id, other}] == "" {
			t.Errorf("published, the remedy of %s brings %s\n%s", subject, found, aftermath(edits, after, found))
		}
	}
	if unseen[id] != "" {
		return
	}
	rehearsed := examination(t, world, resolve.NewOverlay(world.DNS(), edits))
	if got, want := scenario.Lines(rehearsed), scenario.Lines(after); !slices.Equal(got, want) {
		t.Errorf("the remedy of %s rehearsed:\n%s\npublished:\n%s", subject, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func key(id string, f diagnosis.Finding) string { return id + " of " + f.Subject }

// findings counts the findings of at least a severity by check and subject.
func findings(results []diagnosis.Result, least diagnosis.Severity) map[string]int {
	n := make(map[string]int)
	for _, r := range results {
		for _, f := range r.Findings {
			if f.Severity >= least {
				n[key(r.Rule.ID, f)]++
			}
		}
	}
	return n
}

// aftermath is what was published and what is found then.
func aftermath(edits []record.Edit, after []diagnosis.Result, found string) string {
	var b strings.Builder
	for _, e := range edits {
		fmt.Fprintf(&b, "\tpublished at %v: %v\n", e.Slot, e.Want)
	}
	for _, r := range after {
		for _, f := range r.Findings {
			if key(r.Rule.ID, f) == found {
				fmt.Fprintf(&b, "\tfound: %s\n", f.Message)
			}
		}
	}
	return b.String()
}
