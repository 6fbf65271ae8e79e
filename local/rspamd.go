package local

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// rspamd reads what the dkim_signing module of rspamd signs with
// (https://rspamd.com/doc/modules/dkim_signing.html). dir is its configuration.
func (r *reader) rspamd(dir string, where place) {
	if !r.exists(dir) {
		return
	}
	var conf []node // of local.d, then override.d, whose word is the last
	for _, sub := range []string{"local.d", "override.d"} {
		if text, ok := r.text(Keys, dir+"/"+sub+"/dkim_signing.conf"); ok {
			conf = append(conf, ucl(text)...)
		}
	}
	s := signing{reader: r, where: where, dir: dir, conf: conf}
	if value(conf, "enabled", "true") == "false" || len(conf) == 0 && !r.exists(s.outside("/var/lib/rspamd/dkim")) {
		return // it looks for spam and signs nothing
	}
	if len(where) == 0 && r.idle("rspamd", "rspamd") {
		return
	}
	r.found("rspamd")
	if on(value(conf, "use_redis", "false")) {
		r.doubt(Keys, "rspamd keeps its DKIM keys in Redis, which is not looked into")
	}
	for _, domain := range r.domains {
		s.of(domain)
	}
}

func on(word string) bool {
	return slices.Contains([]string{"true", "yes", "on"}, strings.ToLower(word))
}

// signing is the module's configuration.
type signing struct {
	*reader
	where place
	dir   string
	conf  []node
}

// outside is where a path lies on the host; of one in a container alone, a path
// that does not exist.
func (s signing) outside(file string) string {
	file = strings.NewReplacer("$LOCAL_CONFDIR", s.dir, "${LOCAL_CONFDIR}", s.dir, "$CONFDIR", s.dir, "${CONFDIR}", s.dir,
		"$DBDIR", "/var/lib/rspamd", "${DBDIR}", "/var/lib/rspamd").Replace(file)
	if out, ok := s.where.of(file); ok {
		return out
	}
	return "/nonexistent"
}

// Defaults of the module.
const (
	rspamdPath     = "/var/lib/rspamd/dkim/$domain.$selector.key"
	rspamdSelector = "dkim"
)

// of notes the keys of one domain: those of its own block, else those that the
// maps or the template lead to.
func (s signing) of(domain string) {
	shown := record.Display(domain)
	path, selector := value(s.conf, "path", rspamdPath), value(s.conf, "selector", rspamdSelector)
	blocks := 0
	for _, outer := range all(s.conf, "domain") {
		for _, block := range all(outer.list, shown) {
			blocks++
			s.block(shown, block.list, path, selector)
		}
	}
	if blocks > 0 {
		return
	}
	mapped := false
	if m := value(s.conf, "selector_map", ""); m != "" {
		selector, mapped = s.lookup(m, shown, selector)
	}
	if m := value(s.conf, "path_map", ""); m != "" {
		var there bool
		path, there = s.lookup(m, shown, path)
		mapped = mapped || there
	}
	if mapped || value(s.conf, "try_fallback", "true") != "false" {
		s.key(holder{"rspamd", shown, selector, s.outside(filled(path, shown, selector)), false})
	}
}

// block notes the keys of a domain's own block.
func (s signing) block(shown string, block []node, path, selector string) {
	several := 0
	for _, list := range all(block, "selectors") {
		for _, one := range list.list {
			several++
			s.pair(shown, one.list, path, selector)
		}
	}
	if several == 0 {
		s.pair(shown, block, path, selector)
	}
}

func (s signing) pair(shown string, list []node, path, selector string) {
	selector = value(list, "selector", selector)
	own := value(list, "path", "")
	if own == "" {
		own = path
	}
	file := filled(own, shown, selector)
	if out := s.outside(file); out != "/nonexistent" {
		s.key(holder{"rspamd", shown, selector, out, true})
		return
	}
	s.doubt(Keys, "the key of selector %s is at %s in a container, which is not looked into", selector, file)
}

// lookup reads a map from a file: a domain and its value.
func (s signing) lookup(spec, shown, fallback string) (string, bool) {
	file := strings.TrimPrefix(strings.TrimPrefix(spec, "map://"), "file://")
	if strings.Contains(file, "://") {
		s.doubt(Keys, "rspamd takes a map of DKIM from %s, which is not asked", scheme(file))
		return fallback, false
	}
	text, _ := s.text(Keys, s.outside(file))
	for _, p := range pairs(text) {
		if strings.EqualFold(p[0], shown) {
			return p[1], true
		}
	}
	return fallback, false
}
