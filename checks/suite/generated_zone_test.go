package suite_test

import (
	"bytes"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
	"github.com/maildoctor/maildoctor/zonelint"
)

// TestGeneratedZones: what a profile and services ask for makes whole zones that
// the linter finds in order and that read back as they were wanted.
func TestGeneratedZones(t *testing.T) {
	eachGenerated(t, func(t *testing.T, domain string, text []byte, want []record.Record) {
		file, problems, err := zonefile.Parse(bytes.NewReader(text), zonefile.ReadOptions{})
		if err != nil || len(problems) > 0 {
			t.Fatalf("%v %v", err, problems)
		}
		got := slices.DeleteFunc(file.Records(), func(r record.Record) bool { return r.Type == "SOA" || r.Type == "NS" })
		if !slices.Equal(record.Sorted(got), record.Sorted(want)) {
			t.Errorf("%s reads as something else:\n%v\n%v", domain, got, want)
		}
		for _, report := range zonelint.Lint(t.Context(), []zonelint.File{{File: file, Zone: domain}}) {
			for _, r := range report.Results {
				if r.Outcome == diagnosis.Failed {
					t.Errorf("%s: %s: %v", domain, r.Rule.ID, r.Findings)
				}
			}
		}
	})
}

// TestPeersLoadGeneratedZones: the name servers that are installed load them
// without a warning.
func TestPeersLoadGeneratedZones(t *testing.T) {
	dir, seen := t.TempDir(), make(map[string]bool)
	eachGenerated(t, func(t *testing.T, domain string, text []byte, _ []record.Record) {
		if seen[string(text)] {
			return
		}
		seen[string(text)] = true
		path := filepath.Join(dir, "zone")
		peertest.Write(t, path, string(text))
		peertest.CheckZone(t, domain, path)
	})
}

// eachGenerated writes the zones of all wishes.
func eachGenerated(t *testing.T, do func(t *testing.T, domain string, text []byte, want []record.Record)) {
	for _, w := range wishes() {
		t.Run(w.String(), func(t *testing.T) {
			state, problems := desired.Parse([]byte(w.text()), nil)
			wanted, more := state.Edits(desired.Given{})
			if problems = append(problems, more...); len(problems) > 0 {
				t.Fatal(problems)
			}
			for _, d := range state.Domains {
				var entries []zonefile.Entry
				var want []record.Record
				for _, c := range wanted.Changes {
					for _, r := range c.Edit.Want {
						if c.Domain == d.Name {
							entries, want = append(entries, zonefile.Entry{Record: r, Comment: []string{c.Reason}}), append(want, r)
						}
					}
				}
				soa := fmt.Sprintf("ns1.dns-host.example. hostmaster.%s 2026112201 86400 7200 3600000 3600", d.Name)
				entries = append(entries, zonefile.Entry{Record: record.Record{Name: d.Name, Type: "SOA", TTL: 3600, Data: soa}})
				for _, server := range []string{"ns1.dns-host.example.", "ns2.dns-host.example."} {
					entries = append(entries, zonefile.Entry{Record: record.Record{Name: d.Name, Type: "NS", TTL: 3600, Data: server}})
				}
				var b bytes.Buffer
				if err := zonefile.Write(&b, entries, zonefile.WriteOptions{Origin: d.Name, Full: true}); err != nil {
					t.Fatal(err)
				}
				do(t, d.Name, b.Bytes(), want)
			}
		})
	}
}
