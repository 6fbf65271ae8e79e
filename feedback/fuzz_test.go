package feedback_test

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/feedback"
)

// FuzzRead reads what may come from anybody. Whatever it is, it ends, and what is told
// of it holds together.
func FuzzRead(f *testing.F) {
	for _, folder := range []string{"reports", "shapes", "refused"} {
		files, err := filepath.Glob(filepath.Join("testdata", folder, "*"))
		if err != nil || len(files) == 0 {
			f.Fatal("no samples", err)
		}
		for _, name := range files {
			content, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(content)
		}
	}
	f.Add([]byte(sample))
	f.Add(zipped(f, "a.xml", sample))
	f.Fuzz(func(t *testing.T, content []byte) {
		for doc, err := range feedback.From(context.Background(), "file", bytes.NewReader(content)) {
			if err != nil {
				if !strings.HasPrefix(err.Error(), "file") {
					t.Errorf("error %q does not name the file", err)
				}
				continue
			}
			if a := doc.Aggregate; a != nil && (a.Begin.IsZero() || a.End.Before(a.Begin) || a.Policy.Domain == "") {
				t.Errorf("a report without its period or domain: %+v", a)
			}
			for r, err := range doc.Records() {
				if err != nil {
					break
				}
				if r.Count < 0 || r.Fault == "" && (r.Count == 0 || !r.Source.IsValid() || r.HeaderFrom == "") {
					t.Errorf("record %+v", r)
				}
			}
			if len(doc.Notes) > 40 {
				t.Errorf("%d notes", len(doc.Notes))
			}
		}
	})
}
