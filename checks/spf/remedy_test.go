package spf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/spf"
	"github.com/maildoctor/maildoctor/diagnosis"
	mailspf "github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestRemediesCure publishes what each finding proposes and examines again: the
// check must hold then, no other may fail in its place, and the record must be
// one that every receiver can read.
func TestRemediesCure(t *testing.T) {
	files, err := filepath.Glob(filepath.Join(scenarios, "spf.*.txtar"))
	if err != nil {
		t.Fatal(err)
	}
	cured := 0
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { cured += rehearse(t, filepath.Base(file)) })
		})
	}
	if cured < 20 {
		t.Errorf("only %d remedies were rehearsed", cured)
	}
}

func rehearse(t *testing.T, file string) (cured int) {
	s, err := scenario.Load(os.DirFS(scenarios), file)
	if err != nil {
		t.Fatal(err)
	}
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	before := checks.Run(t.Context(), world.Env(t.Context()), spf.Checks.All(), nil)
	failed := map[string]bool{}
	for _, r := range before {
		failed[r.Rule.ID] = r.Outcome == diagnosis.Failed
	}
	for _, r := range before {
		for _, f := range r.Findings {
			if len(f.Remedy.Edits) == 0 {
				continue
			}
			cured++
			readable(t, f.Remedy.Edits)
			env := world.EnvOver(t.Context(), resolve.NewOverlay(world.DNS(), f.Remedy.Edits), world.Dial)
			for _, after := range checks.Run(t.Context(), env, spf.Checks.All(), nil) {
				if after.Outcome != diagnosis.Failed || after.Rule.ID != r.Rule.ID && failed[after.Rule.ID] {
					continue
				}
				t.Errorf("%s proposes %s, and then %s fails: %s", r.Rule.ID, f.Remedy.Edits[0].Want[0].Data, after.Rule.ID, after.Findings[0].Message)
			}
		}
	}
	return cured
}

func readable(t *testing.T, edits []record.Edit) {
	t.Helper()
	for _, e := range edits {
		for _, want := range e.Want {
			if _, problems := mailspf.Parse(want.Data); len(problems) > 0 || !e.Slot.Holds(want) {
				t.Errorf("proposes %q: %v", want.Data, problems)
			}
		}
	}
}
