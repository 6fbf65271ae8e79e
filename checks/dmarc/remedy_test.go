package dmarc_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dmarc"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/scenario"
)

const scenarios = "../../testdata/scenarios"

// TestEditsCure publishes the records that the findings of every scenario of
// the topic prescribe, and examines again: what had an edit is gone.
func TestEditsCure(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "dmarc.*.txtar"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	cured := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { cured += cure(t, filepath.Base(file)) })
		})
	}
	if cured < 5 {
		t.Errorf("only %d findings had an edit", cured)
	}
}

func cure(t *testing.T, name string) (cured int) {
	s, err := scenario.Load(os.DirFS(scenarios), name)
	if err != nil {
		t.Fatal(err)
	}
	var edited []string // checks
	for _, r := range examine(t, s) {
		for _, f := range r.Findings {
			if len(f.Remedy.Edits)+len(f.Remedy.Steps) == 0 && len(r.Findings) == 1 {
				t.Errorf("%s: %q has no remedy", r.Rule.ID, f.Message)
			}
			for _, e := range f.Remedy.Edits {
				s.Records = apply(s.Records, e)
				edited = append(edited, r.Rule.ID)
			}
		}
	}
	for _, r := range examine(t, s) {
		if slices.Contains(edited, r.Rule.ID) && (r.Outcome == diagnosis.Failed || r.Outcome == diagnosis.Unknown) {
			t.Errorf("%s is not cured: %v, %q %+v", r.Rule.ID, r.Outcome, r.Reason, r.Findings)
		}
	}
	return len(edited)
}

func examine(t *testing.T, s *scenario.Scenario) []diagnosis.Result {
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	return checks.Run(t.Context(), world.Env(t.Context()), dmarc.Checks.All(), nil)
}

func apply(records []record.Record, e record.Edit) []record.Record {
	kept := slices.DeleteFunc(slices.Clone(records), e.Slot.Holds)
	return append(kept, e.Want...)
}
