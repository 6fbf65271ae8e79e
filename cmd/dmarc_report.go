package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/senders"
)

// feedbackFlags are the flags of dmarc report as they are given.
type feedbackFlags struct {
	domain, since   string
	sinceFile       string
	strangers       []string
	keep            bool
	doubted, strict bool
	ask             askFlags
	name            string    // domain, canonical
	from            time.Time // since
}

func (a *app) dmarcReportCommand() *cobra.Command {
	var f feedbackFlags
	o := &output{app: a}
	cmd := &cobra.Command{
		Use:   "report FILE|DIRECTORY...",
		Short: "Who sends as the domain, and when its policy can be stricter",
		Long: `Report reads DMARC aggregate reports (RFC 9990, and RFC 7489 before it) and SMTP
TLS reports (RFC 8460) as they come: XML and JSON, in gzip or zip, attached to
saved mails, in mbox files, in Maildirs and folders, or - for standard input.

It tells who sends as the domain, by published address ranges and by what
authenticates the mail; what of it is aligned; what is new since the last time;
what would break at quarantine and at reject; and the next step of the policy,
with the day from which it is safe. Forwarders are told apart from services of
yours that nobody has set up.

What cannot be read is named with its reason, and the others count. Reports that
contradict the mail that brought them, or that cannot be true, are set aside.
Nothing is sent anywhere: the DNS is asked for SPF records and for the policy,
unless --offline is given.

With --keep it is remembered who sends, in the state directory of maildoctor
(MAILDOCTOR_STATE_DIR), so that the next run tells what is new.

Exit codes:
  0    what may be yours is aligned, and no report looks forged
  1    some is not, or TLS failed, or reports were set aside
  2    wrong usage
  3    with --strict: no such thing, but a file could not be read
  4    nothing could be read
  130  interrupted`,
		Example: `  maildoctor dmarc report reports/
  maildoctor dmarc report ~/Maildir/.dmarc --domain example.com --since 30d
  maildoctor dmarc report google.com*.zip --verbose
  maildoctor dmarc report - --offline < report.xml.gz
  maildoctor dmarc report reports/ --keep --format json -o senders.json`,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.dmarcReport(cmd.Context(), o, f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.domain, "domain", "", "only this `domain` and what is below it; all that the\nreports are about, unless given")
	flags.StringVar(&f.since, "since", "", "only reports that end on this `day` or later:\n2026-01-31, or 30d for the last 30 days")
	flags.BoolVar(&f.keep, "keep", false, "remember who sends, so that the next run tells what is\nnew")
	flags.StringVar(&f.sinceFile, "since-file", "", "remember in this `file`, and not in the state\ndirectory; it is compared with if it is there")
	flags.StringArrayVar(&f.strangers, "stranger", nil, "this `source`, by the name that it has here, is none of\nyours (repeatable); --keep remembers it")
	flags.BoolVar(&f.doubted, "doubted", false, "let reports count that look forged")
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 when a file could not be read")
	flags.BoolVar(&f.ask.offline, "offline", false, "do not ask the DNS")
	f.ask.dns.resolverFlag(cmd)
	for _, name := range []string{"domain", "since", "stranger"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	o.format = choose(cmd, "format", "how to print: text, json or markdown", "text", "text", "json", "markdown")
	flags.StringVarP(&o.path, "output", "o", "", "write what is shown to this `file`, whole or not at\nall")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show every source, its addresses, keys and days, and\nwhat was wrong with reports that were read")
	o.named = func() bool { return flags.Changed("output") }
	return cmd
}

func (a *app) dmarcReport(ctx context.Context, o *output, f feedbackFlags, args []string) error {
	if len(args) == 0 {
		return usage(errors.New("no reports given; name files or folders, as in maildoctor dmarc report reports/, or give - to read standard input"))
	}
	now := a.clock()
	if err := f.read(now); err != nil {
		return err
	}
	if err := o.check(); err != nil {
		return err
	}
	if f.ask.offline && len(f.ask.dns.resolvers) > 0 {
		return usage(errors.New("--offline asks no DNS server, so --resolver has no use beside it; give one of them"))
	}
	read, err := a.readFeedback(ctx, f, args, now)
	if err != nil {
		return err
	}
	page, err := a.feedbackPage(ctx, f, read, now)
	if err != nil {
		return err
	}
	if err := o.print(func(w io.Writer) error {
		switch o.format.value {
		case "json":
			return report.FeedbackJSON(w, page)
		case "markdown":
			return report.FeedbackMarkdown(w, page)
		}
		return report.FeedbackText(w, page, o.text())
	}); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; what was read until then is shown, and nothing was kept")}
	}
	if f.keep && len(page.Domains) > 0 {
		if err := a.keepSenders(f, page, now); err != nil {
			return err
		}
	}
	return f.verdict(page)
}

// read makes sense of the flags.
func (f *feedbackFlags) read(now time.Time) error {
	if f.domain != "" {
		name, err := record.ParseDomain(f.domain)
		if err != nil {
			return usage(fmt.Errorf("--domain %q %w", f.domain, err))
		}
		f.name = name
	}
	if f.sinceFile != "" && f.domain == "" {
		return usage(errors.New("--since-file is about one domain; say which with --domain"))
	}
	if f.since == "" {
		return nil
	}
	if days, ok := strings.CutSuffix(f.since, "d"); ok {
		if n, err := strconv.Atoi(days); err == nil && n > 0 && n < 10000 {
			f.from = now.UTC().AddDate(0, 0, -n).Truncate(24 * time.Hour)
			return nil
		}
	}
	day, err := time.Parse("2006-01-02", f.since)
	if err != nil {
		return usage(fmt.Errorf("--since %q is no day; give one as in 2026-01-31, or 30d for the last 30 days", f.since))
	}
	f.from = day
	return nil
}

// verdict is the exit code.
func (f *feedbackFlags) verdict(page report.Feedback) error {
	for _, d := range page.Domains {
		if d.Wrong() {
			return &codeError{code: exitFound}
		}
	}
	switch {
	case len(page.Domains) == 0:
		return f.nothing(page)
	case f.strict && len(page.Refused) > 0:
		return &codeError{code: exitUnknown}
	}
	return nil
}

// nothing is why there is nothing to tell.
func (f *feedbackFlags) nothing(page report.Feedback) error {
	switch {
	case page.Elsewhere > 0:
		return fmt.Errorf("no report is about %s; there are reports about other domains", record.Display(f.name))
	case len(page.Refused) > 0:
		return errors.New("no report could be read")
	}
	return errors.New("there is no report in what was named; receivers send them to the rua address of the DMARC record")
}

// keepSenders keeps who sends, for the next time.
func (a *app) keepSenders(f feedbackFlags, page report.Feedback, now time.Time) error {
	for _, d := range page.Domains {
		if d.Tally.Reports == 0 {
			continue
		}
		if err := a.saveSenders(f, d.Tally.Domain(), d.Tally.Remember(d.Sources, now)); err != nil {
			return fmt.Errorf("--keep: who sends as %s could not be kept: %w", record.Display(d.Tally.Domain()), err)
		}
	}
	return nil
}

// deskOf is where the reports are added up.
func (f *feedbackFlags) desk(now time.Time) *senders.Desk {
	return senders.NewDesk(f.name, senders.Options{Now: now, Since: f.from, Trust: f.doubted})
}
