package dkim

import (
	"fmt"
	"slices"
	"strings"
)

// IsKey reports whether text is meant as a DKIM key record: whether it begins
// with the v tag of a DKIM version, or with no v tag and holds a p tag. It says
// nothing of whether the record is right.
func IsKey(text string) bool {
	list, _ := tags(clean(text))
	for i, s := range list {
		switch {
		case i == 0 && s.Name == "v":
			return strings.HasPrefix(strings.ToUpper(s.Value), "DKIM")
		case s.Name == "p":
			return true
		}
	}
	return false
}

// IsSuccessor reports whether text is meant as a key record of DKIM2.
func IsSuccessor(text string) bool {
	list, _ := tags(clean(text))
	return len(list) > 0 && list[0].Name == "v" && strings.EqualFold(list[0].Value, "DKIM2")
}

// ParseKey reads the joined text of a key record and every problem in it, in
// the order of the text. The Key is what can be understood, also where the
// problems make it void.
func ParseKey(text string) (Key, []Problem) {
	k, problems := parse(text)
	if Worst(problems) == Void {
		if at := strings.IndexAny(text, debris); at >= 0 {
			if _, rest := parse(clean(text)); Worst(rest) < Void {
				return k, []Problem{{Offset: at, Kind: Splitting, Effect: Void,
					Message: "quotes or backslashes of a zone file stand in the text itself; without them it would be a key record"}}
			}
		}
	}
	slices.SortStableFunc(problems, func(a, b Problem) int { return a.Offset - b.Offset })
	return k, problems
}

// Repair is the key that was meant where text is not usable only because of
// what publishing left in it: quotes, backslashes, parentheses, a key of the
// wrong encapsulation. What it may be used for (h, s, g, t) stays. ok is false
// where that does not help.
func Repair(text string) (k Key, ok bool) {
	k, _ = parse(clean(text))
	if k.Public == nil {
		return k, false
	}
	fresh, err := New(k.Public)
	if err != nil {
		return k, false
	}
	k.Type, k.data, k.Bare, k.Version = fresh.Type, fresh.data, false, ""
	_, problems := parse(k.ForMail().String())
	return k, Worst(problems) < Void
}

// debris is what zone files, panels and word processors leave in a text that
// was pasted with its quoting.
const debris = "\"\\()\u201c\u201d\u201e"

func clean(text string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(debris, r) {
			return -1
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

func parse(text string) (Key, []Problem) {
	list, problems := tags(text)
	k := Key{missing: true}
	p := parser{key: &k, problems: problems}
	var data *span
	for i, s := range list {
		if at := strings.IndexFunc(s.Value, notValue); at >= 0 {
			p.problem(s, at, Grammar, Differs, "the value of %s holds an octet that is not printable ASCII", s.Name)
		}
		if s.Name == "p" {
			data = &list[i]
			continue
		}
		p.tag(i, s)
	}
	if data == nil {
		p.problems = append(p.problems, Problem{Offset: len(text), Tag: "p", Kind: Grammar, Effect: Void, Message: "there is no p tag, so there is no key"})
		return k, p.problems
	}
	k.missing = false
	p.public(*data)
	return k, p.problems
}

type parser struct {
	key      *Key
	problems []Problem
}

func (p *parser) problem(s span, offset int, kind Kind, effect Effect, format string, args ...any) {
	p.problems = append(p.problems, Problem{Offset: s.valueAt + offset, Tag: s.Name, Kind: kind, Effect: effect, Message: fmt.Sprintf(format, args...)})
}

// tag takes every tag but p (RFC 6376, 3.6.1).
func (p *parser) tag(i int, s span) {
	k := p.key
	switch s.Name {
	case "v":
		p.version(i, s)
	case "k":
		p.keyType(s)
	case "h":
		k.Hashes = p.list(s)
		if k.Hashes != nil && !slices.Contains(k.Hashes, "sha256") {
			p.problem(s, 0, Scope, Void, "h=%s does not allow sha256, the only hash algorithm still in use (RFC 8301, 3.1)", printable(s.Value))
		}
	case "s":
		k.Service = p.list(s)
		if !k.AllowsMail() {
			p.problem(s, 0, Scope, Void, "s=%s does not allow e-mail (neither \"email\" nor \"*\")", printable(s.Value))
		}
	case "t":
		k.Flags = p.list(s)
	case "n":
		k.Notes = s.Value
	case "g":
		p.granularity(s)
	default:
		if len(k.Extra) < maxExtra {
			k.Extra = append(k.Extra, s.Tag)
		}
	}
}

func (p *parser) version(i int, s span) {
	p.key.Version = s.Value
	switch {
	case s.Value != "DKIM1":
		p.problem(s, 0, Grammar, Void, "the version is %s, not DKIM1, so verifiers discard the record", printable(s.Value))
	case i > 0:
		p.problem(s, 0, Grammar, Differs, "v=DKIM1 is not the first tag, as RFC 6376 wants; strict verifiers discard the record")
	}
}

// keyType: types that a verifier does not know make it ignore the key.
func (p *parser) keyType(s span) {
	p.key.Type = s.Value
	switch lower := strings.ToLower(s.Value); {
	case s.Value == RSA, s.Value == Ed25519:
	case lower == RSA, lower == Ed25519:
		p.key.Type = lower
		p.problem(s, 0, Grammar, Differs, "the key type is written %s; values are case-sensitive, so strict verifiers do not know it", printable(s.Value))
	case s.Value == "":
		p.problem(s, 0, Grammar, Differs, "the key type is empty; without the tag it would be rsa")
	default:
		p.problem(s, 0, Grammar, Void, "no verifier knows the key type %s; there are rsa and ed25519", printable(s.Value))
	}
}

func (p *parser) granularity(s span) {
	value := s.Value
	p.key.Granularity = &value
	switch value {
	case "*":
		p.problem(s, 0, Legacy, Harmless, "g=* is a tag of RFC 4871 that RFC 6376 dropped; it says nothing")
	case "":
		p.problem(s, 0, Legacy, Differs, "an empty g tag matches no address at all for verifiers that still follow RFC 4871; others ignore it")
	default:
		p.problem(s, 0, Legacy, Differs, "g=%s binds the key to some local parts for verifiers that still follow RFC 4871; others ignore it", printable(value))
	}
}

// list splits a colon-separated value; nil where the tag is empty, which counts
// as absent.
func (p *parser) list(s span) []string {
	var values []string
	for v := range strings.SplitSeq(s.Value, ":") {
		if v = strings.Trim(v, foldingSpace); v != "" {
			values = append(values, v)
		}
	}
	if len(values) == 0 {
		p.problem(s, 0, Grammar, Differs, "the tag %s is empty; without it everything would be allowed", s.Name)
	}
	return values
}

// printable quotes a value of the network for a message and cuts it short.
func printable(s string) string { return fmt.Sprintf("%.40q", s) }
