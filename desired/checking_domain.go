package desired

import (
	"net/netip"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/maildoctor/maildoctor/mailauth/dmarc"
)

// An Examined domain is one that maildoctor check looks at, and what is said of it
// for that. What is zero was not said; what is said of all comes behind it.
type Examined struct {
	Name      string // canonical
	Selectors []string
	Senders   []netip.Addr
	MX        []string     // hosts that shall take its mail, canonical
	DMARC     dmarc.Policy // the weakest that will do
}

// examinedKeys is a domain of check.domains, where it is a mapping.
func examinedKeys() []key[Examined] {
	return []key[Examined]{
		{"selectors", "DKIM selectors in use.", manyForm(textForm("s1")), func(r *reader, n *yaml.Node, path string, e *Examined) { e.Selectors = r.labels(n, path) }},
		{"senders", "Addresses that send its mail.", manyForm(textForm("192.0.2.25")), func(r *reader, n *yaml.Node, path string, e *Examined) { e.Senders = r.ips(n, path) }},
		{"mx", "Hosts that shall take its mail, these and no others.", manyForm(textForm("mx1.example.net")), func(r *reader, n *yaml.Node, path string, e *Examined) { e.MX = r.names(n, path) }},
		{"dmarc", "The weakest DMARC policy that will do for it: none, quarantine or reject.", choiceForm(policyNames()...), func(r *reader, n *yaml.Node, path string, e *Examined) { e.DMARC = r.policy(n, path) }},
	}
}

// readExamined reads domains: names, or a mapping by name.
func readExamined(r *reader, n *yaml.Node, path string, c *Checking) {
	if n.Kind != yaml.MappingNode {
		for _, name := range r.names(n, path) {
			c.Domains = append(c.Domains, Examined{Name: name})
		}
		return
	}
	pairs := r.pairs(n, path, maxDomains)
	if len(pairs) == 0 {
		r.wrong(n, path, "has no domain")
	}
	for _, p := range pairs {
		name, ok := r.domain(p.key, p.path, p.name)
		if !ok {
			continue
		}
		if slices.ContainsFunc(c.Domains, func(o Examined) bool { return o.Name == name }) {
			r.wrong(p.key, p.path, "stands twice in two ways of writing")
			continue
		}
		e := Examined{Name: name}
		if !isNull(p.value) {
			fields(r, p.value, p.path, examinedKeys(), &e)
		}
		c.Domains = append(c.Domains, e)
	}
}

// environment is the names of environment variables, as people write them.
const environment = `^[A-Z_][A-Z0-9_]*$`

// isVariable reports whether s is such a name.
func isVariable(s string) bool {
	const most = 64
	return s != "" && len(s) <= most && s == strings.ToUpper(s) && isWord(s, "_") && (s[0] < '0' || s[0] > '9')
}

// variable reads the name of an environment variable. A key that stands in its
// place is not repeated.
func (r *reader) variable(n *yaml.Node, path string) string {
	text, ok := r.text(n, path)
	if ok && !isVariable(text) {
		r.wrong(n, path, "is not the name of an environment variable, as in SPAMHAUS_DQS_KEY; if it is the key itself, take it out: it is a secret, and belongs into the environment")
		return ""
	}
	return text
}

// examined writes the domains of the section.
func (w *writer) examined(domains []Examined) {
	if len(domains) == 0 {
		return
	}
	explain(w, 1, "domains", checkingKeys())
	names := make([]string, len(domains))
	plain := true
	for i, e := range domains {
		names[i] = display(e.Name)
		plain = plain && len(e.Selectors)+len(e.Senders)+len(e.MX) == 0 && e.DMARC == ""
	}
	if plain {
		w.line(1, "domains", list(names))
		return
	}
	w.open(1, "domains")
	for i, e := range domains {
		w.open(2, quote(names[i]))
		w.ifSaid(3, "selectors", list(e.Selectors))
		w.ifSaid(3, "senders", list(texts(e.Senders)))
		w.ifSaid(3, "mx", list(displayed(e.MX)))
		w.ifSaid(3, "dmarc", string(e.DMARC))
	}
}

// said is a list of one text, or of none where it is empty.
func said(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}

// MX is the hosts by which a domain, canonical, takes mail as the file has it, the
// preferred one first; none where that is not known, or it takes no mail.
func (s State) MX(domain string) []string {
	b := s.builder(Given{})
	for _, d := range s.Domains {
		if d.Name != domain {
			continue
		}
		m := b.mail(d)
		if len(b.problems) > 0 {
			return nil
		}
		var hosts []string
		for _, r := range m.mx {
			if _, host, ok := r.MX(); ok && host != "." {
				hosts = append(hosts, host)
			}
		}
		return hosts
	}
	return nil
}
