package zonelint

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/bimi"
	"github.com/maildoctor/maildoctor/mailauth/dkim"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/zonefile"
)

var spfSyntax = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.spf",
		Title:    "SPF records can be read, and say what they mean",
		Severity: diagnosis.Critical,
		Why:      "A syntax error anywhere voids the whole record: receivers answer permerror, and no mail passes SPF.",
		Doc: `Every TXT record that begins with v=spf1 is read by the grammar of RFC 7208, wherever it stands; so is a text that was meant to be one and is not (v=spf2, a quotation mark too many, a blank in front). maildoctor explain spf lists what is looked at in an SPF record, and why.

To fix it, take the record that is shown, or mend the term that is named.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6"}, {Name: "RFC 7208, 12"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		var list []*zonefile.Entry
		for _, e := range z.texts(func([]string) bool { return true }) {
			if _, _, near := spf.NearMiss(e.Data); near || spf.IsSPF(e.Data) {
				list = append(list, e)
			}
		}
		j := z.judge(len(list), "SPF record")
		for _, e := range list {
			if meant, why, near := spf.NearMiss(e.Data); near {
				j.add(diagnosis.Critical, one(e), repairedSPF(e, meant), "the text %s of %s is no SPF record: %s", quote(e.Data), show(e.Name), why)
				continue
			}
			_, problems := spf.Parse(e.Data)
			for _, p := range problems {
				j.add(spfSeverity(p), one(e), repairedSPF(e, e.Data), "the SPF record of %s: %s", show(e.Name), p)
			}
		}
		return j.end()
	},
}

func spfSeverity(p spf.Problem) diagnosis.Severity {
	switch {
	case p.Effect == spf.PermError, p.Effect == spf.Misread:
		return diagnosis.Critical
	case p.Kind == spf.UnknownModifier && p.Meant == "":
		return diagnosis.Advice
	}
	return diagnosis.Warning
}

func repairedSPF(e *zonefile.Entry, text string) diagnosis.Remedy {
	repaired, left := spf.Repair(text)
	if len(left) > 0 {
		return steps("Correct the part that is named.")
	}
	return put(e, repaired.String())
}

var spfLookups = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.spf-lookups",
		Title:    "By the files alone no SPF record leads nowhere or needs too many lookups",
		Severity: diagnosis.Critical,
		Why:      "Beyond ten lookups, and behind an include of nothing, receivers answer permerror: mail fails SPF although its sender is listed.",
		Doc: `The terms include, a, mx, ptr, exists and redirect count, those of included records too. What is in the files is followed; what other domains publish is not asked here, and counts as one lookup each. So the number is the least it can be: maildoctor check --zone counts the whole tree.

To fix it, remove terms that authorise nobody any more, replace a and mx by the addresses behind them where those are your own and stay, and move services to subdomains with SPF records of their own.`,
		Refs: []diagnosis.Ref{{Name: "RFC 7208, 4.6.4"}, {Name: "RFC 7208, 5.2"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		var list []*zonefile.Entry
		for _, e := range z.texts(func([]string) bool { return true }) {
			if spf.IsSPF(e.Data) {
				list = append(list, e)
			}
		}
		j := z.judge(len(list), "SPF record")
		for _, e := range list {
			r, problems := spf.Parse(e.Data)
			if len(r.Counted()) == 0 || len(spf.Fatal(problems)) > 0 {
				continue
			}
			tree := spf.Count(z.ctx, z.world, e.Name, r)
			if tree.Lookups > spf.MaxLookups {
				j.add(diagnosis.Critical, one(e), steps("Remove terms until ten lookups are enough."), "the SPF record of %s needs at least %d DNS lookups, and the limit is %d", show(e.Name), tree.Lookups, spf.MaxLookups)
			}
			for n := range tree.Root.All() {
				if why := nowhereTo(n.State); why != "" {
					j.add(diagnosis.Critical, one(e), steps("Remove the term, or mend what it leads to."), "the SPF record of %s is void: %s leads to %s", show(e.Name), clip(n.Label(), 80), why)
				}
			}
		}
		return j.end()
	},
}

// nowhereTo says why an include or redirect to what is in the files is void.
func nowhereTo(s spf.State) string {
	switch s {
	case spf.NoName:
		return "a name that does not exist"
	case spf.NoRecord:
		return "a name without an SPF record"
	case spf.Several:
		return "a name with several SPF records"
	case spf.Broken:
		return "a record with a syntax error"
	case spf.Loop:
		return "itself again"
	}
	return ""
}

var dkimKey = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.dkim",
		Title:    "DKIM keys can be read",
		Severity: diagnosis.Critical,
		Why:      "A key that cannot be read verifies nothing: every signature under its selector fails, and DMARC with it.",
		Doc: `Every TXT record below a _domainkey name is read as a DKIM key: tags, key type, the key itself. The usual faults are a key that lost octets at the end or between two strings, quotation marks and backslashes that were pasted along, and line ends from a PEM file.

To fix it, take the record that is shown, or publish the key again from what the mail server gives.`,
		Refs: []diagnosis.Ref{{Name: "RFC 6376, 3.6.1"}, {Name: "RFC 8463, 4"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.texts(func(labels []string) bool { return slices.Index(labels, "_domainkey") > 0 })
		j := z.judge(len(list), "DKIM key")
		for _, e := range list {
			if dkim.IsSuccessor(e.Data) {
				continue
			}
			_, problems := dkim.ParseKey(e.Data)
			for _, p := range problems {
				severity := [...]diagnosis.Severity{dkim.Harmless: diagnosis.Advice, dkim.Differs: diagnosis.Warning, dkim.Void: diagnosis.Critical}[p.Effect]
				j.add(severity, one(e), repairedKey(e), "the DKIM key %s: %s", show(e.Name), p.Message)
			}
		}
		return j.end()
	},
}

func repairedKey(e *zonefile.Entry) diagnosis.Remedy {
	if k, ok := dkim.Repair(e.Data); ok {
		return put(e, k.String())
	}
	return steps("Publish the key again from what the mail server gives.")
}

var stsRecord = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.mta-sts",
		Title:    "MTA-STS records can be read",
		Severity: diagnosis.Warning,
		Why:      "Senders take a domain whose record they cannot read to have no policy: mail to it may be read on the way.",
		Doc: `A record at _mta-sts has v=STSv1 and an id of letters and digits, each ended by a semicolon.

To fix it, write it as v=STSv1; id=20261122T1200; with an id that is new for every change of the policy.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 3.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.stsRecords()), "MTA-STS record")
		for _, e := range z.stsRecords() {
			_, problems := mtasts.Parse(e.Data)
			for _, p := range problems {
				j.add(voidOr(p.Effect == mtasts.Ignored), one(e), diagnosis.Remedy{}, "the MTA-STS record %s: %s", show(e.Name), p.Message)
			}
		}
		return j.end()
	},
}

// voidOr is a warning, or advice where nobody minds.
func voidOr(ignored bool) diagnosis.Severity {
	if ignored {
		return diagnosis.Advice
	}
	return diagnosis.Warning
}

func (z *zone) stsRecords() []*zonefile.Entry {
	var list []*zonefile.Entry
	for _, e := range z.texts(func(labels []string) bool { return len(labels) > 1 && labels[0] == "_mta-sts" }) {
		if mtasts.IsRecord(e.Data) || mtasts.IsMeant(e.Data) {
			list = append(list, e)
		}
	}
	return list
}

var stsHost = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.mta-sts-host",
		Title:    "What announces an MTA-STS policy has a host that serves it",
		Severity: diagnosis.Warning,
		Why:      "Senders find the announcement and no policy: nothing protects the mail, and each of them tries again and again.",
		Doc: `The record at _mta-sts announces a policy, which senders fetch from https://mta-sts.DOMAIN/.well-known/mta-sts.txt. So mta-sts.DOMAIN needs an address, or a CNAME record that leads to one. Whether a policy is served there, with a valid certificate, is not in a zone file; maildoctor check looks.

To fix it, add the host, or delete the record at _mta-sts.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8461, 3.3"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.stsRecords()
		j := z.judge(len(list), "MTA-STS record")
		for _, e := range list {
			name := "mta-sts" + strings.TrimPrefix(e.Name, "_mta-sts")
			if addrs, known := z.addresses(name); known && len(addrs) == 0 {
				j.add(diagnosis.Warning, one(e), steps("Add an A, AAAA or CNAME record for %s.", show(name)), "%s announces an MTA-STS policy, and %s, which is to serve it, has no address", show(e.Name), show(name))
			}
		}
		return j.end()
	},
}

var tlsReports = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.tls-rpt",
		Title:    "TLS-RPT records can be read",
		Severity: diagnosis.Warning,
		Why:      "Nobody sends reports to an address that cannot be read: failures of encryption stay unseen.",
		Doc: `A record at _smtp._tls has v=TLSRPTv1 and rua, one mailto: or https: address or several with commas between them.

To fix it, write it as v=TLSRPTv1; rua=mailto:tls-reports@example.org.`,
		Refs: []diagnosis.Ref{{Name: "RFC 8460, 3"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		var list []*zonefile.Entry
		for _, e := range z.texts(func(labels []string) bool { return len(labels) > 2 && labels[0] == "_smtp" && labels[1] == "_tls" }) {
			if tlsrpt.IsRecord(e.Data) || tlsrpt.IsMeant(e.Data) {
				list = append(list, e)
			}
		}
		j := z.judge(len(list), "TLS-RPT record")
		for _, e := range list {
			r, problems := tlsrpt.Parse(e.Data)
			for _, p := range problems {
				remedy := diagnosis.Remedy{}
				if clean := r.Clean(); clean.Reports() {
					remedy = put(e, clean.String())
				}
				j.add(voidOr(p.Effect == tlsrpt.Ignored), one(e), remedy, "the TLS-RPT record %s: %s", show(e.Name), p.Message)
			}
		}
		return j.end()
	},
}

var bimiRecord = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.bimi",
		Title:    "BIMI records can be read",
		Severity: diagnosis.Warning,
		Why:      "Receivers show no logo for a record that they cannot read.",
		Doc: `A record below _bimi has v=BIMI1, the address of a logo (l) and that of a certificate (a), both with https://. Whether they can be fetched is not in a zone file; maildoctor check looks.

To fix it, mend the tag that is named.`,
		Refs: []diagnosis.Ref{{Name: "BIMI draft, 4.3", URL: "https://datatracker.ietf.org/doc/html/draft-brand-indicators-for-message-identification"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		var list []*zonefile.Entry
		for _, e := range z.texts(func(labels []string) bool { return slices.Index(labels, "_bimi") > 0 }) {
			if bimi.IsRecord(e.Data) || bimi.IsMeant(e.Data) {
				list = append(list, e)
			}
		}
		j := z.judge(len(list), "BIMI record")
		for _, e := range list {
			_, problems := bimi.Parse(e.Data)
			for _, p := range problems {
				j.add(voidOr(p.Effect == bimi.Ignored), one(e), diagnosis.Remedy{}, "the BIMI record %s: %s", show(e.Name), p.Message)
			}
		}
		return j.end()
	},
}
