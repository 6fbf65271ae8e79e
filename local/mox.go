package local

import (
	"path"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// mox reads mox where its quickstart puts it.
func (r *reader) mox() {
	const dir = "/home/mox/config"
	if !r.exists(dir + "/mox.conf") {
		return
	}
	r.found("mox")
	text, _ := r.text(Names, dir+"/mox.conf")
	static := sconf(text)
	r.name(value(static, "Hostname", ""), "Hostname of mox")
	for _, listeners := range all(static, "Listeners") {
		for _, l := range listeners.list {
			for _, tls := range all(l.list, "TLS") {
				r.moxTLS(dir, tls.list)
			}
		}
	}
	domains, _ := r.text(Keys, dir+"/domains.conf")
	for _, list := range all(sconf(domains), "Domains") {
		for _, d := range list.list {
			if name, err := record.ParseDomain(d.key); err == nil { // it writes U-labels
				r.moxKeys(dir, name, d.list)
			}
		}
	}
	r.doubt(Queues, "mox keeps its queue in a database; mox queue list shows it")
}

// moxKeys notes the selectors that a domain signs with.
func (r *reader) moxKeys(dir, domain string, conf []node) {
	for _, dkim := range all(conf, "DKIM") {
		signs := make(map[string]bool)
		for _, list := range all(dkim.list, "Sign") {
			for _, s := range list.list {
				signs[s.value] = true
			}
		}
		for _, list := range all(dkim.list, "Selectors") {
			for _, s := range list.list {
				if file := value(s.list, "PrivateKeyFile", ""); file != "" && signs[s.key] {
					r.key(holder{"mox", record.Display(domain), s.key, beside(dir, file), true})
				}
			}
		}
	}
}

// moxTLS notes certificates, and the keys for which mox fetches them by ACME: of
// those the first of each kind.
func (r *reader) moxTLS(dir string, conf []node) {
	for _, list := range all(conf, "KeyCerts") {
		for _, pair := range list.list {
			if file := value(pair.list, "CertFile", ""); file != "" {
				r.certificate("mox", beside(dir, file))
			}
		}
	}
	for _, list := range all(conf, "HostPrivateKeyFiles") {
		for _, file := range list.list {
			if file.value != "" {
				r.hostKey("mox", beside(dir, file.value))
			}
		}
	}
}

func beside(dir, file string) string {
	if path.IsAbs(file) {
		return file
	}
	return path.Join(dir, file)
}

// sconf reads the configuration language of mox: lines "Key: value" and
// "- item", nested by leading tabs; a comment is a line of its own.
func sconf(text string) []node {
	var lines []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		if body := strings.TrimLeft(line, "\t"); body != "" && !strings.HasPrefix(body, "#") && len(lines) < maxNodes {
			lines = append(lines, line)
		}
	}
	list, _ := sconfBlock(lines, 0)
	return list
}

// sconfBlock reads the lines of one depth, and says how many it took.
func sconfBlock(lines []string, depth int) (list []node, took int) {
	for took < len(lines) && depth < maxNest {
		body := strings.TrimLeft(lines[took], "\t")
		if len(lines[took])-len(body) < depth {
			break
		}
		took++
		var n node
		if item, ok := strings.CutPrefix(body, "-"); ok {
			n.value = strings.TrimSpace(item)
		} else if key, rest, ok := strings.Cut(body, ":"); ok {
			n.key, n.value = strings.TrimSpace(key), strings.TrimSpace(rest)
		}
		sub, more := sconfBlock(lines[took:], depth+1)
		if took += more; len(sub) > 0 {
			n.list = sub
		}
		list = append(list, n)
	}
	return list, took
}
