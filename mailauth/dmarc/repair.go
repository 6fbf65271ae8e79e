package dmarc

import (
	"slices"
	"strings"
)

// Repair is the record that was meant by a text that receivers do not take for
// one, or that is not valid: v in front and in upper case, no quotes, no missing
// semicolons, and nothing that receivers ignore. ok is false where no policy can
// be made out.
func Repair(text string) (r Record, ok bool) {
	r, _ = parse(repaired(text))
	for _, uris := range [][]URI{r.RUA, r.RUF} {
		for i, u := range uris {
			if meant, ok := u.Repaired(); ok {
				uris[i] = meant
			}
		}
	}
	r = r.Clean()
	return r, r.Policy != ""
}

// debris is what zone files and word processors leave in a text that was
// pasted with its quoting.
const debris = "\"\\()\u201c\u201d\u201e\ufeff\u00a0"

func clean(text string) string {
	text = strings.Map(func(r rune) rune {
		if strings.ContainsRune(debris, r) || r < ' ' && r != '\t' {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return strings.Trim(text, space)
}

// repaired is text with v=DMARC1 in front, tag names in lower case and spelled
// right, and a semicolon between tags where white space or a comma stood alone.
func repaired(text string) string {
	var tags []Tag
	seen := make(map[string]bool)
	for part := range strings.SplitSeq(clean(text), ";") {
		for _, tag := range pieces(part) {
			name, value, found := strings.Cut(tag, "=")
			name = strings.ToLower(strings.Trim(name, space))
			if !found || name == "v" || seen[name] || len(tags) > maxTags {
				continue
			}
			seen[name] = true
			tags = append(tags, Tag{name, strings.Trim(value, space+",")})
		}
	}
	var b strings.Builder
	b.WriteString("v=DMARC1")
	for _, t := range tags {
		if meant := near(t.Name); meant != "" && !slices.Contains(known, t.Name) && !seen[meant] {
			seen[meant] = true
			t.Name = meant
		}
		b.WriteString("; " + t.Name + "=" + t.Value)
	}
	return b.String()
}

// pieces splits a part at the white space or comma before each known tag.
func pieces(part string) []string {
	var list []string
	start := 0
	for i := 1; i < len(part); i++ {
		if strings.IndexByte(space+",", part[i-1]) >= 0 && startsTag(part[i:]) {
			list = append(list, part[start:i])
			start = i
		}
	}
	return append(list, part[start:])
}

func startsTag(s string) bool {
	name, _, found := strings.Cut(s[:min(len(s), 12)], "=")
	if !found {
		return false
	}
	return slices.Contains(known, strings.ToLower(strings.TrimRight(name, space)))
}

// notRecord says where and why receivers do not take text for a policy record.
func notRecord(text string) (at int, why string) {
	const so = "; receivers do not take the text for a DMARC record"
	trimmed := strings.TrimLeft(text, " \t\r\n")
	switch {
	case !IsMeant(text):
		return 0, "the text does not begin with v=DMARC1" + so
	case trimmed != text && IsRecord(trimmed):
		return 0, "white space stands before v=DMARC1" + so
	case IsRecord(strings.TrimLeft(clean(text), space)):
		return 0, "a quote or another character that is not part of the record stands before or in v=DMARC1" + so
	}
	lower := strings.ToLower(text)
	at = max(0, strings.Index(lower, "dmarc"))
	switch {
	case !strings.HasPrefix(strings.TrimLeft(strings.ToLower(clean(text)), space), "v"):
		return at, "v=DMARC1 is not the first tag" + so
	case strings.Contains(text, "DMARC1"):
		return min(at+len("DMARC1"), len(text)), "no semicolon follows v=DMARC1" + so
	}
	return at, "the version is not exactly DMARC1, which is case-sensitive" + so
}
