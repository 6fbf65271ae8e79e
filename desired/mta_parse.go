package desired

import (
	"cmp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// readTLS reads where the certificate comes from.
func readTLS(r *reader, n *yaml.Node, path string, m *MTA) {
	if n.Kind == yaml.SequenceNode {
		for _, v := range r.values(n, path) {
			m.Certs = append(m.Certs, r.cert(v, path)...)
		}
		return
	}
	if n.Kind == yaml.MappingNode && slices.ContainsFunc(n.Content, func(k *yaml.Node) bool { return k.Value == "acme" }) {
		fields(r, n, path, tlsKeys(), m)
		return
	}
	m.Certs = r.cert(n, path)
}

// acme says what does not go together.
func (r *reader) acme(n *yaml.Node, path string, a ACME) {
	if x := a.External; (x.KeyID == "") != (x.KeyFile == "") {
		r.wrong(n, under(path, "external-account"), "an account is two things, key-id and key-file")
	}
	http, noHTTP := ParseListen(a.HTTP)
	alpn, noALPN := ParseListen(a.ALPN)
	if noHTTP == nil && noALPN == nil && http.Addr() != alpn.Addr() {
		r.wrong(n, path, "http and alpn are answered at one address: %s and %s differ in more than the port", a.HTTP, a.ALPN)
	}
}

// cert reads one pair of files; none if something is wrong.
func (r *reader) cert(n *yaml.Node, path string) []Cert {
	var c Cert
	before := len(r.problems)
	fields(r, n, path, certKeys(), &c)
	switch {
	case len(r.problems) > before:
		return nil
	case c.Cert == "" || c.Key == "":
		r.wrong(n, path, "a certificate is two files, cert and key; or write acme")
		return nil
	}
	for _, name := range []string{"cert", "key"} {
		delete(r.at, under(path, name)) // the next of a list has them too
	}
	return []Cert{c}
}

// readAliases reads addresses that share another one's mailbox.
func readAliases(r *reader, n *yaml.Node, path string, m *MTA) {
	for _, p := range r.pairs(n, path, maxUsers) {
		name, ok := r.mailbox(p.key, p.path, p.name)
		if !ok {
			continue
		}
		text, ok := r.text(p.value, p.path)
		if !ok {
			continue
		}
		to, ok := r.mailbox(p.value, p.path, text)
		switch {
		case !ok:
		case to == Everybody:
			r.wrong(p.value, p.path, "an alias leads to one mailbox")
		case slices.ContainsFunc(m.Aliases, func(a Alias) bool { return a.Name == name }):
			r.wrong(p.key, p.path, "stands twice in two ways of writing")
		default:
			r.at[under(path, name)] = r.at[p.path]
			m.Aliases = append(m.Aliases, Alias{name, to})
		}
	}
	slices.SortFunc(m.Aliases, func(a, b Alias) int { return cmp.Compare(a.Name, b.Name) })
}

// readUsers reads who may submit mail.
func readUsers(r *reader, n *yaml.Node, path string, m *MTA) {
	for _, p := range r.pairs(n, path, maxUsers) {
		u, before := User{Name: p.name}, len(r.problems)
		if len(p.name) > 128 || strings.ContainsFunc(p.name, func(c rune) bool { return c <= ' ' || c == 0x7f || c == 0xfffd }) {
			r.wrong(p.key, p.path, "is no name to log in with: it has no blanks, and at most 128 octets")
			continue
		}
		if torn(p.value) {
			r.wrong(p.value, under(p.path, "password-hash"), "ends at its first comma; put the hash into quotes") // and is not shown as keys
			continue
		}
		fields(r, p.value, p.path, userKeys(), &u)
		switch {
		case len(r.problems) > before:
		case u.PasswordFile == "" && u.PasswordHash == "":
			r.wrong(p.key, p.path, "has no password; write password-file or password-hash")
		case u.PasswordFile != "" && u.PasswordHash != "":
			r.wrong(p.key, p.path, "has two passwords: password-file and password-hash")
		}
		m.Users = append(m.Users, u)
	}
	slices.SortFunc(m.Users, func(a, b User) int { return cmp.Compare(a.Name, b.Name) })
}

// torn reports whether a hash stands in a flow mapping without quotes, so that what
// is behind its commas looks like keys.
func torn(n *yaml.Node) bool {
	for i := 0; n.Kind == yaml.MappingNode && i+1 < len(n.Content); i += 2 {
		if strings.Contains(n.Content[i].Value, "$") {
			return true
		}
	}
	return false
}

// readRelays reads the relays.
func readRelays(r *reader, n *yaml.Node, path string, m *MTA) {
	for _, p := range r.pairs(n, path, maxList) {
		v, before := Relay{Name: p.name}, len(r.problems)
		if !isWord(p.name, "-_.") || p.name == Direct {
			r.wrong(p.key, p.path, "is no name of a relay: it has letters, digits, - and _, and is not %s", Direct)
			continue
		}
		fields(r, p.value, p.path, relayKeys(), &v)
		switch {
		case len(r.problems) > before:
		case v.Host == "":
			r.wrong(p.key, p.path, "has no host")
		case (v.User == "") != (v.PasswordFile == ""):
			r.wrong(p.key, p.path, "a login is a user and a password-file; leave both out where the relay knows this host by its address")
		case v.TLS == None && v.User != "":
			r.wrong(p.key, p.path, "a password does not go over a connection without TLS; take tls: %s or user and password-file away", None)
		}
		m.Relays = append(m.Relays, v)
	}
	slices.SortFunc(m.Relays, func(a, b Relay) int { return cmp.Compare(a.Name, b.Name) })
}

// readRoutes reads which way mail goes.
func readRoutes(r *reader, n *yaml.Node, path string, m *MTA) {
	if n.Kind != yaml.SequenceNode {
		r.wrong(n, path, "is not a list; write - {to: gmail.com, via: RELAY}")
		return
	}
	for _, node := range r.values(n, path) {
		var v Route
		before := len(r.problems)
		for _, k := range routeKeys() {
			delete(r.at, under(path, k.name))
		}
		fields(r, node, path, routeKeys(), &v)
		switch {
		case len(r.problems) > before:
			continue
		case v.Via != "" && v.Via != Direct && v.Fallback != "":
			r.wrong(node, path, "a route has via or fallback: what goes by a relay has no other way")
		case v.Via == "" && v.Fallback == "":
			r.wrong(node, path, "a route has a way: via, or fallback; via: %s is without a relay", Direct)
		case v.Fallback == "" && (v.After > 0 || v.OnBlock != Unsaid):
			r.wrong(node, path, "after and on-block say when the fallback is taken, and there is none")
		case v.Fallback != "" && v.After == 0 && v.OnBlock != On:
			r.wrong(node, path, "the fallback is never taken: write after: 3, or on-block: true")
		}
		m.Routes = append(m.Routes, v)
		for _, name := range []string{v.Via, v.Fallback} {
			if name != "" && name != Direct {
				r.relays = append(r.relays, named{name, node, path})
			}
		}
	}
}

// readWarmUp reads the cap of a new address.
func readWarmUp(r *reader, n *yaml.Node, path string, m *MTA) {
	w, before := WarmUp{Factor: 1.5}, len(r.problems)
	fields(r, n, path, warmUpKeys(), &w)
	switch {
	case len(r.problems) > before:
		return
	case w.Start.IsZero() || w.First == 0 || w.Last == 0:
		r.wrong(n, path, "has start, first and last: {start: 2026-12-01, first: 50, last: 5000}")
	case w.Last < w.First:
		r.wrong(n, path, "last is less than first")
	default:
		m.WarmUp = &w
	}
}

// A named is a name that has to stand elsewhere in the file.
type named struct {
	name string
	at   *yaml.Node
	path string
}

// known looks for the relays that routes name.
func (r *reader) known(m *MTA) {
	if m == nil {
		return
	}
	var names []string
	for _, v := range m.Relays {
		names = append(names, v.Name)
	}
	for _, n := range r.relays {
		switch {
		case slices.Contains(names, n.name):
		case len(names) == 0:
			r.wrong(n.at, n.path, "no relay %.40q stands under relays", n.name)
		default:
			r.wrong(n.at, n.path, "no relay %.40q stands under relays%s", n.name, meant(n.name, names))
		}
	}
}
