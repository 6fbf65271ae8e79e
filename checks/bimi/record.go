package bimi

import (
	"context"
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/dns"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/bimi"
	"github.com/maildoctor/maildoctor/record"
)

// Record: what is published can be read.
var Record = Checks.Add(&checks.Check{
	Rule: diagnosis.Rule{
		ID:       "bimi.record",
		Title:    "A BIMI record, if there is one, is valid",
		Severity: diagnosis.Advice,
		Why:      "Receivers repair nothing in a BIMI record: with a fault in it your mail arrives as ever, but without your logo.",
		Doc: `BIMI (Brand Indicators for Message Identification) lets Gmail, Yahoo, Apple Mail, Fastmail and others show the logo of a domain beside its mail. It is a TXT record at default._bimi of the domain: v=BIMI1; l=https://example.com/logo.svg; a=https://example.com/logo.pem; where l is the logo and a the certificate that vouches for it, which may be left empty. avp says whether the brand or a person's own picture goes first; lps names local parts with logos of their own. It is optional, and nothing is held against a domain without it.

Receivers look for a record at the domain of the From address and then, if there is none, at its organizational domain. They discard texts that do not begin with exactly v=BIMI1, and if more than one is left, they show nothing. URLs are https, with a host name. A tag that stands twice makes the record invalid. The record v=BIMI1; l=; a=; says that a domain takes no part, for a subdomain of one that does.

A record at _bimi or at the domain itself is in a place where nobody looks.

To fix it, publish the one corrected record. Only the selector "default" is looked at here: others are used by messages that name them in a BIMI-Selector header field.`,
		Refs: []diagnosis.Ref{draft, {Name: "RFC 6376, 3.2"}},
	},
	Needs: []*checks.Check{dns.DomainExists},
	Run:   judgeRecord,
})

func judgeRecord(ctx context.Context, env *checks.Env) (diagnosis.Verdict, error) {
	var v diagnosis.Verdict
	r, err := facts.BIMI.Of(ctx, env)
	if err != nil {
		return v, err
	}
	serious := bimi.Serious(r.Problems)
	switch {
	case !r.Published():
		v.Seen = absent(r)
		return v, nil
	case r.Valid():
		v.Seen = remarks(r)
		return v, nil
	}
	v.Seen = []diagnosis.Evidence{{Question: r.Answer.Question.String(), Answer: r.Answer.String()}}
	add := func(remedy diagnosis.Remedy, format string, args ...any) {
		f := diagnosis.Finding{Subject: at(r), Severity: diagnosis.Advice, Message: fmt.Sprintf(format, args...), Evidence: v.Seen}
		if len(v.Findings) == 0 { // one record cures them all
			f.Remedy = remedy
		}
		v.Findings = append(v.Findings, f)
	}
	switch {
	case len(r.Texts) > 1:
		add(oneOf(r), "%s has %d BIMI records; receivers use none of them", at(r), len(r.Texts))
	case r.Text() != "":
		for i, p := range serious {
			if i == maxFaults {
				add(diagnosis.Remedy{}, "%s has %d more faults", at(r), len(serious)-i)
				break
			}
			add(corrected(r), "%s, character %d: %s", at(r), p.Offset+1, p.Message)
		}
	case len(r.Misses) > 0:
		add(oneOf(r), "%s has %d texts that were meant as BIMI records; none begins with %q", at(r), len(r.Misses), bimi.Version+";")
	default:
		v.Seen = []diagnosis.Evidence{{Question: r.Misplaced.Question.String(), Answer: r.Misplaced.String()}}
		add(moved(r), "the BIMI record stands at %s, where nobody looks; its place is %s", record.Display(r.Misplaced.Question.Name), at(r))
	}
	return v, nil
}

// remarks is what there is to see of a valid record.
func remarks(r facts.BIMIRecord) []diagnosis.Evidence {
	seen := told(r)
	if r.Record.Declines() {
		seen.Answer += "\nthe domain takes no part"
	}
	for _, p := range r.Problems {
		seen.Answer += "\n" + p.Message
	}
	return []diagnosis.Evidence{seen}
}

// corrected is the remedy that publishes what was meant.
func corrected(r facts.BIMIRecord) diagnosis.Remedy {
	if !sound(r.Record) {
		name, _ := bimi.Name(r.Domain)
		return diagnosis.Remedy{Steps: []string{
			"Put the logo, an SVG Tiny PS file, on a web server with https.",
			"Then publish one record with its URL in the form " + line(record.TXT(name, bimi.Record{Location: "https://" + record.Display(r.Domain) + "/logo.svg"}.String())) + ".",
			"To take no part, publish " + line(record.TXT(name, bimi.Record{}.String())) + " or no record.",
		}}
	}
	var before []string
	for _, url := range []string{r.Record.Location, r.Record.Evidence} {
		if url != "" {
			before = append(before, "See that "+url+" serves the file.")
		}
	}
	return publish(r, r.Record, before...)
}

// oneOf is the remedy for several records: where they mean the same it is
// published, else the owner has to choose.
func oneOf(r facts.BIMIRecord) diagnosis.Remedy {
	var meant []bimi.Record
	for _, text := range slices.Concat(r.Texts, r.Misses) {
		one, _ := bimi.Parse(text)
		if sound(one) && !slices.ContainsFunc(meant, func(other bimi.Record) bool { return other.String() == one.String() }) {
			meant = append(meant, one)
		}
	}
	if len(meant) == 1 {
		return publish(r, meant[0])
	}
	name, _ := bimi.Name(r.Domain)
	steps := []string{fmt.Sprintf("Decide which of the records is right, and delete the others at %s.", at(r))}
	for _, one := range meant[:min(len(meant), maxFaults)] {
		steps = append(steps, "It may be "+line(record.TXT(name, one.String()))+".")
	}
	return diagnosis.Remedy{Steps: steps}
}

// moved is the remedy for a record in the wrong place.
func moved(r facts.BIMIRecord) diagnosis.Remedy {
	meant, _ := bimi.Parse(r.Misplaced.Records[0].Data)
	if !sound(meant) {
		return corrected(r)
	}
	remedy := publish(r, meant)
	slot := record.Slot{Name: r.Misplaced.Question.Name, Type: "TXT", Tag: bimi.Version}
	if len(r.Misplaced.Chain) == 0 && slot.Holds(r.Misplaced.Records[0]) {
		remedy.Edits = append(remedy.Edits, record.Set(slot))
	}
	return remedy
}
