package cmd

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/senders"
)

const (
	// sendersFile holds who was known to send as a domain, in the folder of it.
	sendersFile = "senders.json"
	maxSenders  = 16 << 20 // octets of it
	maxRefused  = 10_000   // files that are named one by one
	maxOdd      = 500      // different notes on reports
)

// A gathering is what was read of reports.
type gathering struct {
	desk *senders.Desk
	page report.Feedback // without its domains
}

// readFeedback reads and adds up all reports. One that cannot be read does not stop the
// others.
func (a *app) readFeedback(ctx context.Context, f feedbackFlags, paths []string, now time.Time) (g gathering, err error) {
	for _, path := range paths { // before anything is read: a name that is wrong is soon mended
		if path == "-" {
			continue
		}
		if _, err := os.Stat(path); err != nil {
			return g, usage(fmt.Errorf("%s: %w", path, plainError(err)))
		}
	}
	g.desk = f.desk(now)
	for doc, err := range feedback.Read(ctx, paths, feedback.Options{Stdin: a.in}) {
		if err == nil {
			if err = g.desk.Take(doc); err == nil {
				g.odd(doc)
			}
		}
		var no *feedback.Refusal
		switch {
		case ctx.Err() != nil: // what was read until then is told
			return g, nil
		case errors.As(err, &no) && no.Other:
			g.page.Others++
		case errors.As(err, &no):
			if len(g.page.Refused) < maxRefused {
				g.page.Refused = append(g.page.Refused, *no)
			}
		case err != nil:
			return g, err
		}
	}
	g.page.Elsewhere = g.desk.Elsewhere
	return g, nil
}

// odd notes what of a report was wrong.
func (g *gathering) odd(doc *feedback.Document) {
	notes := g.page.Notes
next:
	for _, n := range doc.Notes {
		for i := range notes {
			if notes[i].Text == n.Text {
				notes[i].Reports++
				continue next
			}
		}
		if len(notes) < maxOdd {
			notes = append(notes, report.FeedbackNote{Text: n.Text, Name: doc.Name, Reports: 1})
		}
	}
	g.page.Notes = notes
}

// feedbackPage is what there is to tell.
func (a *app) feedbackPage(ctx context.Context, f feedbackFlags, g gathering, now time.Time) (report.Feedback, error) {
	page := g.page
	for _, t := range g.desk.Tallies() {
		if t.Reports == 0 && t.TLS().Reports == 0 && len(t.Aside) == 0 {
			continue
		}
		d := report.Reported{Tally: t}
		t.Disown(f.strangers...)
		state, known, err := a.loadSenders(f, t.Domain())
		if err != nil {
			return page, err
		}
		if known {
			t.Since(state)
			d.Since = "on " + state.At.Format("2006-01-02")
		}
		page.Domains = append(page.Domains, d)
	}
	published, err := f.published(ctx, page.Domains)
	if err != nil {
		return page, err
	}
	for i := range page.Domains {
		d := &page.Domains[i]
		d.Sources = d.Tally.Sources()
		d.Outlook = d.Tally.Outlook(d.Sources, now)
		if step := d.Outlook.Next; published[i] != nil && step.Policy != "" {
			next := published[i].WithPolicy(step.Policy).WithTesting(step.Testing).Clean()
			d.Records = []record.Record{record.TXT("_dmarc."+d.Tally.Domain(), next.String())}
		}
	}
	return page, nil
}

// published asks the DNS for the policy of each domain, and for the ranges that it and
// services publish. A policy is nil where there is none, or where it could not be told.
func (f feedbackFlags) published(ctx context.Context, domains []report.Reported) ([]*dmarc.Record, error) {
	list := make([]*dmarc.Record, len(domains))
	if f.ask.offline || ctx.Err() != nil || len(domains) == 0 {
		return list, nil
	}
	err := f.ask.with(ctx, func(ctx context.Context, dns resolve.Resolver) {
		for i := range domains {
			if domains[i].Tally.Reports > 0 {
				list[i], domains[i].Untold = know(ctx, dns, domains[i].Tally)
			}
		}
	})
	if ctx.Err() != nil { // what was read is told all the same
		err = nil
	}
	return list, err
}

// know has a tally know what is published. untold is why it does not.
func know(ctx context.Context, dns resolve.Resolver, t *senders.Tally) (published *dmarc.Record, untold string) {
	answer, err := dns.Resolve(ctx, resolve.Ask("_dmarc."+t.Domain(), "TXT"))
	if err == nil { // a server that does not answer this answers nothing else
		if published = policyIn(answer.Texts()); published != nil {
			t.Publish(*published)
		}
		var ranges []senders.Range
		if ranges, err = senders.Published(ctx, dns, t.Domain()); len(ranges) > 0 {
			err = nil
		}
		t.Know(ranges)
	}
	if err != nil {
		untold = "the DNS did not answer (" + firstLine(err) + ")"
	}
	return published, untold
}

func firstLine(err error) string {
	line, _, _ := bytes.Cut([]byte(err.Error()), []byte("\n"))
	return string(line)
}

// policyIn is the one policy record in texts.
func policyIn(texts []string) *dmarc.Record {
	var is *dmarc.Record
	for _, text := range texts {
		if !dmarc.IsRecord(text) {
			continue
		}
		if is != nil { // receivers discard both
			return nil
		}
		r, _ := dmarc.Parse(text)
		is = &r
	}
	return is
}

// loadSenders is who was known to send as a domain.
func (a *app) loadSenders(f feedbackFlags, domain string) (s senders.State, known bool, err error) {
	var text []byte
	place := f.sinceFile
	if place != "" {
		text, err = readShort(place)
	} else {
		kept, dirErr := a.ledger()
		if dirErr != nil {
			if f.keep {
				return s, false, dirErr
			}
			return s, false, nil // a system that has no place for it remembers nothing
		}
		place = filepath.Join(kept.Path(), record.Display(domain), sendersFile)
		text, err = kept.Load(domain, sendersFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return s, false, nil
	}
	if err == nil {
		s, err = senders.ReadState(text, domain)
	}
	if err != nil {
		return s, false, fmt.Errorf("%s: %w; move it away to begin anew", place, plainError(err))
	}
	return s, true, nil
}

func readShort(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, maxSenders+1))
	if err == nil && len(text) > maxSenders {
		err = fmt.Errorf("it has more than %d MiB", maxSenders>>20)
	}
	return text, err
}

func (a *app) saveSenders(f feedbackFlags, domain string, s senders.State) error {
	text, err := json.MarshalIndent(s, "", "  ")
	if err != nil {
		return err
	}
	text = append(text, '\n')
	if f.sinceFile != "" {
		file := &output{app: a, path: f.sinceFile, flag: "--since-file", private: true}
		return file.print(func(w io.Writer) error {
			_, err := w.Write(text)
			return err
		})
	}
	kept, err := a.ledger()
	if err != nil {
		return err
	}
	return kept.Save(domain, sendersFile, text)
}
