package policy

import (
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// Address is what has to hold of an address, before any domain is known, for
// mail from it to be accepted. It is no receiver's and not among All.
//
// Who announces the address, and whether rightly, counts only where it is known:
// the services that tell are not the receivers'.
func Address() Policy {
	return Policy{
		Name: "sending-address", Question: "Is this address fit to send mail from, as it is?", AsOf: "2024-02-01",
		Source: diagnosis.Ref{Name: "Gmail email sender guidelines", URL: "https://support.google.com/mail/answer/81126"},
		Demands: slices.Concat(
			confirmedPTR, all(diagnosis.Warning, "ptr.generic-name"),
			moot(IfSkipped, all(diagnosis.Critical, "dnsbl.ip-listed", "dnsbl.ipv6-listed", "ip.port25-outbound")),
			all(diagnosis.Critical, "dnsbl.policy-listing"),
			moot(IfUnknown, all(diagnosis.Warning, "ip.asn", "ip.rpki-valid"))),
		Unseen: []string{
			"port 25 on the way out, unless this runs on the machine that has the address", "lists that answer customers only (Barracuda, Validity)",
			"what a receiver remembers of it",
		},
	}
}

// Known is every policy that there is a name for, those of receivers first.
func Known() []Policy { return append(All(), Address()) }

// moot is list with what else meets it.
func moot(m Moot, list []Demand) []Demand {
	for i := range list {
		list[i].Moot = m
	}
	return list
}
