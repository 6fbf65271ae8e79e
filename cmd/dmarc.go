package cmd

import (
	"github.com/spf13/cobra"
)

func (a *app) dmarcCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dmarc",
		Short: "Read what receivers report of a domain's mail",
		Long: `Dmarc works with what receivers send to the rua address of a DMARC record:
aggregate reports (RFC 9990), and TLS reports (RFC 8460) beside them. Whether
the record itself is in order, check tells.`,
		Example: `  maildoctor dmarc report reports/
  maildoctor check example.com --only dmarc`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },

		SuggestionsMinimumDistance: 2,
	}
	cmd.AddCommand(a.dmarcReportCommand())
	return cmd
}
