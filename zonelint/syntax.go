package zonelint

import (
	"fmt"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

var syntax = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.syntax",
		Title:    "Every line of the file can be read",
		Severity: diagnosis.Critical,
		Why:      "A server refuses the whole zone for one line that it cannot read: it goes on with the old one until that expires, or answers nothing at all.",
		Doc: `Each line is a record, a directive ($ORIGIN, $TTL, $INCLUDE, $GENERATE), a comment or blank. A record may go on over several lines inside parentheses, and only there: a string in quotation marks ends on the line on which it begins. Numbers must be in the range of their field, addresses and digits must be such.

To fix it, mend the line that is named. If the message points at a line that looks right, look for a quotation mark or a parenthesis that is missing above it. The linter goes on behind a line that it cannot read, so that all of them can be mended at once; what such a line was to say is not judged.

What $INCLUDE names is read only where that is allowed (--include), as a file from elsewhere could name any file of this machine; until then what stands there is unknown.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 5.1"}, {Name: "RFC 2308, 4"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		v := diagnosis.Verdict{Seen: []diagnosis.Evidence{{Question: "records", Answer: fmt.Sprint(len(z.file.Entries))}}}
		for _, p := range z.file.Problems {
			place := z.file.Place(zonefile.Entry{File: p.File, Line: p.Line})
			switch {
			case p.Kind == zonefile.Included:
				v.Doubts = append(v.Doubts, diagnosis.Doubt{Subject: place, Reason: p.Text})
			case len(v.Findings) < maxFindings:
				v.Findings = append(v.Findings, diagnosis.Finding{
					Subject: record.Display(z.name), Severity: diagnosis.Critical,
					Message: "cannot be read: " + p.Text, Places: []string{place},
				})
			}
		}
		return v
	},
}

var apex = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.apex",
		Title:    "The zone has one SOA record, and NS records beside it",
		Severity: diagnosis.Critical,
		Why:      "Without them no server loads the zone, and the domain, its mail included, does not exist.",
		Doc: `A whole zone has exactly one SOA record, at its own name, and NS records at the same name: the apex. A file without a SOA record is taken for a fragment, meant to be imported or included, and is not held to this rule; nothing is then said about what is not in it.

To fix it, keep one SOA record and name the servers of the zone in NS records at the apex. A SOA record that stands at another name is usually the work of a missing final dot or of an $ORIGIN above it.

BIND, NSD and Knot refuse a zone without them.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 5.2"}, {Name: "RFC 2181, 6.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		soa := z.typed("SOA")
		j := z.judge(len(soa), "SOA record: it is a fragment of a zone")
		if len(soa) == 0 {
			return j.end()
		}
		j.Seen = []diagnosis.Evidence{{Question: "SOA " + show(z.name), Answer: soa[0].Data}}
		if len(distinct(soa)) > 1 { // the same twice is what dig AXFR prints
			j.add(diagnosis.Critical, soa, steps("Keep the one SOA record at %s.", show(z.name)), "the file has %d SOA records, and a zone has one", len(distinct(soa)))
		}
		for _, e := range z.at[z.name] {
			if e.Type == "NS" {
				return j.end()
			}
		}
		j.add(diagnosis.Critical, soa[:1], steps("Add an NS record at %s for every server of the zone.", show(z.name)), "%s has no NS record", show(z.name))
		return j.end()
	},
}

var within = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.within",
		Title:    "All records belong to the zone",
		Severity: diagnosis.Warning,
		Why:      "A record of another zone is not served: what it was to say is said by nobody.",
		Doc: `A server answers for the names of its zone only. A record with another name is ignored (BIND, with a line in the log) or makes the server refuse the zone (NSD, Knot).

To fix it, move the record to the file of its own zone. If it was meant for this one, its name ends wrongly: look at the final dot and at the $ORIGIN above it. A host that serves as MX for a domain has its addresses in its own zone, not in that of the domain; the record by which another domain consents to DMARC reports stands in the zone of that other domain.`,
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 5.2"}, {Name: "RFC 1034, 4.2"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.entries)+len(z.outside), "record")
		for _, e := range z.outside {
			j.add(diagnosis.Warning, one(e), steps("Move it to the file of its own zone, or mend its name."), "%s is not in the zone %s", show(e.Name), show(z.name))
		}
		return j.end()
	},
}
