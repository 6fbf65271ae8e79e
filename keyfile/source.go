package keyfile

import (
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Source is a signer or suite from which keys are taken over.
type Source struct {
	Name  string // as one writes it: "mailcow"
	Title string // "mailcow"
	Where string // where it keeps its keys, for who looks for them

	named []naming // what its files are called
}

// A naming reads domain and selector off the path of a file; empty where it is
// not named so.
type naming func(path string) (domain, selector string)

// Auto is the source that is any of them.
const Auto = "auto"

// Sources are those that are known, in order.
func Sources() []Source {
	return []Source{
		{Auto, "a signer", "", []naming{byRecord, byKind, byFolder, byName}},
		{"opendkim", "OpenDKIM", "/etc/opendkim/keys/DOMAIN/SELECTOR.private, or where KeyTable says", []naming{byFolder, byName}},
		{"rspamd", "rspamd", "/var/lib/rspamd/dkim/DOMAIN.SELECTOR.key, or where dkim_signing.conf says", []naming{byName}},
		{"mailu", "Mailu", "/mailu/dkim/DOMAIN.SELECTOR.key", []naming{byName}},
		{"mailcow", "mailcow", "its Redis: HGET DKIM_PRIV_KEYS SELECTOR.DOMAIN; its web interface shows it in base64 where SHOW_DKIM_PRIV_KEYS is true", nil},
		{"mox", "mox", "config/dkim/SELECTOR._domainkey.DOMAIN.*.pkcs8.pem", []naming{byRecord}},
		{"stalwart", "Stalwart", "private-key of a [signature] in its configuration, or the file named there", nil},
		{"docker-mailserver", "docker-mailserver", "config/opendkim/keys/DOMAIN/SELECTOR.private, or config/rspamd/dkim/*.private.txt, in docker-data/dms", []naming{byKind, byFolder}},
		{"exim", "Exim", "the file that dkim_private_key names", []naming{byName}},
	}
}

// SourceNames are the names of the sources.
func SourceNames() []string {
	var names []string
	for _, s := range Sources() {
		names = append(names, s.Name)
	}
	return names
}

// FindSource returns the source of a name.
func FindSource(name string) (Source, bool) {
	all := Sources()
	i := slices.IndexFunc(all, func(s Source) bool { return s.Name == name })
	if i < 0 {
		return Source{}, false
	}
	return all[i], true
}

// Named is the domain (canonical) and the selector that the path of a file
// tells; ok is false where it tells none. It is a guess to be shown.
func (s Source) Named(path string) (domain, selector string, ok bool) {
	for _, read := range s.named {
		name, selector := read(path)
		domain, err := record.ParseDomain(name)
		if err == nil && IsSelector(selector) {
			return domain, strings.ToLower(selector), true
		}
	}
	return "", "", false
}

// Name is what the file of a key is called here: as rspamd, Mailu and others
// look for it.
func Name(domain, selector string) string { return record.Display(domain) + "." + selector + ".key" }

// IsSelector reports whether text is a selector: labels of letters, digits and
// hyphens (RFC 6376, 3.1), and the underscores that some have.
func IsSelector(text string) bool {
	for label := range strings.SplitSeq(text, ".") {
		if len(label) > 63 || !selectorLabel.MatchString(label) {
			return false
		}
	}
	return true
}

var selectorLabel = regexp.MustCompile(`^[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?$`)

// stem is the name of a file without the endings of keys.
func stem(path string) (string, bool) {
	base := filepath.Base(path)
	for _, ending := range []string{".key", ".pem", ".private"} {
		if name, ok := strings.CutSuffix(base, ending); ok {
			return name, true
		}
	}
	return "", false
}

// byName reads DOMAIN.SELECTOR.key.
func byName(path string) (domain, selector string) {
	name, ok := stem(path)
	i := strings.LastIndexByte(name, '.')
	if !ok || i < 0 {
		return "", ""
	}
	return name[:i], name[i+1:]
}

// byFolder reads DOMAIN/SELECTOR.private.
func byFolder(path string) (domain, selector string) {
	name, ok := strings.CutSuffix(filepath.Base(path), ".private")
	if !ok {
		return "", ""
	}
	return filepath.Base(filepath.Dir(path)), name
}

var (
	kindLabel = regexp.MustCompile(`^(rsa[0-9]*|ed25519)$`)
	timeLabel = regexp.MustCompile(`^[0-9]{8}T[0-9]{6}$`)
	kindFirst = regexp.MustCompile(`^(?:rsa-[0-9]+|ed25519)-([^-]+)-(.+)\.private\.txt$`)
)

// byRecord reads SELECTOR._domainkey.DOMAIN.TIME.KIND.privatekey.pkcs8.pem, of
// which what follows the domain may be missing.
func byRecord(path string) (domain, selector string) {
	selector, rest, ok := strings.Cut(filepath.Base(path), "._domainkey.")
	if !ok {
		return "", ""
	}
	rest, _ = stem(rest)
	for _, ending := range []string{".pkcs8", ".privatekey", ".key"} {
		rest = strings.TrimSuffix(rest, ending)
	}
	labels := strings.Split(rest, ".")
	for _, known := range []*regexp.Regexp{kindLabel, timeLabel} {
		if last := len(labels) - 1; last > 0 && known.MatchString(labels[last]) {
			labels = labels[:last]
		}
	}
	return strings.Join(labels, "."), selector
}

// byKind reads rsa-2048-SELECTOR-DOMAIN.private.txt.
func byKind(path string) (domain, selector string) {
	m := kindFirst.FindStringSubmatch(filepath.Base(path))
	if m == nil {
		return "", ""
	}
	return m[2], m[1]
}
