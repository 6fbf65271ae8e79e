package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// auditFlags are the flags of migrate audit as they are given.
type auditFlags struct {
	planFlags
	on         string // --switch
	subdomains []string
	list       string
	reports    []string
	mails      []string
}

func (a *app) migrateAuditCommand() *cobra.Command {
	f := auditFlags{planFlags: planFlags{save: &output{app: a, flag: "--save", private: true}, named: true}}
	cmd := &cobra.Command{
		Use:   "audit [DOMAIN]",
		Short: "What there is, what stands in the way of a move, and its plan",
		Long: `Audit looks at the mail of a domain as it is and at what maildoctor.yaml wants
of it, and plans the way from one to the other. It changes nothing.

It takes stock of all that has to do with mail, and says what becomes of it:
what stays, what changes and when, and what only its owner knows. It examines
the domain as it is, as it would be while both sides are in use, and as it would
be in the end; and the new host, as maildoctor ip does, with its port 25. And it
says what stands in the way, with the date or the act that lifts it.

The plan has the steps in order, with their times before and after the switch.
They follow from TTLs, from how long senders remember an MTA-STS policy, and
from how long they try. Without --switch it is as early as is safe.

What is there is read from the DNS, a zone file (--zone) or the provider. DKIM
selectors cannot be listed: name those that are not the usual ones.

Exit codes:
  0    nothing stands in the way but what the plan waits for
  1    something does, or the move brings a finding above advice
  2    wrong usage
  3    with --strict: in order, but something could not be told
  4    what was asked for could not be done: what is there could not be read
  130  interrupted`,
		Example: `  maildoctor migrate audit --to maildoctor.yaml
  maildoctor migrate audit example.com --to new.yaml --selector s1,mail2024
  maildoctor migrate audit --to new.yaml --switch 2026-12-05T06:00 --save move.json
  maildoctor migrate audit --to new.yaml --format markdown --output move.md`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.migrateAudit(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVarP(&f.file, "to", "t", wantedFile, "the `file` that says what is wanted, not\n"+wantedFile+"; - is standard input")
	flags.Lookup("to").DefValue = ""
	flags.StringVar(&f.on, "switch", "", "the `time` of the switch: 2026-12-05, or with an hour\nas in 2026-12-05T06:00; UTC unless it says else")
	flags.StringSliceVar(&f.subdomains, "subdomain", nil, "a `name` below the domain that sends or takes mail\n(repeatable)")
	flags.StringVar(&f.list, "subdomains", "", "a `file` with such names, one a line")
	flags.StringArrayVar(&f.reports, "reports", nil, "DMARC reports that tell who sends: a `file` or a\ndirectory (repeatable)")
	flags.StringArrayVar(&f.mails, "mail", nil, "a saved mail of the domain, that tells who signs\nit: a `file` (repeatable)")
	flags.StringVar(&f.zone, "zone", "", "a zone `file` that is there, in place of the DNS;\n- is standard input")
	flags.StringVar(&f.replay, "replay", "", "look at the world of such a recording, offline")
	a.providerFlags(cmd, &f.provider)
	flags.StringSliceVar(&f.accept, "accept", nil, "accept that a `check` finds more than before\n(repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("accept", a.completeNames(0))
	flags.StringVar(&f.save.path, "save", "", "keep the move in this `file`, whole or not at all")
	f.save.named = func() bool { return flags.Changed("save") }
	a.worldFlags(cmd, &f.planFlags)
	f.output.format.words = moveFormats
	flags.Lookup("format").Usage = "how to print: text, json, markdown, html or\nics"
	for _, name := range []string{"switch", "subdomain"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// moveFormats are those that a move is printed in.
var moveFormats = []string{"text", "json", "markdown", "html", "ics"}

// printMove prints a move in the format asked for.
func (o *output) printMove(page report.Moving) error {
	return o.print(func(w io.Writer) error {
		switch o.format.value {
		case "json":
			return report.MoveJSON(w, page)
		case "markdown":
			return report.MoveMarkdown(w, page.Move)
		case "html":
			return report.MoveHTML(w, page.Move)
		case "ics":
			return report.MoveICS(w, page.Move)
		}
		return report.Move(w, page, o.text())
	})
}

func (a *app) migrateAudit(ctx context.Context, f auditFlags, args []string) error {
	if len(args) > 1 {
		return usage(errors.New("migrate audit takes one domain"))
	}
	if f.save.path == "-" {
		return usage(errors.New("--save takes a file; --format json shows the move"))
	}
	for _, o := range []*output{f.output, f.save} {
		if err := o.check(); err != nil {
			return err
		}
	}
	x, err := a.auditing(ctx, f, args)
	if err != nil {
		return err
	}
	defer x.world.close()
	if f.save.named() {
		if err := x.takeUp(f.save.path); err != nil {
			return err
		}
	}
	page, err := x.audit(ctx)
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; nothing is planned")}
	}
	if err != nil {
		return err
	}
	if f.save.named() {
		if err := a.beginMove(f.save, &page.Move, f.file); err != nil {
			return err
		}
		page.File = f.save.path
	}
	if err := f.output.printMove(page); err != nil {
		return err
	}
	return f.ends(page)
}

// ends says how the program ends.
func (f auditFlags) ends(page report.Moving) error {
	if n := len(page.Move.Open()); n > 0 {
		return &codeError{exitFound, fmt.Errorf("%s in the way of the move", stand(n))}
	}
	if worse := page.Worse(); len(worse) > 0 {
		return &codeError{exitFound, fmt.Errorf("the move brings findings above advice; to take that, --accept %s", strings.Join(ids(worse), ","))}
	}
	if len(page.Conflicts) > 0 {
		return &codeError{exitFound, errors.New("not all that is wanted can be")}
	}
	unknown := false
	for _, b := range page.Move.Blockers {
		unknown = unknown || b.Unknown
	}
	if f.strict && unknown {
		return &codeError{code: exitUnknown}
	}
	var reports []diagnosis.Report
	if page.Final != nil {
		reports = append(reports, page.Final.After)
	}
	return gate{never: true, strict: f.strict}.judge(reports)
}

func stand(n int) string {
	if n == 1 {
		return "1 thing stands"
	}
	return fmt.Sprintf("%d things stand", n)
}

// whenSwitched reads --switch.
func whenSwitched(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	for _, form := range []string{time.RFC3339, "2006-01-02T15:04Z07:00", "2006-01-02T15:04", "2006-01-02 15:04", time.DateOnly} {
		if t, err := time.Parse(form, text); err == nil {
			return t.UTC(), nil
		}
	}
	return time.Time{}, usage(fmt.Errorf("--switch %q: give a day, as in 2026-12-05, or a time, as in 2026-12-05T06:00", text))
}

// takeUp goes on with the move that a file keeps, if there is one.
func (x *auditing) takeUp(path string) error {
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	m, err := x.app.readMove(path)
	if err != nil {
		return err
	}
	if m.Domain != x.domain {
		return usage(fmt.Errorf("%s keeps the move of %s, not of %s", path, record.Display(m.Domain), record.Display(x.domain)))
	}
	x.begun = &m
	return nil
}
