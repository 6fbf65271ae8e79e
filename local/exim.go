package local

import (
	"errors"
	"io/fs"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// exim reads Exim as Debian sets it up, or a single configuration file.
func (r *reader) exim() {
	const dir = "/etc/exim4"
	if !r.exists(dir) && !r.exists("/etc/exim/exim.conf") {
		return
	}
	setup := make(map[string]string)
	if text, ok := r.text(Sending, dir+"/update-exim4.conf.conf"); ok {
		setup = env(text)
	}
	if setup["dc_eximconfig_configtype"] == "local" {
		return // it delivers what cron has to say, and nothing leaves
	}
	program := "exim4"
	if !r.exists(dir) {
		program = "exim"
	}
	if !r.eximName(program) {
		return // its configuration was left behind
	}
	r.found("Exim")
	if setup["dc_eximconfig_configtype"] == "smarthost" || setup["dc_eximconfig_configtype"] == "satellite" {
		r.host.Relay = setup["dc_smarthost"]
	}
	r.eximFiles(dir)
	r.eximQueue(program)
}

// eximName asks for the name in EHLO; there is false where there is no Exim.
func (r *reader) eximName(program string) (there bool) {
	if r.sys.Run == nil {
		return true
	}
	out, err := r.sys.Run.Run(r.ctx, program, "-bP", "primary_hostname")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false
	case err != nil:
		r.doubt(Names, "%s -bP primary_hostname: %v", program, err)
	default:
		_, name, _ := strings.Cut(string(out), "=")
		r.name(strings.TrimSpace(name), "primary_hostname of Exim")
	}
	return true
}

// eximFiles reads the macros and options that say with what it signs, and what
// it shows.
func (r *reader) eximFiles(dir string) {
	files := []string{"/etc/exim/exim.conf", dir + "/exim4.conf", dir + "/exim4.conf.localmacros"}
	for _, sub := range []string{"main", "transport"} {
		for _, name := range r.list(Keys, dir+"/conf.d/"+sub) {
			files = append(files, dir+"/conf.d/"+sub+"/"+name)
		}
	}
	options := make(map[string]string)
	for _, file := range files {
		text, _ := r.text(Keys, file)
		for _, line := range strings.Split(text, "\n") {
			name, value, ok := strings.Cut(line, "=")
			name, value = strings.TrimSpace(name), strings.Trim(strings.TrimSpace(value), `"`)
			if key := eximOption[name]; ok && key != "" && value != "" && !isMacro(value) {
				options[key] = value
			}
		}
	}
	r.eximKey(options)
	if file := strings.ReplaceAll(options["certificate"], "CONFDIR", dir); file != "" {
		if strings.Contains(file, "$") {
			r.doubt(Certificates, "Exim chooses its certificate by an expression: tls_certificate = %.80q", file)
			return
		}
		r.certificate("Exim", file)
	}
}

// eximOption is the options that matter, and the macros by which Debian sets
// them.
var eximOption = map[string]string{
	"dkim_domain": "domain", "DKIM_DOMAIN": "domain",
	"dkim_selector": "selector", "DKIM_SELECTOR": "selector",
	"dkim_private_key": "key", "DKIM_PRIVATE_KEY": "key",
	"tls_certificate": "certificate", "MAIN_TLS_CERTIFICATE": "certificate",
}

// isMacro reports whether a value is the name of a macro alone.
func isMacro(value string) bool {
	return strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") == ""
}

// eximKey notes the key of each domain. A domain that is an expression (as a
// rule that of the sender) may be any.
func (r *reader) eximKey(options map[string]string) {
	domains, selector, file := split(options["domain"]), options["selector"], options["key"]
	if selector == "" || file == "" {
		return
	}
	named := !strings.Contains(options["domain"], "$")
	if !named {
		domains = r.domains
	}
	for _, domain := range domains {
		shown := record.Display(domain)
		path := filled(file, shown, selector)
		if strings.ContainsAny(path+selector, "${") {
			if r.wants(domain) {
				r.doubt(Keys, "Exim chooses its DKIM key by an expression: dkim_private_key = %.80q", file)
			}
			continue
		}
		r.key(holder{"Exim", shown, selector, path, named})
	}
}
