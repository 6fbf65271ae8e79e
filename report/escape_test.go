package report_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/maildoctor/maildoctor/report"
)

func TestEscape(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"plain", "v=spf1 mx -all", "v=spf1 mx -all"},
		{"empty", "", ""},
		{"backslash stays single", `"a\"b\\c"`, `"a\"b\\c"`},
		{"words in other scripts", "bücher 例え", "bücher 例え"},
		{"CSI", "\x1b[31mred", `\x1b[31mred`},
		{"OSC title", "\x1b]0;x\a", `\x1b]0;x\x07`},
		{"C1 as a character", "\u009b31m", `\u{9b}31m`},
		{"C1 as an octet", "\x9b31m", `\x9b31m`},
		{"DEL and NUL", "\x7f\x00", `\x7f\x00`},
		{"line ends and tab", "a\r\n\tb", `a\x0d\x0a\x09b`},
		{"bidirectional override and isolate", "\u202egpj\u2066", `\u{202e}gpj\u{2066}`},
		{"separators", "\u2028\u2029", `\u{2028}\u{2029}`},
		{"zero width", "a\u200bb\ufeff", `a\u{200b}b\u{feff}`},
		{"no-break space", "a\u00a0b", `a\u{a0}b`},
		{"tag characters", "\U000e0041", `\u{e0041}`},
		{"not UTF-8", "a\xffb\xc3", `a\xffb\xc3`},
		{"surrogate in octets", "\xed\xa0\x80", `\xed\xa0\x80`},
		{"command of GitHub", "  ::error::x", `  \x3a:error::x`},
		{"IPv6", "::1", "::1"},
		{"commands of others", "a ##[error]x ##vso[y] ###teamcity[z ## w", `a #\x23[error]x #\x23vso[y] ##\x23teamcity[z ## w`},
		{"replacement character itself", "\ufffd", "\ufffd"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := report.Escape(c.in); got != c.want {
				t.Errorf("Escape(%q) = %q, want %q", c.in, got, c.want)
			}
		})
	}
}

func FuzzEscape(f *testing.F) {
	for _, s := range []string{"", "v=spf1 -all", "\x1b[2J", "\u009b1m", "\u202e", "\xff\xfe", "a\nb", "ü\u0301", `\x1b`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := report.Escape(s)
		if bad := firstControl(got, false); bad != "" {
			t.Fatalf("Escape(%q) = %q holds %s", s, got, bad)
		}
		if strings.Contains(got, "\n") {
			t.Fatalf("Escape(%q) = %q is more than one line", s, got)
		}
		if again := report.Escape(got); again != got {
			t.Fatalf("escaping %q again gives %q", got, again)
		}
		if len(got) > 10*len(s) {
			t.Fatalf("%d octets became %d", len(s), len(got))
		}
	})
}

// firstControl is a description of the first thing in s that a terminal acts
// on, other than a line end and, if allowed, an SGR sequence.
func firstControl(s string, sgr bool) string {
	if !utf8.ValidString(s) {
		return "octets that are not UTF-8"
	}
	for i, r := range s {
		switch {
		case r == '\n':
		case r == 0x1b && sgr && isSGR(s[i:]):
		case r < ' ', r == 0x7f, r >= 0x80 && r < 0xa0,
			r == 0x61c, r == 0x200e, r == 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2066 && r <= 0x2069:
			return "U+" + hex(r)
		}
	}
	return ""
}

func hex(r rune) string {
	const digits = "0123456789ABCDEF"
	var out []byte
	for ; r > 0 || len(out) < 4; r >>= 4 {
		out = append([]byte{digits[r&15]}, out...)
	}
	return string(out)
}

// isSGR reports whether s begins with ESC [ digits-and-semicolons m.
func isSGR(s string) bool {
	rest, ok := strings.CutPrefix(s, "\x1b[")
	return ok && strings.HasPrefix(strings.TrimLeft(rest, "0123456789;"), "m")
}
