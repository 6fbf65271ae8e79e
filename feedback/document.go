package feedback

import (
	"fmt"
	"iter"
)

// A Document is one report and where it was found. Either Aggregate or TLS is set.
type Document struct {
	Name      string // the file and what stands in it: "reports.mbox, message 3, a.xml.gz"
	Aggregate *Aggregate
	TLS       *TLS
	Mail      *Mail // that brought it; nil where none did
	// Notes say what of it was wrong and how it was read; those about records are
	// complete when Records has ended.
	Notes []Note

	records iter.Seq2[*Record, error]
}

// A Note is something wrong with a report that did not keep it from being read.
type Note struct {
	Text  string
	Count int // how often
}

// Records ranges over the records of a DMARC report, once, in their order. A record
// holds until the next. An error, always a *Refusal, is the last: the report breaks
// off or goes beyond a bound, and what came until then is not all that there is.
//
// They are to be taken before the next document is.
func (d *Document) Records() iter.Seq2[*Record, error] {
	if d.records == nil {
		return func(func(*Record, error) bool) {}
	}
	return d.records
}

// maxNotes bounds the notes on one document.
const maxNotes = 32

// note notes what is wrong; the same once, with how often.
func (d *Document) note(format string, args ...any) {
	text := fmt.Sprintf(format, args...)
	for i := range d.Notes {
		if d.Notes[i].Text == text {
			d.Notes[i].Count++
			return
		}
	}
	if len(d.Notes) < maxNotes {
		d.Notes = append(d.Notes, Note{text, 1})
	}
}

// A Mail is what the mail that brought a report says of itself. Nothing of it is
// verified.
type Mail struct {
	From    string   // the author domain, absolute; empty where there is none
	Signers []string // d= of its DKIM signatures, absolute, each once
	Subject string
	// DMARC is what the topmost Authentication-Results field says, such as "pass";
	// empty where it says nothing.
	DMARC string
}

// A Refusal is why something could not be read. Next is what to do about it.
type Refusal struct {
	Name         string
	Reason, Next string
	// Other tells that it is no report at all, and was not named: a letter in a
	// mailbox, a text beside the reports.
	Other bool
}

func (r *Refusal) Error() string {
	if r.Next == "" {
		return r.Name + ": " + r.Reason
	}
	return r.Name + ": " + r.Reason + "; " + r.Next
}
