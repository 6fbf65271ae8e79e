package rotation

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Signer is a program or suite that signs mail, with what a person does so that
// it signs with another key.
type Signer struct {
	Name  string // as one writes it: "opendkim"
	Title string // "OpenDKIM"

	steps func(job) []string
}

// A job is what a signer shall sign with.
type job struct {
	domain string
	keys   []Key
}

// each is one text for each key.
func (j job) each(f func(Key) string) []string {
	var list []string
	for _, k := range j.keys {
		list = append(list, f(k))
	}
	return list
}

// selectors are those of the keys.
func (j job) selectors() string { return Selectors(j.keys) }

// file is what the private half is called for a reader.
func file(k Key) string {
	if k.File == "" {
		return "the key of " + k.Selector
	}
	return k.File
}

// AnySigner is the name of the signer of which nothing is known.
const AnySigner = "other"

// Signers are those that are known, in order.
func Signers() []Signer {
	return []Signer{
		{AnySigner, "the signer", anySigner},
		{"opendkim", "OpenDKIM", openDKIM},
		{"rspamd", "rspamd", rspamd("/etc/rspamd/local.d/dkim_signing.conf", "/var/lib/rspamd/dkim")},
		{"exim", "Exim", exim},
		{"mailu", "Mailu", mailu},
		{"mailcow", "mailcow", mailcow},
		{"mail-in-a-box", "Mail-in-a-Box", mailInABox},
		{"mox", "mox", mox},
		{"stalwart", "Stalwart", stalwart},
		{"docker-mailserver", "docker-mailserver", dockerMailserver},
		{"billionmail", "BillionMail", anySigner},
	}
}

// SignerNames are the names of the signers.
func SignerNames() []string {
	var names []string
	for _, s := range Signers() {
		names = append(names, s.Name)
	}
	return names
}

// FindSigner returns the signer of a name.
func FindSigner(name string) (Signer, bool) {
	all := Signers()
	i := slices.IndexFunc(all, func(s Signer) bool { return s.Name == name })
	if i < 0 {
		return Signer{}, false
	}
	return all[i], true
}

// Steps are what a person does so that mail of a domain is signed with keys. Each is
// a sentence; configuration stands on lines of its own, after a line break.
func (s Signer) Steps(domain string, keys []Key) []string {
	return s.steps(job{record.Display(domain), keys})
}

func anySigner(j job) []string {
	return j.each(func(k Key) string {
		return fmt.Sprintf("Let the signer of %s use the selector %s with %s; it must be able to read the file, and nobody else. If it signed with the old key of that kind, this takes its place.", j.domain, k.Selector, file(k))
	})
}

func openDKIM(j job) []string {
	return append(j.each(func(k Key) string {
		name := k.Selector + "._domainkey." + j.domain
		path := "/etc/opendkim/keys/" + j.domain + "/" + k.Selector + ".private"
		return fmt.Sprintf("Copy %s to %s (owner opendkim, mode 0600), add the line to KeyTable, and let the line of the domain in SigningTable name it:\n%s %s:%s:%s\n*@%s %s", file(k), path, name, j.domain, k.Selector, path, j.domain, name)
	}), "Without the two tables: Selector and KeyFile in opendkim.conf. Then: systemctl restart opendkim")
}

// rspamd is by its file of settings and the directory of its keys.
func rspamd(conf, dir string) func(job) []string {
	return func(j job) []string {
		var b strings.Builder
		fmt.Fprintf(&b, "In %s, for the domain:\ndomain {\n  %s {\n    selectors [", conf, j.domain)
		for _, k := range j.keys {
			fmt.Fprintf(&b, "\n      { selector = \"%s\"; path = \"%s/%s.%[1]s.key\"; },", k.Selector, dir, j.domain)
		}
		b.WriteString("\n    ]\n  }\n}")
		return append(j.each(func(k Key) string {
			return fmt.Sprintf("Copy %s to %s/%s.%s.key; rspamd must be able to read it, and nobody else.", file(k), dir, j.domain, k.Selector)
		}), b.String(), "See that it is in order and reload: rspamadm configtest && systemctl reload rspamd")
	}
}

func exim(j job) []string {
	k := j.keys[0]
	steps := []string{fmt.Sprintf("In the transport that sends, remote_smtp as a rule, and for this domain if there are several:\ndkim_selector = %s\ndkim_private_key = /etc/exim4/dkim/%s.%[1]s.key", k.Selector, j.domain)}
	if len(j.keys) > 1 {
		steps = append(steps, fmt.Sprintf("With several keys, dkim_selector is a list (%s), and dkim_private_key names each by $dkim_selector.", strings.Join(j.each(func(k Key) string { return k.Selector }), " : ")))
	}
	return append(j.each(func(k Key) string {
		return fmt.Sprintf("Copy %s to /etc/exim4/dkim/%s.%s.key; Exim must be able to read it, and nobody else.", file(k), j.domain, k.Selector)
	}), append(steps, "Reload Exim.")...)
}

func mailu(j job) []string {
	k := j.keys[0]
	steps := []string{
		fmt.Sprintf("Copy %s to /mailu/dkim/%s.%s.key.", file(k), j.domain, k.Selector),
		fmt.Sprintf("In mailu.env, and then docker compose up -d:\nDKIM_SELECTOR=%s", k.Selector),
		"The selector is that of all domains of this Mailu: each needs a key and a record of that name before. Rotate them together, with the same --selector.",
	}
	return append(steps, onlyFirst(j, "Mailu")...)
}

func mailcow(j job) []string {
	k := j.keys[0]
	steps := []string{
		fmt.Sprintf("In mailcow's admin page, under System > Configuration > Options > ARC/DKIM keys, import the private key: domain %s, selector %s, the text of %s, and overwrite the existing key.", j.domain, k.Selector, file(k)),
		"mailcow has one key of a domain, and signs with it at once; the old one is in it no more. Keep a copy of that until the rotation is over.",
	}
	return append(steps, onlyFirst(j, "mailcow")...)
}

// onlyFirst says that a suite signs with one key.
func onlyFirst(j job, title string) []string {
	if len(j.keys) < 2 {
		return nil
	}
	return []string{fmt.Sprintf("%s signs with one key of a domain: %s stays unused.", title, Selectors(j.keys[1:]))}
}

func mailInABox(j job) []string {
	return []string{
		fmt.Sprintf("Mail-in-a-Box signs with the selector mail, and writes the tables of OpenDKIM anew at every update. To sign with %s, change what it writes into /etc/opendkim/KeyTable and SigningTable (management/dns_update.py), and do it again after an update.", j.selectors()),
		"If that is not wanted, give the rotation up with --abort, and leave the key as it is.",
	}
}

func mox(j job) []string {
	var b strings.Builder
	b.WriteString("In domains.conf, below the domain (indented with tabs):\nDKIM:\n  Selectors:")
	for _, k := range j.keys {
		fmt.Fprintf(&b, "\n    %s:\n      PrivateKeyFile: dkim/%s", k.Selector, filepath.Base(file(k)))
	}
	b.WriteString("\n  Sign:")
	for _, k := range j.keys {
		fmt.Fprintf(&b, "\n    - %s", k.Selector)
	}
	return append(j.each(func(k Key) string {
		return fmt.Sprintf("Copy %s to config/dkim/ of mox.", file(k))
	}), b.String(), "See that it is in order and restart: mox config test")
}

func stalwart(j job) []string {
	return []string{
		fmt.Sprintf("In Stalwart's web interface, add a DKIM signature of %s for each key, with the selector %s and the text of the key file, and remove those with the old selectors: it signs with all that a domain has.", j.domain, j.selectors()),
		"If Stalwart rotates the keys of this domain itself, leave it to that: --abort.",
	}
}

func dockerMailserver(j job) []string {
	steps := []string{fmt.Sprintf("With OpenDKIM: put the key to docker-data/dms/config/opendkim/keys/%s/, and name it in KeyTable and SigningTable there:", j.domain)}
	for _, k := range j.keys {
		name := k.Selector + "._domainkey." + j.domain
		steps[0] += fmt.Sprintf("\n%s %s:%s:/etc/opendkim/keys/%s/%s.private\n*@%s %s", name, j.domain, k.Selector, j.domain, k.Selector, j.domain, name)
	}
	dir := "/tmp/docker-mailserver/rspamd/dkim"
	inner := rspamd("docker-data/dms/config/rspamd/override.d/dkim_signing.conf", dir)(j)
	steps = append(steps, "With rspamd: put the key into docker-data/dms/config/rspamd/dkim, which the container sees as "+dir+".", inner[len(j.keys)], "Restart the container.")
	return steps
}
