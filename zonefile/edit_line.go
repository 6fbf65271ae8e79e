package zonefile

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// rewritten is the source of a record as it becomes: with as little changed as
// reads back right. ok is false where nothing does.
func (e *editor) rewritten(p *part, source string, is, want record.Record, here place) (text string, ok bool) {
	list := tokensOf(source)
	first := len(list) - len(p.head.data) // of the data
	patches := e.ownerPatch(p, source, want)
	patches = append(patches, ttlPatch(p, source, list[:first], want, here)...)
	if is.Data == want.Data {
		text = patched(source, patches)
		return text, reads(text, here, e.owner, want)
	}
	if len(p.head.data) == 0 { // a few types may have none
		text = e.fresh(want, here)
		return text, reads(text, here, e.owner, want)
	}
	for _, data := range [][]patch{
		wordPatches(source, list[first:], is, want, p.origin),
		listPatches(source, list[first:], want, p.origin),
		{{list[first].start, list[len(list)-1].end, strings.Join(dataTokens(want), " ")}},
	} {
		if data == nil {
			continue
		}
		text = patched(source, append(patches[:len(patches):len(patches)], data...))
		if reads(text, here, e.owner, want) {
			return text, true
		}
	}
	text = e.fresh(want, here)
	return text, reads(text, here, e.owner, want)
}

// ownerPatch gives a record its name that took it from the one before, where
// that is another now. Columns stay where blanks leave room.
func (e *editor) ownerPatch(p *part, source string, want record.Record) []patch {
	if p.owner || e.owner == want.Name {
		return nil
	}
	name := e.name(want.Name, p.origin)
	blanks := 0
	for blanks < len(source) && source[blanks] == ' ' {
		blanks++
	}
	if blanks <= len(name) {
		return []patch{{0, 0, name}}
	}
	return []patch{{0, len(name), name}}
}

// ttlPatch gives a record its TTL. list is the words before the data.
func ttlPatch(p *part, source string, list []token, want record.Record, here place) []patch {
	if p.owner {
		list = list[1:]
	}
	if !p.head.timed {
		if here.timeToLive(header{}) == want.TTL {
			return nil
		}
		return []patch{{list[0].start, list[0].start, fmt.Sprint(want.TTL) + gap(source, list[0].start)}}
	}
	if p.head.ttl == want.TTL {
		return nil
	}
	for _, t := range list {
		if digit(t.Text[0]) {
			return []patch{{t.start, t.end, fmt.Sprint(want.TTL)}}
		}
	}
	return nil
}

// gap is what parts words in the manner of the blank before an octet.
func gap(source string, at int) string {
	if at > 0 && source[at-1] == '\t' {
		return "\t"
	}
	return " "
}

// wordPatches puts new data in the place of the old word by word. It is nil
// where there are not as many.
func wordPatches(source string, old []token, is, want record.Record, origin string) []patch {
	if !want.IsText() {
		old = glued(old)
	}
	was, words := dataTokens(is), dataTokens(want)
	if len(old) != len(words) {
		return nil
	}
	same := func(i int) bool { return len(was) == len(old) && was[i] == words[i] }
	if want.IsText() { // the strings may be cut otherwise
		same = func(i int) bool {
			a, err := old[i].Octets()
			b, _ := Field{Text: words[i][1 : len(words[i])-1]}.Octets()
			return err == nil && a == b
		}
	}
	relative(words, old, want.Type, origin)
	var patches []patch
	for i, t := range old {
		if !same(i) {
			patches = append(patches, patch{t.start, t.end, words[i]})
		}
	}
	return patches
}

// relative makes those names relative to origin among the words of data that
// were so before.
func relative(words []string, old []token, typ, origin string) {
	for _, i := range names[typ] {
		if i < len(words) && i < len(old) && !isAbsolute(old[i].Text) {
			words[i] = record.Relative(words[i], origin)
		}
	}
}

// listPatches puts new data in the place of the old where there are more words,
// or fewer. Comments inside parentheses stay; lines that would be blank go.
func listPatches(source string, old []token, want record.Record, origin string) []patch {
	words := dataTokens(want)
	if !want.IsText() {
		old = glued(old)
		relative(words, old, want.Type, origin)
	}
	eol := "\n"
	if strings.Contains(source, "\r\n") {
		eol = "\r\n"
	}
	text := strings.Join(words, " ")
	parentheses := false
	for _, t := range old {
		parentheses = parentheses || t.inside
	}
	switch {
	case want.IsText() && len(words) > 1 && old[0].inside:
		text = strings.Join(words, eol+indent(source, old))
	case want.IsText() && len(words) > 1 && !parentheses && !strings.Contains(source, "\n"):
		text = multiLine(words, eol)
	}
	patches := []patch{{old[0].start, old[0].end, text}}
	for i := 1; i < len(old); i++ {
		start, end := old[i].start, old[i].end
		for start > old[i-1].end && isBlank(source[start-1]) {
			start--
		}
		if source[start-1] == '\n' { // the first word of its line
			rest := end
			for rest < len(source) && isBlank(source[rest]) {
				rest++
			}
			if rest < len(source) && source[rest] == '\n' {
				end = rest + 1 // and the only one
			} else {
				start, end = old[i].start, rest
			}
		}
		patches = append(patches, patch{start, end, ""})
	}
	return patches
}

// multiLine is words over several lines in parentheses.
func multiLine(words []string, eol string) string {
	return "(" + eol + "    " + strings.Join(words, eol+"    ") + " )"
}

// indent is the blanks before the first word of data that begins its line.
func indent(source string, list []token) string {
	for _, t := range list {
		line := strings.LastIndexByte(source[:t.start], '\n') + 1
		if line > 0 && strings.Trim(source[line:t.start], " \t") == "" && t.start > line {
			return source[line:t.start]
		}
	}
	return "    "
}

// alike is a new record in the manner of a statement of the same name: with its
// name, its columns and, where it is of the same type, its gaps.
func (e *editor) alike(p *part, r record.Record, at place) []string {
	source := strings.TrimRight(e.text[p.start:p.end], "\r\n")
	list := tokensOf(source)
	first := len(list) - len(p.head.data)
	before := source[:list[first-1].start] // up to the type
	if len(p.head.data) == 0 || strings.ContainsAny(before, "();\n\"") {
		return nil
	}
	var patches []patch
	if !p.owner && e.owner != r.Name {
		patches = e.ownerPatch(p, source, r)
	}
	patches = append(patches, ttlPatch(p, before, list[:first], r, at)...)
	columns := patched(before, patches)
	between := source[list[first-1].end:list[first].start]
	if strings.Trim(between, " \t") != "" || between == "" || p.head.typ != r.Type {
		between = gap(source, list[first].start)
	}
	words := dataTokens(r)
	if p.head.typ == r.Type {
		relative(words, list[first:], r.Type, p.origin)
	}
	if r.IsText() && len(words) > 1 {
		return []string{columns + r.Type + between + multiLine(words, e.eol())}
	}
	return []string{columns + r.Type + between + strings.Join(words, " ")}
}

// fresh is a record as a line of its own, with its name, in the manner of the
// record that stands last in the file.
func (e *editor) fresh(r record.Record, at place) string {
	gap, column, class := e.manner()
	owner := e.name(r.Name, at.origin)
	var b strings.Builder
	b.WriteString(owner + gap + strings.Repeat(" ", max(0, column-len(owner)-len(gap))))
	if at.timeToLive(header{}) != r.TTL {
		fmt.Fprintf(&b, "%d%s", r.TTL, gap)
	}
	if class {
		b.WriteString("IN" + gap)
	}
	b.WriteString(r.Type + gap)
	words := dataTokens(r)
	if r.IsText() && len(words) > 1 {
		return b.String() + multiLine(words, e.eol())
	}
	return b.String() + strings.Join(words, " ")
}

// manner is how the last record of the file is written: what parts its words, the
// column in which the second of them begins, which is 0 where blanks do not make
// columns, and whether it has a class.
func (e *editor) manner() (gap string, column int, class bool) {
	for i := len(e.parts) - 1; i >= 0; i-- {
		p := &e.parts[i]
		if p.entry < 0 {
			continue
		}
		source := e.text[p.start:p.end]
		list := tokensOf(source)
		list = list[:len(list)-len(p.head.data)]
		for _, t := range list[:len(list)-1] {
			class = class || strings.EqualFold(t.Text, "IN")
		}
		if p.owner {
			list = list[1:]
		}
		before := source[:list[0].start]
		switch {
		case strings.Contains(before, "\t"):
			return "\t", 0, class
		case strings.Trim(before, " ") == "" || p.owner && !strings.ContainsAny(before, "(;\n"):
			return " ", len(before), class
		}
		return " ", 0, class
	}
	return " ", 0, true
}

// name is how a name is written where an origin holds: as it is elsewhere, else
// relative to the origin that the file begins with, and absolute below another.
func (e *editor) name(name, origin string) string {
	if word, ok := e.words[[2]string{name, origin}]; ok {
		return word
	}
	if origin != e.apex() || strings.HasPrefix(name, "$") {
		return name
	}
	return record.Relative(name, origin)
}

// apex is the zone, as far as the file says; empty where it does not.
func (e *editor) apex() string {
	if apex, ok := e.file.Apex(); ok {
		return apex
	}
	if len(e.parts) > 0 {
		return e.parts[0].origin
	}
	return record.Canonical(e.options.Origin)
}
