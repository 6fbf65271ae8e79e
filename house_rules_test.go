package main_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/suite"
)

// TestRules holds every check to say what it claims, why that matters and by
// whose word, and the suite to have every check that the source declares.
func TestRules(t *testing.T) {
	var ids []string
	for _, c := range suite.All() {
		ids = append(ids, c.ID)
		for field, text := range map[string]string{"Title": c.Title, "Why": c.Why, "Doc": c.Doc} {
			if strings.TrimSpace(text) == "" {
				t.Errorf("%s: %s is empty", c.ID, field)
			}
			if strings.TrimSpace(text) != text {
				t.Errorf("%s: %s begins or ends with white space", c.ID, field)
			}
		}
		if strings.HasSuffix(c.Title, ".") || strings.Contains(c.Title, "\n") {
			t.Errorf("%s: the title is a claim in one line without a full stop: %q", c.ID, c.Title)
		}
		if len(c.Refs) == 0 {
			t.Errorf("%s: no reference", c.ID)
		}
		for _, ref := range c.Refs {
			if ref.Name == "" || ref.URL == "" && !strings.HasPrefix(ref.Name, "RFC ") {
				t.Errorf("%s: reference %+v wants a name, and a URL unless it is an RFC", c.ID, ref)
			}
		}
		if c.Run == nil {
			t.Errorf("%s does nothing", c.ID)
		}
		checkNeeds(t, c)
	}
	var declared []string
	for _, d := range declarations(t) {
		declared = append(declared, d.id)
	}
	for _, id := range declared {
		if !slices.Contains(ids, id) {
			t.Errorf("suite.All does not have %s: is its topic joined there?", id)
		}
	}
	if len(ids) != len(declared) {
		t.Errorf("suite.All has %d checks, the source declares %d", len(ids), len(declared))
	}
}

// checkNeeds wants causes that are checks of the suite, each named once.
func checkNeeds(t *testing.T, c *checks.Check) {
	all := suite.All()
	for i, need := range c.Needs {
		if !slices.Contains(all, need) || slices.Contains(c.Needs[:i], need) || need == c {
			t.Errorf("%s: need %d is no other check of the suite, or named twice", c.ID, i)
		}
	}
}
