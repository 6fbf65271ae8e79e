package rfc2136

import (
	"errors"
	"strings"
)

// keysIn finds the keys in a text of any of the three forms.
func keysIn(text string) ([]statement, error) {
	words, err := words(text)
	if err != nil {
		return nil, err
	}
	switch {
	case len(words) == 1:
		return inline(words[0])
	case len(words) > 1 && words[0] == "key" && words[1] != ":":
		return bind(words)
	}
	return knot(text)
}

// inline reads hmac:name:base64.
func inline(word string) ([]statement, error) {
	parts := strings.Split(word, ":")
	if len(parts) != 3 {
		return nil, errors.New("a key looks like hmac-sha256:name:base64")
	}
	return []statement{{name: parts[1], algorithm: parts[0], secret: parts[2]}}, nil
}

// words are the words of a configuration file of BIND: braces and semicolons are
// words of their own, comments are none.
func words(text string) ([]string, error) {
	var list []string
	for i := 0; i < len(text); {
		rest := text[i:]
		switch c := text[i]; {
		case c <= ' ':
			i++
		case c == '#' || strings.HasPrefix(rest, "//"):
			i += until(rest, "\n")
		case strings.HasPrefix(rest, "/*"):
			end := strings.Index(rest[2:], "*/")
			if end < 0 {
				return nil, errors.New("a comment does not end")
			}
			i += end + 4
		case c == '"':
			end := strings.IndexByte(rest[1:], '"')
			if end < 0 {
				return nil, errors.New("a quoted string does not end")
			}
			list = append(list, rest[1:1+end])
			i += end + 2
		case c == '{' || c == '}' || c == ';':
			list = append(list, rest[:1])
			i++
		default:
			n := strings.IndexAny(rest, " \t\r\n\v\f{};\"")
			if n < 0 {
				n = len(rest)
			}
			if n == 0 { // another control octet
				n = 1
			}
			list = append(list, rest[:n])
			i += n
		}
	}
	return list, nil
}

// until is how far it is to the end of what ends in mark.
func until(text, mark string) int {
	if n := strings.Index(text, mark); n >= 0 {
		return n + len(mark)
	}
	return len(text)
}

// bind reads statements key name { algorithm x; secret y; };
func bind(words []string) ([]statement, error) {
	wrong := errors.New(`a key of BIND looks like key "name" { algorithm hmac-sha256; secret "base64"; };`)
	var list []statement
	for len(words) > 0 {
		if len(words) < 4 || words[0] != "key" || words[2] != "{" {
			return nil, wrong
		}
		s := statement{name: words[1]}
		words = words[3:]
		for len(words) >= 3 && words[0] != "}" {
			if words[2] != ";" {
				return nil, wrong
			}
			if err := s.set(words[0], words[1]); err != nil {
				return nil, err
			}
			words = words[3:]
		}
		if len(words) == 0 || words[0] != "}" {
			return nil, wrong
		}
		words = words[1:]
		if len(words) > 0 && words[0] == ";" {
			words = words[1:]
		}
		list = append(list, s)
	}
	return list, nil
}

// knot reads the section key of a configuration file of Knot DNS: a list of
// mappings with id, algorithm and secret.
func knot(text string) ([]statement, error) {
	var list []statement
	begun := false
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(line, "#") // no base64 and no name has it
		line = strings.TrimSpace(line)
		switch {
		case line == "":
			continue
		case line == "key:" && !begun:
			begun = true
			continue
		case !begun:
			return nil, nil
		}
		item, isNew := strings.CutPrefix(line, "- ")
		if isNew {
			list = append(list, statement{})
		}
		name, value, ok := strings.Cut(item, ":")
		if !ok || len(list) == 0 {
			return nil, errors.New("a key of Knot DNS has the lines id, algorithm and secret")
		}
		name = strings.TrimSpace(name)
		if name == "id" {
			name = "name"
		}
		if err := list[len(list)-1].set(name, strings.Trim(strings.TrimSpace(value), `"'`)); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// set takes one of the things that are said of a key, each once.
func (s *statement) set(name, value string) error {
	fields := map[string]*string{"name": &s.name, "algorithm": &s.algorithm, "secret": &s.secret}
	field := fields[name]
	switch {
	case field == nil:
		return errors.New("a key has an algorithm and a secret, and nothing else")
	case *field != "":
		return errors.New("the " + name + " of the key is said twice")
	}
	*field = value
	return nil
}
