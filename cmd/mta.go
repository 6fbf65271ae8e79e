package cmd

import "github.com/spf13/cobra"

func (a *app) mtaCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "mta",
		Short: "Run the built-in mail server, and look after its queue",
		Long: `Mta is the mail server that maildoctor brings along: it takes mail for the
domains of maildoctor.yaml, judges and keeps it, and signs and delivers what
your users and programs submit. It is a sender and a mailbox to test with,
small and safe by default. It serves neither IMAP nor POP.`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(a.mtaRunCommand(), a.mtaStatusCommand(), a.mtaReloadCommand(), a.mtaQueueCommand(), a.mtaPasswordCommand())
	return cmd
}
