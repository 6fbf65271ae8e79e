package desired

import "strings"

// A Level is how much depends on a record.
type Level int

const (
	Optional    Level = iota // a convenience
	Recommended              // mail works without it, and worse
	Required                 // mail does not arrive, or is not believed, without it
)

func (l Level) String() string { return [...]string{"optional", "recommended", "required"}[l] }

// MarshalText writes "optional", "recommended" or "required".
func (l Level) MarshalText() ([]byte, error) { return []byte(l.String()), nil }

// An Entry is one record of a table, with placeholders.
//
// Name is relative to the domain, "@" the domain itself. In Name and Data stand
// {domain} and {host}, names with a final dot, and {d}, the domain without; of a
// service also its inputs, {region}. Data is presentation form with absolute
// names; of TXT it is the text, and of the pseudo-type DKIM the key to publish.
type Entry struct {
	Name, Type, Data string
	Level            Level
	Reason           string // what it does, and in what it differs from the project's own
	Client           string // the way of access that a SRV record announces, "imaps"; empty for others
	If               string // an input that has a value, or "input=value": else the record is not there
	Each             string // a list input: the record is there for each value, as {each}
}

// closed reports whether a SRV entry only says that there is no such service.
func (e Entry) closed() bool { return e.Type == "SRV" && strings.HasSuffix(e.Data, " .") }

// at is the entry at another name.
func (e Entry) at(name string) Entry {
	e.Name = name
	return e
}

// when is the entry under a condition.
func (e Entry) when(condition string) Entry {
	e.If = condition
	return e
}

// holds reports whether an entry's condition does, for what inputs were given.
func (e Entry) holds(values map[string]string) bool {
	name, want, exact := strings.Cut(e.If, "=")
	value, given := values[name]
	return e.If == "" || given && (!exact || value == want)
}

// expand fills the placeholders in text.
func expand(text string, values map[string]string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(text, "{")
		b.WriteString(before)
		name, after, closed := strings.Cut(rest, "}")
		if !found || !closed {
			return b.String()
		}
		b.WriteString(values[name])
		text = after
	}
}
