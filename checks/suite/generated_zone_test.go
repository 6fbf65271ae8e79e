package suite_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
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
// without a warning under their strict flags.
func TestPeersLoadGeneratedZones(t *testing.T) {
	peers := [][]string{
		{"named-checkzone", "-i", "local", "-k", "fail", "-m", "fail", "-M", "fail", "-n", "fail", "-r", "fail", "-S", "fail", "-W", "warn"},
		{"nsd-checkzone"},
		{"kzonecheck", "-o"},
	}
	peers = slices.DeleteFunc(peers, func(p []string) bool {
		_, err := exec.LookPath(p[0])
		if err != nil && os.Getenv("MAILDOCTOR_PEERS") == "1" {
			t.Errorf("%s is not installed, and MAILDOCTOR_PEERS=1 wants it", p[0])
		}
		return err != nil
	})
	if len(peers) == 0 {
		t.Skip("no name server is installed here")
	}
	dir, seen := t.TempDir(), make(map[string]bool)
	eachGenerated(t, func(t *testing.T, domain string, text []byte, _ []record.Record) {
		if seen[string(text)] {
			return
		}
		seen[string(text)] = true
		path := filepath.Join(dir, "zone")
		if err := os.WriteFile(path, text, 0o600); err != nil {
			t.Fatal(err)
		}
		for _, p := range peers {
			said, err := exec.CommandContext(t.Context(), p[0], append(p[1:], record.Display(domain), path)...).CombinedOutput()
			if err != nil || strings.Contains(strings.ToLower(string(said)), "warning") {
				t.Errorf("%s of %s: %v: %s\n%s", p[0], domain, err, said, text)
			}
		}
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
