package cmd

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A documentedLine is a command line of a page for people.
type documentedLine struct {
	page  string // its path from the top of the repository
	line  int
	block bool     // it stands in a block of its own, and not in a sentence
	words []string // of maildoctor, without its name
	rest  string   // what the shell does with the output: "| jq ."
}

func (d documentedLine) String() string { return strings.Join(d.words, " ") }

// pagesForPeople are the pages whose command lines are held to be true.
func pagesForPeople(t *testing.T) []string {
	t.Helper()
	var pages []string
	for _, pattern := range []string{"*.md", "docs/*.md"} {
		found, err := filepath.Glob(filepath.Join("..", pattern))
		if err != nil {
			t.Fatal(err)
		}
		pages = append(pages, found...)
	}
	return pages
}

// documentedLines is all command lines of a page: those of its blocks (sh, console,
// and without a language), of what is indented like one, and of code in sentences.
func documentedLines(page, text string) ([]documentedLine, error) {
	var list []documentedLine
	add := func(n int, block bool, command string) error {
		for _, c := range commandsIn(command) {
			one := documentedLine{page: page, line: n, block: block, rest: c.rest}
			words, err := shellWords(c.text)
			if one.words = ofMaildoctor(words); one.words != nil {
				if err != nil {
					return fmt.Errorf("%s:%d: %w", page, n, err)
				}
				list = append(list, one)
			}
		}
		return nil
	}
	fence, blank, shell := false, true, false
	lines := strings.Split(text, "\n")
	for i := 0; i < len(lines); i++ {
		l := lines[i]
		if lang, ok := strings.CutPrefix(l, "```"); ok {
			fence, shell = !fence, slices.Contains([]string{"", "sh", "console"}, lang)
			continue
		}
		start := i + 1
		indented := !fence && strings.HasPrefix(l, "    ") && blank
		if fence && shell && !strings.HasPrefix(l, "     ") || indented { // so deep are the texts of flags
			for strings.HasSuffix(l, `\`) && i+1 < len(lines) {
				i++
				l = strings.TrimSuffix(l, `\`) + lines[i]
			}
			if err := add(start, true, strings.TrimPrefix(strings.TrimSpace(l), "$ ")); err != nil {
				return nil, err
			}
		} else if !fence {
			for j, span := range strings.Split(l, "`") {
				if j%2 == 1 {
					if err := add(start, false, span); err != nil {
						return nil, err
					}
				}
			}
		}
		blank = strings.TrimSpace(l) == "" || indented
	}
	return list, nil
}

// A shellCommand is one of those that a line joins, with what comes after it.
type shellCommand struct{ text, rest string }

// commandsIn cuts a line at what joins commands, outside of quotes.
func commandsIn(line string) []shellCommand {
	var list []shellCommand
	quote, begin := byte(0), 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote = c
		case c == '#' && (i == 0 || line[i-1] == ' '):
			return append(list, shellCommand{line[begin:i], ""})
		case strings.IndexByte("|&;<>", c) >= 0:
			list = append(list, shellCommand{line[begin:i], line[i:]})
			begin = i + 1
		}
	}
	return append(list, shellCommand{line[begin:], ""})
}

// shellWords is the words of a command, without their quotes.
func shellWords(command string) ([]string, error) {
	var words []string
	var word strings.Builder
	quote, inWord := rune(0), false
	for _, r := range command {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote != 0:
			word.WriteRune(r)
		case r == '\'' || r == '"':
			quote, inWord = r, true
		case r == ' ' || r == '\t':
			if inWord {
				words = append(words, word.String())
			}
			word.Reset()
			inWord = false
		default:
			word.WriteRune(r)
			inWord = true
		}
	}
	if inWord {
		words = append(words, word.String())
	}
	if quote != 0 {
		return words, fmt.Errorf("a quote has no end: %s", command)
	}
	return words, nil
}

// ofMaildoctor is what a command gives to maildoctor; nil if it is another's.
func ofMaildoctor(words []string) []string {
	if len(words) > 2 && words[0] == "go" && words[1] == "run" && words[2] == "." {
		return words[3:]
	}
	i := len(words) - 1
	for ; i >= 0; i-- { // sudo -u maildoctor maildoctor …: the server's user has the name, too
		if (words[i] == "maildoctor" || words[i] == "./maildoctor") && (i == 0 || !strings.HasPrefix(words[i-1], "-")) {
			break
		}
	}
	if i < 0 || i > 0 && words[0] != "sudo" && words[0] != "setpriv" {
		return nil
	}
	return slices.DeleteFunc(slices.Clone(words[i+1:]), func(w string) bool { return w == "…" })
}

// TestDocumentedLines: every command line in the pages is one that the program takes:
// there is such a command, with such flags, with as many arguments.
func TestDocumentedLines(t *testing.T) {
	found := 0
	for _, page := range pagesForPeople(t) {
		for _, l := range linesOf(t, page) {
			found++
			if err := taken(l.words); err != nil {
				t.Errorf("%s:%d: maildoctor %s: %v", l.page, l.line, l, err)
			}
		}
	}
	if found < 100 {
		t.Errorf("only %d command lines were found", found)
	}
}

func linesOf(t *testing.T, page string) []documentedLine {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	lines, err := documentedLines(filepath.ToSlash(strings.TrimPrefix(page, "../")), string(text))
	if err != nil {
		t.Error(err)
	}
	return lines
}

// TestUndocumentedLines: a line that names what there is not is refused.
func TestUndocumentedLines(t *testing.T) {
	for _, line := range []string{
		"maildoctor chekc example.com", "maildoctor check --no-such-flag", "maildoctor mta queue shwo ID", "maildoctor zone export --form nonsense=",
		"maildoctor check example.com | jq . && sudo -u maildoctor maildoctor mta rnu",
	} {
		lines, err := documentedLines("page", "```sh\n$ "+line+"\n```\n")
		if err != nil || len(lines) == 0 {
			t.Errorf("%s: %d lines, %v", line, len(lines), err)
			continue
		}
		if last := lines[len(lines)-1]; taken(last.words) == nil {
			t.Errorf("taken: %s", last)
		}
	}
}

// taken says why there is no such command line.
func taken(words []string) error {
	a := &app{in: strings.NewReader(""), out: io.Discard, err: io.Discard, env: func(string) string { return "" }}
	a.wire()
	root := a.root()
	c, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if err := c.ParseFlags(rest); err != nil {
		return err
	}
	return c.ValidateArgs(c.Flags().Args())
}
