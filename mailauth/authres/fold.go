package authres

import "strings"

// maxLine is how many octets a line should have at most, without its CRLF (RFC
// 5322, 2.1.1).
const maxLine = 78

// A place is a space that a line may be broken in front of.
type place struct {
	at   int
	kind placeKind
}

type placeKind int

const (
	always  placeKind = iota // behind a semicolon
	gladly                   // between words
	hardly                   // in a quoted string: not all readers unfold it
	lineEnd                  // behind the last octet
)

// fold is a header field of a value in one line. Where it does not fit into one,
// every part behind a semicolon begins a new line.
func fold(name, value string) string {
	line := name + ": " + value
	if len(line) <= maxLine {
		return line + "\r\n"
	}
	var b strings.Builder
	start := 0
	list := places(line, len(name)+2)
	for len(list) > 0 {
		end := next(list, start)
		b.WriteString(line[start:list[end].at] + "\r\n")
		start = list[end].at
		list = list[end+1:]
	}
	return b.String()
}

// next is the place where a line that begins at start ends: in front of what does
// not fit, in a quoted string only where nothing else is left.
func next(list []place, start int) int {
	best := -1
	for i, p := range list {
		if p.at-start > maxLine && best >= 0 {
			return best
		}
		if best < 0 || p.kind <= gladly || list[best].kind == hardly || p.kind == lineEnd {
			best = i
		}
		if p.kind == always || p.at-start > maxLine {
			return best
		}
	}
	return best
}

// places are the spaces of line that stand alone, from an offset on, so that no
// line becomes blank, and its end.
func places(line string, from int) []place {
	var list []place
	quote, depth := false, 0
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == ' ' && i >= from && mayBreak(line, i):
			kind := gladly
			switch {
			case quote:
				kind = hardly
			case depth == 0 && line[i-1] == ';':
				kind = always
			}
			list = append(list, place{i, kind})
		case c == '\\' && (quote || depth > 0):
			i++
		case c == '"' && depth == 0:
			quote = !quote
		case quote:
		case c == '(':
			depth++
		case c == ')':
			depth--
		}
	}
	return append(list, place{len(line), lineEnd})
}

// mayBreak reports whether there is a space at i that stands alone.
func mayBreak(line string, i int) bool {
	return i > 0 && i < len(line)-1 && line[i] == ' ' && line[i-1] != ' ' && line[i+1] != ' '
}
