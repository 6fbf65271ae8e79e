package local

import (
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// env reads lines NAME=value, as shells and docker compose do, as far as the
// files of mail suites go.
func env(text string) map[string]string {
	conf := make(map[string]string)
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(strings.TrimPrefix(strings.TrimSpace(line), "export "))
		name, value, ok := strings.Cut(line, "=")
		if !ok || strings.HasPrefix(line, "#") || len(conf) >= maxPairs {
			continue
		}
		if bare, _, commented := strings.Cut(value, " #"); commented {
			value = bare
		}
		conf[strings.TrimSpace(name)] = strings.Trim(strings.TrimSpace(value), `"'`)
	}
	return conf
}

// volumes is where Docker keeps what containers store.
const volumes = "/var/lib/docker/volumes/"

// mailcow reads mailcow: dockerized where its documentation puts it.
func (r *reader) mailcow() {
	const dir = "/opt/mailcow-dockerized"
	if !r.exists(dir + "/mailcow.conf") {
		return
	}
	r.found("mailcow")
	r.host.Containers = true
	text, ok := r.text(Names, dir+"/mailcow.conf")
	conf := env(text)
	r.noV6 = conf["ENABLE_IPV6"] == "false"
	own, _ := r.text(Sending, dir+"/data/conf/postfix/extra.cf")
	postfix := mainCf(own, map[string]string{"myhostname": conf["MAILCOW_HOSTNAME"]})
	if postfix["myhostname"] == conf["MAILCOW_HOSTNAME"] && postfix["smtp_helo_name"] == "" {
		r.name(conf["MAILCOW_HOSTNAME"], "MAILCOW_HOSTNAME of mailcow")
		delete(postfix, "myhostname")
	}
	r.postfixSays("mailcow (extra.cf)", postfix)
	if len(r.domains) > 0 {
		r.doubt(Keys, "mailcow keeps its DKIM keys in Redis, which is not looked into; compare the record with the one that mailcow shows under System, Configuration, ARC/DKIM keys")
	}
	if ok {
		r.certificate("mailcow", dir+"/data/assets/ssl/cert.pem")
	}
	project := conf["COMPOSE_PROJECT_NAME"]
	if project == "" {
		project = "mailcowdockerized"
	}
	r.spool("Postfix of mailcow", volumes+project+"_postfix-vol-1/_data")
}

// mailu reads Mailu where its documentation puts it.
func (r *reader) mailu() {
	const dir = "/mailu"
	if !r.exists(dir + "/mailu.env") {
		return
	}
	r.found("Mailu")
	r.host.Containers = true
	text, _ := r.text(Names, dir+"/mailu.env")
	conf := env(text)
	r.noV6 = conf["SUBNET6"] == "" // containers have IPv6 only where they are given a network
	first, _, _ := strings.Cut(conf["HOSTNAMES"], ",")
	r.name(strings.TrimSpace(first), "HOSTNAMES of Mailu")
	if conf["RELAYHOST"] != "" {
		r.host.Relay = conf["RELAYHOST"]
	}
	selector := conf["DKIM_SELECTOR"]
	if selector == "" {
		selector = "dkim"
	}
	for _, domain := range r.domains {
		shown := record.Display(domain)
		r.key(holder{"Mailu", shown, selector, fmt.Sprintf("%s/dkim/%s.%s.key", dir, shown, selector), false})
	}
	switch conf["TLS_FLAVOR"] {
	case "letsencrypt", "mail-letsencrypt":
		for _, name := range []string{"mailu", "mailu-ecdsa"} {
			r.certificateIf("Mailu", dir+"/certs/letsencrypt/live/"+name+"/fullchain.pem")
		}
	case "cert", "mail":
		r.certificate("Mailu", dir+"/certs/cert.pem")
	}
	r.spool("Postfix of Mailu", dir+"/mailqueue")
}

// dockerMailserver looks for docker-mailserver where its users put it; it has no
// place of its own.
func (r *reader) dockerMailserver() {
	for _, dir := range []string{"/opt/docker-mailserver", "/opt/mailserver", "/opt/dms", "/srv/docker-mailserver", "/srv/mailserver", "/root/docker-mailserver"} {
		conf := dir + "/docker-data/dms/config"
		if !r.exists(dir+"/mailserver.env") && !r.exists(conf) {
			continue
		}
		r.found("docker-mailserver")
		r.host.Containers = true
		text, _ := r.text(Names, dir+"/mailserver.env")
		settings := env(text)
		r.noV6 = true // by default its container has no IPv6
		host := settings["OVERRIDE_HOSTNAME"]
		if host == "" {
			host = r.composed(dir)
		}
		r.name(host, "host name of docker-mailserver")
		if settings["DEFAULT_RELAY_HOST"] != "" {
			r.host.Relay = settings["DEFAULT_RELAY_HOST"]
		}
		inside := place{{"/tmp/docker-mailserver", conf}, {"/etc/opendkim", conf + "/opendkim"}}
		if r.exists(conf + "/opendkim/KeyTable") {
			r.keyTable("docker-mailserver", "/etc/opendkim/KeyTable", "/etc/opendkim/SigningTable", inside)
		}
		r.rspamd(conf+"/rspamd", inside)
		if settings["SSL_TYPE"] == "letsencrypt" && host != "" {
			r.certificate("docker-mailserver", "/etc/letsencrypt/live/"+host+"/fullchain.pem")
		}
		r.spool("Postfix of docker-mailserver", dir+"/docker-data/dms/mail-state/spool-postfix")
		return
	}
}

// composed is the host name that a compose file gives the container.
func (r *reader) composed(dir string) string {
	for _, name := range []string{"compose.yaml", "docker-compose.yml", "docker-compose.yaml", "compose.yml"} {
		text, ok := r.text(Names, dir+"/"+name)
		if !ok {
			continue
		}
		found := make(map[string]string)
		for line := range strings.Lines(text) {
			key, value, _ := strings.Cut(strings.TrimSpace(line), ":")
			value, _, _ = strings.Cut(value, " #")
			value = strings.Trim(strings.TrimSpace(value), `"'`)
			if (key == "hostname" || key == "domainname") && found[key] == "" && !strings.Contains(value, "$") {
				found[key] = value
			}
		}
		if found["hostname"] != "" && found["domainname"] != "" {
			return found["hostname"] + "." + found["domainname"]
		}
		return found["hostname"]
	}
	return ""
}
