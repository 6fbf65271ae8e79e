package cmd

import (
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

func (a *app) root() *cobra.Command {
	told := false
	root := &cobra.Command{
		Use:   "maildoctor",
		Short: "Examine a domain's mail and prescribe what cures it",
		Long: `maildoctor examines a domain's mail: MX, SPF, DKIM, DMARC, reverse DNS, port 25
and blocklists. It says what is wrong and why that matters, and gives the exact
records to publish. Of an address it says whether it is fit to send mail from,
and of a saved mail how receivers judge it, and why.

It changes your DNS only when you tell it to apply a plan, which it shows first
and can take back. It changes nothing on your mail host, and mail leaves this
machine by send and mta only.

` + exitHelp,
		Example: `  maildoctor check example.com
  maildoctor check example.com --selector s1 --ip 192.0.2.25
  maildoctor ip 192.0.2.25
  maildoctor message mail.eml
  maildoctor plan example.com --fix
  maildoctor demo`,
		Args: noCommand,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if told {
				return a.tellVersion()
			}
			return cmd.Help()
		},
		SilenceErrors:     true,
		SilenceUsage:      true,
		DisableAutoGenTag: true,

		SuggestionsMinimumDistance: 2,
	}
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.err)
	// Not cobra's own flag: its text is a template, for whose sake the linker keeps every
	// exported method of every type, 3 MB of them.
	root.Flags().BoolVarP(&told, "version", "v", false, "version for maildoctor")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return usage(fmt.Errorf("%w; see %s --help", flagError(err), cmd.CommandPath()))
	})
	root.AddCommand(a.checkCommand(), a.ipCommand(), a.reportCommand(), a.historyCommand(), a.messageCommand(), a.sendCommand(), a.inboxCommand(), a.e2eCommand(), a.mtaCommand(), a.planCommand(), a.applyCommand(), a.rollbackCommand(), a.migrateCommand(), a.ddnsCommand(), a.zoneCommand(), a.initCommand(), a.dkimCommand(), a.dmarcCommand(), a.explainCommand(), a.checksCommand(), a.demoCommand(), a.versionCommand(), a.pagesCommand())
	root.InitDefaultCompletionCmd()
	for _, c := range root.Commands() {
		if c.Name() == "completion" {
			c.Args = cobra.ArbitraryArgs
			c.RunE = completionHelp
			aloneInBash(c)
		}
	}
	root.SetHelpCommand(a.helpCommand(root))
	return root
}

// helpCommand is help that refuses what is no command.
func (a *app) helpCommand(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND]",
		Short: "Help about a command",
		Long:  "Help explains a command and its flags, as COMMAND --help does.",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			var names []string
			for _, c := range root.Commands() {
				if len(args) == 0 && c.IsAvailableCommand() {
					names = append(names, c.Name()+"\t"+c.Short)
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			cmd, rest, err := root.Find(args)
			if err != nil || cmd == root && len(rest) > 0 {
				return noCommand(root, args)
			}
			return cmd.Help()
		},
	}
}

// flagError is err as this program speaks of flags: --name "value": what it takes.
func flagError(err error) error {
	var invalid *pflag.InvalidValueError
	if !errors.As(err, &invalid) {
		return err
	}
	why := invalid.Unwrap()
	switch invalid.GetFlag().Value.Type() {
	case "bool":
		why = errors.New("it takes true or false")
	case "int":
		why = errors.New("it takes a whole number")
	}
	return fmt.Errorf("--%s %q: %w", invalid.GetFlag().Name, invalid.GetValue(), why)
}

// noCommand refuses what is no command and names what was likely meant.
func noCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	switch near := cmd.SuggestionsFor(args[0]); {
	case len(near) > 0:
		return usage(fmt.Errorf("no command %q; did you mean %s?", args[0], strings.Join(near, " or ")))
	case isAddress(args[0]):
		return usage(fmt.Errorf("no command %q; did you mean maildoctor ip %[1]s?", args[0]))
	case strings.ContainsAny(args[0], ".@"):
		return usage(fmt.Errorf("no command %q; did you mean maildoctor check %s?", args[0], args[0]))
	}
	return usage(fmt.Errorf("no command %q; see maildoctor --help", args[0]))
}
