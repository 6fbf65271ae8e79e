// Package mtasts reads and writes what a domain publishes for SMTP MTA Strict
// Transport Security (RFC 8461): the TXT record that announces a policy, and the
// policy itself.
//
// It neither asks the DNS nor fetches, and does not look at certificates.
package mtasts

import (
	"fmt"
	"strings"
)

// version is what a record begins with and a policy names (RFC 8461, 3.1 and 3.2).
const version = "STSv1"

// Bounds on what is looked at.
const (
	maxFields = 64 // of a record
	maxExtra  = 32 // fields that no RFC defines
	maxID     = 32 // RFC 8461, 3.1
)

// A Record announces a policy. The zero Record has no ID, without which it
// announces nothing.
type Record struct {
	ID    string  // changes with the policy: 1 to 32 ASCII letters and digits; empty if it is not valid
	Extra []Field // that no RFC defines; senders ignore them
}

// A Field is a name and its value.
type Field struct{ Name, Value string }

// IsRecord reports whether text is one of the records that senders look at: all
// others at the name are discarded (RFC 8461, 3.1).
func IsRecord(text string) bool { return strings.HasPrefix(text, "v="+version+";") }

// IsMeant reports whether text was meant as a record, if not a right one:
// "v=stsv1", ` v=STSv1;`, `"v=STSv1; id=1"`.
func IsMeant(text string) bool {
	text = strings.ToLower(unquoted(text))
	name, rest, ok := strings.Cut(text, "=")
	return ok && strings.Trim(name, wsp) == "v" && strings.HasPrefix(strings.TrimLeft(rest, wsp), "sts")
}

const wsp = " \t"

// unquoted is text without white space and quotes around it.
func unquoted(text string) string { return strings.Trim(text, wsp+"\r\n\"'\\") }

// NewRecord is the record with an ID. RFC 8461, 3.1 leaves to the owner what it
// looks like, as long as it changes; a time is usual.
func NewRecord(id string) Record { return Record{ID: id} }

// String is the record as it is best published.
func (r Record) String() string {
	var b strings.Builder
	b.WriteString("v=" + version + ";")
	if r.ID != "" {
		b.WriteString(" id=" + r.ID + ";")
	}
	for _, f := range r.Extra {
		b.WriteString(" " + f.Name + "=" + f.Value + ";")
	}
	return b.String()
}

// Parse reads a record. It goes on behind faults; the ID is set only where it
// is valid, or plainly meant.
func Parse(text string) (Record, []Problem) {
	var r Record
	var problems list
	at := beginning(text, &problems)
	seen := make(map[string]bool)
	for n := 0; at <= len(text); n++ {
		if n == maxFields {
			problems.add(Problem{Offset: at, Effect: Differs, Message: fmt.Sprintf("more than %d fields", maxFields)})
			break
		}
		end := len(text)
		if i := strings.IndexByte(text[at:], ';'); i >= 0 {
			end = at + i
		}
		field := strings.TrimLeft(text[at:end], wsp)
		here := end - len(field)
		field = strings.TrimRight(field, wsp)
		switch {
		case field != "":
			r.take(field, here, seen, &problems)
		case end < len(text):
			problems.add(Problem{Offset: here, Effect: Differs, Message: "an empty field: two semicolons in a row"})
		}
		at = end + 1
	}
	if !seen["id"] {
		problems.add(Problem{Offset: len(text), Field: "id", Effect: Void, Message: "there is no id, which every record must have"})
	}
	return r, problems
}

// beginning looks at the version and returns the offset of what follows it.
func beginning(text string, problems *list) int {
	end := strings.IndexByte(text, ';')
	switch {
	case IsRecord(text):
	case end < 0:
		problems.add(Problem{Field: "v", Effect: Void, Message: fmt.Sprintf("it does not begin with \"v=%s;\", so senders do not look at it", version)})
		return len(text) + 1
	default:
		problems.add(Problem{Field: "v", Effect: Void,
			Message: fmt.Sprintf("it begins with %.40q in place of \"v=%s;\", so senders do not look at it", text[:end+1], version)})
	}
	return end + 1
}

// take takes one field without the white space around it.
func (r *Record) take(field string, at int, seen map[string]bool, problems *list) {
	name, value, found := strings.Cut(field, "=")
	if !found {
		problems.add(Problem{Offset: at, Effect: Void, Message: fmt.Sprintf("%.40q is not a field: it has no \"=\"", field)})
		return
	}
	meant, given := strings.ToLower(strings.Trim(name, wsp)), strings.Trim(value, wsp+"\"'")
	switch {
	case meant == "id" && seen["id"]: // RFC 8461, 3.2
		problems.add(Problem{Offset: at, Field: "id", Effect: Ignored, Message: "id stands twice; senders take the first"})
	case meant == "id":
		seen["id"] = true
		if isID(given) {
			r.ID = given
		}
		if name != "id" || value != given {
			problems.add(Problem{Offset: at, Field: "id", Effect: Void, Message: fmt.Sprintf("%.60q is not written as id=%s", field, clip(given))})
		} else if !isID(value) {
			problems.add(Problem{Offset: at + len("id="), Field: "id", Effect: Void,
				Message: fmt.Sprintf("the id %.60q is not 1 to %d letters and digits", value, maxID)})
		}
	case !isName(name) || !isValue(value):
		problems.add(Problem{Offset: at, Effect: Differs, Message: fmt.Sprintf("%.60q is not a valid field", field)})
	case !seen["="+name] && len(r.Extra) < maxExtra:
		seen["="+name] = true
		r.Extra = append(r.Extra, Field{name, value})
	}
}

// clip bounds a word in a message.
func clip(s string) string {
	if len(s) > maxID {
		return "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

func isAlnum(c byte) bool {
	return '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}

// isID reports whether s is 1*32(ALPHA / DIGIT).
func isID(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) {
			return false
		}
	}
	return s != "" && len(s) <= maxID
}

// isName reports whether s is (ALPHA / DIGIT) *31(ALPHA / DIGIT / "_" / "-" / "."),
// which is the name of an extension of records and of policies.
func isName(s string) bool {
	for i := range len(s) {
		if !isAlnum(s[i]) && (i == 0 || strings.IndexByte("_-.", s[i]) < 0) {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// isValue reports whether s is 1*(%x21-3A / %x3C / %x3E-7E).
func isValue(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' || s[i] == ';' || s[i] == '=' {
			return false
		}
	}
	return s != ""
}
