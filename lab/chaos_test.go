package lab_test

import (
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mta"
)

// TestChaos: our sender copes with all there is.
func TestChaos(t *testing.T) {
	_, key, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	c, err := lab.NewChaos("postmaster@sender.example", "mx.sender.example", []mta.Key{{Domain: "sender.example", Selector: "e1", Signer: key}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	list, err := c.All(ctx, lab.Faults())
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range list {
		t.Logf("%s, %s: %s → %s (%d ms)", e.Fault.Switch, e.Fault.Case, e.Did, e.Became, e.Took.Milliseconds())
		if e.Why != "" {
			t.Errorf("it does not cope: %s", e.Why)
			for _, a := range e.Attempts {
				t.Logf("%+v", a.Results)
			}
		}
	}
}

// TestChaosDocs: the page on trials names each fault.
func TestChaosDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/e2e.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range lab.Switches() {
		if !strings.Contains(string(page), "\n| `"+name+"` | ") {
			t.Errorf("docs/e2e.md does not tell of %s", name)
		}
	}
}
