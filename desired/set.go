package desired

import (
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// Set gives one key a value, as it stands in the file: "dmarc" "reject",
// "mta-sts.mode" "testing", "dkim.s1" "MIIB...". A service's name stands for its
// place: "ses.region" "eu-west-1". Commas separate the values of a list. file is
// that of Parse.
func (s *Settings) Set(key, value string, file func(string) ([]byte, error)) []Problem {
	r := &reader{file: file, at: make(map[string]Position)}
	path := strings.Split(key, ".")
	if _, ok := FindService(path[0]); ok {
		path = append([]string{"services"}, path...)
	}
	if path[0] == "dkim" && len(path) > 2 { // a selector may have dots
		path = []string{"dkim", strings.Join(path[1:], ".")}
	}
	const deepest = 4
	if len(path) > deepest {
		path = append(path[:deepest-1:deepest-1], strings.Join(path[deepest-1:], "."))
	}
	node := given(value)
	for _, name := range slices.Backward(path) {
		node = &yaml.Node{Kind: yaml.MappingNode, Content: []*yaml.Node{{Kind: yaml.ScalarNode, Value: name}, node}}
	}
	var one Settings
	r.settingsAt(node, "", &one)
	if len(r.problems) > 0 {
		return inOrder(r.problems)
	}
	for _, k := range s.DKIM {
		if one.DKIM != nil && !slices.ContainsFunc(one.DKIM, func(o Key) bool { return o.Selector == k.Selector }) {
			one.DKIM = append(one.DKIM, k)
		}
	}
	slices.SortFunc(one.DKIM, func(a, b Key) int { return strings.Compare(a.Selector, b.Selector) })
	*s = one.Over(*s)
	for _, use := range s.Services {
		slices.SortFunc(use.Values, func(a, b Value) int { return strings.Compare(a.Name, b.Name) })
	}
	s.Services = sortedUses(s.Services)
	return nil
}

// given is a value from a command line: one text, or several between commas.
func given(value string) *yaml.Node {
	parts := strings.Split(value, ",")
	if len(parts) == 1 {
		return scalar(value)
	}
	list := &yaml.Node{Kind: yaml.SequenceNode}
	for _, part := range parts {
		list.Content = append(list.Content, scalar(strings.TrimSpace(part)))
	}
	return list
}

func scalar(value string) *yaml.Node {
	return &yaml.Node{Kind: yaml.ScalarNode, Tag: "!!str", Value: value}
}

// Missing are the inputs of the services that were not given a value and are
// needed.
func (s Settings) Missing() []Input {
	var list []Input
	for _, use := range s.Services {
		service, _ := FindService(use.Service)
		for _, in := range service.Inputs {
			if use.Texts(in.Name) == nil && !in.Optional && in.Default == "" && (in.With == "" || use.Texts(in.With) != nil) {
				in.Name = use.Service + "." + in.Name
				list = append(list, in)
			}
		}
	}
	return list
}
