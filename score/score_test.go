package score_test

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/score"
)

// failed is a rule with findings of severities.
func failed(id string, list ...diagnosis.Severity) diagnosis.Result {
	r := diagnosis.Result{Rule: diagnosis.Rule{ID: id}, Outcome: diagnosis.Failed}
	for _, s := range list {
		r.Findings = append(r.Findings, diagnosis.Finding{Severity: s, Message: id + " " + s.String()})
	}
	return r
}

const (
	critical = diagnosis.Critical
	warning  = diagnosis.Warning
	advice   = diagnosis.Advice
)

func TestOf(t *testing.T) {
	passed := func(id string) diagnosis.Result { return diagnosis.Result{Rule: diagnosis.Rule{ID: id}} }
	absent := passed("auth.dmarc")
	absent.Seen = []diagnosis.Evidence{{Question: "DMARC", Answer: "no policy", Absent: true}}
	open := diagnosis.Result{Rule: diagnosis.Rule{ID: "auth.dkim"}, Outcome: diagnosis.Unknown, Reason: "no answer"}
	for _, c := range []struct {
		name    string
		results []diagnosis.Result
		want    string // the score, then the deductions
	}{
		{"nothing at all", nil, "10/10"},
		{"all passes", []diagnosis.Result{passed("auth.dmarc"), passed("auth.dkim")}, "10/10"},
		{"no policy", []diagnosis.Result{absent}, "9/10 auth.dmarc-1"},
		{"not known costs nothing", []diagnosis.Result{open}, "at most 10/10"},
		{"a follower's doubt is not listed", []diagnosis.Result{{Rule: diagnosis.Rule{ID: "auth.dkim"}, Outcome: diagnosis.Unknown, Reason: "because", Cause: "auth.spf"}}, "10/10"},
		{"skipped costs nothing", []diagnosis.Result{{Rule: diagnosis.Rule{ID: "auth.arc"}, Outcome: diagnosis.Skipped, Reason: "none"}}, "10/10"},
		{"DKIM broken, DMARC passes by SPF", []diagnosis.Result{failed("auth.dkim", advice)}, "8.5/10 auth.dkim-1.5"},
		{"the cause counts once", []diagnosis.Result{failed("auth.dmarc", critical), failed("auth.dkim", warning), failed("auth.spf", warning)}, "4/10 auth.dmarc-6"},
		{"forged", []diagnosis.Result{failed("auth.dmarc", critical), failed("auth.authenticated", critical), failed("auth.spf", warning), failed("auth.dkim", warning), failed("auth.reverse-dns", warning)},
			"0.5/10 auth.dmarc-6 auth.authenticated-2 auth.reverse-dns-1.5"},
		{"never below nothing", []diagnosis.Result{failed("auth.dmarc", critical), failed("auth.authenticated", critical), failed("auth.reverse-dns", warning), failed("message.headers", critical), failed("message.date", warning)},
			"0/10 auth.dmarc-6 auth.authenticated-2 auth.reverse-dns-1.5 message.headers-0.5 message.date-0"},
		{"several findings of a rule cost once", []diagnosis.Result{failed("message.headers", advice, warning, warning)}, "9.3/10 message.headers-0.7"},
		{"a rule that has no weight", []diagnosis.Result{failed("x.y", critical)}, "10/10"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := score.Of(c.results)
			got := s.String()
			for _, d := range s.Deductions {
				got += " " + d.Check + "-" + score.Points(d.Cost)
			}
			if got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

// Ten small things do not outweigh one grave one, and all that is wrong with the
// content does not outweigh that the mail is rejected.
func TestSmallThings(t *testing.T) {
	var small, content []diagnosis.Result
	for _, w := range score.Weights() {
		switch {
		case w.Group != score.Header && w.Group != score.Body:
			continue
		case w.Cost.Advice > 0:
			small = append(small, failed(w.Check, advice))
		}
		if w.Group == score.Body {
			content = append(content, failed(w.Check, warning))
		}
	}
	if len(small) < 8 {
		t.Fatalf("%d rules give advice", len(small))
	}
	grave := score.Of([]diagnosis.Result{failed("message.headers", critical)})
	if s := score.Of(small); s.Tenths <= grave.Tenths {
		t.Errorf("small things %s, a grave one %s", s, grave)
	}
	rejected := score.Of([]diagnosis.Result{failed("auth.dmarc", critical)})
	if s := score.Of(append(content, small...)); s.Tenths <= rejected.Tenths {
		t.Errorf("content %s, rejected %s", s, rejected)
	}
}

// Results in any order come to the same, the deductions add up, and no group
// exceeds its limit.
func TestOrderAndSum(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		var results []diagnosis.Result
		for _, w := range score.Weights() {
			if r.IntN(3) == 0 {
				results = append(results, failed(w.Check, diagnosis.Severity(r.IntN(3))))
			}
		}
		s := score.Of(results)
		again := slices.Clone(results)
		r.Shuffle(len(again), func(i, k int) { again[i], again[k] = again[k], again[i] })
		if !reflect.DeepEqual(score.Of(again), s) {
			t.Fatal("the order of the results matters")
		}
		sum, groups := 0, make(map[score.Group]int)
		for _, d := range s.Deductions {
			sum += d.Cost
			groups[d.Group] += d.Cost
		}
		if s.Tenths != score.Full-sum || s.Tenths < 0 {
			t.Fatalf("%s, and %d tenths are deducted", s, sum)
		}
		for _, l := range score.Limits() {
			if groups[l.Group] > l.Most {
				t.Fatalf("%s costs %d", l.Group, groups[l.Group])
			}
		}
	}
}

// Every weight has a reason, a group with a limit and something to cost, once.
func TestWeights(t *testing.T) {
	seen := make(map[string]bool)
	for _, w := range score.Weights() {
		if seen[w.Check] || strings.TrimSpace(w.Reason) == "" || w.Cost == (score.Cost{}) {
			t.Errorf("%s: there twice, without a reason, or free", w.Check)
		}
		for _, id := range w.Unless {
			if !seen[id] {
				t.Errorf("%s: %s does not stand before it", w.Check, id)
			}
		}
		seen[w.Check] = true
		if !slices.ContainsFunc(score.Limits(), func(l score.Limit) bool { return l.Group == w.Group && l.Most > 0 && l.Reason != "" }) {
			t.Errorf("%s: group %s has no limit", w.Check, w.Group)
		}
	}
}
