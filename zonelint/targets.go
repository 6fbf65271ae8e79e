package zonelint

import (
	"net/netip"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

// leading is the records whose targets have to be hosts with addresses.
func (z *zone) leading() []*zonefile.Entry {
	var list []*zonefile.Entry
	for _, e := range z.typed("MX", "NS", "SRV") {
		if host(e) != "" && len(z.dotless[e]) == 0 {
			list = append(list, e)
		}
	}
	return list
}

const leadingThings = "MX, NS or SRV record"

var nullMX = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.null-mx",
		Title:    "A null MX stands alone",
		Severity: diagnosis.Critical,
		Why:      "One record says that the domain takes no mail, the other names a host: some senders return the mail at once, others deliver it.",
		Doc: `"MX 0 ." says that a domain takes no mail. It is the only MX record then, and its preference is 0.

To fix it, delete the null MX if the domain takes mail, the others if it does not.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7505, 3"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.typed("MX")), "MX record")
		for _, s := range z.sets {
			if s.typ != "MX" {
				continue
			}
			all := distinct(s.entries)
			null := slices.IndexFunc(all, func(e *zonefile.Entry) bool { _, target, _ := e.MX(); return target == "." })
			if null < 0 {
				continue
			}
			preference, _, _ := all[null].MX()
			switch {
			case len(all) > 1:
				j.add(diagnosis.Critical, s.entries, steps("Delete the null MX if %s takes mail, else the other MX records.", show(s.name)), "%s has a null MX and other MX records beside it", show(s.name))
			case preference != 0:
				remedy := diagnosis.Remedy{Edits: []record.Edit{record.Set(record.MXSet(s.name), record.MX(s.name, 0, "."))}}
				j.add(diagnosis.Advice, s.entries[:1], remedy, "the null MX of %s has the preference %d, and 0 is what it should have", show(s.name), preference)
			}
		}
		return j.end()
	},
}

var targetLiteral = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.target-literal",
		Title:    "MX, NS and SRV records lead to names, not to addresses",
		Severity: diagnosis.Critical,
		Why:      "Senders look the address up as if it were a name, find nothing and return the mail.",
		Doc: "These records name a host; its addresses stand in A and AAAA records of its own. `MX 10 192.0.2.25` is read as a name that ends in the zone or in .25.\n\n" +
			"To fix it, give the host a name with an A record, and name that.",
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 3.3.9"}, {Name: "RFC 5321, 5.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.leading()), leadingThings)
		for _, e := range z.leading() {
			if isAddress(z, e) {
				j.add(diagnosis.Critical, one(e), steps("Give the host a name with an A or AAAA record, and lead there."), "the %s record of %s leads to the address %s, where a name has to be", e.Type, show(e.Name), show(strings.TrimSuffix(host(e), "."+z.name)))
			}
		}
		return j.end()
	},
}

// isAddress reports whether the target of e is an address, with the zone behind
// it or not.
func isAddress(z *zone, e *zonefile.Entry) bool {
	name := strings.TrimSuffix(strings.TrimSuffix(host(e), "."+z.name), ".")
	_, err := netip.ParseAddr(strings.Trim(name, "[]"))
	return err == nil
}

var targetAlias = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.target-alias",
		Title:    "MX, NS and SRV records do not lead to a CNAME",
		Severity: diagnosis.Warning,
		Why:      "Some mail servers refuse such an MX host, some take it for another host than the one that they know and send mail in circles; resolvers may not find the servers of a zone at all.",
		Doc: `The target of an MX, NS or SRV record is the name of a host with addresses, not another name for it.

To fix it, name the host itself: what the CNAME record leads to. Its certificate has to be for that name then.

Most senders follow the CNAME. It is not a matter of taste all the same: the standards forbid it, and BIND's named-checkzone can be told to refuse it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2181, 10.3"}, {Name: "RFC 5321, 5.1"}, {Name: "RFC 2782"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.leading()), leadingThings)
		for _, e := range z.leading() {
			answer, err := z.world.Resolve(z.ctx, resolve.Question{Name: host(e), Type: "CNAME"})
			if err != nil || len(answer.Records) == 0 || answer.Records[0].Type != "CNAME" {
				continue
			}
			severity := diagnosis.Warning
			if e.Type == "NS" {
				severity = diagnosis.Critical
			}
			end := answer.Records[0].Data
			j.add(severity, append(one(e), z.some(host(e))...), steps("Name %s in the %s record.", show(end), e.Type), "the %s record of %s leads to %s, which is a CNAME for %s", e.Type, show(e.Name), show(host(e)), show(end))
		}
		return j.end()
	},
}

// some is the first few records of a name.
func (z *zone) some(name string) []*zonefile.Entry {
	return z.at[name][:min(len(z.at[name]), 4)]
}

var targetAddress = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.target-address",
		Title:    "Every target in the zone has an address",
		Severity: diagnosis.Critical,
		Why:      "A host without an address cannot be reached: senders return the mail or, with other MX hosts, wait for those.",
		Doc: `The targets of MX, NS and SRV records need an A or AAAA record. Only those that belong to the zone can be judged by the file; a file without a SOA record is a part of a zone, and its other part may have them.

To fix it, add the address, or mend the name: a letter too many, or a final dot too few, is the usual cause.

A sender that finds no address for any MX host does not fall back to the address of the domain; the mail is returned.`,
		Refs: []diagnosis.Ref{{Name: "RFC 5321, 5.1"}, {Name: "RFC 1035, 3.3.9"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.leading()), leadingThings)
		for _, e := range z.leading() {
			if addrs, known := z.addresses(host(e)); known && len(addrs) == 0 && !isAddress(z, e) {
				severity := diagnosis.Critical
				if e.Type == "SRV" {
					severity = diagnosis.Warning
				}
				j.add(severity, one(e), steps("Add an A or AAAA record for %s, or mend the name.", show(host(e))), "the %s record of %s leads to %s, which has no address in the zone", e.Type, show(e.Name), show(host(e)))
			}
		}
		return j.end()
	},
}

// addresses is those of a name, with the records that say so; known is false
// where the files do not tell.
func (z *zone) addresses(name string) (list []record.Record, known bool) {
	for _, typ := range []string{"A", "AAAA"} {
		answer, err := z.world.Resolve(z.ctx, resolve.Question{Name: name, Type: typ})
		if err != nil {
			continue
		}
		known = true
		list = append(list, answer.Records...)
	}
	return list, known
}

var targetPrivate = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.target-private",
		Title:    "Hosts that the world needs have public addresses",
		Severity: diagnosis.Critical,
		Why:      "A private or loopback address leads senders nowhere, or to a machine of their own.",
		Doc: `The targets of MX, NS and SRV records have to be reached from the whole internet. Private space (10/8, 172.16/12, 192.168/16, fc00::/7), loopback, link-local addresses and the shared space of carriers (100.64/10) lead nowhere.

To fix it, write the public address. If the file is the inner view of a zone that has two (split DNS), the rule does not concern it.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6890"}, {Name: "RFC 1918, 3"}, {Name: "RFC 6598"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.leading()), leadingThings)
		told, asked := make(map[record.Record]bool), make(map[string]bool)
		for _, e := range z.leading() {
			if asked[host(e)] {
				continue
			}
			asked[host(e)] = true
			addrs, _ := z.addresses(host(e))
			for _, r := range addrs {
				addr, ok := r.Addr()
				if !ok || !nowhere(addr) || told[r] {
					continue
				}
				told[r] = true
				severity := diagnosis.Critical
				if e.Type == "SRV" {
					severity = diagnosis.Warning
				}
				j.add(severity, append(one(e), z.holding(r)...), steps("Publish the public address of %s.", show(host(e))), "the %s record of %s leads to %s, whose address %s cannot be reached from the internet", e.Type, show(e.Name), show(host(e)), addr)
			}
		}
		return j.end()
	},
}

// holding is the entries that hold a record.
func (z *zone) holding(r record.Record) []*zonefile.Entry {
	var list []*zonefile.Entry
	for _, e := range z.at[r.Name] {
		if e.Type == r.Type && e.Data == r.Data {
			list = append(list, e)
		}
	}
	return list
}

// nowhere reports whether addr is of no use to strangers. Addresses for examples
// (RFC 5737, RFC 3849) are not looked at: the linter also reads templates.
func nowhere(addr netip.Addr) bool {
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsMulticast() || addr.IsUnspecified() ||
		netip.PrefixFrom(netip.AddrFrom4([4]byte{100, 64}), 10).Contains(addr) || // RFC 6598
		netip.PrefixFrom(netip.AddrFrom4([4]byte{}), 8).Contains(addr) // RFC 1122, 3.2.1.3
}

var proxied = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.proxied",
		Title:    "No name that mail needs is proxied",
		Severity: diagnosis.Critical,
		Why:      "A proxy answers with its own addresses and passes web traffic on only: mail to the host is refused, keys and settings are not found.",
		Doc: "Cloudflare's import reads `cf_tags=cf-proxied:true` in the comment behind a record and puts its web proxy before that name. Mail hosts, the targets of SRV records, DKIM names, autodiscover, autoconfig and mta-sts must not have it. Where the comment says nothing, the choice made at the import holds for all records.\n\n" +
			"To fix it, write `; cf_tags=cf-proxied:false` behind the record. A host that serves web pages and mail gets two names: a proxied one for the pages, and one for mail.",
		Refs: []diagnosis.Ref{{Name: "Cloudflare: import and export records", URL: "https://developers.cloudflare.com/dns/manage-dns-records/how-to/import-and-export/"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		var list []*zonefile.Entry
		for _, e := range z.entries {
			if is, given := e.Proxied(); given && is {
				list = append(list, e)
			}
		}
		j := z.judge(len(list), "record that is marked as proxied")
		if len(list) == 0 {
			return j.end()
		}
		direct := zonefile.Direct(z.file.Records())
		for _, e := range list {
			if why, must := direct.Why(e.Record); must {
				j.add(diagnosis.Critical, one(e), steps("Write cf_tags=cf-proxied:false behind the record."), "%s is marked as proxied, and %s", show(e.Name), why)
			}
		}
		return j.end()
	},
}
