package rdap

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/record"
)

// Registrable is the domain that somebody has to register with a registry so
// that name can exist: one label below a public suffix of the ICANN section of
// the Public Suffix List, canonical. The private section names companies that
// give out names below their own domains; what is registered is theirs.
//
// ok is false for a public suffix itself. A top-level domain that the list does
// not know counts as one: new ones come sooner than lists.
func Registrable(name string) (domain string, ok bool) {
	name = record.Canonical(name)
	labels := record.Labels(name)
	below := len(labels) - len(record.Labels(registrySuffix(record.Display(name)))) // labels before the suffix
	if below < 1 || labels[below-1] == "" || strings.Contains(name, `\`) {
		return "", false
	}
	return strings.Join(labels[below-1:], ".") + ".", true
}

// registrySuffix is the public suffix of name, of those that registries run.
func registrySuffix(name string) string {
	for rest := name; ; {
		suffix, icann := publicsuffix.PublicSuffix(rest)
		_, shorter, private := strings.Cut(suffix, ".")
		if icann || !private {
			return suffix
		}
		rest = shorter
	}
}
