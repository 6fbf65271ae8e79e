package suite_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/diagnosis"
)

const mapFile = "../../testdata/golden/maps.txt"

// TestMap: what is on the map of a domain is what its world holds, and what the
// checks that ran asked about.
func TestMap(t *testing.T) {
	var got strings.Builder
	for _, c := range []struct {
		scenario string
		only     []string // topics that are examined; all of them where it is empty
	}{
		{"healthy", nil}, {"healthy", []string{"dmarc"}},
		{"spf.lookup-limit", []string{"spf"}}, {"spf.lookup-limit.unknown", []string{"spf"}}, {"spf.void-limit", []string{"spf"}},
		{"spf.include-loop", []string{"spf"}}, {"spf.include-target", []string{"spf"}}, {"spf.single-record", []string{"spf"}},
		{"mx.count", []string{"mx"}}, {"mx.exists.implicit", nil}, {"mx.exists.unknown", nil}, {"mx.ip-literal", nil}, {"mx.resolves.unknown", nil},
		{"ptr.exists", nil}, {"ptr.exists.unknown", nil}, {"ptr.forward-confirmed", nil},
		{"smtp.starttls", nil}, {"smtp.port25-inbound", nil}, {"smtp.port25-inbound.unknown", nil}, {"smtp.certificate", nil},
		{"dane.chain-match", nil}, {"dane.zone-signed", nil}, {"mtasts.mx-covered", nil}, {"mtasts.policy-fetch", nil},
		{"dmarc.exists", nil}, {"dmarc.parked-reject", nil},
	} {
		t.Run(c.scenario, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				list, err := checks.Select(suite.All(), c.only, nil)
				if err != nil {
					t.Fatal(err)
				}
				world := load(t, c.scenario+".txtar")
				env := heard.env(t.Context(), world, world.DNS())
				checks.Run(t.Context(), env, list, nil)
				fmt.Fprintf(&got, "== %s %s\n%s\n", c.scenario, strings.Join(c.only, " "), mapped(facts.MapOf(env)))
			})
		})
	}
	if *update {
		rewrite(t, mapFile, []byte(got.String()))
		return
	}
	if want, err := os.ReadFile(mapFile); err != nil || got.String() != string(want) {
		t.Errorf("the maps differ (%v); if they are right, run go test ./checks/suite -run TestMap -update\ngot:\n%s", err, got.String())
	}
}

// TestMapNamesChecks: the checks that a sight names are there.
func TestMapNamesChecks(t *testing.T) {
	for _, name := range facts.Judges() {
		if !slices.ContainsFunc(suite.All(), func(c *checks.Check) bool { return c.ID == name || checks.TopicOf(c.ID) == name }) {
			t.Errorf("no check is named %s", name)
		}
	}
}

// mapped is a map in lines.
func mapped(m diagnosis.Map) string {
	var b strings.Builder
	route := func(name string, r *diagnosis.Route) {
		if r == nil {
			return
		}
		fmt.Fprintf(&b, "%s%s\n", name, sights(r.Seen))
		for _, h := range r.Hosts {
			fmt.Fprintf(&b, "  %s%s\n", h.Name, sights(h.Seen))
			for _, a := range h.Addresses {
				fmt.Fprintf(&b, "    %s%s\n", a.Address, sights(a.Seen))
			}
		}
	}
	route("to", m.Receiving)
	route("from", m.Sending)
	if t := m.SPF; t != nil {
		fmt.Fprintf(&b, "spf %d of %d, void %d %d %d\n", t.Lookups, t.LookupLimit, t.Voids, t.Voids4, t.Voids6)
		var terms func(string, []diagnosis.SPFTerm)
		terms = func(indent string, list []diagnosis.SPFTerm) {
			for _, t := range list {
				fmt.Fprintf(&b, "%s%d %s %s %d\n", indent, t.Number, t.Term, t.State, t.Lookups)
				terms(indent+"  ", t.Terms)
			}
		}
		terms("  ", t.Terms)
		if t.Omitted > 0 {
			fmt.Fprintf(&b, "  and %d\n", t.Omitted)
		}
	}
	return strings.TrimSpace(b.String())
}

func sights(list []diagnosis.Sight) string {
	marks := map[diagnosis.Outcome]string{diagnosis.Passed: "+", diagnosis.Failed: "!", diagnosis.Skipped: "-", diagnosis.Unknown: "?"}
	var words []string
	for _, s := range list {
		words = append(words, marks[s.Outcome]+s.What+" "+s.Seen)
	}
	if len(words) == 0 {
		return ""
	}
	return ": " + strings.Join(words, "; ")
}
