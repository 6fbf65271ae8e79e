package suite_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/scenario"
)

// TestRecordAndReplay: every scenario, recorded while it is examined and played
// again, gives the same JSON to the last octet.
func TestRecordAndReplay(t *testing.T) {
	eachWorld(t, func(t *testing.T, name string, world *scenario.World) {
		recorder := scenario.NewRecorder()
		env := heard.env(t.Context(), world, recorder.DNS(world.DNS()))
		env.SMTP, env.HTTP = recorder.SMTP(env.SMTP), recorder.HTTP(env.HTTP)
		env.Security, env.Servers = recorder.Security(env.Security), recorder.Servers(env.Servers)
		first := reportOf(t, env, concern(name, world.Scenario))
		text, err := recorder.Scenario(env, first)
		if err != nil {
			t.Fatal(err)
		}

		recorded, err := scenario.Load(fstest.MapFS{"r.txtar": {Data: text}}, "r.txtar")
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		replay, err := recorded.Play()
		if err != nil {
			t.Fatal(err)
		}
		env = replay.Env(t.Context())
		again := recorded.Retime(reportOf(t, env, concern(name, world.Scenario)))
		if a, b := asJSON(t, first), asJSON(t, again); !bytes.Equal(a, b) {
			t.Errorf("played again it differs: %s", difference(string(a), string(b)))
		}
		if got := strings.Join(recorded.Verdict(again.Results), "\n"); got != strings.Join(recorded.Expect, "\n") {
			t.Errorf("want section of the recording: %q", recorded.Expect)
		}
	})
}

func reportOf(t *testing.T, env *checks.Env, list []*checks.Check) diagnosis.Report {
	start := time.Now()
	at := env.Now()
	results := checks.Run(t.Context(), env, list, nil)
	r := diagnosis.Report{Domain: record.Display(env.Domain), At: at, Took: time.Since(start), Results: results, Map: facts.MapOf(env)}
	if env.Subject() == checks.Addresses {
		r.Domain, r.Address = "", env.Want.Senders[0].String()
	}
	return r
}

func asJSON(t *testing.T, r diagnosis.Report) []byte {
	var b bytes.Buffer
	if err := report.JSON(&b, []diagnosis.Report{r}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// difference is the first line in which two texts differ.
func difference(was, is string) string {
	a, b := strings.Split(was, "\n"), strings.Split(is, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d was\n%s\nand is\n%s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines were %d", len(b), len(a))
}
