// Package suite joins the topics: every check that maildoctor has, in the order
// in which a report shows them.
package suite

import (
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/arc"
	"github.com/maildoctor/maildoctor/checks/autoconfig"
	"github.com/maildoctor/maildoctor/checks/bimi"
	"github.com/maildoctor/maildoctor/checks/dane"
	"github.com/maildoctor/maildoctor/checks/dkim"
	"github.com/maildoctor/maildoctor/checks/dmarc"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/dnsbl"
	"github.com/maildoctor/maildoctor/checks/dnssec"
	"github.com/maildoctor/maildoctor/checks/helo"
	"github.com/maildoctor/maildoctor/checks/host"
	"github.com/maildoctor/maildoctor/checks/ip"
	"github.com/maildoctor/maildoctor/checks/message"
	"github.com/maildoctor/maildoctor/checks/mtasts"
	"github.com/maildoctor/maildoctor/checks/mx"
	"github.com/maildoctor/maildoctor/checks/ns"
	"github.com/maildoctor/maildoctor/checks/ptr"
	"github.com/maildoctor/maildoctor/checks/smtp"
	"github.com/maildoctor/maildoctor/checks/spf"
	"github.com/maildoctor/maildoctor/checks/tlsrpt"
)

// All is every check: where mail goes, who may send it, from where it is
// sent, and what it is.
func All() []*checks.Check {
	return slices.Concat(
		dns.Checks.All(),
		ns.Checks.All(),
		dnssec.Checks.All(),
		mx.Checks.All(),
		ip.Checks.All(),
		smtp.Checks.All(),
		dane.Checks.All(),
		mtasts.Checks.All(),
		tlsrpt.Checks.All(),
		autoconfig.Checks.All(),
		spf.Checks.All(),
		dkim.Checks.All(),
		dmarc.Checks.All(),
		bimi.Checks.All(),
		ptr.Checks.All(),
		helo.Checks.All(),
		dnsbl.Checks.All(),
		host.Checks.All(),
		message.Checks.All(),
		arc.Checks.All(),
	)
}
