package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mta/testmail"
	"github.com/maildoctor/maildoctor/report"
)

// sendFlags are the flags of send as they are given.
type sendFlags struct {
	examFlags
	from, subject       string
	to                  []string
	textFile, htmlFile  string
	messageFile         string
	keys                []string
	file                string
	named               bool // --file was given
	relay, user         string
	passwordFile        string
	fromIP              string
	ips                 []string
	port                uint16
	requireTLS, dry     bool
	yes                 bool
	wait                span
	subjectGiven, timed bool
}

func (a *app) sendCommand() *cobra.Command {
	var f sendFlags
	cmd := &cobra.Command{
		Use:   "send --from ADDRESS --to ADDRESS",
		Short: "Send one test message, and show what the receiver answers",
		Long: `Send delivers one real message, signed with the domain's DKIM key, and shows the
whole conversation with the receiver's mail host, stage by stage: what it
answered, word for word, what that means and what to do next.

The message goes straight to the MX hosts of the recipient on port 25, under TLS
as DANE, MTA-STS or the host's own offer has it; or by a relay (--relay). The
relays, the keys and the name of this host are those of maildoctor.yaml, where
there is one. First it shows what it will do and what receivers may hold against
the message (SPF, PTR, DMARC, a key that is not published), and asks; --dry-run
ends there.

One attempt is made. What is put off (greylisting) is tried again with --wait
only. It takes ten recipients at most: it is for tests, not for mailings.

Exit codes:
  0    delivered: the receiver has taken the message
  1    refused, for good or for now, by one receiver at least; or not agreed to
  2    wrong usage
  3    it may have been delivered: the last answer did not come
  4    it could not be tried: no host was reached, or not as TLS has to be
  130  interrupted; the report tells what became of it`,
		Example: `  maildoctor send --from ann@example.com --to bob@example.net --key s1=s1.pem
  maildoctor send --from ann@example.com --to bob@example.net --dry-run
  maildoctor send --from ann@example.com --to bob@example.net --wait
  maildoctor send --from ann@example.com --to bob@example.net --message mail.eml
  maildoctor send --from ann@example.com --to bob@example.net \
    --relay smtp.example.org:587 --user ann --password-file password`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.named = cmd.Flags().Changed("file")
			f.subjectGiven, f.timed = cmd.Flags().Changed("subject"), cmd.Flags().Changed("timeout")
			return a.send(cmd.Context(), f)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.from, "from", "", "the sender's `address`; \"Ann <ann@example.com>\" too")
	flags.StringArrayVar(&f.to, "to", nil, "a recipient's `address` (repeatable, 10 at most)")
	flags.StringVar(&f.subject, "subject", testSubject, "the `subject`")
	flags.Lookup("subject").DefValue = ""
	flags.StringVar(&f.textFile, "text", "", "a `file` with the text; - is standard input")
	flags.StringVar(&f.htmlFile, "html", "", "a `file` with the text in HTML, beside or in place of\nthat of --text")
	flags.StringVar(&f.messageFile, "message", "", "a `file` with a whole message (.eml), sent as it is\nand signed; - is standard input")
	flags.StringArrayVar(&f.keys, "key", nil, "sign with a private key: `SELECTOR=FILE`\n(repeatable)")
	fileFlag(cmd, &f.file)
	flags.StringVar(&f.relay, "relay", "", "send by this relay: `HOST[:PORT]`, or a name of\nmaildoctor.yaml; port 587 unless given")
	flags.StringVar(&f.user, "user", "", "log in to the relay as this `user`")
	flags.StringVar(&f.passwordFile, "password-file", "", "a `file` with the password, not\nMAILDOCTOR_RELAY_PASSWORD of the environment")
	f.nameFlag(cmd)
	flags.StringVar(&f.fromIP, "from-ip", "", "send from this `address` of this machine")
	flags.StringSliceVar(&f.ips, "ip", nil, "the public `address` that receivers see, where this\nmachine is behind NAT (repeatable)")
	flags.BoolVar(&f.requireTLS, "require-tls", false, "send nothing without TLS whose certificate is\ntrusted and names the host")
	flags.Uint16Var(&f.port, "port", 0, "the `port` of MX hosts, for a laboratory: private\naddresses are let through; no DANE, no MTA-STS")
	flags.Var(&f.wait, "wait", "where a host puts the message off, try again, for\nthis `time` at most")
	flags.Lookup("wait").NoOptDefVal, flags.Lookup("wait").DefValue = "15m", ""
	f.resolverFlag(cmd)
	f.timeout = span(2 * time.Minute)
	flags.Var(&f.timeout, "timeout", "how long a host may take for an answer; 10m for the\nlast one, unless given")
	flags.BoolVar(&f.dry, "dry-run", false, "connect to no mail host: show the message as\nsigned, the way, and the TLS policy")
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before it is sent")
	f.output = a.outputFlags(cmd)
	flags.StringVarP(&f.output.path, "output", "o", "", "write the report to this `file`, whole or not at all")
	flags.BoolVarP(&f.output.verbose, "verbose", "v", false, "show every line of every answer, and the message")
	f.output.named = func() bool { return flags.Changed("output") }
	for _, name := range []string{"from", "to", "subject", "user", "relay", "from-ip", "ip", "port", "wait", "timeout"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// send does it.
func (a *app) send(ctx context.Context, f sendFlags) error {
	if err := f.output.check(); err != nil {
		return err
	}
	w, err := a.sendWorld(ctx, f)
	if err != nil {
		return err
	}
	defer w.close()
	return a.sendBy(ctx, f, w)
}

// sendBy sends what is ready: it shows what it will do, asks, and shows what became
// of it.
func (a *app) sendBy(ctx context.Context, f sendFlags, w *sendWorld) error {
	prepared, err := w.prepare(ctx)
	switch {
	case ctx.Err() != nil:
		return &codeError{exitInterrupted, errors.New("interrupted; nothing was sent")}
	case err != nil:
		return usage(err)
	}
	page := w.page(prepared)
	if f.dry {
		return a.sendDry(f, page)
	}
	if err := a.sendShown(f, page); err != nil {
		return err
	}
	if !f.yes {
		if err := a.agree(ctx, "Send it to "+strings.Join(page.To, ", ")+"?", "nothing was sent"); err != nil {
			return err
		}
	}
	done := w.sender.Send(ctx, prepared)
	w.talk.stop()
	w.done(&page, done)
	return a.sendEnd(f, page)
}

// sendDry shows what would be done.
func (a *app) sendDry(f sendFlags, page report.Sending) error {
	if err := f.output.print(func(out io.Writer) error {
		if f.output.format.value == "json" {
			return report.SendJSON(out, page, true)
		}
		return report.SendPlanText(out, page, true, f.output.text())
	}); err != nil {
		return err
	}
	for _, p := range page.Plans {
		if len(p.Faults) > 0 {
			return &codeError{exitFailed, fmt.Errorf("mail to %s could not be sent: %s", p.Destination, p.Faults[0])}
		}
	}
	return nil
}

// sendShown shows a person what is about to be done. Where the result goes elsewhere,
// or to a program, it stands beside the question.
func (a *app) sendShown(f sendFlags, page report.Sending) error {
	if f.output.format.value == "json" || f.output.path != "" {
		if _, tty := terminalIn(a.in); f.yes || !tty {
			return nil
		}
		return report.SendPlanText(a.err, page, f.output.verbose, report.TextOptions{Width: a.width(false)})
	}
	if err := report.SendPlanText(a.colours(), page, f.output.verbose, f.output.text()); err != nil {
		return err
	}
	_, err := fmt.Fprintln(a.out)
	return err
}

// sendEnd shows what became of it, and says how the program ends.
func (a *app) sendEnd(f sendFlags, page report.Sending) error {
	if err := f.output.print(func(out io.Writer) error {
		if f.output.format.value == "json" {
			return report.SendJSON(out, page, f.output.verbose)
		}
		if f.output.path != "" {
			if err := report.SendPlanText(out, page, f.output.verbose, f.output.text()); err != nil {
				return err
			}
			fmt.Fprintln(out)
		}
		return report.SendText(out, page, f.output.text())
	}); err != nil {
		return err
	}
	return sendCode(page)
}

// sendCode is how the program ends: what a receiver refused goes before what nobody
// knows, and that before what could not be tried.
func sendCode(page report.Sending) error {
	refused, maybe, untried := page.Count(report.SendRefused)+page.Count(report.SendDeferred), page.Count(report.SendMaybe), page.Count(report.SendUntried)
	switch {
	case page.Interrupted:
		return &codeError{code: exitInterrupted}
	case refused > 0:
		return &codeError{code: exitFound}
	case maybe > 0:
		return &codeError{code: exitUnknown}
	case untried > 0:
		return &codeError{code: exitFailed}
	}
	return nil
}

// prepare makes the message ready, within a while.
func (w *sendWorld) prepare(ctx context.Context) (testmail.Prepared, error) {
	const enough = time.Minute
	limited, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	p, err := w.sender.Prepare(limited, w.mail)
	if errors.Is(err, context.DeadlineExceeded) {
		err = fmt.Errorf("the DNS did not answer within %s; --resolver names another", enough)
	}
	return p, err
}
