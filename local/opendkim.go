package local

import (
	"path"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// openDKIM reads what OpenDKIM, or dkimpy-milter with its kindred
// configuration, signs with (opendkim.conf(5)).
func (r *reader) openDKIM(source, file string, where place) {
	text, ok := r.text(Keys, file)
	if !ok {
		return
	}
	if r.idle(source, strings.ToLower(source)) {
		return
	}
	r.found(source)
	conf := words(text)
	if table := conf["keytable"]; table != "" {
		r.keyTable(source, table, conf["signingtable"], where)
		return
	}
	for _, suffix := range []string{"", "ed25519"} { // the latter of dkimpy-milter
		r.oneKey(source, conf["domain"], conf["selector"+suffix], conf["keyfile"+suffix], where)
	}
}

// words reads lines of a word and a value, the word in any case.
func words(text string) map[string]string {
	conf := make(map[string]string)
	for _, p := range pairs(text) {
		value, _, _ := strings.Cut(p[1], " #")
		conf[strings.ToLower(p[0])] = strings.TrimSpace(value)
	}
	return conf
}

// oneKey is the key of a configuration without tables.
func (r *reader) oneKey(source, domains, selector, file string, where place) {
	if file == "" || selector == "" {
		return
	}
	if strings.HasPrefix(domains, "/") || strings.Contains(domains, ":/") {
		if text, ok := r.text(Keys, dataset(domains)); ok {
			domains = strings.Join(strings.Fields(text), ",")
		}
	}
	for domain := range strings.SplitSeq(domains, ",") {
		switch domain = strings.TrimSpace(domain); domain {
		case "":
		case "*":
			for _, d := range r.domains {
				r.placed(holder{source, d, selector, file, true}, where)
			}
		default:
			r.placed(holder{source, domain, selector, file, true}, where)
		}
	}
}

// placed is key with the file where it lies on the host.
func (r *reader) placed(h holder, where place) {
	file, ok := where.of(h.file)
	if !ok {
		if r.wants(h.domain) {
			r.doubt(Keys, "the key of selector %s is at %s in a container, which is not looked into", h.selector, h.file)
		}
		return
	}
	h.file = file
	r.key(h)
}

// dataset is the path of a table that is a file.
func dataset(spec string) string {
	for _, kind := range []string{"refile:", "file:"} {
		if file, ok := strings.CutPrefix(spec, kind); ok {
			return file
		}
	}
	return spec
}

// table reads a table; ok is false where it cannot be, and a doubt says so.
func (r *reader) table(spec string, where place) (text string, ok bool) {
	file, placed := where.of(dataset(spec))
	if !placed || !path.IsAbs(file) {
		r.doubt(Keys, "the table %s is none that can be read from here", scheme(spec))
		return "", false
	}
	return r.text(Keys, file)
}

// scheme is what of a table's address is no secret: of one in a database the
// kind alone.
func scheme(spec string) string {
	if kind, _, ok := strings.Cut(spec, ":"); ok && !strings.HasPrefix(spec, "file:") && !strings.HasPrefix(spec, "refile:") {
		return kind + ":..."
	}
	return spec
}

// keyTable reads names of keys and what each is: domain:selector:key.
func (r *reader) keyTable(source, spec, signing string, where place) {
	text, ok := r.table(spec, where)
	if !ok {
		return
	}
	var users [][2]string // pattern of senders, name of the key
	known := false
	if signing != "" {
		var list string
		if list, known = r.table(signing, where); known {
			users = pairs(list)
		}
	}
	for _, entry := range pairs(text) {
		parts := strings.SplitN(entry[1], ":", 3)
		if len(parts) != 3 {
			continue
		}
		for _, domain := range r.domains {
			whole := parts[0] == "%"
			if !whole && record.Canonical(parts[0]) != domain || known && !signs(users, entry[0], domain, whole) {
				continue
			}
			h := holder{source, domain, parts[1], strings.TrimSpace(parts[2]), true}
			if strings.HasPrefix(h.file, "/") || strings.HasPrefix(h.file, ".") {
				r.placed(h, where)
				continue
			}
			data := []byte(h.file) // the key stands in the table itself
			h.file = dataset(spec)
			r.material(h, data)
		}
	}
}

// signs reports whether a table of senders leads to a key. Which senders they
// are matters where the key has no domain of its own.
func signs(users [][2]string, name, domain string, whole bool) bool {
	domain = record.Display(domain)
	for _, u := range users {
		if u[1] != name {
			continue
		}
		pattern := strings.ToLower(u[0])
		_, of, found := strings.Cut(pattern, "@")
		if !found {
			of = pattern
		}
		if !whole || of == "*" || of == domain || strings.HasPrefix(of, "*.") && strings.HasSuffix(domain, of[1:]) {
			return true
		}
	}
	return false
}
