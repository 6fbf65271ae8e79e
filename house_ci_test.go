package main_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v4"
)

// readYAML reads a file of the repository.
func readYAML(t *testing.T, name string, into any) string {
	t.Helper()
	text, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, into); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return string(text)
}

// TestAction: each input of the GitHub Action reaches the script by the environment,
// and none stands in a script, where what a pull request says would be run.
func TestAction(t *testing.T) {
	var action struct {
		Inputs map[string]struct{ Description string }
		Runs   struct {
			Steps []struct {
				Run string
				Env map[string]string
			}
		}
	}
	readYAML(t, "action.yml", &action)
	script, err := os.ReadFile(filepath.Join("ci", "action.sh"))
	if err != nil {
		t.Fatal(err)
	}
	passed := map[string]bool{"go-version": true} // for the step before
	for _, step := range action.Runs.Steps {
		if strings.Contains(step.Run, "${{") {
			t.Errorf("an expression stands in a script: %s", step.Run)
		}
		for name, value := range step.Env {
			if input, ok := strings.CutPrefix(value, "${{ inputs."); ok {
				input = strings.TrimSuffix(input, " }}")
				passed[input] = true
				if want := "INPUT_" + strings.ToUpper(strings.ReplaceAll(input, "-", "_")); name != want || !strings.Contains(string(script), want) {
					t.Errorf("input %s is %s; want %s, and the script to read it", input, name, want)
				}
			}
		}
	}
	for name, input := range action.Inputs {
		if !passed[name] || input.Description == "" {
			t.Errorf("input %s is not passed on, or not explained", name)
		}
	}
	for _, name := range regexp.MustCompile(`INPUT_[A-Z_]+`).FindAllString(string(script), -1) {
		if input := strings.ToLower(strings.ReplaceAll(strings.TrimPrefix(name, "INPUT_"), "_", "-")); !passed[input] {
			t.Errorf("the script reads %s, which is no input", name)
		}
	}
}

// TestActionScript runs the script of the action with a program that tells how it
// was called.
func TestActionScript(t *testing.T) {
	bash, err := exec.LookPath("bash")
	if err != nil {
		t.Skip("bash is not installed")
	}
	dir := t.TempDir()
	program := filepath.Join(dir, "program")
	if err := os.WriteFile(program, []byte("#!/bin/sh\nprintf '%s\\n' \"$@\"\nexit 1\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  []string
		want string
		code int
	}{
		"a domain": {[]string{"INPUT_DOMAINS=example.com", "INPUT_ARGS=--no-smtp"}, "check --format github --no-smtp -- example.com", 1},
		"the file": {nil, "check --format github --", 1},
		"all of it": {[]string{"INPUT_DOMAINS=a.example\n b.example", "INPUT_FILE=m.yaml", "INPUT_FAIL_ON=warning", "INPUT_STRICT=true", "INPUT_BASELINE=b.json", "INPUT_SARIF=out.sarif", "INPUT_REPORT=r.json"},
			"check --file m.yaml --format github --fail-on warning --strict --baseline b.json --format sarif:out.sarif --format json:r.json -- a.example b.example", 1},
		"zones":         {[]string{"INPUT_COMMAND=zone-lint", "INPUT_ZONES=a.zone b.zone", "INPUT_ARGS=--no-smtp"}, "zone lint --format github -- a.zone b.zone", 1},
		"a zone":        {[]string{"INPUT_ZONES=a.zone"}, "check --zone a.zone --format github --", 1},
		"a plan":        {[]string{"INPUT_COMMAND=plan", "INPUT_DOMAINS=example.com", "INPUT_FAIL_ON=warning"}, "plan -- example.com", 1},
		"a report":      {[]string{"INPUT_COMMAND=report", "INPUT_ZONES=r.json"}, "report --from r.json --format github --", 1},
		"hostile":       {[]string{"INPUT_DOMAINS=$(touch x) `id` * ;", "INPUT_ARGS="}, "check --format github -- $(touch x) `id` * ;", 1},
		"a flag":        {[]string{"INPUT_DOMAINS=--replay=x"}, "::error title=maildoctor::a domain does not begin with a dash; flags go into args", 2},
		"wrong command": {[]string{"INPUT_COMMAND=rm -rf /"}, "::error title=maildoctor::command is check, zone-lint, plan or report, not rm?-rf??", 2},
	} {
		t.Run(name, func(t *testing.T) {
			output := filepath.Join(t.TempDir(), "output")
			cmd := exec.Command(bash, filepath.Join("ci", "action.sh"))
			cmd.Env = append(test.env, "MAILDOCTOR="+program, "GITHUB_OUTPUT="+output, "PATH="+os.Getenv("PATH"))
			out, err := cmd.Output()
			if got := strings.Join(strings.Fields(string(out)), " "); got != test.want {
				t.Errorf("%s\nwant %s", got, test.want)
			}
			if code := cmd.ProcessState.ExitCode(); code != test.code {
				t.Errorf("exit code %d, want %d (%v)", code, test.code, err)
			}
			if said, _ := os.ReadFile(output); test.code == 1 && string(said) != "exit-code=1\n" {
				t.Errorf("output %q", said)
			}
		})
	}
}

// TestTemplates: what other files name is there: the hook's command, the packages'
// files, the image's.
func TestTemplates(t *testing.T) {
	var hooks []struct{ ID, Entry, Language, Files string }
	readYAML(t, ".pre-commit-hooks.yaml", &hooks)
	if len(hooks) != 1 || hooks[0].Entry != "maildoctor zone lint" || hooks[0].Language != "golang" {
		t.Errorf("%+v", hooks)
	}
	if files := regexp.MustCompile(hooks[0].Files); !files.MatchString("zones/example.org.zone") || files.MatchString("zones/readme.md") {
		t.Errorf("the hook looks at %s", hooks[0].Files)
	}
	var gitlab map[string]struct{ Script []string }
	readYAML(t, filepath.Join("ci", "gitlab.yml"), &gitlab)
	if script := strings.Join(gitlab["maildoctor"].Script, "\n"); !strings.Contains(script, "--format junit:maildoctor.xml") {
		t.Errorf("%q", script)
	}
	var release struct {
		Version int
		Nfpms   []struct {
			Contents []struct{ Src, Dst string }
		}
	}
	readYAML(t, ".goreleaser.yaml", &release)
	if release.Version != 2 || len(release.Nfpms) != 1 {
		t.Fatalf("%+v", release)
	}
	for _, c := range release.Nfpms[0].Contents {
		if made := strings.HasPrefix(c.Src, "packaging/out/"); made { // by maildoctor pages
			continue
		}
		if found, _ := filepath.Glob(c.Src); len(found) == 0 {
			t.Errorf("a package shall hold %s, and there is none", c.Src)
		}
	}
	ignored, err := os.ReadFile(".gitignore")
	if err != nil || !slices.Contains(strings.Fields(string(ignored)), "/packaging/out/") {
		t.Error("what maildoctor pages writes would be committed")
	}
}
