package cmd

import "testing"

func TestLinking(t *testing.T) {
	for _, test := range []struct {
		name string
		env  map[string]string
		want bool
	}{
		{"nothing known", map[string]string{"TERM": "xterm-256color"}, false},
		{"dumb, whatever else", map[string]string{"TERM": "dumb", "VTE_VERSION": "7600"}, false},
		{"the console of Linux", map[string]string{"TERM": "linux", "WT_SESSION": "x"}, false},
		{"kitty", map[string]string{"TERM": "xterm-kitty"}, true},
		{"foot", map[string]string{"TERM": "foot-extra"}, true},
		{"GNOME Terminal", map[string]string{"TERM": "xterm-256color", "VTE_VERSION": "7600"}, true},
		{"a VTE that crashes", map[string]string{"TERM": "xterm-256color", "VTE_VERSION": "5000"}, false},
		{"a version that is none", map[string]string{"TERM": "xterm-256color", "VTE_VERSION": "new"}, false},
		{"Konsole", map[string]string{"TERM": "xterm-256color", "KONSOLE_VERSION": "220800"}, true},
		{"Windows Terminal", map[string]string{"WT_SESSION": "b0f"}, true},
		{"tmux", map[string]string{"TERM": "tmux-256color", "TERM_PROGRAM": "tmux", "TERM_PROGRAM_VERSION": "3.4a"}, true},
		{"an older tmux in GNOME Terminal", map[string]string{"TERM": "screen-256color", "TERM_PROGRAM": "tmux", "TERM_PROGRAM_VERSION": "3.3", "VTE_VERSION": "7600"}, false},
		{"screen in GNOME Terminal", map[string]string{"TERM": "screen-256color", "VTE_VERSION": "7600"}, false},
		{"iTerm2", map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app", "TERM_PROGRAM_VERSION": "3.5.0"}, true},
		{"Terminal of macOS", map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "Apple_Terminal", "TERM_PROGRAM_VERSION": "453"}, false},
		{"an old VS Code", map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "TERM_PROGRAM_VERSION": "1.9.1"}, false},
		{"VS Code", map[string]string{"TERM": "xterm-256color", "TERM_PROGRAM": "vscode", "TERM_PROGRAM_VERSION": "1.96.0"}, true},
	} {
		if got := linking(func(name string) string { return test.env[name] }); got != test.want {
			t.Errorf("%s: %v, want %v", test.name, got, test.want)
		}
	}
}
