package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mta/daemon"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// mtaRunFlags are the flags of mta run as they are given.
type mtaRunFlags struct {
	dns     examFlags
	file    string
	check   bool
	log     string
	verbose bool
	output  *output // of --check
}

// logFormats are the forms of the log.
var logFormats = []string{"text", "json"}

func (a *app) mtaRunCommand() *cobra.Command {
	var f mtaRunFlags
	cmd := &cobra.Command{
		Use:   "run",
		Short: "Run the mail server of this host",
		Long: `Run takes mail for the domains of maildoctor.yaml whose mail host this is,
judges it (SPF, DKIM, ARC, DMARC) and puts it into Maildirs. What users submit
is signed and delivered, with TLS as DANE and MTA-STS want it. The section mta
of the file says how; docs/mta.md shows the way from an empty host to the
first mail.

Mail that was answered with 250 is on the disk, whatever happens then. It
relays for nobody who has not logged in. Without a certificate it makes its
own, which keeps others from listening.

It runs until SIGINT or SIGTERM: clients end what they have begun, then it
stops. A second signal stops it at once, and no mail is lost by that. SIGHUP
has it read the file again: domains, mailboxes, users, keys, certificates and
routes change, and nobody is dropped. If something is wrong with the file it
says so and goes on as before. The log goes to standard error.

Exit codes:
  0    it was stopped, or with --check: it would run
  2    wrong usage, or something is wrong with maildoctor.yaml
  4    it could not begin, or not go on: a port is in use, the disk fails`,
		Example: `  maildoctor mta run --check
  maildoctor mta run --file /etc/maildoctor/maildoctor.yaml
  maildoctor mta run --log-format json`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.mtaRun(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	fileFlag(cmd, &f.file)
	flags.BoolVar(&f.check, "check", false, "read everything, say what it would do, and listen\nnowhere")
	flags.StringVar(&f.log, "log-format", "text", "the `form` of the log: text or json")
	flags.BoolVarP(&f.verbose, "verbose", "v", false, "log each stage of each delivery, too")
	f.dns.resolverFlag(cmd)
	f.output = a.outputFlags(cmd)
	f.output.named = func() bool { return false }
	flags.Lookup("format").Usage = "how --check prints: text or json"
	_ = cmd.RegisterFlagCompletionFunc("log-format", cobra.FixedCompletions(logFormats, cobra.ShellCompDirectiveNoFileComp))
	return cmd
}

func (a *app) mtaRun(ctx context.Context, f mtaRunFlags) error {
	if !slices.Contains(logFormats, f.log) {
		return usage(fmt.Errorf("--log-format %q: it takes text or json", f.log))
	}
	if f.file == "-" && !f.check {
		return usage(errors.New("the file of a server is read again, so it cannot be standard input"))
	}
	setup, err := a.mtaSetup(f.file, a.err)
	if err != nil {
		return err
	}
	if f.check {
		return a.mtaCheck(f, setup)
	}
	return a.mtaServe(ctx, f, setup)
}

// mtaSetup reads the file and what it names. Problems go to w, a line each.
func (a *app) mtaSetup(file string, w io.Writer) (*daemon.Setup, error) {
	quiet := *a
	quiet.err = w
	state, err := quiet.wanted(file)
	if err != nil {
		return nil, err
	}
	name, dir := file, filepath.Dir(file)
	if file == "-" {
		name, dir = "standard input", "."
	}
	setup, problems := daemon.Prepare(state, dir)
	return setup, quiet.problems(name, problems)
}

// mtaServe runs the server until it is stopped.
func (a *app) mtaServe(ctx context.Context, f mtaRunFlags, setup *daemon.Setup) error {
	options, err := resolvers(f.dns.resolvers)
	if err != nil {
		return err
	}
	daemon.CollectLess(a.env)
	log := a.mtaLog(f)
	again := make(chan os.Signal, 1)
	signal.Notify(again, syscall.SIGHUP) // which ends who does not listen to it
	defer signal.Stop(again)
	// Deliveries that are under way when it is stopped go on asking.
	asking, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	client := resolve.NewClient(options)
	defer client.Close()
	d, err := daemon.Open(ctx, setup, daemon.Options{
		Log: log, Version: version(),
		DNS:      resolve.NewMemo(asking, resolve.NewLimit(client, resolve.DefaultInFlight)),
		Security: daemon.NewProofs(asking, client, resolve.SecureOptions{Fallback: client}),
		HTTP:     &probe.Fetcher{}, Here: here(), Env: a.env,
		Read: func() (*daemon.Setup, error) {
			var told strings.Builder
			next, err := a.mtaSetup(f.file, &told)
			for line := range strings.Lines(told.String()) {
				log.Error("problem", "at", strings.TrimSuffix(line, "\n"))
			}
			return next, err
		},
	})
	if err != nil {
		return &codeError{exitFailed, err}
	}
	go func() {
		for {
			select {
			case <-again:
				_, _ = d.Reload(asking) // the log has it
			case <-asking.Done():
				return
			}
		}
	}()
	if err := d.Run(ctx); err != nil {
		return &codeError{exitFailed, err}
	}
	return nil
}

// mtaLog is the log of the server. The journal of systemd has times of its own.
func (a *app) mtaLog(f mtaRunFlags) *slog.Logger {
	o := &slog.HandlerOptions{Level: slog.LevelInfo}
	if f.verbose {
		o.Level = slog.LevelDebug
	}
	if f.log == "json" {
		o.ReplaceAttr = inertAttr
		return slog.New(slog.NewJSONHandler(a.err, o))
	}
	if a.env("JOURNAL_STREAM") != "" {
		o.ReplaceAttr = func(groups []string, attr slog.Attr) slog.Attr {
			if len(groups) == 0 && attr.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return attr
		}
	}
	return slog.New(slog.NewTextHandler(a.err, o))
}

// inertAttr is an attribute in which a terminal finds nothing to do. The text form
// of slog sees to that itself; its JSON leaves the controls of C1, and those of
// writing direction, as they are.
func inertAttr(_ []string, attr slog.Attr) slog.Attr {
	switch v := attr.Value.Any().(type) {
	case string:
		attr.Value = slog.StringValue(report.Escape(v))
	case error:
		attr.Value = slog.StringValue(report.Escape(v.Error()))
	}
	return attr
}
