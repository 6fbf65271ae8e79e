package cmd

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

func TestQuestions(t *testing.T) {
	tests := map[string]struct {
		given initFlags
		typed string
		want  initFlags
		asked string // part of what was printed
	}{
		"a suite": {
			typed: "example.com example.net\nmailcow\n\n192.0.2.25, 2001:db8:25::25\n\n",
			want:  initFlags{domains: []string{"example.com", "example.net"}, profile: "mailcow", host: "mail.example.com", ips: []string{"192.0.2.25", "2001:db8:25::25"}},
			asked: "The name of the mail host [mail.example.com]: "},
		"a service": {
			typed: "example.com\nfastmail\n",
			want:  initFlags{domains: []string{"example.com"}, relays: []string{"fastmail"}},
			asked: "Which of them keeps the mail [standard]: "},
		"asked again": {
			typed: "nodot\n\nexample.com\nno-mail\n",
			want:  initFlags{domains: []string{"example.com"}, profile: "no-mail"},
			asked: `"nodot": is a single label`},
		"what flags say is not asked": {
			given: initFlags{domains: []string{"example.com"}, profile: "mox", host: "mx.example.com", ips: []string{"192.0.2.25"}},
			typed: "sess\nses\n",
			want:  initFlags{domains: []string{"example.com"}, profile: "mox", host: "mx.example.com", ips: []string{"192.0.2.25"}, relays: []string{"ses"}},
			asked: `"sess": is none of`},
	}
	for name, tt := range tests {
		var printed strings.Builder
		got := tt.given
		if err := newQuestions(strings.NewReader(tt.typed), &printed).fill(&got); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if !reflect.DeepEqual(got, tt.want) || !strings.Contains(printed.String(), tt.asked) {
			t.Errorf("%s: got %+v, asked\n%s", name, got, printed.String())
		}
	}
	if err := newQuestions(strings.NewReader("example.com\n"), new(strings.Builder)).fill(&initFlags{}); exitCode(err) != exitUsage {
		t.Errorf("of an input that ends: %v", err)
	}
}

// TestWriteNew: nothing is written over, and nothing is left beside.
func TestWriteNew(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "maildoctor.yaml")
	for i, tt := range []struct {
		over  bool
		text  string
		fails bool
		then  string
	}{{false, "one", false, "one"}, {false, "two", true, "one"}, {true, "three", false, "three"}} {
		err := writeNew(path, []byte(tt.text), tt.over)
		if got, _ := os.ReadFile(path); (err != nil) != tt.fails || string(got) != tt.then {
			t.Errorf("step %d: %v, and the file holds %q", i, err, got)
		}
	}
	if files, _ := os.ReadDir(dir); len(files) != 1 {
		t.Errorf("left behind: %v", files)
	}
	if err := writeNew(filepath.Join(dir, "none", "x"), nil, false); err == nil || strings.Contains(err.Error(), ".maildoctor-") {
		t.Errorf("of a missing directory: %v", err)
	}
}
