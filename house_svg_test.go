package main_test

import (
	"encoding/xml"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"unicode/utf8"
)

// style is what a terminal is told about how text looks (ECMA-48, 8.3.117).
var style = regexp.MustCompile("\x1b\\[([0-9;]*)m")

// classes is the looks that maildoctor uses, by the code that tells of them.
var classes = map[string]string{"1": "b", "2": "f", "31": "r", "32": "g", "33": "y", "36": "c"}

const (
	cellWidth, cellHeight = 8.4, 19 // pixels of a character in 14 px
	padding               = 16
)

// terminal draws lines of a terminal with 80 columns as SVG. It is text: it can be
// read out, searched and copied. It goes with a reader who likes it dark.
func terminal(t *testing.T, title, says string, lines []string) string {
	t.Helper()
	width, height := 2*padding+80*cellWidth, 2*padding+len(lines)*cellHeight
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" width="%.0f" height="%d" viewBox="0 0 %.0f %d" role="img" aria-labelledby="title says">
<title id="title">%s</title>
<desc id="says">%s</desc>
<style>
svg { --bg: #fff; --fg: #1c2128; --soft: #57606a; --line: #d5dae0; --r: #b3141f; --g: #1a6b32; --y: #8a5300; --c: #0b5c8f; }
@media (prefers-color-scheme: dark) { svg { --bg: #14181d; --fg: #e4e8ec; --soft: #9aa4af; --line: #343c45; --r: #ff8088; --g: #6fd08c; --y: #f0b357; --c: #6cc0f2; } }
rect { fill: var(--bg); stroke: var(--line); }
text { fill: var(--fg); font: 14px ui-monospace, SFMono-Regular, Menlo, Consolas, "DejaVu Sans Mono", monospace; white-space: pre; }
.b { font-weight: 700; }
.f { fill: var(--soft); }
.r { fill: var(--r); }
.g { fill: var(--g); }
.y { fill: var(--y); }
.c { fill: var(--c); }
</style>
<rect x="0.5" y="0.5" width="%.0f" height="%d" rx="8"/>
`, width, height, width, height, escaped(title), escaped(says), width-1, height-1)
	for i, line := range lines {
		if line = strings.TrimRight(line, " "); line == "" {
			continue
		}
		fmt.Fprintf(&b, "<text y=\"%d\">%s</text>\n", padding+i*cellHeight+14, runs(t, line))
	}
	b.WriteString("</svg>\n")
	return b.String()
}

// runs is a line in stretches of one look, each at its column and as wide as its
// cells, whatever font there is.
func runs(t *testing.T, line string) string {
	t.Helper()
	var b strings.Builder
	look, column := "", 0
	put := func(text string) {
		if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			t.Fatalf("a control in %q", line)
		}
		n := utf8.RuneCountInString(text)
		if bare := strings.TrimLeft(text, " "); bare != "" {
			blanks := n - utf8.RuneCountInString(bare)
			fmt.Fprintf(&b, `<tspan x="%.1f" textLength="%.1f"`, padding+float64(column+blanks)*cellWidth, float64(n-blanks)*cellWidth)
			if look != "" {
				fmt.Fprintf(&b, ` class="%s"`, look)
			}
			b.WriteString(">" + escaped(bare) + "</tspan>")
		}
		column += n
	}
	at := 0
	for _, m := range style.FindAllStringSubmatchIndex(line, -1) {
		put(line[at:m[0]])
		at, look = m[1], ""
		for code := range strings.SplitSeq(line[m[2]:m[3]], ";") {
			if class, known := classes[code]; known {
				look = strings.TrimSpace(look + " " + class)
			} else if code != "" && code != "0" {
				t.Fatalf("a look that the picture does not know in %q", line)
			}
		}
	}
	put(line[at:])
	return b.String()
}

func escaped(s string) string {
	var b strings.Builder
	_ = xml.EscapeText(&b, []byte(s))
	return b.String()
}
