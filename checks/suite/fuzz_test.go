package suite_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// deadline is the total time that an examination has.
const deadline = time.Minute

// FuzzExamination examines a domain whose zone is anything that parses as one:
// no panic, no more questions than the budget, an end in time, and every result
// with an outcome that can be explained.
func FuzzExamination(f *testing.F) {
	files, err := filepath.Glob(filepath.Join(scenarios, "*.txtar"))
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		for _, section := range txtar.Parse(data).Files {
			if section.Name == "zone" {
				f.Add(string(section.Data))
			}
		}
	}
	f.Add("@ MX 10 @\n@ TXT \"v=spf1 mx include:%{d} redirect=@ -all\"\n* CNAME @\n")
	f.Add("$GENERATE 1-200 @ MX $ mx$\n$GENERATE 1-200 mx$ A 192.0.2.$\n")
	f.Fuzz(func(t *testing.T, zone string) {
		s, err := scenario.Parse(fmt.Appendf(nil, "domain: example.org\n\n-- zone --\n%s\n", strings.ReplaceAll(zone, "\n-- ", "\n--")))
		if err != nil || s.Domain != "example.org." {
			t.Skip()
		}
		synctest.Test(t, func(t *testing.T) { examine(t, s) })
	})
}

func examine(t *testing.T, s *scenario.Scenario) {
	world, err := s.Play()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	count := &asked{next: world.DNS(), times: make(map[resolve.Question]int)}
	start := time.Now()
	results := checks.Run(ctx, world.EnvOver(ctx, count, world.Dial), suite.All(), nil)
	if took := time.Since(start); took > deadline+2*time.Second {
		t.Errorf("took %v", took)
	}
	if n := len(count.times); n > resolve.DefaultBudget {
		t.Errorf("%d questions", n)
	}
	for _, r := range results {
		if r.Outcome != diagnosis.Passed && r.Outcome != diagnosis.Failed && r.Reason == "" {
			t.Errorf("%s is %v without a reason", r.Rule.ID, r.Outcome)
		}
		if strings.Contains(r.Reason, "internal error") {
			t.Errorf("%s: %s", r.Rule.ID, r.Reason)
		}
	}
}
