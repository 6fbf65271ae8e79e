package local

import (
	"maps"
	"net/netip"
	"path"
	"slices"
	"strings"
)

// asked is the parameters of Postfix that matter here (postconf(5)).
var asked = []string{
	"config_directory", "inet_interfaces", "inet_protocols", "mydomain", "myhostname", "queue_directory", "relayhost",
	"smtp_bind_address", "smtp_bind_address6", "smtp_helo_name",
	"smtpd_tls_cert_file", "smtpd_tls_chain_files", "smtpd_tls_eccert_file",
}

// postfix reads the Postfix of this system: what postconf says, or else its files.
func (r *reader) postfix() {
	const dir = "/etc/postfix"
	if !r.exists(dir + "/main.cf") {
		return
	}
	r.found("Postfix")
	conf := r.postconf()
	if conf == nil {
		text, ok := r.text(Names, dir+"/main.cf")
		if !ok {
			r.doubt(Certificates, "what Postfix is configured to do is not known")
			r.doubt(Sending, "what Postfix is configured to do is not known")
		}
		conf = mainCf(text, map[string]string{"config_directory": dir, "queue_directory": "/var/spool/postfix"})
		if ok {
			r.hostname(conf)
		}
	}
	r.postfixSays("Postfix", conf)
	for _, file := range chainFiles(conf) {
		r.certificate("Postfix", file)
	}
	if r.transports(dir + "/master.cf") {
		r.chroot(conf["queue_directory"])
	}
	r.postqueue(conf["queue_directory"])
}

// chroot reads which DNS servers a client asks whose root directory is the queue.
func (r *reader) chroot(queue string) {
	if text, ok := r.text(Resolvers, path.Join(queue, "etc/resolv.conf")); ok {
		r.host.Chroot = nameservers(text)
	}
}

// postconf asks for the parameters, with what they refer to filled in.
func (r *reader) postconf() map[string]string {
	if r.sys.Run == nil {
		return nil
	}
	out, err := r.sys.Run.Run(r.ctx, "postconf", append([]string{"-x"}, asked...)...)
	if err != nil {
		return nil
	}
	conf := make(map[string]string)
	for line := range strings.Lines(string(out)) {
		if name, value, ok := strings.Cut(line, "="); ok {
			conf[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	if conf["myhostname"] == "" {
		return nil
	}
	return conf
}

// hostname fills in the default of myhostname: the name of the machine, with
// $mydomain behind it if that has no dot.
func (r *reader) hostname(conf map[string]string) {
	if conf["myhostname"] != "" {
		return
	}
	data, err := r.octets("/etc/hostname")
	name := firstLine(string(data))
	switch {
	case err != nil || name == "":
	case strings.Contains(name, "."):
		conf["myhostname"] = name
	default:
		domain := conf["mydomain"]
		if domain == "" {
			domain = "localdomain"
		}
		conf["myhostname"] = name + "." + domain
	}
}

// postfixSays notes the name in EHLO, the addresses and the relay.
func (r *reader) postfixSays(source string, conf map[string]string) {
	switch {
	case conf["smtp_helo_name"] != "" && conf["smtp_helo_name"] != "$myhostname" && conf["smtp_helo_name"] != conf["myhostname"]:
		r.name(conf["smtp_helo_name"], "smtp_helo_name of "+source)
	case conf["myhostname"] != "":
		r.name(conf["myhostname"], "myhostname of "+source)
	}
	if conf["relayhost"] != "" {
		r.host.Relay = conf["relayhost"]
	}
	if p := conf["inet_protocols"]; p != "" && !strings.Contains(p, "all") {
		r.noV4, r.noV6 = !strings.Contains(p, "ipv4"), !strings.Contains(p, "ipv6")
	}
	r.bind(conf["smtp_bind_address"], "smtp_bind_address of "+source)
	r.bind(conf["smtp_bind_address6"], "smtp_bind_address6 of "+source)
	// Without these, an interface that stands alone in its family is taken
	// (postconf(5), smtp_bind_address).
	byFamily := map[bool][]string{}
	for _, word := range split(conf["inet_interfaces"]) {
		addr, err := netip.ParseAddr(strings.Trim(word, "[]"))
		if err != nil {
			return // "all", "loopback-only", or a name
		}
		if !addr.IsLoopback() {
			byFamily[addr.Is4()] = append(byFamily[addr.Is4()], word)
		}
	}
	for _, v4 := range []bool{true, false} {
		set := conf["smtp_bind_address6"]
		if v4 {
			set = conf["smtp_bind_address"]
		}
		if set == "" && len(byFamily[v4]) == 1 {
			r.bind(byFamily[v4][0], "inet_interfaces of "+source)
		}
	}
}

// split is the words of a list, which commas or blanks part.
func split(text string) []string {
	return strings.FieldsFunc(text, func(c rune) bool { return c == ',' || c == ' ' || c == '\t' || c == '\n' })
}

// chainFiles is where the certificates are; smtpd_tls_chain_files takes the
// place of the older parameters.
func chainFiles(conf map[string]string) []string {
	if list := split(conf["smtpd_tls_chain_files"]); len(list) > 0 {
		return list
	}
	var list []string
	for _, name := range []string{"smtpd_tls_cert_file", "smtpd_tls_eccert_file"} {
		if file := conf[name]; file != "" && file != "none" && !slices.Contains(list, file) {
			list = append(list, file)
		}
	}
	return list
}

// mainCf reads parameters (postconf(5)): name = value, continued on lines that
// begin with a blank. Those in preset hold where the text has none. A value with
// a reference that cannot be followed is left out.
func mainCf(text string, preset map[string]string) map[string]string {
	conf := make(map[string]string)
	for name, value := range preset {
		conf[name] = value
	}
	for _, line := range logical(text) {
		if name, value, ok := strings.Cut(line, "="); ok && len(conf) < maxPairs {
			conf[strings.TrimSpace(name)] = strings.TrimSpace(value)
		}
	}
	known := make(map[string]string, len(conf))
	for _, name := range slices.Concat(asked, slices.Collect(maps.Keys(preset))) {
		if value, ok := expand(conf, conf[name], 0); ok && value != "" {
			known[name] = value
		}
	}
	return known
}

// logical joins lines that go on.
func logical(text string) []string {
	var list []string
	for line := range strings.Lines(text) {
		line = strings.TrimRight(line, " \t\r\n")
		body := strings.TrimSpace(line)
		switch {
		case body == "" || strings.HasPrefix(body, "#"):
		case line != body && line[0] != body[0] && len(list) > 0:
			list[len(list)-1] += " " + body
		default:
			list = append(list, body)
		}
	}
	return list
}

// expand follows $name, ${name} and $(name). What is chosen by a condition is
// not followed.
func expand(conf map[string]string, value string, depth int) (string, bool) {
	if !strings.Contains(value, "$") {
		return value, true
	}
	if depth > 8 || len(value) > 4096 {
		return "", false
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(value, "$")
		b.WriteString(before)
		if !found {
			return b.String(), true
		}
		name := rest
		if end := strings.IndexAny(rest, "})"); end > 0 && (rest[0] == '{' || rest[0] == '(') {
			name, value = rest[1:end], rest[end+1:]
		} else {
			end := strings.IndexFunc(rest, func(c rune) bool { return !isWord(c) })
			if end < 0 {
				end = len(rest)
			}
			name, value = rest[:end], rest[end:]
		}
		if name == "" || strings.IndexFunc(name, func(c rune) bool { return !isWord(c) }) >= 0 {
			return "", false
		}
		sub, ok := expand(conf, conf[name], depth+1)
		if !ok || b.Len()+len(sub) > 4096 {
			return "", false
		}
		b.WriteString(sub)
	}
}

func isWord(c rune) bool {
	return c == '_' || c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
}

// transports notes what single clients in master.cf are told otherwise, and
// reports whether the one for all mail runs in a chroot.
func (r *reader) transports(file string) (chroot bool) {
	text, _ := r.text(Sending, file)
	const root, command = 4, 7 // the fifth and eighth fields (master(5))
	for _, line := range logical(text) {
		fields := strings.Fields(strings.NewReplacer("{", " ", "}", " ").Replace(line))
		if len(fields) > command && path.Base(fields[command]) == "smtp" {
			r.client(fields[0]+" in "+file, overrides(fields[command+1:]))
			chroot = chroot || fields[0] == "smtp" && fields[root] == "y"
		}
	}
	return chroot
}

// overrides reads -o name=value, also with blanks around the sign.
func overrides(words []string) map[string]string {
	set := make(map[string]string)
	for i, word := range words {
		if word != "-o" || i+1 >= len(words) {
			continue
		}
		rest := words[i+1:]
		if end := slices.Index(rest, "-o"); end >= 0 {
			rest = rest[:end]
		}
		if name, value, ok := strings.Cut(strings.Join(rest, " "), "="); ok {
			set[strings.TrimSpace(name)] = firstWord(value)
		}
	}
	return set
}

// client notes the addresses and the name of one client.
func (r *reader) client(name string, set map[string]string) {
	var from []netip.Addr
	for _, parameter := range []string{"smtp_bind_address", "smtp_bind_address6"} {
		if addr, ok := r.outgoing(set[parameter], parameter+" of "+name, true); ok {
			from = append(from, addr)
		}
	}
	for _, parameter := range []string{"smtp_helo_name", "myhostname"} {
		if text := set[parameter]; text != "" && !strings.Contains(text, "$") {
			r.name(text, parameter+" of "+name, from...)
			return
		}
	}
	if len(from) > 0 && len(r.host.Names) > 0 {
		r.name(r.host.Names[0].Text, r.host.Names[0].Source+" for "+name, from...)
	}
}

func firstWord(text string) string {
	if fields := strings.Fields(text); len(fields) > 0 {
		return fields[0]
	}
	return ""
}
