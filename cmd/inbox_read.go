package cmd

import (
	"context"
	"time"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/report"
)

// An inboxReader makes the page of a mail that was kept.
type inboxReader struct {
	flags  messageFlags
	world  stage
	chosen selection
}

// inboxReader reads the flags that say how a mail is judged.
func (a *app) inboxReader(ctx context.Context, f inboxFlags) (inboxReader, error) {
	r := inboxReader{flags: f.judging()}
	var err error
	if r.chosen, err = a.chooseOfMessages(f.only, f.skip); err != nil {
		return r, usage(err)
	}
	if r.flags.wanted, err = messagePolicies(f.policies); err != nil {
		return r, usage(err)
	}
	if r.flags.filters, err = r.flags.namedFilters(a.env("RSPAMD_PASSWORD")); err != nil {
		return r, usage(err)
	}
	r.world, err = a.messageWorld(ctx, r.flags)
	return r, err
}

// read judges a mail as of its arrival.
func (r inboxReader) read(ctx context.Context, boxes *inbox.Boxes, mail inbox.Mail) (report.Message, error) {
	text, err := boxes.Text(mail)
	if err != nil {
		return report.Message{}, err
	}
	m, _ := message.Parse(text)
	arrival := judge.Arrival{Envelope: mail.Envelope(), At: mail.At}
	if mail.Session != nil {
		arrival.Received = 1 // the topmost is ours
	}
	dns := r.world.asks()
	looking, cancel := context.WithTimeout(ctx, time.Duration(r.flags.timeout))
	defer cancel()
	names := make(chan inbox.Names, 1)
	go func() { names <- inbox.Look(looking, dns, mail) }()
	var saw []inbox.Sight
	flags := r.flags
	flags.seen = func(j judge.Judgement) []diagnosis.Result {
		saw = inbox.Saw(mail, j.IPRev, <-names)
		return inbox.Verdicts(saw)
	}
	page, _, _ := flags.page(ctx, r.world, dns, m, arrival, mail.At, r.chosen)
	for _, s := range saw {
		page.Saw = append(page.Saw, report.Sight{Name: s.Name, Said: s.Said, Outcome: s.Outcome, Severity: s.Severity})
	}
	return page, nil
}
