package authres

import (
	"strings"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/record"
)

// Strip takes the Authentication-Results fields out of a message that claim to be
// those of a receiver with one of the ids: whoever reads the message later would
// believe them (RFC 8601, 5). A field counts as such also where the id can only
// just be read, and where there is none to be read but the field names it
// somewhere. It returns the octets that are left, which are m.Raw where nothing
// was taken, and what was taken.
//
// It does not see fields that m does not hold because m.Cut is set. Signatures
// are to be verified before.
func Strip(m *message.Message, ids ...string) (left []byte, taken []message.Field) {
	at := 0
	for _, f := range m.Fields {
		if !f.Is(FieldName) || !claims(f.Value(), ids) {
			continue
		}
		left = append(left, m.Raw[at:f.Offset]...)
		at = f.Offset + len(f.Raw)
		taken = append(taken, f)
	}
	if taken == nil {
		return m.Raw, nil
	}
	return append(left, m.Raw[at:]...), taken
}

// claims reports whether a value says that it is of one of ids.
func claims(value string, ids []string) bool {
	r, problems := Parse(value)
	for _, id := range ids {
		if id == "" {
			continue
		}
		if same(r.ID, id) {
			return true
		}
		// Readers differ in what they make of a broken value.
		if len(problems) > 0 && strings.Contains(strings.ToLower(clean(value)), strings.ToLower(id)) && vague(r.ID) {
			return true
		}
	}
	return false
}

// vague reports whether an id is none that a receiver would write.
func vague(id string) bool { return !isDomain(id) }

// same compares authserv-ids: without regard to case, to a final dot, and to
// A-labels or U-labels.
func same(a, b string) bool { return canonical(a) == canonical(b) }

func canonical(id string) string {
	id = strings.TrimSuffix(strings.TrimSpace(id), ".")
	if name, err := record.ParseDomain(id); err == nil {
		return name
	}
	return strings.ToLower(id)
}
