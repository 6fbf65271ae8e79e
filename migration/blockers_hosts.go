package migration

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// looked are checks whose findings are about the new host, and what they block.
var looked = []struct {
	check, id, step, act string
}{
	{"smtp.port25-inbound", BlockHost, SwitchMX, "Open port 25 in from everywhere, at the host and at its provider."},
	{"smtp.starttls", BlockHost, SwitchMX, "Let the new server offer STARTTLS with a certificate."},
	{"smtp.certificate", BlockHost, SwitchMX, "Give the new server a certificate for its MX name that others trust."},
	{"smtp.open-relay", BlockRelay, Rehearse, "Let the new server take mail from strangers for its own domains only."},
	{"smtp.postmaster-accepts", BlockDomain, Rehearse, "Set the domain up at the new server, with its mailboxes."},
	{"dane.chain-match", BlockTLSA, SwitchMX, "Write the TLSA record of the certificate that the new server has under hosts."},
	{"ptr.exists", BlockHost, Prepare, "Let whoever provides the address set its reverse name (PTR)."},
	{"ptr.forward-confirmed", BlockHost, Prepare, "Set the reverse name to the name of the host, whose address leads back."},
	{"ptr.matches-helo", BlockHost, Prepare, "Let the server greet with the name that its address has."},
	{"dnsbl.ip-listed", BlockHost, Prepare, "Have the address taken from the list, or take another: its mail would be refused."},
	{"ip.port25-outbound", BlockHost, Prepare, "Have port 25 out opened by the provider, or send through a relay."},
}

// hosts is the new host as others see it.
func (k *blocking) hosts() {
	if k.s.HostDoubt != "" {
		k.add(Blocker{ID: BlockHost, Step: SwitchMX, Subject: k.m.Domain, Unknown: true, Text: "the new host was not looked at: " + k.s.HostDoubt, Act: "Look again from a machine that may."})
	}
	reports := slices.Clone(k.s.Hosts)
	if k.s.Final != nil {
		reports = append(reports, *k.s.Final)
	}
	seen := make(map[string]bool)
	for _, l := range looked {
		for _, r := range reports {
			for _, result := range r.Results {
				if result.Rule.ID == l.check {
					k.result(l.id, l.step, l.act, r, result, seen)
				}
			}
		}
	}
}

func (k *blocking) result(id, step, act string, r diagnosis.Report, result diagnosis.Result, seen map[string]bool) {
	for _, f := range result.Findings {
		text := fmt.Sprintf("%s (%s)", strings.TrimSuffix(f.Message, "."), result.Rule.ID)
		key := result.Rule.ID + " " + f.Subject
		if f.Severity < diagnosis.Warning || !k.ofNew(f.Subject, r) || seen[key] {
			continue
		}
		seen[key] = true
		k.add(Blocker{ID: id, Step: step, Subject: f.Subject, Text: text, Act: act})
	}
	if k.s.HostDoubt != "" || r.Address == "" && result.Rule.ID != "smtp.port25-inbound" {
		return // what cannot be told of one host is told once
	}
	for _, d := range result.Doubts {
		if text := fmt.Sprintf("%s: %s", result.Rule.ID, d.Reason); k.ofNew(d.Subject, r) && !seen[text] {
			seen[text] = true
			k.add(Blocker{ID: id, Step: step, Subject: d.Subject, Text: text, Act: "Look again, from elsewhere if need be.", Unknown: true})
		}
	}
	if result.Outcome == diagnosis.Unknown && len(result.Doubts) == 0 {
		if text := fmt.Sprintf("%s: %s", result.Rule.ID, result.Reason); !seen[text] {
			seen[text] = true
			k.add(Blocker{ID: id, Step: step, Subject: r.Address, Text: text, Act: "Look again, from elsewhere if need be.", Unknown: true})
		}
	}
}

// ofNew reports whether a subject is of the new side and not of the old.
func (k *blocking) ofNew(subject string, r diagnosis.Report) bool {
	if r.Address != "" {
		return true
	}
	old := slices.ContainsFunc(k.m.Old.Hosts, func(h string) bool { return mentions(subject, record.Display(h)) }) && !slices.Equal(k.m.Old.Hosts, k.m.New.Hosts)
	if old {
		return false
	}
	for _, h := range k.m.New.Hosts {
		if mentions(subject, record.Display(h)) {
			return true
		}
	}
	return slices.ContainsFunc(k.m.New.Addrs, func(a netip.Addr) bool { return mentions(subject, a.String()) }) || mentions(subject, record.Display(k.m.Domain))
}

func mentions(subject, name string) bool { return name != "" && strings.Contains(subject, name) }
