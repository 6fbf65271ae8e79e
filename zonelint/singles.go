package zonelint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/mailauth/tlsrpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

// A single is a kind of text of which a name has one at most.
type single struct {
	id, kind string
	severity diagnosis.Severity
	why, doc string
	ref      string
	is       func(labels []string, text string) bool
	merged   func(texts []string) (text string, ok bool) // nil if a person has to choose
}

// singles is the rules by which a name has one record of a kind.
func singles() []rule {
	list := []single{
		{
			id: "zone.two-spf", kind: "SPF record", severity: diagnosis.Critical, ref: "RFC 7208, 4.5",
			why: "With two SPF records every receiver answers permerror: none of the domain's mail passes SPF, whoever sends it.",
			doc: "To fix it, merge them: put the mechanisms of all of them into one record, with a single all at its end, and delete the others.\n\nReceivers do not choose between several records and do not add them up.",
			is:  func(_ []string, text string) bool { return spf.IsSPF(text) },
			merged: func(texts []string) (string, bool) {
				var records []spf.Record
				for _, text := range texts {
					r, problems := spf.Parse(text)
					if len(spf.Fatal(problems)) > 0 {
						return "", false
					}
					records = append(records, r)
				}
				return spf.Merge(records...).String(), true
			},
		},
		{
			id: "zone.two-dmarc", kind: "DMARC record", severity: diagnosis.Critical, ref: "RFC 9989, 4.10",
			why: "Receivers discard all DMARC records of a name that has more than one: the domain is not protected and gets no reports.",
			doc: "To fix it, keep one record; put the report addresses of the others into its rua.",
			is: func(labels []string, text string) bool {
				return labels[0] == "_dmarc" && dmarc.IsRecord(text)
			},
			merged: func(texts []string) (string, bool) {
				var records []dmarc.Record
				for _, text := range texts {
					r, _ := dmarc.Parse(text)
					records = append(records, r)
				}
				return dmarc.Merge(records...).String(), true
			},
		},
		{
			id: "zone.two-dkim-keys", kind: "TXT record", severity: diagnosis.Critical, ref: "RFC 6376, 3.6.2.2",
			why: "Verifiers take any of them, or none: signatures verify at some receivers and fail at others.",
			doc: "A selector has one key. Two records are usually the old key and the new one under the same name, or a key that was split into two records in place of two strings of one.\n\nTo fix it, keep the key with which the server signs. A second key gets a selector of its own; a long key is one record with several strings: `\"v=DKIM1; p=MII...\" \"...AQAB\"`.",
			is:  func(labels []string, _ string) bool { return slices.Index(labels, "_domainkey") > 0 },
		},
		{
			id: "zone.two-mta-sts", kind: "MTA-STS record", severity: diagnosis.Warning, ref: "RFC 8461, 3.1",
			why: "Senders take a domain with two MTA-STS records to have no policy: mail to it may be read on the way again.",
			doc: "To fix it, keep one record: the one with the newer id, if in doubt.",
			is:  func(labels []string, text string) bool { return labels[0] == "_mta-sts" && mtasts.IsRecord(text) },
		},
		{
			id: "zone.two-tls-rpt", kind: "TLS-RPT record", severity: diagnosis.Warning, ref: "RFC 8460, 3",
			why: "Senders take a domain with two TLS-RPT records to want no reports: failures of encryption stay unseen.",
			doc: "To fix it, keep one record, with all addresses in its rua.",
			is: func(labels []string, text string) bool {
				return len(labels) > 1 && labels[0] == "_smtp" && labels[1] == "_tls" && tlsrpt.IsRecord(text)
			},
		},
	}
	var rules []rule
	for _, s := range list {
		rules = append(rules, s.rule())
	}
	return rules
}

func (s single) rule() rule {
	title := "No name has more than one " + s.kind
	if s.id == "zone.two-dkim-keys" {
		title = "No DKIM selector has more than one TXT record"
	}
	return rule{
		Rule: diagnosis.Rule{
			ID: s.id, Title: title, Severity: s.severity, Why: s.why,
			Doc:  "Records that say the same word for word are one record, and no breach.\n\n" + s.doc,
			Refs: []diagnosis.Ref{{Name: s.ref}},
		},
		judge: s.judge,
	}
}

func (s single) judge(z *zone) diagnosis.Verdict {
	byName := make(map[string][]*zonefile.Entry)
	var names []string
	n := 0
	for _, e := range z.texts(func(labels []string) bool { return len(labels) > 0 }) {
		if !s.is(record.Labels(e.Name), e.Data) {
			continue
		}
		if n++; byName[e.Name] == nil {
			names = append(names, e.Name)
		}
		byName[e.Name] = append(byName[e.Name], e)
	}
	things := s.kind
	if s.id == "zone.two-dkim-keys" {
		things = "DKIM key"
	}
	j := z.judge(n, things)
	for _, name := range names {
		all := distinct(byName[name])
		if len(all) < 2 {
			continue
		}
		j.add(s.severity, all, s.remedy(all), "%s has %d %ss, and one is allowed", show(name), len(all), s.kind)
	}
	return j.end()
}

// maxMerged bounds the records that are merged into one.
const maxMerged = 10

func (s single) remedy(all []*zonefile.Entry) diagnosis.Remedy {
	if len(all) > maxMerged {
		return steps("Keep one of the records.")
	}
	var texts []string
	for _, e := range all {
		texts = append(texts, e.Data)
	}
	if s.merged != nil {
		if text, ok := s.merged(texts); ok {
			remedy := put(all[0], text)
			remedy.Steps = []string{fmt.Sprintf("Replace the %d records by this one.", len(all))}
			return remedy
		}
	}
	return steps("Keep one of the records on %s.", strings.Join(lines(all), ", "))
}

func lines(entries []*zonefile.Entry) []string {
	var list []string
	for _, e := range entries {
		list = append(list, fmt.Sprintf("line %d", e.Line))
	}
	return list
}
