package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

func (a *app) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "maildoctor",
		Short: "Examine a domain's mail and prescribe what cures it",
		Long: `maildoctor examines a domain's mail: MX, SPF, DKIM, DMARC, reverse DNS, port 25
and blocklists. It says what is wrong and why that matters, and gives the exact
records to publish. It only looks: it changes nothing and sends no mail.

` + exitHelp,
		Example: `  maildoctor check example.com
  maildoctor check example.com --selector s1 --ip 192.0.2.25
  maildoctor demo`,
		Version:           version(),
		Args:              noCommand,
		RunE:              func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	root.SetVersionTemplate("{{.Name}} {{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see %s --help", err, cmd.CommandPath()))
	})
	root.AddCommand(a.checkCommand(), a.explainCommand(), a.checksCommand(), a.demoCommand(), a.versionCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = cobra.ArbitraryArgs
			c.RunE = completionHelp
		}
	}
	return root
}

// noCommand refuses what is no command and names what was likely meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	switch near := cmd.SuggestionsFor(args[0]); {
	case len(near) > 0:
		return usage(fmt.Errorf("no command %q; did you mean %s?", args[0], strings.Join(near, " or ")))
	case strings.ContainsAny(args[0], ".@"):
		return usage(fmt.Errorf("no command %q; did you mean maildoctor check %s?", args[0], args[0]))
	}
	return usage(fmt.Errorf("no command %q; see maildoctor --help", args[0]))
}

// completionHelp refuses a shell that cobra has no script for.
func completionHelp(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("no completion for %q; there is one for bash, zsh, fish and powershell", args[0]))
	}
	return cmd.Help()
}
