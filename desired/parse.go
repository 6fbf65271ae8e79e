package desired

import (
	"regexp"
	"slices"
	"strings"
	"sync"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
)

// Parse reads the text of a maildoctor.yaml. file reads a file that a key names,
// by the path as it stands there; nil forbids them.
//
// It does not stop at the first problem: the state is what could be read. With
// any problem it is not what the owner wants, and no edits should be made of it.
func Parse(text []byte, file func(path string) ([]byte, error)) (State, []Problem) {
	r := &reader{file: file, at: make(map[string]Position)}
	var s State
	if root := r.root(text); root != nil {
		fields(r, root, "", fileKeys(), &s)
		r.missing(root)
	}
	s.at = r.at
	if len(r.problems) == 0 {
		r.problems = s.unknownHosts()
	}
	if len(r.problems) == 0 && s.MTA != nil {
		r.problems = s.serverProblems()
	}
	return s, inOrder(r.problems)
}

// missing looks for the keys that every file has; among other problems they may
// be there, misspelled. A file may be for examinations alone.
func (r *reader) missing(root *yaml.Node) {
	if len(r.problems) > 0 {
		return
	}
	if _, ok := r.at["version"]; !ok {
		r.wrong(root, "version", "is missing; write version: %s", version)
	}
	_, examines := r.at["check.domains"]
	if _, ok := r.at["domains"]; !ok && !examines {
		r.wrong(root, "domains", "is missing; there is nothing to publish")
	}
}

// unknownHosts finds hosts that domains name and the file does not have.
func (s State) unknownHosts() []Problem {
	var problems []Problem
	var known []string
	for _, h := range s.Hosts {
		known = append(known, display(h.Name))
	}
	look := func(path string, names []string) {
		for _, name := range names {
			if !slices.Contains(known, display(name)) {
				problems = append(problems, Problem{s.At(path), path, "no host " + display(name) + " stands under hosts" + meantHost(display(name), known)})
			}
		}
	}
	look("defaults.hosts", s.Defaults.Hosts)
	for _, d := range s.Domains {
		look(pathOf(d.Name, "hosts"), d.Hosts)
	}
	return problems
}

func meantHost(name string, known []string) string {
	if len(known) == 0 {
		return ""
	}
	return meant(name, known)
}

// pathOf is the path of a key of a domain.
func pathOf(domain string, keys ...string) string {
	return strings.Join(append([]string{"domains", display(domain)}, keys...), ".")
}

func display(name string) string { return strings.TrimSuffix(name, ".") }

// readHosts reads the mail hosts: addresses, or a mapping.
func readHosts(r *reader, n *yaml.Node, path string, s *State) {
	for _, p := range r.pairs(n, path, maxHosts) {
		name, ok := r.domain(p.key, p.path, p.name)
		if !ok {
			continue
		}
		r.at[under(path, display(name))] = r.at[p.path]
		h, before := Host{Name: name}, len(r.problems)
		if p.value.Kind == yaml.MappingNode {
			fields(r, p.value, p.path, hostKeys(), &h)
		} else {
			h.Addrs = r.ips(p.value, p.path)
		}
		if len(h.Addrs) == 0 && len(r.problems) == before {
			r.wrong(p.key, p.path, "has no address; write ips with its public IPv4 and IPv6 addresses")
		}
		if slices.ContainsFunc(s.Hosts, func(o Host) bool { return o.Name == name }) {
			r.wrong(p.key, p.path, "stands twice in two ways of writing")
			continue
		}
		s.Hosts = append(s.Hosts, h)
	}
}

// readDomains reads the mail domains, of which one may say nothing.
func readDomains(r *reader, n *yaml.Node, path string, s *State) {
	pairs := r.pairs(n, path, maxDomains)
	if len(pairs) == 0 && n.Kind == yaml.MappingNode {
		r.wrong(n, path, "has no domain")
	}
	for _, p := range pairs {
		name, ok := r.domain(p.key, p.path, p.name)
		if !ok {
			continue
		}
		r.at[under(path, display(name))] = r.at[p.path]
		d := Domain{Name: name}
		if !isNull(p.value) {
			r.settingsAt(p.value, under(path, display(name)), &d.Settings)
		}
		if slices.ContainsFunc(s.Domains, func(o Domain) bool { return o.Name == name }) {
			r.wrong(p.key, p.path, "stands twice in two ways of writing")
			continue
		}
		s.Domains = append(s.Domains, d)
	}
}

func (r *reader) policy(n *yaml.Node, path string) dmarc.Policy {
	text, _ := r.choice(n, path, "DMARC policy", policyNames())
	return dmarc.Policy(text)
}

func (r *reader) mode(n *yaml.Node, path string) mtasts.Mode {
	text, ok := r.choice(n, path, "mode", modeNames())
	if ok && text == "off" {
		return mtasts.None
	}
	return mtasts.Mode(text)
}

func (r *reader) labels(n *yaml.Node, path string) []string {
	var list []string
	for _, v := range r.values(n, path) {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		if label, ok := r.label(v, path, text); ok && !r.repeated(v, path, label, list) {
			list = append(list, label)
		}
	}
	return list
}

// readStages reads the policies as time goes on.
func readStages(r *reader, n *yaml.Node, path string, d *DMARC) {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, path, "is not a list; write - {from: 2027-01-31, policy: quarantine}")
		return
	}
	for _, v := range r.values(n, path) {
		var s Stage
		before := len(r.problems)
		for _, known := range []string{"from", "policy"} {
			delete(r.at, under(path, known))
		}
		fields(r, v, path, stageKeys(), &s)
		if len(r.problems) > before {
			continue
		}
		switch {
		case s.From.IsZero() || s.Policy == "":
			r.wrong(v, path, "a stage has a day, from, and a policy")
		case len(d.Stages) > 0 && !s.From.After(d.Stages[len(d.Stages)-1].From):
			r.wrong(v, path, "the stage from %s is not later than the one before", s.From.Format("2006-01-02"))
		default:
			d.Stages = append(d.Stages, s)
		}
	}
}

func readCAA(r *reader, n *yaml.Node, path string, s *Settings) {
	if n.Kind == yaml.MappingNode {
		fields(r, n, path, caaKeys(), &s.CAA)
		if s.CAA.Issue == nil {
			r.wrong(n, path, "has no issue, without which everybody may issue")
		}
		return
	}
	s.CAA.Issue = r.authorities(n, path)
}

// authorities reads the identifiers of certification authorities.
func (r *reader) authorities(n *yaml.Node, path string) []string {
	nodes := r.values(n, path)
	if len(nodes) == 1 && nodes[0].Value == None {
		return []string{None}
	}
	var list []string
	for _, v := range nodes {
		text, ok := r.text(v, path)
		if !ok {
			continue
		}
		name, rest, parameters := strings.Cut(text, ";")
		host, ok := r.domain(v, path, strings.TrimSpace(name))
		if ok && (!parameters || caaParameters().MatchString(rest)) {
			if parameters {
				host = display(host) + "; " + strings.TrimSpace(rest)
			}
			list = append(list, display(host))
		} else if ok {
			r.wrong(v, path, "%.80q are not parameters, such as validationmethods=dns-01 (RFC 8657)", rest)
		}
	}
	return list
}

// caaParameters is what may follow an identifier (RFC 8659, 4.2).
var caaParameters = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^[ \t]*[A-Za-z0-9-]+=[!-:<-~]*([ \t]*;[ \t]*[A-Za-z0-9-]+=[!-:<-~]*)*[ \t]*$`)
})

// uris is what iodef may be (RFC 8659, 4.4).
var uris = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^(mailto:|https?://)[!-~]+$`) })

func (r *reader) iodef(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if ok && !uris().MatchString(text) {
		r.wrong(n, path, "%.80q is not a mailto: or https: URI (RFC 8659, 4.4)", text)
		return ""
	}
	return text
}

// readKeys reads DKIM keys: one alone, or by selector.
func readKeys(r *reader, n *yaml.Node, path string, s *Settings) {
	if n.Kind == yaml.ScalarNode {
		if text, ok := r.text(n, path); ok {
			s.DKIM = []Key{{Record: r.publicKey(n, path, text, false)}}
		}
		return
	}
	for _, p := range r.pairs(n, path, maxList) {
		selector, ok := r.label(p.key, p.path, p.name)
		if !ok {
			continue
		}
		k := Key{Selector: selector}
		if p.value.Kind == yaml.MappingNode {
			fields(r, p.value, p.path, keyKeys(), &k)
		} else if text, ok := r.text(p.value, p.path); ok {
			k.Record = r.publicKey(p.value, p.path, text, false)
		}
		if k.Revoked {
			k.Record, k.File = "", ""
		} else if k.Record == "" && k.File == "" && len(r.problems) == 0 {
			r.wrong(p.key, p.path, "has neither key nor file")
		}
		s.DKIM = append(s.DKIM, k)
	}
}

func (r *reader) publicKey(n *yaml.Node, path, text string, isFile bool) string {
	key, err := ReadKey(text, isFile)
	if err != nil {
		r.wrong(n, path, "%v", err)
	}
	return key
}

// keyFile reads the key from the file that it names.
func (r *reader) keyFile(n *yaml.Node, path string, k *Key) {
	name, ok := r.text(n, path)
	if !ok {
		return
	}
	if r.file == nil {
		r.wrong(n, path, "files are not read here; write the key itself")
		return
	}
	text, err := r.file(name)
	switch {
	case err != nil:
		r.wrong(n, path, "cannot be read: %v", err)
	case len(text) > maxKeyFile:
		r.wrong(n, path, "%.80q has %d octets, too many for a key", name, len(text))
	default:
		k.File, k.Record = name, r.publicKey(n, path, string(text), true)
	}
}
