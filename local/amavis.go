package local

import "regexp"

// amavisKey is one dkim_key('domain', 'selector', 'file') of amavis.
var amavisKey = regexp.MustCompile(`(?m)^\s*dkim_key\s*\(\s*['"]([^'"\n]+)['"]\s*,\s*['"]([^'"\n]+)['"]\s*,\s*['"]([^'"\n]+)['"]`)

// amavis reads what amavis signs with, as in iRedMail.
func (r *reader) amavis() {
	files := []string{"/etc/amavisd/amavisd.conf", "/etc/amavisd.conf"}
	const dir = "/etc/amavis/conf.d"
	if r.exists(dir) {
		for _, name := range r.list(Keys, dir) {
			files = append(files, dir+"/"+name)
		}
	}
	for _, file := range files {
		text, _ := r.text(Keys, file)
		for _, m := range amavisKey.FindAllStringSubmatch(text, maxEntries) {
			if r.idle("amavis", "amavi") {
				return
			}
			r.found("amavis")
			r.key(holder{"amavis", m[1], m[2], m[3], true})
		}
	}
}
