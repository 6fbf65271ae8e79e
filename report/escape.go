package report

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Escape makes s safe to print on one line of a terminal. What is printable
// stays as it is. Controls (C0, DEL, C1), line ends, bidirectional overrides and
// everything else that is not seen are written as \xNN (ASCII and octets that
// are not UTF-8) or \u{NN}. A backslash stays single, so that records in
// presentation form are not changed: the result is for reading, not for decoding.
//
// Logs of CI servers are read by programs, too: what they would take for a command
// (see quiet) is broken up.
func Escape(s string) string {
	if isPlain(s) {
		return quiet(s)
	}
	var b strings.Builder
	b.Grow(len(s) + 16)
	for len(s) > 0 {
		r, size := utf8.DecodeRuneInString(s)
		switch {
		case r == utf8.RuneError && size == 1, r < utf8.RuneSelf && !shown(r):
			fmt.Fprintf(&b, `\x%02x`, s[0])
		case !shown(r):
			fmt.Fprintf(&b, `\u{%x}`, r)
		default:
			b.WriteString(s[:size])
		}
		s = s[size:]
	}
	return quiet(b.String())
}

// quiet is a line in which CI servers find no command of theirs: "::name::text" at
// its beginning and "##[name]" anywhere (GitHub), "##vso[name]" (Azure Pipelines),
// "##teamcity[name" (TeamCity).
func quiet(line string) string {
	if strings.Contains(line, "##") {
		line = unmarked(line)
	}
	trimmed := strings.TrimLeft(line, " ")
	if rest, ok := strings.CutPrefix(trimmed, "::"); ok && strings.Contains(rest, "::") { // unlike an IPv6 address
		line = line[:len(line)-len(trimmed)] + `\x3a:` + rest
	}
	return line
}

// unmarked is a line without "##name[": its second "#" is written as \x23. It looks at
// each octet twice at most.
func unmarked(line string) string {
	var b strings.Builder
	for {
		i := strings.Index(line, "##")
		if i < 0 {
			b.WriteString(line)
			return b.String()
		}
		b.WriteString(line[:i+1])
		line = line[i+1:]
		name := strings.TrimLeft(line[1:], "abcdefghijklmnopqrstuvwxyz")
		mark := len(line) - len(name) // what stands before name
		if strings.HasPrefix(name, "[") {
			b.WriteString(`\x23`)
			b.WriteString(line[1:mark])
			line = name
		}
	}
}

func isPlain(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// shown reports whether a reader sees r for what it is. unicode.IsPrint leaves
// out the controls, the bidirectional and other format characters, line and
// paragraph separators and all blanks but the ASCII one.
func shown(r rune) bool { return unicode.IsPrint(r) }

// flat is text of ours or the network's as one escaped line: line ends in a
// message are blanks.
func flat(s string) string {
	return Escape(strings.ReplaceAll(strings.TrimSpace(s), "\n", " "))
}

// lines splits an answer into its lines and escapes each.
func lines(s string) []string {
	list := strings.Split(strings.TrimRight(s, "\n"), "\n")
	for i := range list {
		list[i] = Escape(list[i])
	}
	return list
}
