package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/report"
)

// boxesHere opens the addresses of the server of this host, to look at.
func (a *app) boxesHere(f serverFlags) (*inbox.Boxes, error) {
	dir, err := a.stateDir(f)
	if err == nil {
		err = existing(dir)
	}
	if err != nil {
		return nil, err
	}
	return openBoxes(dir)
}

func (a *app) inboxListCommand() *cobra.Command {
	var f serverFlags
	var o *output
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List the test addresses of this host, and what came for them",
		Long: `List shows the addresses that take mail now, in the state directory of
maildoctor mta run, with the mails that came. It changes nothing, and no server
has to run.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return a.inboxList(f, o) },
	}
	cmd.Flags().SortFlags = false
	inboxPlaceFlags(cmd, &f)
	o = a.outputFlags(cmd)
	o.showFlags(cmd)
	return cmd
}

func (a *app) inboxList(f serverFlags, o *output) error {
	if err := o.check(); err != nil {
		return err
	}
	boxes, err := a.boxesHere(f)
	if err != nil {
		return err
	}
	addresses, err := boxes.Addresses()
	if err != nil {
		return err
	}
	var list []report.TestAddress
	for _, address := range addresses {
		mails, err := boxes.Messages(address)
		if err != nil {
			return err
		}
		one := report.TestAddress{Address: address.Name, Made: address.Made, Until: address.Until}
		for _, m := range mails {
			mail := report.TestMail{ID: m.ID, At: m.At, From: m.From, Size: m.Size}
			if client := m.Envelope().Client; client.IsValid() {
				mail.Client = client.String()
			}
			one.Mails = append(one.Mails, mail)
		}
		list = append(list, one)
	}
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.InboxJSON(w, list)
		}
		return report.InboxText(w, list, o.text())
	})
}

func (a *app) inboxShowCommand() *cobra.Command {
	var f inboxFlags
	cmd := &cobra.Command{
		Use:   "show ADDRESS|ID",
		Short: "Show again what came for a test address",
		Long: `Show reports on each mail that came for a test address, or on the one of that
ID, as inbox did or would have done. A mail is judged as of its arrival; the DNS
is asked as it is now. With --raw it is the mail itself that is shown, octet by
octet, with the fields of the receiving side on top.

` + exitHelp,
		Example: `  maildoctor inbox show test-…@example.com
  maildoctor inbox show 01kkrwj2m5x3a7qp --format json
  maildoctor inbox show 01kkrwj2m5x3a7qp --raw > mail.eml`,
		Args:              cobra.MaximumNArgs(1),
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.inboxShow(cmd.Context(), f, args)
		},
	}
	cmd.Flags().SortFlags = false
	inboxPlaceFlags(cmd, &f.serverFlags)
	cmd.Flags().BoolVar(&f.raw, "raw", false, "show the mail as it is, and no report")
	f.resolverFlag(cmd)
	f.choiceFlags(a, cmd, checks.Messages)
	f.judgingFlags(cmd)
	f.endFlags(a, cmd, "mail")
	f.timeout = span(judge.Time)
	cmd.Flags().Lookup("timeout").DefValue, cmd.Flags().Lookup("timeout").Usage = f.timeout.String(), "how long the DNS may take, for each mail"
	return cmd
}

func (a *app) inboxShow(ctx context.Context, f inboxFlags, args []string) error {
	if len(args) == 0 {
		return usage(errors.New("no address given; maildoctor inbox list shows them, with the IDs of their mails"))
	}
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.output.check(); err != nil {
		return err
	}
	if err := f.named(); err != nil {
		return err
	}
	boxes, err := a.boxesHere(f.serverFlags)
	if err != nil {
		return err
	}
	mails, err := mailsOf(boxes, args[0])
	if err != nil {
		return err
	}
	if f.raw {
		return a.inboxRaw(boxes, mails, f.output)
	}
	reader, err := a.inboxReader(ctx, f)
	if err != nil {
		return err
	}
	defer reader.world.close()
	reader.flags.timeout = f.timeout
	var pages []report.Message
	var reports []diagnosis.Report
	for _, m := range mails {
		page, err := reader.read(ctx, boxes, m)
		if err != nil {
			return err
		}
		pages, reports = append(pages, page), append(reports, foundIn(page))
	}
	if err := f.output.print(func(w io.Writer) error { return printPages(w, f.output, pages, 0) }); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; what is not in the report is unknown")}
	}
	return gate.judge(reports)
}

// inboxRaw shows a mail itself.
func (a *app) inboxRaw(boxes *inbox.Boxes, mails []inbox.Mail, o *output) error {
	if len(mails) != 1 {
		return usage(fmt.Errorf("%d mails came for the address, and --raw shows one; give its ID, which maildoctor inbox list has", len(mails)))
	}
	text, err := boxes.Text(mails[0])
	if err != nil {
		return err
	}
	if _, tty := terminal(a.out); tty && o.path == "" { // it is somebody else's text
		text = []byte(escapedLines(strings.ReplaceAll(string(text), "\r\n", "\n")))
	}
	if o.path == "" {
		_, err = a.out.Write(text)
		return err
	}
	return o.print(func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// mailsOf is the mails that an argument names: an address, or an ID.
func mailsOf(boxes *inbox.Boxes, name string) ([]inbox.Mail, error) {
	name = strings.TrimSpace(name)
	if strings.Contains(name, "@") {
		address, err := boxes.Find(strings.Trim(name, "<>"))
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		mails, err := boxes.Messages(address)
		if err == nil && len(mails) == 0 {
			err = fmt.Errorf("no mail came for %s yet", address.Name)
		}
		return mails, err
	}
	addresses, err := boxes.Addresses()
	if err != nil {
		return nil, err
	}
	for _, address := range addresses {
		mails, err := boxes.Messages(address)
		if err != nil {
			return nil, err
		}
		for _, m := range mails {
			if m.ID == name {
				return []inbox.Mail{m}, nil
			}
		}
	}
	return nil, fmt.Errorf("no mail has the ID %q, or its time is over; maildoctor inbox list shows those that are there", name)
}
