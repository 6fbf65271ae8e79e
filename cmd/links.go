package cmd

import (
	"strconv"
	"strings"
)

// links reports whether standard output shows links (OSC 8). Nobody can ask a
// terminal for that: it is known of those that are named here, by what they set in
// the environment. FORCE_HYPERLINK, 0 or anything else, overrules it, as with other
// programs. NO_COLOR ends links too: who sets it wants no sequences.
func (a *app) links() bool {
	if force := a.env("FORCE_HYPERLINK"); force != "" {
		return force != "0"
	}
	if _, tty := terminal(a.out); !tty || a.env("NO_COLOR") != "" {
		return false
	}
	return linking(a.env)
}

// linking reports whether the environment is that of a terminal with links. What
// runs between, tmux or screen, comes first: the variables of the terminal around
// it are set as well.
func linking(env func(string) string) bool {
	kind, program := env("TERM"), env("TERM_PROGRAM")
	switch {
	case kind == "dumb" || kind == "linux":
		return false
	case program == "tmux":
		return atLeast(env("TERM_PROGRAM_VERSION"), 3, 4)
	case strings.HasPrefix(kind, "screen") || strings.HasPrefix(kind, "tmux"):
		return false
	}
	for _, prefix := range []string{"alacritty", "contour", "foot", "rio", "wezterm", "xterm-ghostty", "xterm-kitty"} {
		if strings.HasPrefix(kind, prefix) {
			return true
		}
	}
	switch program {
	case "iTerm.app":
		return atLeast(env("TERM_PROGRAM_VERSION"), 3, 1)
	case "vscode":
		return atLeast(env("TERM_PROGRAM_VERSION"), 1, 72)
	case "WezTerm", "ghostty", "rio", "zed", "Tabby":
		return true
	}
	vte, _ := strconv.Atoi(env("VTE_VERSION")) // GNOME Terminal and others; 0.50.0 crashed on links
	konsole, _ := strconv.Atoi(env("KONSOLE_VERSION"))
	return vte > 5000 || konsole >= 201200 || env("WT_SESSION") != "" || env("DOMTERM") != ""
}

// atLeast compares a version such as "3.4a" or "1.96.0".
func atLeast(version string, major, minor int) bool {
	one, rest, _ := strings.Cut(version, ".")
	end := strings.IndexFunc(rest, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(rest)
	}
	a, errA := strconv.Atoi(one)
	b, errB := strconv.Atoi(rest[:end])
	return errA == nil && errB == nil && (a > major || a == major && b >= minor)
}
