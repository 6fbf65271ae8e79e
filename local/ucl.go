package local

import "strings"

// A node is one element of a configuration of rspamd: a word with a value, or
// with elements of its own.
type node struct {
	key, value string
	list       []node
}

// Bounds of what is read of a configuration.
const (
	maxNodes = 20_000
	maxNest  = 16
)

// ucl reads the language of rspamd's configuration as far as a mail server's
// keys need it: key = value; key: value; key { ... } key "name" { ... }
// key [ ... ]. What it does not understand it passes over.
func ucl(text string) []node {
	p := &uclParser{text: text}
	return p.block(0)
}

type uclParser struct {
	text  string
	at    int
	nodes int
}

// block reads elements up to the closing bracket, or the end.
func (p *uclParser) block(depth int) []node {
	var list []node
	for p.nodes < maxNodes && depth < maxNest {
		token, quoted := p.next()
		switch {
		case token == "" && !quoted, !quoted && (token == "}" || token == "]"):
			return list
		case !quoted && (token == ";" || token == "," || token == "=" || token == ":"):
		case !quoted && (token == "{" || token == "["): // an element without a name, as in a list
			p.nodes++
			list = append(list, node{list: p.block(depth + 1)})
		default:
			p.nodes++
			list = append(list, p.element(token, depth))
		}
	}
	return list
}

// element reads what follows a word.
func (p *uclParser) element(key string, depth int) node {
	before := p.at
	token, quoted := p.next()
	if !quoted && (token == "=" || token == ":") {
		before = p.at
		token, quoted = p.next()
	}
	switch {
	case !quoted && (token == "{" || token == "["):
		return node{key: key, list: p.block(depth + 1)}
	case !quoted && (token == "" || strings.Contains(";,}]", token)):
		p.at = before
		return node{key: key}
	}
	n := node{key: key, value: token}
	before = p.at
	if after, quoted := p.next(); !quoted && after == "{" { // key "name" { ... }
		return node{key: key, list: []node{{key: token, list: p.block(depth + 1)}}}
	}
	p.at = before
	return n
}

// next is the next token: a bracket, a mark, a word, or a quoted text; empty
// without quotes at the end.
func (p *uclParser) next() (token string, quoted bool) {
	for p.at < len(p.text) {
		rest := p.text[p.at:]
		switch c := rest[0]; {
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
			p.at++
		case c == '#':
			p.skip(rest, "\n", 0)
		case strings.HasPrefix(rest, "/*"):
			p.skip(rest, "*/", 2)
		case strings.IndexByte("{}[];,=:", c) >= 0:
			p.at++
			return rest[:1], false
		case c == '"' || c == '\'':
			return p.text1(rest), true
		default:
			end := strings.IndexAny(rest, " \t\r\n{}[];,=\"'")
			if colon := strings.IndexAny(rest, ":"); colon > 0 && (end < 0 || colon < end) && (colon+1 == len(rest) || rest[colon+1] == ' ') {
				end = colon
			}
			if end <= 0 {
				end = len(rest)
			}
			p.at += end
			return rest[:end], false
		}
	}
	return "", false
}

// skip passes over a comment.
func (p *uclParser) skip(rest, end string, from int) {
	if i := strings.Index(rest[from:], end); i >= 0 {
		p.at += from + i + len(end)
		return
	}
	p.at = len(p.text)
}

// text1 reads a quoted text; a backslash takes the next octet as it is.
func (p *uclParser) text1(rest string) string {
	var b strings.Builder
	for i := 1; i < len(rest); i++ {
		switch {
		case rest[i] == rest[0]:
			p.at += i + 1
			return b.String()
		case rest[i] == '\\' && i+1 < len(rest):
			i++
			fallthrough
		default:
			b.WriteByte(rest[i])
		}
	}
	p.at = len(p.text)
	return b.String()
}

// all is the elements of a list that have a name.
func all(list []node, key string) []node {
	var found []node
	for _, n := range list {
		if strings.EqualFold(n.key, key) {
			found = append(found, n)
		}
	}
	return found
}

// value is the last value that a list gives to a name; fallback if it gives none.
func value(list []node, key, fallback string) string {
	for _, n := range all(list, key) {
		if n.list == nil {
			fallback = n.value
		}
	}
	return fallback
}
