package cmd

import (
	"github.com/spf13/cobra"
)

func (a *app) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move a domain's mail to another server, without losing a message",
		Long: `Migrate moves the mail of a domain: from one provider or server to another, to
another address of the same server, or to a hybrid that receives here and sends
through a relay. It plans the move, says what stands in the way and until when,
and goes with it for the weeks that it takes.

The move is kept in one file (audit --save), so that several people can take
part. It holds no secret. Every command says at its end where in the plan the
move stands, and what is next.`,
		Example: `  maildoctor migrate audit --to maildoctor.yaml
  maildoctor migrate audit --to maildoctor.yaml --switch 2026-12-05 --save move.json
  maildoctor migrate status move.json
  maildoctor migrate plan move.json prepare --save prepare.plan
  maildoctor apply prepare.plan`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(a.migrateAuditCommand(), a.migrateStatusCommand(), a.migratePlanCommand(), a.migrateRehearseCommand(), a.migrateWatchCommand(), a.migrateDoneCommand(), a.migrateResidueCommand(), a.migrateSimulateCommand())
	return cmd
}
