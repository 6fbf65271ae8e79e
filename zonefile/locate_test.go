package zonefile

import (
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
)

func TestLocate(t *testing.T) {
	entries, err := ReadEntries(strings.NewReader("@ SOA ns host 1 2 3 4 5\n@ TXT \"v=spf1 -all\"\n@ TXT \"v=spf1 mx\"\n@ MX 10 mx\n"), "example.org")
	if err != nil {
		t.Fatal(err)
	}
	file := File{Name: "a.zone", Entries: entries}
	if apex, ok := file.Apex(); !ok || apex != "example.org." || len(file.Records()) != 4 {
		t.Errorf("apex %q %v, %d records", apex, ok, len(file.Records()))
	}
	twice := []diagnosis.Evidence{{Question: "TXT example.org"}, {Question: "TXT example.org"}, {Question: "A example.org"}}
	results := []diagnosis.Result{{Findings: []diagnosis.Finding{{Evidence: twice}, {}}}}
	Locate(results, []File{file})
	if got, want := results[0].Findings[0].Places, []string{"a.zone:2", "a.zone:3"}; !slices.Equal(got, want) {
		t.Errorf("places %q, want %q", got, want)
	}
	if len(results[0].Findings[1].Places) > 0 {
		t.Error("a finding without evidence has no place")
	}
}
