package zonelint

import (
	"cmp"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

var cnameAlone = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.cname-alone",
		Title:    "A CNAME record stands alone at its name",
		Severity: diagnosis.Critical,
		Why:      "Servers refuse a zone with other records beside a CNAME; where one does not, resolvers follow the CNAME and do not see the MX or TXT record beside it.",
		Doc: `A name with a CNAME record is another name for something else and has no records of its own, DNSSEC's apart. So there is one CNAME record at a name at most, and none at the apex of a zone, where SOA and NS records stand.

To fix it, publish the addresses of the target in place of the CNAME record, or move the other records to the target. For the apex some providers have records of their own (ALIAS, ANAME, flattening): what they serve are addresses, and the zone file of another server cannot hold them.

BIND, NSD and Knot refuse the zone. A resolver that has the CNAME in its cache answers every question with it, so that mail arrives sometimes.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1034, 3.6.2"}, {Name: "RFC 2181, 10.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.typed("CNAME")), "CNAME record")
		for _, s := range z.sets {
			if s.typ != "CNAME" {
				continue
			}
			distinct := distinct(s.entries)
			var beside []*zonefile.Entry
			for _, e := range z.at[s.name] {
				if e.Type != "CNAME" && !slices.Contains([]string{"RRSIG", "NSEC", "NSEC3", "KEY", "SIG"}, e.Type) {
					beside = append(beside, e)
				}
			}
			switch {
			case len(distinct) > 1:
				j.add(diagnosis.Critical, s.entries, steps("Keep one of them."), "%s has %d CNAME records, and a name has one at most", show(s.name), len(distinct))
			case len(beside) > 0:
				all := append(slices.Clone(s.entries), beside...)
				j.add(diagnosis.Critical, all, steps("Put the addresses of %s in place of the CNAME record, or move the other records there.", show(s.entries[0].Data)), "%s has a CNAME record and other records beside it: %s", show(s.name), types(beside))
			case s.name == z.name && !z.whole:
				j.add(diagnosis.Warning, s.entries, steps("Publish the addresses of the target, or make sure that the provider flattens this record."), "%s is the apex of the zone and has a CNAME record; only providers that flatten it take that", show(s.name))
			}
		}
		return j.end()
	},
}

// types is the types of records, each once, for a reader.
func types(entries []*zonefile.Entry) string {
	var list []string
	for _, e := range entries {
		if !slices.Contains(list, e.Type) {
			list = append(list, e.Type)
		}
	}
	return strings.Join(list, ", ")
}

// distinct is entries without those that say the same again, whatever the TTL.
func distinct(entries []*zonefile.Entry) []*zonefile.Entry {
	seen := make(map[string]bool)
	var list []*zonefile.Entry
	for _, e := range entries {
		if !seen[e.Data] {
			seen[e.Data] = true
			list = append(list, e)
		}
	}
	return list
}

var oneTTL = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.one-ttl",
		Title:    "All records of a set have one TTL",
		Severity: diagnosis.Warning,
		Why:      "Servers choose one of the TTLs, each its own way: what was meant for a quick change may stay for a day.",
		Doc: `The records of one name and type are one set and expire together. TTLs that differ within it are forbidden; servers take the first or the lowest of them.

To fix it, write the same TTL at each record of the set, or leave it to $TTL. A record that was added by hand in front of a migration, with a short TTL of its own, is the usual cause.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2181, 5.2"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.sets), "record set")
		for _, s := range z.sets {
			if s.typ == "RRSIG" { // RFC 4034, 3: each has the TTL of the set it covers
				continue
			}
			low := slices.MinFunc(s.entries, func(a, b *zonefile.Entry) int { return cmp.Compare(a.TTL, b.TTL) }).TTL
			high := slices.MaxFunc(s.entries, func(a, b *zonefile.Entry) int { return cmp.Compare(a.TTL, b.TTL) }).TTL
			if low != high {
				j.add(diagnosis.Warning, s.entries, steps("Give all of them the same TTL."), "the %s records of %s have TTLs from %d to %d", s.typ, show(s.name), low, high)
			}
		}
		return j.end()
	},
}

var duplicate = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.duplicate",
		Title:    "No record is there twice",
		Severity: diagnosis.Advice,
		Why:      "The second changes nothing; whoever edits one of them later leaves two that differ, and two SPF records are none.",
		Doc: `Servers serve a record once, however often the file has it. Texts are compared as receivers see them, joined: a text as one string and the same in two are the same record.

To fix it, delete all but one.`,
		Refs: []diagnosis.Ref{{Name: "RFC 2181, 5"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.entries), "record")
		for _, s := range z.sets {
			if len(s.entries) < 2 {
				continue
			}
			same := make(map[string][]*zonefile.Entry)
			for _, e := range s.entries {
				same[e.Data] = append(same[e.Data], e)
			}
			for _, e := range distinct(s.entries) {
				if n := len(same[e.Data]); n > 1 {
					j.add(diagnosis.Advice, same[e.Data], steps("Delete all but one."), "the same %s record of %s is there %d times", s.typ, show(s.name), n)
				}
			}
		}
		return j.end()
	},
}

var hostName = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.host-name",
		Title:    "Hosts have names of letters, digits and hyphens",
		Severity: diagnosis.Warning,
		Why:      "Some mail servers refuse to deliver to a host whose name has an underscore, and no authority issues a certificate for it; BIND refuses a zone that gives such a name an address.",
		Doc: `Names of hosts are made of letters, digits and hyphens, and a label neither begins nor ends with a hyphen. Underscores are for names that are no hosts: _dmarc, _domainkey, _25._tcp.

Looked at are the names of A, AAAA and MX records, and the targets of MX, NS and SRV records. TXT, CNAME, SRV and TLSA records may have any name.

To fix it, give the host a name without the underscore, change what points to it, and keep the old name for as long as the old records may be cached.`,
		Refs: []diagnosis.Ref{{Name: "RFC 952"}, {Name: "RFC 1123, 2.1"}, {Name: "RFC 2181, 11"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.typed("A", "AAAA", "MX", "NS", "SRV")
		j := z.judge(len(list), "A, AAAA, MX, NS or SRV record")
		told := make(map[string]bool)
		for _, e := range list {
			if owner := e.Type == "A" || e.Type == "AAAA" || e.Type == "MX"; owner && !isHost(e.Name, true) && !told[e.Name] {
				told[e.Name] = true
				severity := diagnosis.Warning
				if addr, ok := e.Addr(); ok && addr.IsLoopback() {
					severity = diagnosis.Advice // a list's answer, or one to an exists term of SPF: no host
				}
				j.add(severity, one(e), steps("Give it a name of letters, digits and hyphens."), "%s has an %s record and is no name for a host", show(e.Name), e.Type)
			}
			if name := host(e); name != "" && !isHost(name, false) && len(z.dotless[e]) == 0 && !isAddress(z, e) {
				j.add(diagnosis.Warning, one(e), steps("Give the host a name of letters, digits and hyphens."), "the %s record of %s leads to %s, which is no name for a host", e.Type, show(e.Name), show(name))
			}
		}
		return j.end()
	},
}

// isHost reports whether name is one for a host (RFC 952, RFC 1123, 2.1); that of
// a record may be a wildcard. What Active Directory publishes below _msdcs is let
// pass, as BIND does.
func isHost(name string, owner bool) bool {
	labels := record.Labels(name)
	if owner && len(labels) > 0 && labels[0] == "*" {
		labels = labels[1:]
	}
	for _, label := range labels {
		if label == "_msdcs" {
			continue
		}
		if strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasPrefix(label, "-") || strings.HasSuffix(label, "-") {
			return false
		}
	}
	return true
}
