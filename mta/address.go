package mta

import (
	"strings"

	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
)

// canonical is a domain of an address, in Unicode or A-labels, as all are compared
// here. An address literal stays what it is.
func canonical(domain string) string {
	if strings.HasPrefix(domain, "[") {
		return strings.ToLower(domain)
	}
	if name, err := record.ParseDomain(domain); err == nil {
		return name
	}
	return record.Canonical(domain)
}

// display is a canonical domain as addresses have it.
func display(domain string) string { return strings.TrimSuffix(domain, ".") }

// parse reads an address of a spooled envelope, which the receiving side has
// checked. The last "@" parts it (RFC 5321, 4.1.2).
func parse(path string) smtpd.Address {
	at := strings.LastIndexByte(path, '@')
	if at < 0 {
		return smtpd.Address{Local: path}
	}
	return smtpd.Address{Local: unquoted(path[:at]), Domain: strings.TrimSuffix(canonical(path[at+1:]), ".")}
}

func unquoted(local string) string {
	inner, opened := strings.CutPrefix(local, `"`)
	inner, closed := strings.CutSuffix(inner, `"`)
	if !opened || !closed {
		return local
	}
	var b strings.Builder
	for i := 0; i < len(inner); i++ {
		if inner[i] == '\\' && i+1 < len(inner) {
			i++
		}
		b.WriteByte(inner[i])
	}
	return b.String()
}
