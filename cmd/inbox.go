package cmd

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/inbox"
)

// inboxFlags are the flags of inbox as they are given.
type inboxFlags struct {
	messageFlags
	serverFlags
	domain           string
	listen, hostname string
	cert, key        string
	count            int
	keep             span
	raw              bool // of show
}

func (a *app) inboxCommand() *cobra.Command {
	var f inboxFlags
	cmd := &cobra.Command{
		Use:   "inbox",
		Short: "A test mailbox: send a mail to it, and see what is wrong with it",
		Long: `Inbox prints a fresh address that nobody can guess, and waits. Send a mail to it
the way you send your real mail. Then it shows what maildoctor message shows of
a saved one, and what only the receiving side sees: the address of the client
and its reverse DNS, the name in EHLO, TLS, whether the client waits where it
has to, bare line ends, how long it took.

Mail for the domain has to come to this host. Where maildoctor mta run runs
here, inbox leaves the address in its state directory (--state), and it takes
the mail, for a day: inbox list and inbox show look again later. Where none
runs, --listen :25 receives here for as long as inbox waits, and with --state
what came is kept. Port 25 needs privileges, and a domain of its own helps:
publish an MX record of, say, test.example.com that names this host.

The address goes to standard output first, on a line of its own; then the
report of each mail. A mail that is bad enough to be refused elsewhere, be it
by DMARC or for its line ends, is taken here, and told of.

Exit codes:
  0    a mail came, with no finding at or above --fail-on
  1    a finding at or above --fail-on (critical, unless you say otherwise)
  2    wrong usage
  3    with --strict: no such finding, but something could not be told
  4    no mail came within --timeout, or none can come
  130  interrupted`,
		Example: `  sudo maildoctor inbox
  sudo maildoctor inbox --listen :25 --domain test.example.com
  maildoctor inbox --count 3 --timeout 10m
  maildoctor inbox list
  maildoctor inbox show test-…@example.com`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return a.inbox(cmd.Context(), f)
		},

		SuggestionsMinimumDistance: 2,
	}
	cmd.Flags().SortFlags = false
	inboxPlaceFlags(cmd, &f.serverFlags)
	flags := cmd.Flags()
	flags.StringVar(&f.domain, "domain", "", "the `domain` of the address, not the first one that\nthe server takes mail for")
	flags.StringVar(&f.listen, "listen", "", "receive here, at this `address`, such as :25, with no\nmaildoctor mta run")
	flags.StringVar(&f.hostname, "hostname", "", "with --listen: the `name` to greet with, not that of\nthis host")
	flags.StringVar(&f.cert, "cert", "", "with --listen: the certificate chain, a `file`; without\nit one is made that nobody vouches for")
	flags.StringVar(&f.key, "key", "", "with --cert: its private key, a `file`")
	flags.IntVar(&f.count, "count", 1, "wait for this `number` of mails")
	f.keep = span(inbox.Keep)
	flags.Var(&f.keep, "keep", "how long the address takes mail")
	f.resolverFlag(cmd)
	f.choiceFlags(a, cmd, checks.Messages)
	f.judgingFlags(cmd)
	f.endFlags(a, cmd, "mail")
	f.timeout = span(30 * time.Minute)
	flags.Lookup("timeout").DefValue, flags.Lookup("timeout").Usage = f.timeout.String(), "how long to wait in all"
	for _, name := range []string{"domain", "listen", "hostname", "keep", "count"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	cmd.AddCommand(a.inboxListCommand(), a.inboxShowCommand())
	return cmd
}

// judgingFlags adds those of message that say who else judges a mail.
func (f *inboxFlags) judgingFlags(cmd *cobra.Command) {
	cmd.Flags().StringSliceVar(&f.policies, "policy", nil, "would these `receivers` accept this very mail?\n(repeatable): "+strings.Join(messagePolicyNames(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("policy", listed(messagePolicyNames()...))
	f.filterFlags(cmd)
}

// check refuses what does not go together.
func (f *inboxFlags) check() error {
	switch {
	case f.count < 1 || f.count > inbox.MaxMessages:
		return fmt.Errorf("--count %d: an address takes 1 to %d mails", f.count, inbox.MaxMessages)
	case f.listen == "" && (f.hostname != "" || f.cert != "" || f.key != ""):
		return errors.New("--hostname, --cert and --key are for receiving here, with --listen")
	case (f.cert == "") != (f.key == ""):
		return errors.New("--cert and --key go together")
	case time.Duration(f.keep) > 30*24*time.Hour:
		return errors.New("--keep: an address takes mail for 30 days (720h) at most")
	}
	return nil
}

// judging is what judging a mail takes of the flags.
func (f inboxFlags) judging() messageFlags {
	m := f.messageFlags
	m.authservID, m.timeout, m.noSMTP, m.noHTTPS = "maildoctor", span(judge.Time), true, true
	return m
}

func (a *app) inbox(ctx context.Context, f inboxFlags) error {
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.check(); err != nil {
		return usage(err)
	}
	if err := f.output.check(); err != nil {
		return err
	}
	if err := f.named(); err != nil {
		return err
	}
	reader, err := a.inboxReader(ctx, f)
	if err != nil {
		return err
	}
	defer reader.world.close()
	mailbox, err := a.openMailbox(ctx, f)
	if err != nil {
		return err
	}
	defer mailbox.close()
	address, err := mailbox.boxes.Issue(mailbox.domain, time.Duration(f.keep))
	if err != nil {
		return err
	}
	if err := mailbox.takes(address); err != nil {
		return err
	}
	if err := a.printAddress(f.output, address); err != nil {
		return err
	}
	a.mind(ctx, mailbox, reader)
	reports, err := a.await(ctx, f, mailbox, address, reader)
	if err != nil {
		return err
	}
	return gate.judge(reports)
}
