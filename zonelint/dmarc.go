package zonelint

import (
	"slices"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/zonefile"
)

var dmarcPolicy = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.dmarc",
		Title:    "DMARC records can be read, and say what they mean",
		Severity: diagnosis.Critical,
		Why:      "Receivers take a policy that they cannot read for none: anybody may send in the name of the domain, and no reports tell of it.",
		Doc: `Every TXT record at a _dmarc name that is a policy record, or was meant as one, is read by the grammar of RFC 9989. Tags that newer standards dropped are advice; maildoctor explain dmarc lists what is looked at, and why.

To fix it, take the record that is shown, or mend the tag that is named.`,
		Refs: []diagnosis.Ref{{Name: "RFC 9989, 4.7"}, {Name: "RFC 9989, 4.10"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		list := z.policies()
		j := z.judge(len(list), "DMARC record")
		for _, e := range list {
			r, problems := dmarc.Parse(e.Data)
			for _, p := range problems {
				j.add(dmarcSeverity(r, p), one(e), repairedPolicy(e, r), "the DMARC record %s: %s", show(e.Name), p.Message)
			}
		}
		return j.end()
	},
}

// policies is the policy records, and what was meant as such.
func (z *zone) policies() []*zonefile.Entry {
	var list []*zonefile.Entry
	for _, e := range z.texts(func(labels []string) bool { return len(labels) > 1 && labels[0] == "_dmarc" }) {
		if dmarc.IsRecord(e.Data) || dmarc.IsMeant(e.Data) {
			list = append(list, e)
		}
	}
	return list
}

func dmarcSeverity(r dmarc.Record, p dmarc.Problem) diagnosis.Severity {
	switch {
	case p.Kind == dmarc.Unknown, p.Effect == dmarc.Harmless, p.Kind == dmarc.Obsolete && p.Tag != "pct":
		return diagnosis.Advice
	case p.Effect == dmarc.Void && (p.Kind == dmarc.Version || p.Kind == dmarc.Grammar || !r.Applies()):
		return diagnosis.Critical
	}
	return diagnosis.Warning
}

func repairedPolicy(e *zonefile.Entry, r dmarc.Record) diagnosis.Remedy {
	if !dmarc.IsRecord(e.Data) {
		repaired, ok := dmarc.Repair(e.Data)
		if !ok {
			return steps("Write it anew, as in v=DMARC1; p=none; rua=mailto:dmarc@%s", show(record.Parent(e.Name)))
		}
		r = repaired
	}
	clean := r.Clean().String()
	if _, left := dmarc.Parse(clean); clean != e.Data && dmarc.Worst(left) == dmarc.Harmless {
		return put(e, clean)
	}
	return steps("Mend the tag that is named.")
}

var reportConsent = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.report-consent",
		Title:    "Who gets DMARC reports about other domains consents to it",
		Severity: diagnosis.Warning,
		Why:      "Receivers send no reports to another organization's mailbox unless it has said that it takes them: the reports are lost, and nobody notices.",
		Doc: "Where rua or ruf name a mailbox in another organizational domain, the owner of that domain publishes a TXT record `v=DMARC1` at DOMAIN._report._dmarc.ITS-DOMAIN. It stands in the zone of the mailbox, not in that of the domain, so it can be judged only where both files are given. Records of that kind in the file are held to begin with v=DMARC1.\n\n" +
			"To fix it, publish the record that is shown in the zone of the mailbox, or use a mailbox of your own.",
		Refs: []diagnosis.Ref{{Name: "RFC 9990, 4"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		consents := z.texts(func(labels []string) bool {
			i := slices.Index(labels, "_report")
			return i > 0 && i+1 < len(labels) && labels[i+1] == "_dmarc"
		})
		policies := z.policies()
		j := z.judge(len(consents)+len(policies), "DMARC record")
		for _, e := range consents {
			if !dmarc.IsRecord(e.Data) {
				j.add(diagnosis.Warning, one(e), put(e, "v=DMARC1"), "%s is to consent to reports, and its text %s does not begin with v=DMARC1", show(e.Name), quote(e.Data))
			}
		}
		for _, e := range policies {
			r, _ := dmarc.Parse(e.Data)
			z.consents(j, e, r)
		}
		return j.end()
	},
}

// consents holds the mailboxes of a policy to take its reports, as far as the
// files tell.
func (z *zone) consents(j *judgement, e *zonefile.Entry, r dmarc.Record) {
	domain := record.Parent(e.Name)
	told := make(map[string]bool)
	for _, uri := range append(slices.Clone(r.RUA), r.RUF...) {
		if uri.Host == "" || uri.Fault != "" || told[uri.Host] || dmarc.ListedOrganizational(uri.Host) == dmarc.ListedOrganizational(domain) {
			continue
		}
		told[uri.Host] = true
		name, ok := dmarc.ConsentName(domain, uri.Host)
		if !ok {
			continue
		}
		answer, err := z.world.Resolve(z.ctx, resolve.Question{Name: name, Type: "TXT"})
		if err != nil {
			j.Seen = append(j.Seen, diagnosis.Evidence{Question: "TXT " + show(name), Answer: "not in the files; maildoctor check asks"})
			continue
		}
		if slices.ContainsFunc(answer.Records, func(r record.Record) bool { return dmarc.IsRecord(r.Data) }) {
			continue
		}
		consent := dmarc.ConsentRecord(domain, uri.Host)
		remedy := diagnosis.Remedy{Edits: []record.Edit{record.Set(record.Slot{Name: consent.Name, Type: "TXT", Tag: "v=DMARC1"}, consent)}}
		j.add(diagnosis.Warning, one(e), remedy, "the DMARC record %s sends reports to %s, and %s has no record that consents to them", show(e.Name), clip(uri.Address, 80), show(uri.Host))
	}
}
