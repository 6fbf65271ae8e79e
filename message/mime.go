package message

import (
	"bytes"
	"slices"
	"strconv"
)

// Bounds of the MIME structure.
const (
	MaxParts = 10000
	MaxDepth = 100

	maxPartFields = 100    // of one part; an enclosed message has MaxFields
	allPartFields = 50_000 // of all parts together
)

// Parts reads the MIME structure in one pass over the body. The message itself is
// part 0, and every part stands behind the one that holds it.
func (m *Message) Parts() ([]Part, []Problem) {
	var p problems
	w := walker{raw: m.Raw, fields: allPartFields, line: 1, levels: map[string][]int{}, problems: &p}
	top := Part{Parent: -1, Fields: m.Fields, BodyAt: m.BodyAt}
	top.describe("text/plain", &p)
	w.open(top)
	w.walk(m.BodyAt)
	return w.parts, p
}

// A walker reads the lines of a body and keeps the parts that are open, the
// innermost last.
type walker struct {
	raw      []byte
	parts    []Part
	stack    []int            // indices of open parts
	levels   map[string][]int // of each boundary still awaited: where its part stands in stack
	children []int            // of each part: parts that it has so far
	fields   int              // that may still be kept
	full     bool             // MaxParts is reached
	line     int              // number of the line at counted
	counted  int
	problems *problems
}

// open makes part the innermost one.
func (w *walker) open(part Part) {
	w.parts = append(w.parts, part)
	w.children = append(w.children, 0)
	w.stack = append(w.stack, len(w.parts)-1)
	if part.boundary != "" {
		w.levels[part.boundary] = append(w.levels[part.boundary], len(w.stack)-1)
	}
}

// forget awaits the boundary of the part at level no more.
func (w *walker) forget(level int) {
	b := w.parts[w.stack[level]].boundary
	if list := w.levels[b]; b != "" && slices.Contains(list, level) {
		w.levels[b] = slices.DeleteFunc(list, func(l int) bool { return l == level })
	}
}

// lineOf is the number of the line that begins at at, which never goes back.
func (w *walker) lineOf(at int) int {
	w.line += bytes.Count(w.raw[w.counted:at], newline)
	w.counted = at
	return w.line
}

// walk reads lines from at on.
func (w *walker) walk(at int) {
	at = w.enter(at)
	for at < len(w.raw) {
		end := lineEnd(w.raw, at)
		line := w.raw[at:end]
		if len(line) < 3 || line[0] != '-' || line[1] != '-' {
			at = end
			continue
		}
		level, closing := w.match(line)
		if level < 0 {
			at = end
			continue
		}
		w.shut(level, at)
		holder := w.stack[len(w.stack)-1]
		if closing {
			w.parts[holder].Closed = true
			w.forget(level)
			at = end
			continue
		}
		at = w.begin(holder, end)
	}
	w.shut(-1, len(w.raw))
}

// enter descends into the innermost part where it is an enclosed message.
func (w *walker) enter(at int) int {
	for {
		holder := w.stack[len(w.stack)-1]
		p := &w.parts[holder]
		plain := p.Encoding == "7bit" || p.Encoding == "8bit" || p.Encoding == "binary"
		if !p.Enclosed() || !plain || at >= len(w.raw) {
			return at
		}
		next := w.child(holder, at, MaxFields)
		if next < 0 {
			return at
		}
		at = next
	}
}

// begin opens the part whose header stands at at and returns the offset behind
// the header.
func (w *walker) begin(holder, at int) int {
	if next := w.child(holder, at, maxPartFields); next >= 0 {
		return w.enter(next)
	}
	return at
}

// child opens a part of holder; -1 where there may be no more.
func (w *walker) child(holder, at, room int) int {
	depth := w.parts[holder].Depth + 1
	if len(w.parts) == MaxParts || depth > MaxDepth {
		if !w.full {
			w.problems.add(at, TooManyParts, "more than %d parts, or nested deeper than %d; the rest is not looked at", MaxParts, MaxDepth)
		}
		w.full = true
		return -1
	}
	h := header{raw: w.raw, at: at, line: w.lineOf(at), room: min(room, w.fields), problems: &problems{}}
	h.stop = w.headerStop(at)
	h.read()
	w.fields -= len(h.fields)
	w.children[holder]++
	path := strconv.Itoa(w.children[holder])
	if up := w.parts[holder].Path; up != "" {
		path = up + "." + path
	}
	fallback := "text/plain"
	if w.parts[holder].Type == "multipart/digest" { // RFC 2046, 5.1.5
		fallback = "message/rfc822"
	}
	part := Part{Path: path, Parent: holder, Depth: depth, Fields: h.fields, BodyAt: h.at}
	part.describe(fallback, w.problems)
	w.open(part)
	return h.at
}

// headerStop is where the header of a part ends at the latest: at the next line
// that is a boundary of an open part.
func (w *walker) headerStop(at int) int {
	for at < len(w.raw) {
		end := lineEnd(w.raw, at)
		line := w.raw[at:end]
		if len(withoutEnd(line)) == 0 {
			return end
		}
		if line[0] == '-' && len(line) > 2 && line[1] == '-' {
			if level, _ := w.match(line); level >= 0 {
				return at
			}
		}
		at = end
	}
	return len(w.raw)
}

// match returns the level of the innermost open multipart whose boundary the line
// is (RFC 2046, 5.1.1), and whether it closes it; -1 if there is none.
func (w *walker) match(line []byte) (level int, closing bool) {
	text := bytes.TrimRight(withoutEnd(line), " \t")[2:]
	if len(text) > maxBoundary+2 {
		return -1, false
	}
	level = -1
	if list := w.levels[string(text)]; len(list) > 0 {
		level = list[len(list)-1]
	}
	if open, ok := bytes.CutSuffix(text, []byte("--")); ok {
		if list := w.levels[string(open)]; len(list) > 0 && list[len(list)-1] > level {
			return list[len(list)-1], true
		}
	}
	return level, false
}

// shut closes every open part above level; their bodies end in front of the
// boundary at at and of the line end that belongs to it.
func (w *walker) shut(level, at int) {
	end := at
	if level >= 0 {
		end -= len(w.raw[:at]) - len(withoutEnd(w.raw[:at]))
	}
	for len(w.stack) > level+1 {
		i := w.stack[len(w.stack)-1]
		w.forget(len(w.stack) - 1)
		w.stack = w.stack[:len(w.stack)-1]
		p := &w.parts[i]
		p.BodyAt = min(p.BodyAt, end) // a header without an empty line ends at the boundary
		p.Body = w.raw[p.BodyAt:end:end]
		if p.boundary != "" && !p.Closed {
			w.problems.add(at, BadMIME, "the %s does not end with its closing boundary", p.Type)
		}
	}
}
