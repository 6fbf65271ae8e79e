package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/mailboxes"
	"github.com/maildoctor/maildoctor/rcpt"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// rehearseFlags are the flags of migrate rehearse as they are given.
type rehearseFlags struct {
	examFlags
	recipients string
	to         string
	mx         []string
	at         string
	size       string
	from       string
	each       int
	pause      span
	again      span
	mail       string
	yes        bool
}

func (a *app) migrateRehearseCommand() *cobra.Command {
	var f rehearseFlags
	cmd := &cobra.Command{
		Use:   "rehearse [MOVEFILE | DOMAIN]",
		Short: "Ask the new server for every mailbox, without sending",
		Long: `Rehearse asks the new mail hosts of a domain, before the switch, whether they
take mail for each mailbox and alias of the old server: MAIL, RCPT and RSET, and
no DATA, so that nothing is sent. It tells what is refused from what is put off
and from what could not be asked; whether an address that does not exist is
refused, as else the answers prove nothing; whether the certificate stands for
the name of the MX; and whether the largest message may pass (--size).

The recipients are those of a file: lines, a virtual alias map, what
"doveadm user '*'" prints, or the CSV of Google Workspace, Microsoft 365 and
those like them. Columns are known by their names. Lines that cannot be read
are told, and not asked for.

The new hosts are those of the file that migrate audit saved, of maildoctor.yaml
(--to), or named (--mx, --at). One connection at a time is made to each, with
pauses; a host that hangs up is asked for the rest later, and more slowly.

With --mail one real, signed message goes to the first new host at the end, as
by maildoctor e2e --via. It leaves this machine, and is asked for first.

Exit codes:
  0    every recipient is taken
  1    a recipient is refused, or the certificate or the size would not do
  2    wrong usage
  3    nothing of that, but not all could be told
  4    what was asked for could not be done
  130  interrupted`,
		Example: `  maildoctor migrate rehearse move.json --recipients users.csv
  maildoctor migrate rehearse --to maildoctor.yaml --recipients users.csv
  doveadm user '*' | maildoctor migrate rehearse move.json --recipients -
  maildoctor migrate rehearse example.com --mx mail.example.com \
    --at 192.0.2.25 --recipients users.txt --size 50M --again 6m`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.migrateRehearse(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.recipients, "recipients", "", "the `file` that lists mailboxes and aliases; - is\nstandard input")
	flags.StringVar(&f.to, "to", "", "the `file` that says what is wanted, in place of\nMOVEFILE")
	flags.StringSliceVar(&f.mx, "mx", nil, "a new mail `host`, as the MX will name it\n(repeatable)")
	flags.StringVar(&f.at, "at", "", "the `address` of the new host, where the DNS has it\nnot yet: 192.0.2.25, [2001:db8::25]:2525")
	flags.StringVar(&f.size, "size", "", "the largest `message` that has to pass, as in 50M")
	flags.StringVar(&f.from, "mail-from", "", "ask as this `sender`, not as the null one")
	flags.IntVar(&f.each, "each", 50, "how many one `connection` is asked for")
	f.pause = span(time.Second)
	flags.Var(&f.pause, "pause", "the time between connections")
	flags.Var(&f.again, "again", "after this time, ask once more for those that were\nput off (greylisting wants 5m and more)")
	flags.Lookup("again").DefValue = ""
	flags.StringVar(&f.mail, "mail", "", "then send one real message to this `address`, by the\nfirst new host")
	flags.BoolVarP(&f.yes, "yes", "y", false, "with --mail: do not ask before it is sent")
	f.nameFlag(cmd)
	f.resolverFlag(cmd)
	flags.StringVar(&f.replay, "replay", "", "rehearse in the world of such a recording, offline")
	for _, name := range []string{"mx", "at", "size", "mail-from", "each", "pause", "again", "mail"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	f.timeout = span(30 * time.Minute)
	flags.Var(&f.timeout, "timeout", "how long all of it may take")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	f.output = a.outputFlags(cmd).showFlags(cmd)
	flags.Lookup("verbose").Usage = "list every recipient that is not taken"
	return cmd
}

// check refuses flags that do not go together, before any work.
func (f rehearseFlags) check(args []string) error {
	switch {
	case len(args) > 1:
		return errors.New("rehearse takes one file of a move, or one domain")
	case f.recipients == "":
		return errors.New("nobody to ask for; give the list of mailboxes and aliases with --recipients")
	case f.recipients == "-" && f.to == "-":
		return errors.New("standard input can be read once; name a file for the other")
	case f.to != "" && len(f.mx) > 0:
		return errors.New("--to and --mx both say who the new hosts are; give one of them")
	case f.at != "" && len(f.mx) > 1:
		return errors.New("--at is the address of one host; name one with --mx")
	case f.each < 1 || f.each > 1000:
		return errors.New("--each: it takes 1 to 1000")
	case f.mail == "" && f.yes:
		return errors.New("--yes is for real mail; name its recipient with --mail")
	case f.mail != "" && f.replay != "":
		return errors.New("--replay plays a recording, which takes no mail; leave out --mail")
	case f.mail != "" && (f.output.format.value != "text" || f.output.path != ""):
		return errors.New("--mail shows a conversation of its own; send it with maildoctor e2e --via")
	case f.mail != "" && f.recipients == "-" && !f.yes:
		return errors.New("standard input is read, so nobody can be asked; give --yes")
	}
	if f.replay != "" {
		return f.beside()
	}
	return nil
}

func (a *app) migrateRehearse(ctx context.Context, f rehearseFlags, args []string) error {
	if err := f.check(args); err != nil {
		return usage(err)
	}
	if err := f.output.check(); err != nil {
		return err
	}
	size, err := parseSize(f.size)
	if err != nil {
		return usage(err)
	}
	if f.from != "" && !(strings.Contains(f.from, "@") && sendablePath(f.from)) {
		return usage(fmt.Errorf("--mail-from %q is no address", f.from))
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(f.timeout))
	defer cancel()
	side, err := a.newSide(f, args)
	if err != nil {
		return err
	}
	list, unread, err := a.recipients(f.recipients, side.domain)
	if err != nil {
		return err
	}
	world, err := a.moveWorld(ctx, f.examFlags)
	if err != nil {
		return err
	}
	defer world.close()
	m := report.MoveRehearsal{
		Domain: side.domain, List: list.Form, Elsewhere: list.Elsewhere, CatchAll: list.CatchAll, Unread: unread, Size: size, Greeted: f.again > 0,
		Lines: make(map[string]int), Next: side.next,
	}
	var addresses []string
	for _, one := range list.Addresses {
		addresses = append(addresses, one.Text)
		m.Lines[one.Text] = one.Line
		if one.Kind == mailboxes.Alias {
			m.Aliases++
		}
	}
	if len(addresses) == 0 {
		return usage(fmt.Errorf("%s lists no recipient of %s%s", nameOf(f.recipients), record.Display(side.domain), hint(list, unread)))
	}
	m.Recipients = len(addresses)
	hosts, missing := side.locate(limited, world)
	m.Missing = missing
	o := rcpt.Options{
		From: f.from, Unlikely: facts.Unlikely(&checks.Env{Domain: side.domain}), PerSession: f.each, Pause: time.Duration(f.pause), Again: time.Duration(f.again),
		HELO: f.helo,
	}
	for _, h := range hosts {
		counter := a.counting("asking "+record.Display(h.Name), len(addresses))
		o.Observe = func(rcpt.Answer) { counter.add() }
		m.Hosts = append(m.Hosts, rcpt.Try(limited, a.talker(ctx, world), h, addresses, o))
		counter.stop()
	}
	if m.Verdict() == report.NothingMissing {
		m.Next = side.passed
	}
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.MoveRehearsedJSON(w, m)
		}
		return report.MoveRehearsed(w, m, f.output.text())
	}); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return &codeError{exitInterrupted, errors.New("interrupted; what was not asked is unknown")}
	case m.Verdict() == report.SomeRefused:
		return &codeError{code: exitFound}
	case m.Verdict() == report.SomeUnknown:
		return &codeError{code: exitUnknown}
	case f.mail == "" || len(hosts) == 0:
		return nil
	}
	return a.rehearseMail(ctx, f, side, hosts[0])
}

// rehearseMail sends one real message by a new host.
func (a *app) rehearseMail(ctx context.Context, f rehearseFlags, side newSide, h rcpt.Host) error {
	if _, err := fmt.Fprintln(a.out); err != nil {
		return err
	}
	e := e2eFlags{examFlags: f.examFlags, file: wantedFile, via: viaFlags{via: record.Display(h.Name), to: f.mail, yes: f.yes}}
	if f.to != "" {
		e.file, e.named = f.to, true
	} else if side.wanted != "" {
		e.file, e.named = side.wanted, exists(side.wanted)
	}
	e.timeout = span(60 * time.Second)
	if f.at != "" { // the name leads elsewhere, or nowhere
		e.via.via = netip.AddrPortFrom(h.Addr, max(h.Port, 1)).String()
		if h.Port == 0 {
			e.via.via = netip.AddrPortFrom(h.Addr, 25).String()
		}
	}
	return a.e2eVia(ctx, e, []string{record.Display(side.domain)})
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// hint is why a list may have been empty.
func hint(list mailboxes.List, unread []string) string {
	switch {
	case list.Elsewhere > 0:
		return fmt.Sprintf("; %s are of other domains", counted(list.Elsewhere, "line"))
	case len(unread) > 0:
		return "; " + unread[0]
	}
	return ""
}

func nameOf(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}

// recipients reads the list. Lines that cannot be read are told as they are.
func (a *app) recipients(path, domain string) (mailboxes.List, []string, error) {
	in := a.in
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return mailboxes.List{}, nil, usage(fmt.Errorf("--recipients %s: %w", path, plainError(err)))
		}
		defer file.Close()
		in = file
	}
	list, problems, err := mailboxes.Read(in, domain)
	if err != nil {
		return list, nil, usage(fmt.Errorf("%s: %w", nameOf(path), plainError(err)))
	}
	var unread []string
	for _, p := range problems {
		unread = append(unread, p.String())
	}
	return list, unread, nil
}

// parseSize reads octets with a unit: 50M, 25MiB, 1G. Units are powers of 1024, as
// servers have them.
func parseSize(text string) (int64, error) {
	if text == "" {
		return 0, nil
	}
	digits := strings.TrimRight(strings.ToUpper(text), "IBKMG")
	shift, ok := map[string]uint{"": 0, "B": 0, "K": 10, "M": 20, "G": 30}[strings.TrimSuffix(strings.TrimSuffix(strings.ToUpper(text)[len(digits):], "IB"), "B")]
	n, err := strconv.ParseInt(digits, 10, 32)
	if err != nil || !ok || n <= 0 {
		return 0, fmt.Errorf("--size %q: give a number of octets, as in 50M or 26214400", text)
	}
	return n << shift, nil
}
