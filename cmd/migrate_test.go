package cmd

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/checks/suite"
	"github.com/maildoctor/maildoctor/migration"
)

// Each folder of testdata/migrate is a move: a world, what is wanted, and the audit
// as printed.
func TestMigrateAudit(t *testing.T) {
	worlds, err := filepath.Glob("testdata/migrate/*/world.txtar")
	if err != nil || len(worlds) == 0 {
		t.Fatal("no worlds", err)
	}
	for _, world := range worlds {
		dir := filepath.Dir(world)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			args := []string{"migrate", "audit", "--replay", world, "--to", filepath.Join(dir, "maildoctor.yaml")}
			if more, err := os.ReadFile(filepath.Join(dir, "flags")); err == nil {
				for _, word := range strings.Fields(string(more)) {
					args = append(args, strings.ReplaceAll(word, "DIR", dir))
				}
			}
			out, errs, code := ran(t, args...)
			got := out + "stderr: " + errs + "exit " + string(rune('0'+code)) + "\n"
			golden := filepath.Join(dir, "want.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the audit is another; go test ./cmd -run TestMigrateAudit -update rewrites it\n%s", got)
			}
		})
	}
}

// ran runs a command line.
func ran(t *testing.T, args ...string) (out, errs string, code int) {
	t.Helper()
	env := map[string]string{"XDG_STATE_HOME": t.TempDir(), "NO_COLOR": "1"}
	var stdout, stderr bytes.Buffer
	a := &app{in: strings.NewReader(""), out: &stdout, err: &stderr, env: func(name string) string { return env[name] }}
	a.wire()
	code = a.main(args)
	return stdout.String(), stderr.String(), code
}

// What steps name as checks are checks, or blockers.
func TestMigrateNamesChecks(t *testing.T) {
	known := make(map[string]bool)
	for _, c := range suite.All() {
		known[c.ID] = true
	}
	for _, id := range migration.NamedChecks() {
		if !known[id] {
			t.Errorf("migration names the check %s, which is none", id)
		}
	}
}
