package mailboxes

import "strings"

// headings are first words of lists that print what the column is called.
var headings = []string{"username", "user", "email", "address", "mailbox", "mail", "alias"}

// plain reads a list of lines: an address, what doveadm prints with more behind it
// ("ann@example.org INBOX"), a line of a virtual alias map or of /etc/aliases
// ("info@example.org ann@example.org", "info: ann"). What is behind the first word
// is not read. "#" begins a comment.
func (b *builder) plain(text string) {
	b.list.Form = "lines"
	n, words := 0, 0
	for line := range strings.SplitSeq(text, "\n") {
		n++
		line = strings.TrimSpace(line)
		if line == "" || line[0] == '#' {
			continue
		}
		if len(line) > maxLine {
			b.problem(n, "it is longer than %d octets", maxLine)
			continue
		}
		words++
		word, rest := line, ""
		if !strings.Contains(line, "<") {
			if i := strings.IndexAny(line, " \t"); i >= 0 {
				word, rest = line[:i], strings.TrimSpace(line[i:])
			}
		}
		if words == 1 && isHeading(word) {
			continue
		}
		kind := Mailbox
		if strings.Contains(rest, "@") || strings.HasSuffix(word, ":") {
			kind = Alias
		}
		if prefix, after, ok := strings.Cut(word, ":"); ok && after != "" {
			if !strings.EqualFold(prefix, "smtp") {
				if !foreign(prefix) {
					b.problem(n, "%q is no address", clip(word))
				}
				continue
			}
			if prefix == "smtp" { // of proxy addresses, the first one is in capitals
				kind = Alias
			}
			word = after
		}
		b.add(strings.TrimRight(strings.TrimSuffix(word, ":"), ",;"), kind, "", n)
		if b.full {
			return
		}
	}
}

func isHeading(word string) bool {
	for _, h := range headings {
		if strings.EqualFold(word, h) {
			return true
		}
	}
	return false
}
