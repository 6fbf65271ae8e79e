package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/report"
)

// e2eFlags are the flags of e2e as they are given.
type e2eFlags struct {
	examFlags
	file  string
	named bool // --file was given
	zone  string
	live  bool
	keys  []string
	ips   []string
	chaos []string

	mailFrom string
	policy   string
	cert     certFlags
	via      viaFlags
}

func (a *app) e2eCommand() *cobra.Command {
	var f e2eFlags
	cmd := &cobra.Command{
		Use:   "e2e [DOMAIN]",
		Short: "Send real mail for a domain between two servers on this machine",
		Long: `E2e tries a domain's records, keys and policies with real mail, before anybody
else has to. Two mail servers run on the loopback interface. One sends as each
of the domain's hosts: it signs with the private key and speaks SMTP. The other
stands for a receiver elsewhere, and judges as if the mail came from the host's
public address: SPF, DKIM, ARC, DMARC. Then mail comes from elsewhere to the
domain: by its MX records, under STARTTLS, as its MTA-STS policy wants it. Each
stage is shown, and why one fails.

The records are those of maildoctor.yaml, which are tried before they are
published; those of a zone file (--zone); or with --live, and where there is no
maildoctor.yaml, those of the DNS. Names outside of the zone are asked of the
DNS. No mail leaves this machine, no mail host is connected to, and it needs no
privileges: ports, certificates and addresses are those of a laboratory. TLS and
TLSA records (DANE) are judged by the certificate of the real host, where --cert
or the mta section of maildoctor.yaml names it.

The private keys are the files that dkim names in maildoctor.yaml ("file:"), and
those of --key.

With --chaos the sender is tried, too, by receivers that misbehave, each in a
trial of its own: greylist, 4xx, 5xx, tarpit, disconnect, lost-reply, garbage,
long-reply, no-tls, wrong-certificate, sts-mismatch, down, dns-failure, null-mx,
loop. The report shows what the sender did, and what became of the mail. Minutes
and days pass in moments there.

With --via one real message is sent instead: signed, from postmaster@ the
domain, to a host that is named: one of the domain's, a relay, a test host. MX
records do not matter then. The report shows the conversation, what the answer
means, and what to do; what the receiver makes of the message it alone can
tell. The exit codes 1, 3 and 4 are those of maildoctor send.

Exit codes:
  0    the mail goes all the way
  1    a stage fails, or the sender does not cope with a fault
  2    wrong usage
  3    with --strict: nothing fails, but something could not be told
  4    what was asked for could not be done
  130  interrupted`,
		Example: `  maildoctor e2e
  maildoctor e2e example.com --zone example.com.zone --key s1=/etc/dkim/s1.pem
  maildoctor e2e example.com --live --ip 192.0.2.25 --key s1=s1.pem
  maildoctor e2e --chaos greylist,no-tls
  maildoctor e2e --chaos all --format json
  maildoctor e2e --via mx.example.net --to ann@example.net`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.named = cmd.Flags().Changed("file")
			return a.e2e(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	fileFlag(cmd, &f.file)
	flags.StringVar(&f.zone, "zone", "", "a zone `file`, in place of maildoctor.yaml;\n- is standard input")
	flags.BoolVar(&f.live, "live", false, "the records that are published, in place of\nmaildoctor.yaml")
	flags.StringArrayVar(&f.keys, "key", nil, "sign with a private key too: `SELECTOR=FILE`\n(repeatable)")
	flags.StringSliceVar(&f.ips, "ip", nil, "an `address` that sends the domain's mail, in place\nof those of its mail hosts (repeatable)")
	flags.StringVar(&f.mailFrom, "mail-from", "", "the `address` that bounces go to (MAIL FROM), where\nit is not of the domain")
	flags.StringVar(&f.policy, "mta-sts", "", "a `file` with the MTA-STS policy that the domain\nserves, or shall serve")
	f.cert.add(cmd)
	chaosFlag(cmd, &f.chaos)
	f.via.add(cmd)
	f.nameFlag(cmd)
	f.resolverFlag(cmd)
	for _, name := range []string{"ip", "mail-from"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	f.timeout = span(60 * time.Second)
	flags.Var(&f.timeout, "timeout", "how long all of it may take")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	f.output = a.outputFlags(cmd)
	flags.StringVarP(&f.output.path, "output", "o", "", "write the report to this `file`, whole or not at all")
	flags.BoolVarP(&f.output.verbose, "verbose", "v", false, "show the header field that the receiver adds, and\nwhat each receiver of --chaos does")
	f.output.named = func() bool { return flags.Changed("output") }
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 if something could not be told")
	return cmd
}

func (a *app) e2e(ctx context.Context, f e2eFlags, args []string) error {
	switch {
	case len(args) > 1:
		return usage(errors.New("e2e takes one domain"))
	case f.via.via == "" && (f.via.to != "" || f.via.yes):
		return usage(errors.New("--to and --yes are for real mail; name the host that gets it with --via"))
	case f.via.via != "":
		return a.e2eVia(ctx, f, args)
	case f.live && f.zone != "" || f.named && (f.live || f.zone != ""):
		return usage(errors.New("--file, --zone and --live say whose records are tried; give one of them"))
	}
	if err := f.output.check(); err != nil {
		return err
	}
	faults, err := chaosOf(f.chaos)
	if err != nil {
		return err
	}
	limited, cancel := context.WithTimeout(ctx, time.Duration(f.timeout))
	defer cancel()
	w, err := a.trialWorld(limited, f, args)
	if err != nil {
		return err
	}
	defer w.close()
	t, err := w.run(limited)
	if err == nil {
		t.Ordeals, err = w.chaos(limited, faults)
	}
	switch {
	case ctx.Err() != nil:
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; nothing is shown")}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("the trial took longer than %s; --timeout gives it more", time.Duration(f.timeout))
	case err != nil:
		return fmt.Errorf("the trial could not be made: %w", err)
	}
	if len(t.Ordeals) > 0 {
		t.Verdicts = append(t.Verdicts, report.Chaos(t.Ordeals))
	}
	if err := f.output.print(func(out io.Writer) error {
		if f.output.format.value == "json" {
			return report.TrialJSON(out, t)
		}
		return report.TrialText(out, t, f.output.text())
	}); err != nil {
		return err
	}
	return tried(t, f.strict)
}

// tried is how the program ends after a trial.
func tried(t report.Trial, strict bool) error {
	if failed := t.Failed(); len(failed) > 0 {
		var list []string
		for _, v := range failed {
			list = append(list, v.Name)
		}
		return &codeError{exitFound, fmt.Errorf("the mail does not pass: %s; first: %s", strings.Join(list, ", "), failed[0].Text)}
	}
	if strict && len(t.Unknown()) > 0 {
		return &codeError{code: exitUnknown}
	}
	return nil
}
