package local

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// stalwart reads the configuration file of Stalwart. What it keeps in its
// database instead is not known here.
func (r *reader) stalwart() {
	for _, dir := range []string{"/opt/stalwart/etc", "/opt/stalwart-mail/etc", "/etc/stalwart", "/etc/stalwart-mail"} {
		for _, name := range []string{"config.toml", "config.json"} {
			file := dir + "/" + name
			if !r.exists(file) {
				continue
			}
			r.found("Stalwart")
			text, ok := r.text(Names, file)
			if !ok {
				return
			}
			if name == "config.json" {
				r.stalwartSays(file, flatJSON(text))
			} else {
				r.stalwartSays(file, flatTOML(text))
			}
			r.doubt(Queues, "Stalwart keeps its queue in its store; its web interface shows it")
			return
		}
	}
}

func (r *reader) stalwartSays(file string, conf map[string]string) {
	host := conf["server.hostname"]
	if host == "" {
		host = conf["lookup.default.hostname"]
	}
	if strings.Contains(host, "%{") {
		host = ""
	}
	r.name(host, "server.hostname of Stalwart")
	names := make([]string, 0, len(conf))
	for name := range conf {
		names = append(names, name)
	}
	slices.Sort(names)
	before := len(r.host.Keys)
	for _, name := range names {
		block, field := cutLast(name)
		switch {
		case strings.HasPrefix(name, "signature.") && field == "private-key":
			r.stalwartKey(file, conf[block+".domain"], conf[block+".selector"], conf[name])
		case strings.HasPrefix(name, "certificate.") && field == "cert":
			if path, ok := fileRef(conf[name]); ok {
				r.certificate("Stalwart", path)
			}
		}
	}
	if len(r.host.Keys) == before {
		r.doubt(Keys, "Stalwart keeps its DKIM keys in its database, which is not looked into; compare the records that its web interface shows for the domain")
	}
}

func (r *reader) stalwartKey(file, domain, selector, key string) {
	if selector == "" || domain == "" || !r.wants(domain) {
		return
	}
	h := holder{"Stalwart", domain, selector, file, true}
	if path, ok := fileRef(key); ok {
		h.file = path
		r.key(h)
		return
	}
	if strings.Contains(key, "%{") {
		r.doubt(Keys, "the key of selector %s is taken from where it cannot be read", selector)
		return
	}
	r.material(h, []byte(key))
}

// fileRef is the file that a setting refers to: %{file:/path}% or file:///path.
func fileRef(text string) (path string, ok bool) {
	text = strings.TrimSpace(text)
	if inner, is := strings.CutPrefix(text, "%{file:"); is {
		return strings.CutSuffix(inner, "}%")
	}
	return strings.CutPrefix(text, "file://")
}

func cutLast(name string) (before, last string) {
	i := strings.LastIndexByte(name, '.')
	return name[:max(i, 0)], name[i+1:]
}

// flatTOML reads the settings of a TOML file that are texts, under their full
// names: [signature.rsa] with domain = "..." is signature.rsa.domain.
func flatTOML(text string) map[string]string {
	conf := make(map[string]string)
	prefix, name, until := "", "", ""
	var several strings.Builder
	for line := range strings.Lines(text) {
		if until != "" { // within a text of several lines
			body, _, ended := strings.Cut(line, until)
			several.WriteString(body)
			if ended {
				conf[name], until = several.String(), ""
			}
			continue
		}
		line = strings.TrimSpace(line)
		if section, ok := strings.CutPrefix(line, "["); ok {
			section, _, _ = strings.Cut(section, "]")
			prefix = tomlKey(strings.TrimPrefix(section, "[")) + "."
			continue
		}
		key, raw, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || len(conf) >= maxPairs {
			continue
		}
		name, raw = prefix+tomlKey(key), strings.TrimSpace(raw)
		for _, marks := range []string{`"""`, "'''"} {
			if body, long := strings.CutPrefix(raw, marks); long {
				until = marks
				several.Reset()
				if text, _, closed := strings.Cut(body, marks); closed {
					conf[name], until = text, ""
				} else if body != "" {
					several.WriteString(body + "\n")
				}
			}
		}
		if until == "" && raw != "" && (raw[0] == '"' || raw[0] == '\'') && conf[name] == "" {
			body, _, _ := strings.Cut(raw[1:], raw[:1])
			conf[name] = strings.ReplaceAll(body, `\n`, "\n")
		}
	}
	return conf
}

func tomlKey(key string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(key), `"`, ""), " ", "")
}

// flatJSON does the same for JSON.
func flatJSON(text string) map[string]string {
	conf := make(map[string]string)
	var root any
	if json.Unmarshal([]byte(text), &root) != nil {
		return conf
	}
	var walk func(string, any, int)
	walk = func(name string, v any, depth int) {
		if depth > maxNest || len(conf) >= maxPairs {
			return
		}
		switch v := v.(type) {
		case map[string]any:
			for key, sub := range v {
				walk(strings.TrimPrefix(name+"."+key, "."), sub, depth+1)
			}
		case string:
			conf[name] = v
		case nil, []any:
		default:
			conf[name] = fmt.Sprint(v)
		}
	}
	walk("", root, 0)
	return conf
}
