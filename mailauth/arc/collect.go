package arc

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/message"
)

// collect finds the sets of a message, by instance. The faults are what keeps
// them from being a chain, in words (RFC 8617, 5.2, 1 and 3).
func collect(m *message.Message) (sets []Set, faults []fault) {
	found := map[int]*Set{}
	for i, f := range m.Fields {
		kind := kindOf(f)
		if kind == nil {
			continue
		}
		n, why := instanceOf(f)
		if why != "" {
			faults = append(faults, fault{0, fmt.Sprintf("%s in line %d %s", kind.name, f.Line, why)})
			continue
		}
		s := found[n]
		if s == nil {
			s = &Set{Instance: n, Results: -1, Message: -1, Seal: -1}
			found[n] = s
		}
		if at := kind.at(s); *at >= 0 {
			faults = append(faults, fault{n, fmt.Sprintf("set %d has two fields %s", n, kind.name)})
		} else {
			*at = i
		}
	}
	for _, s := range found {
		if s.Seal >= 0 {
			tags := tagsOf(m.Fields[s.Seal].Value())
			s.CV, s.Domain, s.Selector = strings.ToLower(tags["cv"]), tags["d"], tags["s"]
		}
		sets = append(sets, *s)
	}
	slices.SortFunc(sets, func(a, b Set) int { return a.Instance - b.Instance })
	return sets, append(faults, whole(sets)...)
}

// A fault keeps the sets from being a chain.
type fault struct {
	at  int // instance; 0 where it is not one set's
	why string
}

type kind struct {
	name string
	at   func(*Set) *int
}

var kinds = []kind{
	{ResultsName, func(s *Set) *int { return &s.Results }},
	{MessageName, func(s *Set) *int { return &s.Message }},
	{SealName, func(s *Set) *int { return &s.Seal }},
}

func kindOf(f message.Field) *kind {
	for i, k := range kinds {
		if f.Is(k.name) {
			return &kinds[i]
		}
	}
	return nil
}

// whole judges the sets together (RFC 8617, 5.2, 3).
func whole(sets []Set) (faults []fault) {
	for i := range sets {
		s := &sets[i]
		if want := i + 1; s.Instance != want {
			return append(faults, fault{s.Instance, fmt.Sprintf("set %d is missing, while there is set %d", want, s.Instance)})
		}
		for _, k := range kinds {
			if *k.at(s) < 0 {
				faults = append(faults, fault{s.Instance, fmt.Sprintf("set %d has no %s", s.Instance, k.name)})
			}
		}
		if s.Seal < 0 {
			continue
		}
		switch {
		case s.Instance == 1 && s.CV != string(None):
			faults = append(faults, fault{1, fmt.Sprintf("the first seal says cv=%.10q, where only cv=none is possible", s.CV)})
		case s.Instance > 1 && s.CV != string(Pass):
			faults = append(faults, fault{s.Instance, fmt.Sprintf("seal %d says cv=%.10q, not cv=pass", s.Instance, s.CV)})
		}
	}
	return faults
}

// instanceOf is i= of a field; why says what is wrong with it.
func instanceOf(f message.Field) (n int, why string) {
	text, ok := "", false
	if f.Is(ResultsName) {
		text, ok = firstTag(f.Value())
	} else {
		text, ok = tagsOf(f.Value())["i"]
	}
	n, err := strconv.Atoi(text)
	switch {
	case !ok:
		return 0, "has no instance"
	case err != nil || n < 1 || text[0] == '+':
		return 0, fmt.Sprintf("has the instance %.20q, which is not a number", text)
	case n > MaxSets:
		return 0, fmt.Sprintf("has the instance %d, beyond %d", n, MaxSets)
	}
	return n, ""
}

const space = " \t\r\n"

// tagsOf reads a tag list (RFC 6376, 3.2), white space in the values left out. Of
// a name that stands twice the first counts here; verifying refuses it.
func tagsOf(value string) map[string]string {
	tags := map[string]string{}
	for spec := range strings.SplitSeq(value, ";") {
		name, text, found := strings.Cut(spec, "=")
		name = strings.Trim(name, space)
		if _, twice := tags[name]; found && !twice {
			tags[name] = strings.Map(func(r rune) rune {
				if strings.ContainsRune(space, r) {
					return -1
				}
				return r
			}, text)
		}
	}
	return tags
}

// firstTag is i= at the beginning of an ARC-Authentication-Results field, which
// may have comments around it (RFC 8617, 4.1.1).
func firstTag(value string) (text string, ok bool) {
	depth := 0
	var b strings.Builder
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
		case c == '\\' && depth > 0:
			i++
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth > 0:
		case c == ';':
			name, text, found := strings.Cut(b.String(), "=")
			return strings.Trim(text, space), found && strings.EqualFold(strings.Trim(name, space), "i")
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// covered is what the seal of a set signs: the fields of the sets up to it in
// their order, without the seal itself (RFC 8617, 5.1.1).
func covered(sets []Set, upTo int) []int {
	var list []int
	for _, s := range sets[:upTo+1] {
		list = append(list, s.Results, s.Message, s.Seal)
	}
	return list[:len(list)-1]
}
