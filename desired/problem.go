package desired

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// A Position is a place in the file. Lines and columns begin with 1; the zero
// Position is nowhere, of a State that was not read from a file.
type Position struct{ Line, Column int }

// A Problem is something in the file that cannot be, or cannot be together.
type Problem struct {
	Position
	Path    string // of the key, "domains.example.com.dkim"; empty for the file as a whole
	Message string // what is wrong and what to do; quotes the file with control octets escaped
}

// Error is "line 12:5: domains.example.com.profile: no profile ...".
func (p Problem) Error() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d:%d: ", p.Line, p.Column)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Message)
	return b.String()
}

// maxProblems bounds what is told of one file.
const maxProblems = 50

// inOrder sorts problems by where they stand and drops those that repeat.
func inOrder(problems []Problem) []Problem {
	slices.SortStableFunc(problems, func(a, b Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), strings.Compare(a.Path, b.Path), strings.Compare(a.Message, b.Message))
	})
	problems = slices.Compact(problems)
	return problems[:min(len(problems), maxProblems)]
}

// near is the one of names that a mistyped word means: at most a third of its
// letters are wrong. It is empty where none is.
func near(word string, names []string) string {
	const longest = 64
	if len(word) > longest {
		return ""
	}
	word = strings.ToLower(word)
	best, least := "", 1+len(word)/3
	for _, name := range names {
		if d := distance(word, name); d < least || d == least && best == "" {
			best, least = name, d
		}
	}
	if least > 1+len(word)/3 {
		return ""
	}
	return best
}

// distance is the Levenshtein distance of two words.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		before := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			before, row[j+1] = row[j+1], min(before+cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// meant is "; did you mean X?", or what there is where nothing is near.
func meant(word string, names []string) string {
	if best := near(word, names); best != "" {
		return "; did you mean " + best + "?"
	}
	const few = 24
	if len(names) > few {
		names = append(slices.Clone(names[:few]), "...")
	}
	return "; there is " + strings.Join(names, ", ")
}
