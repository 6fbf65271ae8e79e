package desired

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v4"
	"go.yaml.in/yaml/v4/plugin/loaderlimits"
)

// Bounds on what is read.
const (
	maxFile    = 1 << 20 // octets of maildoctor.yaml
	maxKeyFile = 1 << 16 // octets of a file with a key
	maxDepth   = 32      // of nesting; the deepest honest file has 7
	maxDomains = 1000
	maxHosts   = 100
	maxList    = 100     // values of one list
	maxUsers   = 1000    // and mailboxes, and aliases of a mail server
	maxScalar  = 8 << 10 // octets of one value
)

// A reader walks the file and gathers its problems.
type reader struct {
	problems []Problem
	at       map[string]Position
	file     func(string) ([]byte, error) // reads a file that a key names; nil: none may be

	settings []key[Settings] // the table, made once
	relays   []named         // that routes of the mail server name
}

// settingsAt reads a domain, or the defaults.
func (r *reader) settingsAt(n *yaml.Node, path string, into *Settings) {
	if r.settings == nil {
		r.settings = settingKeys()
	}
	fields(r, n, path, r.settings, into)
}

// root returns the top of the only document in data; nil where there is none.
func (r *reader) root(data []byte) *yaml.Node {
	if len(data) > maxFile {
		r.problems = append(r.problems, Problem{Message: fmt.Sprintf("the file has %d octets, more than the %d that are read", len(data), maxFile)})
		return nil
	}
	var document yaml.Node
	err := yaml.Load(data, &document, yaml.WithPlugin(loaderlimits.New(loaderlimits.DepthValue(maxDepth))))
	if err != nil {
		r.problems = append(r.problems, syntax(err))
		return nil
	}
	if document.Kind != yaml.DocumentNode || len(document.Content) != 1 {
		r.problems = append(r.problems, Problem{Message: "the file is empty; the shortest has version, hosts and domains"})
		return nil
	}
	return document.Content[0]
}

// syntax is the problem that the YAML library reports.
func syntax(err error) Problem {
	p := Problem{Message: "is not YAML: " + strings.TrimPrefix(err.Error(), "yaml: ")}
	var one *yaml.LoadError
	var several *yaml.LoadErrors
	if errors.As(err, &several) && len(several.Errors) > 0 {
		one = several.Errors[0]
	} else if !errors.As(err, &one) {
		return p
	}
	p.Message = "is not YAML: " + strings.TrimPrefix(one.Message, "yaml: ")
	p.Line, p.Column = one.Mark.Line, one.Mark.Column
	return p
}

// wrong reports a problem of what stands at n.
func (r *reader) wrong(n *yaml.Node, path, format string, args ...any) {
	if len(r.problems) < 4*maxProblems {
		r.problems = append(r.problems, Problem{Position{n.Line, n.Column}, path, fmt.Sprintf(format, args...)})
	}
}

// plain reports whether n is what it seems: no alias, anchor or tag of its own,
// by which a small file grows large or means something else.
func (r *reader) plain(n *yaml.Node, path string) bool {
	switch {
	case n.Kind == yaml.AliasNode || n.Anchor != "":
		r.wrong(n, path, "anchors and aliases (& and *) are not read; what all domains share stands under defaults")
	case n.Style&yaml.TaggedStyle != 0:
		r.wrong(n, path, "a tag (%.40q) is not read", n.Tag)
	default:
		return true
	}
	return false
}

// text returns the value of a scalar, whatever type YAML takes it for.
func (r *reader) text(n *yaml.Node, path string) (string, bool) {
	if !r.plain(n, path) {
		return "", false
	}
	switch {
	case n.Kind == yaml.MappingNode:
		r.wrong(n, path, "is a mapping; a single value is wanted")
	case n.Kind == yaml.SequenceNode:
		r.wrong(n, path, "is a list; a single value is wanted")
	case isNull(n):
		r.wrong(n, path, "has no value")
	case len(n.Value) > maxScalar:
		r.wrong(n, path, "is longer than %d octets", maxScalar)
	default:
		return strings.TrimSpace(n.Value), true
	}
	return "", false
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.ShortTag() == "!!null" }

// values returns the members of a list; a single value is a list of one.
func (r *reader) values(n *yaml.Node, path string) []*yaml.Node { return r.valuesTo(n, path, maxList) }

func (r *reader) valuesTo(n *yaml.Node, path string, most int) []*yaml.Node {
	if n.Kind == yaml.ScalarNode {
		return []*yaml.Node{n}
	}
	if !r.plain(n, path) {
		return nil
	}
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, path, "is a mapping; a value or a list is wanted")
		return nil
	}
	if len(n.Content) > most {
		r.wrong(n, path, "has %d values; at most %d are read", len(n.Content), most)
		return nil
	}
	if len(n.Content) == 0 {
		r.wrong(n, path, "is empty; leave it out, or write none where that is meant")
	}
	return n.Content
}

// A pair is one key of a mapping and what it has.
type pair struct {
	name  string
	key   *yaml.Node
	value *yaml.Node
	path  string
}

// pairs returns the keys of a mapping, each once.
func (r *reader) pairs(n *yaml.Node, path string, most int) []pair {
	if !r.plain(n, path) {
		return nil
	}
	if n.Kind != yaml.MappingNode {
		r.wrong(n, path, "is not a mapping; keys with a colon are wanted")
		return nil
	}
	if len(n.Content)/2 > most {
		r.wrong(n, path, "has %d keys; at most %d are read", len(n.Content)/2, most)
		return nil
	}
	var list []pair
	first := make(map[string]*yaml.Node)
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		if !r.plain(key, path) {
			continue
		}
		if key.Kind != yaml.ScalarNode || key.Value == "" || len(key.Value) > 255 {
			r.wrong(key, path, "a key is a short text")
			continue
		}
		name := strings.TrimSpace(key.Value)
		if before := first[name]; before != nil {
			r.wrong(key, under(path, name), "stands twice; the first is on line %d", before.Line)
			continue
		}
		first[name] = key
		at := under(path, name)
		r.at[at] = Position{key.Line, key.Column}
		list = append(list, pair{name, key, value, at})
	}
	return list
}

// under is the path of a key below path.
func under(path, name string) string {
	name = printable(name)
	if path == "" {
		return name
	}
	return path + "." + name
}

// printable is a word from the file, fit for a message.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 || r == 0xfffd {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(s, "?"))
}

// A key is one key of a mapping: how it is read, and what the schema and the
// documentation say of it.
type key[T any] struct {
	name string
	doc  string // one or two sentences
	form form   // nil: it is refused
	take func(r *reader, n *yaml.Node, path string, into *T)
}

// fields reads a mapping by its table. Keys that it does not have are problems.
func fields[T any](r *reader, n *yaml.Node, path string, keys []key[T], into *T) {
	for _, p := range r.pairs(n, path, maxList) {
		found := false
		for _, k := range keys {
			if k.name == p.name {
				k.take(r, p.value, p.path, into)
				found = true
			}
		}
		if !found {
			r.wrong(p.key, p.path, "no such key%s", meant(p.name, keyNames(keys)))
		}
	}
}

func keyNames[T any](keys []key[T]) []string {
	var names []string
	for _, k := range keys {
		if k.form != nil {
			names = append(names, k.name)
		}
	}
	return names
}
