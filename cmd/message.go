package cmd

import (
	"context"
	"errors"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
)

// messageFlags are the flags of message as they are given.
type messageFlags struct {
	examFlags
	client, name string
	mailFrom     string
	received     int
	authservID   string
	at           string
	policies     []string
	wanted       receivers // that policies names
	spamd        []string
	rspamd       []string
	filters      []spam.Filter // that spamd and rspamd name
	answered     []spam.Answer // of a recording
	// seen is what the receiving side came to, where that is us; nil: it is not.
	seen func(judge.Judgement) []diagnosis.Result
	set  func(flag string) bool // it was given
}

func (a *app) messageCommand() *cobra.Command {
	var f messageFlags
	cmd := &cobra.Command{
		Use:   "message [FILE|-]",
		Short: "Why did this mail fail? Judge a saved message",
		Long: `Message judges a saved mail (.eml, or - for standard input) as a receiver does:
SPF of MAIL FROM and HELO, the reverse DNS of the client, every DKIM signature,
the ARC chain, and DMARC as RFC 9989 has it and, beside it, as RFC 7489 did. The
verdict comes first, with what was changed on the way and what to do; then a
score out of 10 with all that was deducted (maildoctor explain score), and how
it came about step by step, with the hops, their delays and TLS.

Save the mail as it came (in Gmail: Show original, Download): a mail that was
forwarded or copied by hand is another one.

Who brought it is read from the header: the first Received field from the top
that shows a public address and no login is taken for the boundary, and what was
assumed is told. --received N says which field it is, and --client, --helo and
--mail-from say what no field shows. Signatures are judged as of the arrival;
the DNS is asked as it is today.

With --policy it is told whether a receiver would accept this very mail by its
published rules. With --spamd and --rspamd a filter of yours sees the mail, and
its score is shown beside ours, which does not count it. The password of rspamd
is read from RSPAMD_PASSWORD.

A mail that receivers would reject or put into the junk folder, or that nothing
authenticates, is a critical finding. What the DNS does not answer within
--timeout is not known, which is never a failure.

` + exitHelp,
		Example: `  maildoctor message mail.eml
  maildoctor message - --verbose < mail.eml
  maildoctor message mail.eml --received 2
  maildoctor message mail.eml --client 192.0.2.25 --mail-from b@example.com
  maildoctor message mail.eml --policy gmail-bulk,yahoo,microsoft
  maildoctor message mail.eml --spamd 127.0.0.1:783
  maildoctor message mail.eml --format json --output judgement.json`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.set = cmd.Flags().Changed
			return a.message(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringVar(&f.client, "client", "", "the `address` of the host that brought the mail")
	flags.StringVar(&f.name, "helo", "", "the `name` that it gave in EHLO")
	flags.StringVar(&f.mailFrom, "mail-from", "", "the `address` in MAIL FROM; <> is the null one")
	flags.IntVar(&f.received, "received", 0, "the `number` of the Received field, from the top, of\nthe host that took the mail from outside (1 is the\ntopmost)")
	flags.StringVar(&f.at, "at", "", "judge as of this `time`, 2026-01-31T12:00:00Z, and not\nof the arrival that the header shows")
	flags.StringVar(&f.authservID, "authserv-id", "maildoctor", "the `name` in the Authentication-Results field that\n--verbose shows")
	for _, name := range []string{"client", "helo", "mail-from", "received", "at", "authserv-id"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	f.resolverFlag(cmd)
	f.choiceFlags(a, cmd, checks.Messages)
	flags.StringSliceVar(&f.policies, "policy", nil, "would these `receivers` accept this very mail?\n(repeatable): "+strings.Join(messagePolicyNames(), ", "))
	_ = cmd.RegisterFlagCompletionFunc("policy", listed(messagePolicyNames()...))
	f.filterFlags(cmd)
	flags.StringVar(&f.record, "record", "", "write all answers of the DNS to this `file`, to be\nplayed again")
	flags.StringVar(&f.replay, "replay", "", "ask such a `file`, or a scenario, not the DNS; of its\nmessage, if no FILE is named")
	f.endFlags(a, cmd, "message")
	f.timeout = span(judge.Time)
	flags.Lookup("timeout").DefValue, flags.Lookup("timeout").Usage = f.timeout.String(), "how long the DNS may take in all"
	return cmd
}

func (a *app) message(ctx context.Context, f messageFlags, args []string) error {
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.output.check(); err != nil {
		return err
	}
	played, err := f.played()
	if err != nil {
		return usage(err)
	}
	l, err := f.read(a, args, played)
	if err != nil {
		return usage(err)
	}
	arrival, err := l.arrival()
	if err != nil {
		return usage(err)
	}
	if err := f.named(); err != nil {
		return err
	}
	chosen, err := a.chooseOfMessages(f.only, f.skip)
	if err != nil {
		return usage(err)
	}
	if f.wanted, err = messagePolicies(f.policies); err != nil {
		return usage(err)
	}
	if f.filters, err = f.namedFilters(a.env("RSPAMD_PASSWORD")); err != nil {
		return usage(err)
	}
	if l.recorded {
		f.answered = played.scenario.Filters
	}
	var world stage = played
	if played == nil {
		if world, err = a.messageWorld(ctx, f); err != nil {
			return err
		}
	}
	defer world.close()

	dns, recorder := world.asks(), scenario.NewRecorder()
	if f.record != "" {
		dns = recorder.DNS(dns)
	}
	page, env, _ := f.page(ctx, world, dns, l.Message, arrival, arrival.At, chosen)
	if f.record != "" {
		if err := a.keepAnswers(f.record, env, recorder, l, page); err != nil {
			return err
		}
	}
	if l.recorded {
		played.retime(&page)
	}
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.MessageJSON(w, page)
		}
		return report.MessageText(w, page, f.output.text())
	}); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; what is not in the report is unknown")}
	}
	return gate.judge([]diagnosis.Report{foundIn(page)})
}

// chooseOfMessages is choose for messages. All checks run, whatever is shown: the
// score and the answers of receivers rest on them all.
func (a *app) chooseOfMessages(only, skip []string) (selection, error) {
	all := checks.About(checks.Messages, a.all())
	if len(all) == 0 {
		return selection{}, nil
	}
	chosen, err := a.choose(checks.Messages, only, skip)
	chosen.run = all
	return chosen, err
}

// foundIn is all that was found in a message, as a gate judges it.
func foundIn(page report.Message) diagnosis.Report {
	beside := diagnosis.Result{Findings: page.Findings, Doubts: page.Doubts}
	return diagnosis.Report{Results: slices.Concat([]diagnosis.Result{beside}, page.Authentication, page.Results), Policies: page.Policies}
}

// page judges a message that arrived as of now, and is what there is to report of
// it, with the world it was examined in; dns is how that world is asked.
func (f messageFlags) page(ctx context.Context, world stage, dns resolve.Resolver, m *message.Message, arrival judge.Arrival, now time.Time, chosen selection) (report.Message, *checks.Env, judge.Judgement) {
	start := time.Now()
	answers := f.askFilters(ctx, m, arrival.Envelope)
	j := judge.Limits{Time: time.Duration(f.timeout)}.Message(ctx, dns, m, arrival.Envelope, now)
	page := messagePage(m, j, arrival.Received)
	env := world.env(ctx, j.DMARC.RFC9989.Author)
	env.DNS = dns
	f.settle(&page, m, j, f.examined(ctx, env, m, j, chosen), chosen)
	page.Assumed, page.CutShort = arrival.Assumed, ctx.Err() != nil
	if f.replay == "" { // a recording asks nobody
		page.Took = time.Since(start)
	}
	page.Header = headerOf(j, f.authservID)
	filtered(&page, <-answers)
	return page, env, j
}

// played is the recording that is to be asked; nil where none is.
func (f messageFlags) played() (*player, error) {
	if f.replay == "" {
		return nil, nil
	}
	if err := f.beside(settled{"--spamd", len(f.spamd) > 0}, settled{"--rspamd", len(f.rspamd) > 0}); err != nil {
		return nil, err
	}
	return newPlayer(f.replay)
}

// messageWorld is where the DNS is asked, if that is not a recording.
func (a *app) messageWorld(ctx context.Context, f messageFlags) (stage, error) {
	f.noSMTP, f.noHTTPS = true, true
	options, err := f.live("")
	if err != nil {
		return nil, usage(err)
	}
	doctor, err := a.live(ctx, options)
	if err != nil {
		return nil, err
	}
	return doctor.(stage), nil
}

// headerOf is the fields that a receiver would add.
func headerOf(j judge.Judgement, authservID string) string {
	header := j.Results(authservID).Field()
	if r, ok := j.ReceivedSPF(authservID); ok {
		header += r.Field()
	}
	return header
}

// examined is the header and the body examined by the checks of messages, as of the
// time at which the message is judged.
func (f messageFlags) examined(ctx context.Context, env *checks.Env, m *message.Message, j judge.Judgement, chosen selection) []diagnosis.Result {
	if len(chosen.run) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(f.timeout))
	defer cancel()
	env.Message, env.Envelope, env.Now = m, j.Envelope, func() time.Time { return j.At }
	env.SMTP, env.HTTP = nil, nil
	return checks.Run(ctx, env, chosen.run, func(diagnosis.Result) {})
}
