package message

import (
	"errors"
	"net/mail"
	"strings"
	"time"
)

// zones are the named zones of RFC 5322, 4.3, in hours from UTC. Others say
// nothing, and count as UTC.
var zones = map[string]string{
	"UT": "+0000", "GMT": "+0000", "UTC": "+0000", "Z": "+0000", "EST": "-0500", "EDT": "-0400", "CST": "-0600", "CDT": "-0500",
	"MST": "-0700", "MDT": "-0600", "PST": "-0800", "PDT": "-0700",
}

// ParseDate reads a date-time (RFC 5322, 3.3), obsolete forms too (4.3): two-digit
// years, named zones, comments.
func ParseDate(text string) (time.Time, error) {
	words := strings.Fields(withoutComments(unfold(text)))
	if len(words) == 0 || len(words) > 12 {
		return time.Time{}, errors.New("no date")
	}
	last := len(words) - 1
	if offset, ok := zones[strings.ToUpper(words[last])]; ok {
		words[last] = offset
	}
	t, err := mail.ParseDate(strings.Join(words, " "))
	if err != nil {
		return time.Time{}, errors.New("not a date of RFC 5322, 3.3")
	}
	return t, nil
}

// Date is the time of the Date field; ok is false where there is none or more
// than one, or where it does not parse.
func (m *Message) Date() (at time.Time, ok bool) {
	all := m.All("Date")
	if len(all) != 1 {
		return time.Time{}, false
	}
	at, err := ParseDate(all[0].Value())
	return at, err == nil
}

// withoutComments is text without its comments (RFC 5322, 3.2.2), which nest;
// what stands in quotes is left alone.
func withoutComments(text string) string {
	if !strings.Contains(text, "(") {
		return text
	}
	var b strings.Builder
	depth, quoted := 0, false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c == '\\' && i+1 < len(text):
			if depth == 0 {
				b.WriteString(text[i : i+2])
			}
			i++
			continue
		case c == '"' && depth == 0:
			quoted = !quoted
		case c == '(' && !quoted:
			depth++
			continue
		case c == ')' && depth > 0:
			if depth--; depth == 0 {
				b.WriteByte(' ')
			}
			continue
		}
		if depth == 0 {
			b.WriteByte(c)
		}
	}
	return b.String()
}
