package mailboxes

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
)

// owners are the names of columns that hold the address of a mailbox, the best
// first, as "norm" has them. Where the best is empty in a row, the next counts.
var owners = []string{
	"primaryemail", "primarysmtpaddress", "windowsemailaddress", "groupemail", "emailaddress", "email", "mail", "smtpaddress",
	"mailbox", "address", "userprincipalname", "upn", "username", "user", "login", "account",
}

// others are those that hold further addresses of it.
var others = []string{
	"aliases", "alias", "emailaliases", "emailaddresses", "proxyaddresses", "proxyaddress", "otheraddresses", "smtpaddresses", "emailalias", "mailalias", "aliasaddresses",
}

// norm is the name of a column without what exports vary in: "Email Address
// [Required]" is "emailaddress".
func norm(name string) string {
	name, _, _ = strings.Cut(name, "[")
	return strings.Map(func(r rune) rune {
		switch {
		case 'A' <= r && r <= 'Z':
			return r + 'a' - 'A'
		case 'a' <= r && r <= 'z':
			return r
		}
		return -1
	}, name)
}

// A table is CSV that was recognised.
type table struct {
	text   string
	comma  rune
	line   int   // of the first line of text
	header bool  // text begins with names of columns
	owners []int // columns, the best first
	others []int
	names  []string // of the columns that are read, as they are written
}

// tableOf recognises CSV: by the names of its columns or, where there are none, by
// an address that is a cell of the first row.
func tableOf(text string) (table, bool) {
	t := table{line: 1}
	for {
		first, rest, more := strings.Cut(text, "\n")
		comma, isSep := separator(first)
		if bare := strings.TrimSpace(first); bare != "" && !isSep && !strings.HasPrefix(bare, "#") { // "#TYPE" is of PowerShell
			break
		}
		if isSep {
			t.comma = comma
		}
		if !more {
			return t, false
		}
		text = rest
		t.line++
	}
	t.text = text
	if first, _, _ := strings.Cut(text, "\n"); t.comma == 0 {
		t.comma = commaOf(first)
	}
	row, err := t.reader().Read()
	if err != nil {
		return t, false
	}
	for _, known := range owners {
		t.columns(row, known, &t.owners)
	}
	for _, known := range others {
		t.columns(row, known, &t.others)
	}
	if t.header = len(t.owners)+len(t.others) > 0; t.header {
		return t, len(row) > 1 || len(t.others) > 0
	}
	several := slices.ContainsFunc(row, func(cell string) bool { return strings.Contains(cell, "@") && !isAddress(cell) })
	if i := slices.IndexFunc(row, isAddress); i >= 0 && len(row) > 1 && !several {
		t.owners, t.names = []int{i}, []string{fmt.Sprintf("number %d", i+1)}
		return t, true
	}
	return t, false
}

// columns adds to list the columns of a header that have a name.
func (t *table) columns(header []string, known string, list *[]int) {
	for i, name := range header {
		if norm(name) == known {
			*list = append(*list, i)
			t.names = append(t.names, clip(strings.TrimSpace(name)))
		}
	}
}

func isAddress(cell string) bool {
	cell = strings.TrimSpace(cell)
	return strings.Count(cell, "@") == 1 && !strings.ContainsAny(cell, " ,;<>")
}

// separator reads the line by which Excel is told what parts cells.
func separator(line string) (comma rune, ok bool) {
	line = strings.Trim(strings.TrimSpace(line), `"`)
	if rest, found := strings.CutPrefix(strings.ToLower(line), "sep="); found && len(rest) == 1 && strings.ContainsAny(rest, ",;|") {
		return rune(rest[0]), true
	}
	return 0, false
}

// commaOf is what parts the cells of a line: what there is most of outside of quotes.
func commaOf(line string) rune {
	counts, quoted := map[rune]int{}, false
	for _, r := range line {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[r]++
		}
	}
	best := ','
	for _, r := range []rune{';', '\t', '|'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}

func (t table) reader() *csv.Reader {
	r := csv.NewReader(strings.NewReader(t.text))
	r.Comma, r.FieldsPerRecord, r.ReuseRecord = t.comma, -1, true
	return r
}

// table reads CSV.
func (b *builder) table(t table) {
	b.list.Form = "CSV, column " + strings.Join(t.names, ", ")
	r := t.reader()
	for first := true; !b.full; first = false {
		row, err := r.Read()
		if errors.Is(err, io.EOF) {
			return
		}
		var fault *csv.ParseError
		if errors.As(err, &fault) {
			b.problem(t.line+fault.StartLine-1, "it is no row of CSV: %v", fault.Err)
			continue
		}
		if err != nil {
			b.problem(0, "%v", err)
			return
		}
		if first && t.header {
			continue
		}
		at, _ := r.FieldPos(0)
		b.row(t, row, t.line+at-1)
	}
}

func (b *builder) row(t table, row []string, line int) {
	cell := func(i int) string {
		if i >= len(row) {
			return ""
		}
		return strings.TrimSpace(row[i])
	}
	if len(row) == 1 && cell(0) == "" {
		return
	}
	for _, c := range row {
		if len(c) > maxLine {
			b.problem(line, "a cell is longer than %d octets; does a quote not end?", maxLine)
			return
		}
	}
	owner, found := "", false
	for _, i := range t.owners {
		if c := cell(i); c != "" {
			found = true
			owner = b.add(c, Mailbox, "", line)
			break
		}
	}
	var more []string
	for _, i := range t.others {
		more = append(more, split(cell(i))...)
	}
	for _, text := range more { // the first address has its prefix in capitals (Exchange)
		if primary, ok := strings.CutPrefix(text, "SMTP:"); ok && owner == "" {
			found = true
			owner = b.add(primary, Mailbox, "", line)
		}
	}
	for _, text := range more {
		if text, ok := plainAddress(text); ok {
			found = true
			b.add(text, Alias, owner, line)
		}
	}
	if !found {
		b.problem(line, "it has no address")
	}
}

// split parts a cell with several addresses: by blanks, commas, semicolons and bars
// and, as the admin centre of Microsoft 365 joins them, by a plus before a prefix.
func split(cell string) []string {
	words := strings.FieldsFunc(cell, func(r rune) bool { return strings.ContainsRune(" \t\n,;|{}", r) })
	var out []string
	for _, word := range words {
		from := 0
		for i := 0; i < len(word); i++ {
			if word[i] != '+' {
				continue
			}
			const longest = 8 // of prefixes
			prefix, _, ok := strings.Cut(word[i+1:min(len(word), i+2+longest)], ":")
			if ok && (strings.EqualFold(prefix, "smtp") || foreign(prefix)) {
				out = append(out, word[from:i])
				from = i + 1
			}
		}
		out = append(out, word[from:])
	}
	return out
}

// foreign reports whether a prefix of a proxy address is of something other than
// mail over SMTP.
func foreign(prefix string) bool {
	for _, known := range []string{"sip", "x500", "x400", "eum", "spo", "notes", "ex", "gwise", "ms", "msmail", "cc", "rfax", "im"} {
		if strings.EqualFold(prefix, known) {
			return true
		}
	}
	return false
}

// plainAddress is an address of a list without the prefix "smtp:"; ok is false for
// what is no address of mail: a name, another protocol.
func plainAddress(text string) (address string, ok bool) {
	if prefix, rest, found := strings.Cut(text, ":"); found {
		if !strings.EqualFold(prefix, "smtp") {
			return "", false
		}
		text = rest
	}
	return text, strings.Contains(text, "@")
}
