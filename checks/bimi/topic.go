// Package bimi holds a domain that publishes a logo for its mail (BIMI) to what
// receivers ask of the record, of the logo, of the mark certificate, and of the
// DMARC policy behind them. Who publishes none is not asked to.
package bimi

import (
	"fmt"
	"slices"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/bimi"
	"github.com/maildoctor/maildoctor/record"
)

// Checks is the checks of this topic.
var Checks checks.Topic

// maxFaults bounds the faults of one text that are told one by one.
const maxFaults = 8

// The documents that the checks go by.
var (
	draft   = diagnosis.Ref{Name: "draft-brand-indicators-for-message-identification", URL: "https://datatracker.ietf.org/doc/draft-brand-indicators-for-message-identification/"}
	profile = diagnosis.Ref{Name: "draft-svg-tiny-ps-abrotman", URL: "https://datatracker.ietf.org/doc/draft-svg-tiny-ps-abrotman/"}
	gmail   = diagnosis.Ref{Name: "Google: set up BIMI", URL: "https://support.google.com/a/answer/10911320"}
	yahoo   = diagnosis.Ref{Name: "Yahoo: BIMI", URL: "https://senders.yahooinc.com/bimi/"}
	apple   = diagnosis.Ref{Name: "Apple: BIMI support in Apple Mail", URL: "https://developer.apple.com/support/bimi/"}
	marks   = diagnosis.Ref{Name: "Mark Certificate Requirements", URL: "https://bimigroup.org/resources/VMC_Requirements_latest.pdf"}
)

// at is where the record stands, for readers.
func at(r facts.BIMIRecord) string {
	return bimi.Selector + "._bimi." + record.Display(r.Domain)
}

// absent is what was seen of a domain without a record.
func absent(r facts.BIMIRecord) []diagnosis.Evidence {
	return []diagnosis.Evidence{{Question: "TXT " + at(r), Answer: "no BIMI record; optional"}}
}

// told is what was seen of the record that receivers go by.
func told(r facts.BIMIRecord) diagnosis.Evidence {
	return diagnosis.Evidence{Question: at(r), Answer: r.Text()}
}

// publish is the remedy after which want is the one record there. Foreign texts
// stay. Where a record is written in a way that its slot does not hold
// (` v=BIMI1`), the edit is of the whole TXT set.
func publish(r facts.BIMIRecord, want bimi.Record, before ...string) diagnosis.Remedy {
	name, ok := bimi.Name(r.Domain)
	if !ok {
		return diagnosis.Remedy{}
	}
	whole := record.TXT(name, want.String())
	if len(r.Answer.Chain) > 0 { // the texts are somebody else's
		return diagnosis.Remedy{Steps: append(before, fmt.Sprintf("%s is an alias of %s: have the record there put right by whoever runs it, or publish in place of the alias: %s",
			at(r), record.Display(r.Answer.Target()), line(whole)))}
	}
	slot := record.Slot{Name: name, Type: "TXT", Tag: bimi.Version}
	all := []record.Record{whole}
	if slices.ContainsFunc(r.Answer.Records, func(own record.Record) bool { return bimi.IsMeant(own.Data) && !slot.Holds(own) }) {
		slot.Tag = ""
		for _, own := range r.Answer.Records {
			if !bimi.IsMeant(own.Data) {
				all = append(all, record.TXT(own.Name, own.Data))
			}
		}
	}
	return diagnosis.Remedy{Edits: []record.Edit{record.Set(slot, all...)}, Steps: before}
}

// sound reports whether r can be published: it says something, without faults.
func sound(r bimi.Record) bool {
	_, problems := bimi.Parse(r.String())
	return !r.Declines() && len(bimi.Serious(problems)) == 0
}

// line is r ready to paste.
func line(r record.Record) string { return "`" + r.String() + "`" }

// clip bounds a word of a host in a message.
func clip(s string) string {
	const most = 160
	if len(s) > most {
		return s[:most] + "…"
	}
	return s
}
