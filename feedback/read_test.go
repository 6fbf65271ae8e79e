package feedback_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/feedback"
)

var update = flag.Bool("update", false, "rewrite what is read of the samples; the diff is the review")

// told is what is read of paths, a line each: reports with the records of theirs,
// refusals.
func told(paths ...string) string {
	var b strings.Builder
	for doc, err := range feedback.Read(context.Background(), paths, feedback.Options{}) {
		var no *feedback.Refusal
		if errors.As(err, &no) {
			fmt.Fprintf(&b, "no %s: %s; %s (%v)\n", filepath.Base(no.Name), no.Reason, no.Next, no.Other)
			continue
		}
		if err != nil {
			fmt.Fprintf(&b, "error %v\n", err)
			continue
		}
		fmt.Fprintf(&b, "yes %s:", filepath.Base(doc.Name))
		if a := doc.Aggregate; a != nil {
			fmt.Fprintf(&b, " %s %q %s %s to %s p=%s\n", a.Schema, a.Org, a.Policy.Domain, a.Begin.Format("01-02"), a.End.Format("01-02"), a.Policy.Policy)
		} else {
			fmt.Fprintf(&b, " TLS %q %s", doc.TLS.Org, doc.TLS.Begin.Format("01-02"))
			for _, p := range doc.TLS.Policies {
				fmt.Fprintf(&b, " %s %s %d/%d %v", p.Type, p.Domain, p.Successes, p.Failures, p.Details)
			}
			b.WriteByte('\n')
		}
		if doc.Mail != nil {
			fmt.Fprintf(&b, "  brought by %+v\n", *doc.Mail)
		}
		for r, err := range doc.Records() {
			if err != nil {
				fmt.Fprintf(&b, "  no: %v\n", err)
				break
			}
			fmt.Fprintf(&b, "  %s %d %s dkim=%v spf=%v from=%s mail=%s", r.Source, r.Count, r.Disposition, r.DKIM, r.SPF, r.HeaderFrom, r.MailFrom)
			for _, s := range r.Signatures {
				fmt.Fprintf(&b, " dkim(%s %s %s)", s.Domain, s.Selector, s.Result)
			}
			for _, s := range r.SPFs {
				fmt.Fprintf(&b, " spf(%s %s %s)", s.Domain, s.Scope, s.Result)
			}
			for _, s := range r.Reasons {
				fmt.Fprintf(&b, " reason(%s)", s.Type)
			}
			if r.Fault != "" {
				fmt.Fprintf(&b, " fault: %s", r.Fault)
			}
			b.WriteByte('\n')
		}
		for _, n := range doc.Notes {
			fmt.Fprintf(&b, "  note: %s (%d)\n", n.Text, n.Count)
		}
	}
	return b.String()
}

// The samples have what readers of reports stumble over. What is read of them stands
// in a file beside them.
func TestSamples(t *testing.T) {
	for _, folder := range []string{"reports", "shapes", "refused"} {
		got := told(filepath.Join("testdata", folder))
		golden := filepath.Join("testdata", folder+".txt")
		want, err := os.ReadFile(golden)
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		if got != string(want) {
			t.Errorf("%s: read\n%s\nwant\n%s", folder, got, want)
		}
	}
}
