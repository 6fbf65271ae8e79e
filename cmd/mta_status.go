package cmd

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/report"
)

// statusFlags are the flags of mta status and mta reload.
type statusFlags struct {
	serverFlags
	output *output
}

func (f *statusFlags) add(a *app, cmd *cobra.Command) {
	cmd.Flags().SortFlags = false
	f.serverFlags.add(cmd)
	f.output = a.outputFlags(cmd)
	f.output.named = func() bool { return false }
}

func (a *app) mtaStatusCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status",
		Short: "Tell how the running mail server is",
		Long: `Status asks the mail server that runs on this host how it is: since when it
runs, what it takes mail for and where, what it has done, its queue, its disk,
its certificates, and what somebody should look at.

Exit codes:
  0    it runs, and there is nothing to look at
  1    it runs, and there is something to look at
  2    wrong usage
  4    none runs, or it does not answer`,
		Example: `  maildoctor mta status
  maildoctor mta status --state /var/lib/maildoctor --format json`,
		ValidArgsFunction: cobra.NoFileCompletions,
		Args:              noArguments,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.mtaStatus(cmd.Context(), f) },
	}
	f.add(a, cmd)
	return cmd
}

func (a *app) mtaStatus(ctx context.Context, f statusFlags) error {
	client, _, err := a.server(ctx, f.serverFlags)
	if err != nil {
		return err
	}
	defer client.Close()
	s, err := client.Status(ctx)
	if err != nil {
		return err
	}
	shown := a.serverStatus(s)
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.ServerJSON(w, shown)
		}
		return report.ServerStatus(w, shown, f.output.text())
	}); err != nil {
		return err
	}
	if len(s.Problems) > 0 {
		return &codeError{code: exitFound}
	}
	return nil
}

// serverStatus is a status as it is shown.
func (a *app) serverStatus(s control.Status) report.Server {
	out := report.Server{
		At: a.clock(), Version: s.Version, PID: s.PID, Since: s.Since, Reloaded: s.Reloaded, Hostname: s.Hostname, Domains: s.Domains,
		Sessions: s.Counts.Sessions, Accepted: s.Counts.Accepted, Refused: s.Counts.Refused,
		Delivered: s.Counts.Delivered, Deferred: s.Counts.Deferred, Failed: s.Counts.Failed,
		Messages: s.Queue.Messages, Delivering: s.Queue.Delivering, DeferredMessages: s.Queue.Deferred, Held: s.Queue.Held, Octets: s.Queue.Octets, Oldest: s.Queue.Oldest,
		Spool: s.Spool.Path, Free: s.Spool.Free, MinFree: s.Spool.MinFree, Problems: s.Problems,
	}
	for _, l := range s.Listeners {
		out.Listeners = append(out.Listeners, l.Port+" "+l.Address)
	}
	for _, c := range s.Certs {
		out.Certs = append(out.Certs, report.ServerCert(c))
	}
	return out
}

func (a *app) mtaReloadCommand() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "reload",
		Short: "Have the running mail server read its settings again",
		Long: `Reload has the mail server that runs on this host read its file, keys and
certificates again, as SIGHUP does, and tells what has changed. Nobody is
dropped. If something is wrong with the file, it says so and goes on as it was.

Exit codes:
  0    the settings were read
  2    wrong usage
  4    something is wrong with them, none runs, or it does not answer`,
		Example: `  maildoctor mta reload`,

		ValidArgsFunction: cobra.NoFileCompletions,
		Args:              noArguments,
		RunE:              func(cmd *cobra.Command, _ []string) error { return a.mtaReload(cmd.Context(), f) },
	}
	f.add(a, cmd)
	return cmd
}

func (a *app) mtaReload(ctx context.Context, f statusFlags) error {
	client, _, err := a.server(ctx, f.serverFlags)
	if err != nil {
		return err
	}
	defer client.Close()
	r, err := client.Reload(ctx)
	if err != nil {
		return fmt.Errorf("the server goes on as it was: %w; maildoctor mta run --check says more", err)
	}
	shown := report.ServerReload(r)
	return f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.ServerReloadedJSON(w, shown)
		}
		return report.ServerReloaded(w, shown, f.output.text())
	})
}
