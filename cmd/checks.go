package cmd

import (
	"fmt"

	"github.com/spf13/cobra"
)

func (a *app) checksCommand() *cobra.Command {
	var o *output
	cmd := &cobra.Command{
		Use:   "checks",
		Short: "List all checks",
		Long: `Checks lists every check: its ID, how grave a breach is, and the claim that
holds when it passes.`,
		Args: noArguments,
		RunE: func(*cobra.Command, []string) error { return o.rules(ruleSet(a.all())) },
	}
	o = a.outputFlags(cmd)
	return cmd
}

// noArguments refuses arguments.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return usage(fmt.Errorf("%s takes no arguments, but %q is given", cmd.Name(), args[0]))
}
