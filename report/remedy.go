package report

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// remedies remembers which check first showed an edit or a step, so that the
// same is not said for every finding that it cures.
type remedies map[string]string

func (p *page) remedy(r diagnosis.Remedy, id string, told remedies) {
	head := p.label("fix")
	for _, e := range r.Edits {
		key := fmt.Sprintf("edit %q", e)
		if first, ok := told[key]; ok {
			p.gap()
			p.para(head, "The change shown for "+flat(first)+" above cures this too.", plain)
			head = margin
			continue
		}
		told[key] = id
		p.gap()
		p.para(head, instruction(e), plain)
		head = margin
		p.records(e.Want)
	}
	if len(r.Steps) == 0 {
		return
	}
	p.gap()
	all := fmt.Sprintf("steps %q", r.Steps)
	if told[all] == id && len(r.Edits) == 0 && len(all) > maxRepeated {
		p.para(head, "The same as above.", plain)
		return
	}
	told[all] = id
	for i, step := range r.Steps {
		number := ""
		if len(r.Steps) > 1 {
			number = fmt.Sprintf("%d. ", i+1)
		}
		p.step(head+number, once(flat(step), id, told))
		head = margin
	}
}

// maxRepeated is the length in octets up to which a step is said again.
const maxRepeated = 60

// once is a step or, if another check has shown it and it is long, where that was.
func once(step, id string, told remedies) string {
	first, ok := told[step]
	switch {
	case !ok:
		told[step] = id
	case first != id && len(step) > maxRepeated:
		return "As for " + flat(first) + " above."
	}
	return step
}

// step puts one step. A record in it, between backquotes, stands as the records
// of edits do: whole, on a line of its own; so do the lines of a file. A command is
// not broken.
func (p *page) step(head, step string) {
	for step != "" {
		before, code, after, ok := cutRecord(step)
		lines := []string{code}
		if !ok {
			before, lines, after, ok = cutFile(step)
		}
		if before = strings.TrimRight(before, " "); before != "" {
			p.para(head, glued(before), plain)
			head = strings.Repeat(" ", cells(head))
		}
		if !ok {
			return
		}
		p.gap()
		for _, line := range lines {
			p.record(line)
		}
		p.gap()
		if step = strings.TrimLeft(after, " "); strings.Trim(step, ".;,") == "" {
			return
		}
	}
}

// A piece of a step is text, or a record to copy.
type piece struct {
	Text   string
	Record bool
}

// pieces parts a step at its records.
func pieces(step string) []piece {
	var list []piece
	for step != "" {
		before, code, after, ok := cutRecord(step)
		if before = strings.TrimSpace(before); before != "" {
			list = append(list, piece{Text: before})
		}
		if !ok {
			break
		}
		list = append(list, piece{strings.TrimSpace(code), true})
		if step = strings.TrimLeft(after, " "); strings.Trim(step, ".;,") == "" {
			break
		}
	}
	return list
}

// cutRecord cuts text around the first span between backquotes that is a record.
func cutRecord(text string) (before, code, after string, ok bool) {
	spans := strings.Split(text, "`")
	for i := 1; i+1 < len(spans); i += 2 {
		if name, _, ok := strings.Cut(strings.TrimSpace(spans[i]), " IN "); ok && strings.HasSuffix(strings.Fields(name + " .")[0], ".") {
			return strings.Join(spans[:i], "`"), spans[i], strings.Join(spans[i+1:], "`"), true
		}
	}
	return text, "", "", false
}

// cutFile cuts text around the first spans between backquotes that follow each
// other: the lines of a file.
func cutFile(text string) (before string, lines []string, after string, ok bool) {
	at := strings.Index(text, "` `")
	if at < 0 {
		return text, nil, "", false
	}
	start := strings.LastIndex(text[:at], "`")
	if start < 0 || strings.Count(text[:start], "`")%2 != 0 {
		return text, nil, "", false
	}
	rest := text[start:]
	for strings.HasPrefix(rest, "`") {
		line, more, closed := strings.Cut(rest[1:], "`")
		if !closed {
			return text, nil, "", false
		}
		lines, rest = append(lines, line), strings.TrimPrefix(more, " ")
	}
	return text[:start], lines, rest, true
}

// glue stands for a blank at which no line ends. It is for private use (Unicode,
// 23.5), so that flat leaves none in a text.
const glue = "\ue000"

// glued is text in which no line ends between backquotes, so that commands can be
// copied.
func glued(text string) string {
	spans := strings.Split(text, "`")
	for i := 1; i+1 < len(spans); i += 2 {
		spans[i] = strings.ReplaceAll(spans[i], " ", glue)
	}
	return strings.Join(spans, "`")
}

// instruction is an edit in words; the records stand below it.
func instruction(e record.Edit) string {
	at := flat(record.Display(e.Slot.Name))
	kind := flat(e.Slot.Type)
	n := len(e.Want)
	switch {
	case n == 0 && e.Slot.Tag != "":
		return fmt.Sprintf("Remove every %s record that begins %q at %s.", kind, flat(e.Slot.Tag), at)
	case n == 0:
		return fmt.Sprintf("Remove all %s records at %s.", kind, at)
	case e.Slot.Tag != "" && n == 1:
		return fmt.Sprintf("Publish this record. It replaces every %s record that begins %q at %s:", kind, flat(e.Slot.Tag), at)
	case e.Slot.Tag != "":
		return fmt.Sprintf("Publish these records. They replace every %s record that begins %q at %s:", kind, flat(e.Slot.Tag), at)
	case n == 1:
		return fmt.Sprintf("Publish this record, as the only %s record at %s:", kind, at)
	}
	return fmt.Sprintf("Publish these records, as the only %s records at %s:", kind, at)
}

// records puts records as a zone file has them. They begin in the first column
// (a line of a zone file that begins with a blank has the name of the line
// before, RFC 1035, 5.1) and are not wrapped, so that copies of them are whole.
func (p *page) records(list []record.Record) {
	if len(list) == 0 {
		return
	}
	p.gap()
	for _, r := range list {
		p.record(Escape(r.String()))
	}
	p.gap()
}

// record puts one record, escaped already.
func (p *page) record(s string) {
	p.line(p.in(strong, strings.TrimSpace(s)))
	p.quoted = p.quoted || strings.Contains(s, " IN TXT ")
}
