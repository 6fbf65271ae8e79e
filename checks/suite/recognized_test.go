package suite_test

import (
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestRecognizedStaysAsGood: what is recognized of a well-run domain, published
// again, takes nothing from it: nothing above advice is found or in doubt that
// was not before.
func TestRecognizedStaysAsGood(t *testing.T) {
	for _, name := range scenarioNames(t) {
		family, _, _ := strings.Cut(name, ".")
		if family != "suite" && family != "hosted" && name != "healthy" && name != "parked" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { recognizeAgain(t, name, load(t, name+".txtar")) })
		})
	}
}

func recognizeAgain(t *testing.T, name string, world *scenario.World) {
	found, err := desired.Recognize(t.Context(), world.DNS(), world.Domain, world.Want.Selectors)
	if err != nil {
		t.Fatal(err)
	}
	text := desired.Format(desired.State{Hosts: found.Hosts, Domains: []desired.Domain{{Name: world.Domain, Settings: found.Settings}}})
	state, problems := desired.Parse(text, nil)
	if len(problems) > 0 {
		t.Fatalf("%v\n%s", problems, text)
	}
	wanted, problems := state.Edits(desired.Given{})
	for _, p := range problems {
		unknown := len(found.Notes) > 0 && strings.Contains(p.Message, "nobody takes the mail")
		if !strings.Contains(p.Message, " needs ") && !unknown { // what no record shows
			t.Errorf("%v\n%s", p, text)
		}
	}
	if len(problems) > 0 {
		return
	}
	before := alarms(heard.examine(t, name, world))
	for id, message := range alarms(examination(t, world, published(world, wanted.Edits()))) {
		if before[id] == "" {
			t.Errorf("%s: %s\n%s\n%v", id, message, text, wanted.Records())
		}
	}
}

// alarms are the checks above advice that fail, or cannot tell.
func alarms(results []diagnosis.Result) map[string]string {
	list := make(map[string]string)
	for _, r := range results {
		switch {
		case r.Outcome == diagnosis.Failed && r.Severity > diagnosis.Advice:
			list[r.Rule.ID] = r.Findings[0].Message
		case r.Outcome == diagnosis.Unknown && r.Cause == "":
			list[r.Rule.ID] = r.Reason
		}
	}
	return list
}
