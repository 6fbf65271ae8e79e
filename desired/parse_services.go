package desired

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// readServices reads the services that a domain uses, each with its inputs. A
// service that needs none may have nothing behind the colon.
func readServices(r *reader, n *yaml.Node, path string, s *Settings) {
	for _, v := range names(n) { // "services: fastmail", "services: [fastmail]"
		if name, ok := r.choice(v, path, "service", ServiceNames()); ok {
			s.Services = append(s.Services, Use{Service: name})
			r.at[under(path, name)] = Position{v.Line, v.Column}
		}
	}
	if n.Kind != yaml.MappingNode {
		if n.Kind == yaml.AliasNode {
			r.plain(n, path)
		}
		s.Services = sortedUses(s.Services)
		return
	}
	for _, p := range r.pairs(n, path, maxList) {
		service, ok := FindService(p.name)
		if !ok {
			r.wrong(p.key, p.path, "no service %.40q%s", p.name, meant(p.name, ServiceNames()))
			continue
		}
		use := Use{Service: service.Name}
		if !isNull(p.value) {
			fields(r, p.value, p.path, inputKeys(service), &use)
		}
		slices.SortFunc(use.Values, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
		s.Services = append(s.Services, use)
	}
	s.Services = sortedUses(s.Services)
}

// names are the members of a list of names, or the one name.
func names(n *yaml.Node) []*yaml.Node {
	switch n.Kind {
	case yaml.ScalarNode:
		return []*yaml.Node{n}
	case yaml.SequenceNode:
		return n.Content[:min(len(n.Content), maxList)]
	}
	return nil
}

func sortedUses(uses []Use) []Use {
	slices.SortFunc(uses, func(a, b Use) int { return strings.Compare(a.Service, b.Service) })
	return slices.CompactFunc(uses, func(a, b Use) bool { return a.Service == b.Service })
}

// inputKeys is the table of one service's inputs.
func inputKeys(service Service) []key[Use] {
	var keys []key[Use]
	for _, in := range service.Inputs {
		keys = append(keys, key[Use]{in.Name, in.doc(), in.form(), func(r *reader, n *yaml.Node, path string, use *Use) {
			if texts := r.input(n, path, in); len(texts) > 0 {
				use.Values = append(use.Values, Value{in.Name, texts})
			}
		}})
	}
	return keys
}

func (in Input) doc() string {
	doc := strings.ToUpper(in.Title[:1]) + in.Title[1:] + ". Where: " + in.Where + "."
	if in.Default != "" {
		doc += " " + in.Default + " if left out."
	}
	return doc
}

func (in Input) form() form {
	var one form
	switch in.Is {
	case Label:
		one = patternForm(labels)
	case Word:
		one = patternForm(`^[A-Za-z0-9_-]+$`)
	case Choice:
		one = choiceForm(in.Choices...)
	default:
		one = textForm()
	}
	if in.Is == Word { // digits alone are a number to YAML
		one = eitherForm(one, form{"type": "integer", "minimum": 0})
	}
	if in.Max > 0 {
		return manyForm(one)
	}
	return one
}

// input reads the value of an input, or its values.
func (r *reader) input(n *yaml.Node, path string, in Input) []string {
	if in.Max == 0 {
		if text, ok := r.inputText(n, path, in); ok {
			return []string{text}
		}
		return nil
	}
	var list []string
	for _, v := range r.values(n, path) {
		if text, ok := r.inputText(v, path, in); ok && !r.repeated(v, path, text, list) {
			list = append(list, text)
		}
	}
	if len(list) > in.Max {
		r.wrong(n, path, "has %d values; it is %s", len(list), in.Title)
	}
	return list
}

func (r *reader) inputText(n *yaml.Node, path string, in Input) (string, bool) {
	if in.Is == Choice {
		return r.choice(n, path, "such value", in.Choices)
	}
	text, ok := r.text(n, path)
	if !ok {
		return "", false
	}
	switch in.Is {
	case Label:
		return r.label(n, path, text)
	case HostName:
		name, ok := r.domain(n, path, text)
		return display(name), ok
	case Word:
		if !isWord(text, "-_") {
			r.wrong(n, path, "%.80q is not letters, digits and hyphens; it is %s", text, in.Title)
			return "", false
		}
	case KeyText:
		key := r.publicKey(n, path, text, false)
		return key, key != ""
	default:
		const most = 200
		if len(text) > most || strings.ContainsFunc(text, func(c rune) bool { return c < ' ' || c > '~' }) {
			r.wrong(n, path, "is not printable ASCII of at most %d characters; it is %s", most, in.Title)
			return "", false
		}
	}
	return text, true
}
