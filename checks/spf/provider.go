package spf

import (
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// providers maps the parent of MX hosts to what the customers of that provider
// include, as their manuals have it.
var providers = map[string]string{
	"google.com.":                  "_spf.google.com",
	"googlemail.com.":              "_spf.google.com",
	"mail.protection.outlook.com.": "spf.protection.outlook.com",
	"mx.microsoft.":                "spf.protection.outlook.com",
	"messagingengine.com.":         "spf.messagingengine.com",
	"protonmail.ch.":               "_spf.protonmail.ch",
	"mail.icloud.com.":             "icloud.com",
	"migadu.com.":                  "spf.migadu.com",
	"mail.ovh.net.":                "mx.ovh.com",
	"mail.gandi.net.":              "_mailcust.gandi.net",
	"mx.yandex.net.":               "_spf.yandex.net",
}

// providerOf is the domain to include for mail that an MX host's provider
// sends; empty if the host is nobody's that is known.
func providerOf(host string) string {
	for name := record.Canonical(host); strings.Count(name, ".") > 1; name = record.Parent(name) {
		if include := providers[name]; include != "" {
			return include
		}
	}
	return ""
}
