package cmd

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages: each command has a manual page in which troff finds no requests but
// ours, and each shell its script.
func TestPages(t *testing.T) {
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: func(string) string { return "" }}
	a.wire()
	dir := t.TempDir()
	if err := a.pages(dir); err != nil {
		t.Fatal(err)
	}
	for _, c := range documented(a.root()) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		page, err := os.ReadFile(filepath.Join(dir, "man", name))
		if err != nil {
			t.Error(err)
			continue
		}
		for line := range strings.Lines(string(page)) {
			request, _, _ := strings.Cut(strings.TrimSpace(line), " ")
			if strings.HasPrefix(line, ".") && !strings.Contains(" .TH .SH .PP .B .BR .nf .fi ", " "+request+" ") || strings.HasPrefix(line, "'") {
				t.Errorf("%s: a request: %s", name, line)
			}
		}
		if !strings.Contains(string(page), roff(c.Short)) || c.HasParent() && !strings.Contains(string(page), ".SH SEE ALSO") {
			t.Errorf("%s is not whole", name)
		}
	}
	for _, file := range []string{"maildoctor.bash", "maildoctor.zsh", "maildoctor.fish", "maildoctor.ps1"} {
		if script, err := os.ReadFile(filepath.Join(dir, "completions", file)); err != nil || !strings.Contains(string(script), "maildoctor") {
			t.Errorf("%s: %v", file, err)
		}
	}
}

func TestRoff(t *testing.T) {
	for text, want := range map[string]string{
		".so /etc/passwd":  `\&.so /etc/passwd`,
		"a\n.de x\n'br\\z": "a\n\\&.de x\n\\(aqbr\\ez",
		"ü → x":            `\[u00FC] \[u2192] x`,
		"--flag `x` ~ ^":   `\-\-flag \(gax\(ga \(ti \(ha`,
	} {
		if got := roff(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
