package cmd

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The moves of testdata/migrate are sailed by their plans.
func TestMigrateSimulate(t *testing.T) {
	worlds, err := filepath.Glob("testdata/migrate/*/world.txtar")
	if err != nil || len(worlds) == 0 {
		t.Fatal("no worlds", err)
	}
	for _, world := range worlds {
		dir := filepath.Dir(world)
		t.Run(filepath.Base(dir), func(t *testing.T) {
			t.Parallel()
			move := filepath.Join(t.TempDir(), "move.json")
			audit := []string{"migrate", "audit", "--replay", world, "--to", filepath.Join(dir, "maildoctor.yaml"), "--save", move}
			if more, err := os.ReadFile(filepath.Join(dir, "flags")); err == nil {
				for _, word := range strings.Fields(string(more)) {
					audit = append(audit, strings.ReplaceAll(word, "DIR", dir))
				}
			}
			if _, errs, _ := ran(t, audit...); errs != "" {
				t.Log(errs) // what stands in the way
			}
			simulate := []string{"migrate", "simulate", move, "--replay", world, "--every", "15m", "--whole"}
			if filepath.Base(dir) == "workspace-to-mailcow" {
				simulate = []string{"migrate", "simulate", move, "--replay", world, "--every", "5m"}
			}
			out, errs, code := ran(t, simulate...)
			got := out + "stderr: " + errs + "exit " + string(rune('0'+code)) + "\n"
			golden := filepath.Join(dir, "simulation.txt")
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
				t.Errorf("the simulation is another; go test ./cmd -run TestMigrateSimulate -update rewrites it\n%s", got)
			}
		})
	}
}
