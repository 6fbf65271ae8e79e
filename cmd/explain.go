package cmd

import (
	"errors"
	"slices"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
)

func (a *app) explainCommand() *cobra.Command {
	var o *output
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Explain a check, or list those of a topic",
		Long: `Explain says what a check holds a domain to, why that matters, how it is
judged, how to mend a breach by hand, and where it is written. For a topic, what
stands before the dot in an ID, it lists the checks.`,
		Example: `  maildoctor explain spf.lookup-limit
  maildoctor explain spf`,
		ValidArgsFunction: a.completeNames,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("explain takes the ID of one check, or a topic; maildoctor checks lists them"))
			}
			list, err := checks.Select(a.all(), args, nil)
			if err != nil {
				return usage(err)
			}
			return o.rules(ruleSet(list))
		},
	}
	o = a.outputFlags(cmd)
	return cmd
}

// completeNames completes the IDs of checks and the topics.
func (a *app) completeNames(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	var names []string
	for _, c := range a.all() {
		names = append(names, checks.TopicOf(c.ID), c.ID)
	}
	slices.Sort(names)
	return slices.Compact(names), cobra.ShellCompDirectiveNoFileComp
}
