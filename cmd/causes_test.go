package cmd

import (
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
)

func TestSelection(t *testing.T) {
	check := func(id string, needs ...*checks.Check) *checks.Check {
		return &checks.Check{Rule: diagnosis.Rule{ID: id}, Needs: needs}
	}
	root := check("dns.exists")
	first := check("spf.exists", root)
	second := check("spf.syntax", first)
	all := []*checks.Check{root, check("mx.exists", root), first, second}
	ended := func(cause string) []diagnosis.Result {
		var list []diagnosis.Result
		for _, c := range all {
			r := diagnosis.Result{Rule: c.Rule}
			if c != root {
				r.Outcome, r.Cause = diagnosis.Skipped, cause
			}
			list = append(list, r)
		}
		return list
	}
	for _, c := range []struct {
		name             string
		only, skip       string
		run, in, explain string // IDs run, shown if all goes well, shown if dns.exists decides
	}{
		{"all", "", "", "dns.exists mx.exists spf.exists spf.syntax", "dns.exists mx.exists spf.exists spf.syntax", "dns.exists mx.exists spf.exists spf.syntax"},
		{"one, with its causes", "spf.syntax", "", "dns.exists spf.exists spf.syntax", "spf.syntax", "dns.exists spf.syntax"},
		{"a topic", "spf", "", "dns.exists spf.exists spf.syntax", "spf.exists spf.syntax", "dns.exists spf.exists spf.syntax"},
		{"a cause left out on purpose", "spf", "dns", "spf.exists spf.syntax", "spf.exists spf.syntax", "spf.exists spf.syntax"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := choosing(all, strings.Fields(c.only), strings.Fields(c.skip))
			if err != nil {
				t.Fatal(err)
			}
			var run []string
			for _, c := range s.run {
				run = append(run, c.ID)
			}
			if got := strings.Join(run, " "); got != c.run {
				t.Errorf("runs %s, want %s", got, c.run)
			}
			has := func(results []diagnosis.Result) string {
				var ids []string
				for _, r := range results {
					for _, c := range s.run {
						if c.ID == r.Rule.ID {
							ids = append(ids, r.Rule.ID)
						}
					}
				}
				return strings.Join(ids, " ")
			}
			if got := has(s.relevant(ended(""))); got != c.in {
				t.Errorf("shows %s, want %s", got, c.in)
			}
			if got := has(s.relevant(ended("dns.exists"))); got != c.explain {
				t.Errorf("where dns.exists decides it shows %s, want %s", got, c.explain)
			}
		})
	}
	if _, err := choosing(all, []string{"nosuch"}, nil); err == nil {
		t.Error("takes a name that is none")
	}
}
