package zonelint

import (
	"strings"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

var originDot = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.origin-dot",
		Title:    "$ORIGIN names the zone with its final dot",
		Severity: diagnosis.Critical,
		Why:      "Without the dot every name below it ends in the zone twice: none of the records is where anybody looks for it, or the server refuses the zone.",
		Doc: "A name without a final dot is relative, that of $ORIGIN too: in the zone example.org, `$ORIGIN example.org` means example.org.example.org. A relative name that adds a label (`$ORIGIN sub`) is fine.\n\n" +
			"To fix it, write the dot: `$ORIGIN example.org.`\n\n" +
			"BIND refuses such a file, as the records stand outside of its zone or the zone has no SOA record; a tool that does not know the zone reads it as it was meant, so that the fault shows late.",
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 5.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		n := 0
		j := z.judge(1, "$ORIGIN")
		for _, d := range z.file.Directives {
			if d.Name != "$ORIGIN" {
				continue
			}
			n++
			arg := record.Canonical(d.Args[0])
			if strings.HasSuffix(d.Args[0], ".") || d.Args[0] == "@" || !strings.Contains(d.Args[0], ".") {
				continue
			}
			if record.Within(arg, z.name) || d.Origin == strings.TrimSuffix(arg, ".")+"."+arg || icann(arg) {
				place := z.file.Place(zonefile.Entry{File: d.File, Line: d.Line})
				j.add(diagnosis.Critical, nil, steps("Write: $ORIGIN %s", clip(arg, 80)), "$ORIGIN %.80s lacks the final dot: in the zone of that name it means %s", d.Args[0], clip(strings.TrimSuffix(arg, ".")+"."+arg, 160))
				last := len(j.Findings) - 1
				j.Findings[last].Places = append(j.Findings[last].Places, place)
			}
		}
		if n == 0 {
			return z.judge(0, "$ORIGIN").end()
		}
		return j.end()
	},
}

// icann reports whether name looks like one of the public DNS: it has two labels
// or more and ends in a suffix under which names are registered.
func icann(name string) bool {
	suffix, managed := publicsuffix.PublicSuffix(strings.ToLower(strings.TrimSuffix(name, ".")))
	return managed && suffix != strings.TrimSuffix(name, ".") && !strings.HasPrefix(name, "_")
}

var finalDot = rule{
	Rule: diagnosis.Rule{
		ID:       "zone.final-dot",
		Title:    "Full names end in a dot",
		Severity: diagnosis.Critical,
		Why:      "A name without its final dot has the zone added to it: mail is sent to mail.example.org.example.org, which does not exist.",
		Doc: "A name in a zone file that does not end in a dot is relative to the zone. `MX 10 mail.example.org` in the zone example.org leads to mail.example.org.example.org, and `MX 10 mx.provider.com` to mx.provider.com.example.org. The same holds for the name at the beginning of the line.\n\n" +
			"A name is taken for a full one whose dot was forgotten where it ends in the zone twice or, in MX, SRV, NS, CNAME, DNAME and PTR records, where it ends like a name of the public DNS and the zone has no such name. Names that are written out with their dot are believed.\n\n" +
			"To fix it, add the dot, or write the name relative to the zone: `mail`. Panels differ from zone files here: many want names without the dot.",
		Refs: []diagnosis.Ref{{Name: "RFC 1035, 5.1"}},
	},
	judge: func(z *zone) diagnosis.Verdict {
		j := z.judge(len(z.entries), "record")
		for _, e := range z.entries {
			for _, name := range z.dotless[e] {
				severity := diagnosis.Critical
				if !z.whole && !z.doubled(name) {
					severity = diagnosis.Warning // the rest of the zone may have it
				}
				meant := strings.TrimSuffix(name, "."+z.name) + "."
				j.add(severity, one(e), steps("Write %s with the dot at its end.", clip(meant, 80)), "the %s record of %s says %s without a final dot, which means %s", e.Type, show(e.Name), show(meant), show(name))
			}
			if z.doubled(e.Name) && e.Owner() != "" && !strings.HasSuffix(e.Owner(), ".") && strings.Contains(e.Owner(), ".") {
				meant := strings.TrimSuffix(e.Name, z.name)
				j.add(diagnosis.Critical, one(e), steps("Write %s with the dot at its end.", clip(meant, 80)), "the name %.80s lacks its final dot, so the record stands at %s", e.Owner(), show(e.Name))
			}
		}
		return j.end()
	},
}

// doubled reports whether a name ends in the zone twice.
func (z *zone) doubled(name string) bool {
	rest, ok := strings.CutSuffix(name, "."+z.name)
	return ok && record.Within(rest, z.name)
}

// withoutDot is the names in the data of e, as they are read, that lack their
// final dot by all appearance.
func (z *zone) withoutDot(e *zonefile.Entry) []string {
	var found []string
	for _, name := range targets(e.Record) {
		doubled := z.doubled(name)
		short, inside := strings.CutSuffix(name, "."+z.name)
		if !doubled && (!inside || len(z.at[name]) > 0 || !icann(short)) {
			continue
		}
		if addrs, known := z.addresses(name); !z.absolute(e) && !(known && len(addrs) > 0) {
			found = append(found, name)
		}
	}
	return found
}

// absolute reports whether the last word of the data is written with its dot.
func (z *zone) absolute(e *zonefile.Entry) bool {
	fields := e.Fields()
	return len(fields) == 0 || strings.HasSuffix(fields[len(fields)-1].Text, ".") || fields[len(fields)-1].Text == "@"
}
