package cmd

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/report"
)

// filterFlags adds the flags that name spam filters.
func (f *messageFlags) filterFlags(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.spamd, "spamd", nil, "ask this SpamAssassin too: the `address` of its spamd,\n127.0.0.1:783 or unix:/run/spamd.sock")
	cmd.Flags().StringArrayVar(&f.rspamd, "rspamd", nil, "ask this rspamd too: the `URL` of a worker, such as\nhttp://127.0.0.1:11333")
	for _, name := range []string{"spamd", "rspamd"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
}

// namedFilters is the filters that the flags name; password is for rspamd.
func (f messageFlags) namedFilters(password string) (list []spam.Filter, err error) {
	for _, text := range f.spamd {
		s, err := spam.ParseSpamd(text)
		if err != nil {
			return nil, fmt.Errorf("--spamd %w", err)
		}
		list = append(list, s)
	}
	for _, text := range f.rspamd {
		s, err := spam.ParseRspamd(text)
		if err != nil {
			return nil, fmt.Errorf("--rspamd %w", err)
		}
		s.Password = func() string { return password }
		list = append(list, s)
	}
	return list, nil
}

// askFilters asks the filters while the message is judged, or has what a recording
// says of them.
func (f messageFlags) askFilters(ctx context.Context, m *message.Message, e judge.Envelope) <-chan []spam.Answer {
	answers := make(chan []spam.Answer, 1)
	if len(f.filters) == 0 {
		answers <- f.answered
		return answers
	}
	go func() {
		answers <- spam.Ask(ctx, f.filters, m.Raw, spam.Envelope{Client: e.Client, HELO: e.HELO, MailFrom: e.MailFrom, Known: e.Known})
	}()
	return answers
}

// filtered puts answers on a page. That a filter takes the mail for spam is a
// finding; one that does not answer is a doubt.
func filtered(page *report.Message, answers []spam.Answer) {
	page.Filters = answers
	for _, a := range answers {
		switch v := a.Verdict; {
		case v == nil:
			page.Doubts = append(page.Doubts, diagnosis.Doubt{Subject: a.Filter, Reason: a.Error})
		case v.Spam:
			page.Findings = append(page.Findings, diagnosis.Finding{
				Subject: a.Filter, Severity: diagnosis.Warning, Message: fmt.Sprintf("%s takes the mail for spam", a.Filter),
				Remedy: diagnosis.Remedy{Steps: []string{"Look below at the rules that give it the most points: those about authentication and reverse DNS go with what is told here; those about the text name what to write otherwise."}},
			})
		}
	}
}
