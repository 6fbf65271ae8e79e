package cmd

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/waiver"
)

func (a *app) explainCommand() *cobra.Command {
	var o *output
	cmd := &cobra.Command{
		Use:   "explain ID",
		Short: "Explain a check or a receiver's rules, or list a topic",
		Long: `Explain says what a check holds a domain to, why that matters, how it is
judged, how to mend a breach by hand, and where it is written. For a topic, what
stands before the dot in an ID, it lists the checks. For a receiver of
check --policy, it lists what that one asks for; for sending-address, what makes
an address fit. The topic zone is the rules of zone lint, the topics auth and
session those of a mail and how it came; score is what each finding costs it.`,
		Example: `  maildoctor explain spf.lookup-limit
  maildoctor explain spf
  maildoctor explain gmail-bulk
  maildoctor explain score`,
		ValidArgsFunction: a.completeID,
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("explain takes the ID of one check, a topic, or a receiver; maildoctor checks lists them"))
			}
			for _, p := range policy.Known() {
				if p.Name == args[0] {
					return o.policy(p, slices.Concat(a.all(), authRules()))
				}
			}
			if args[0] == scoreTopic {
				return o.score()
			}
			list, err := checks.Select(a.explained(), args, nil)
			if err != nil {
				return usage(err)
			}
			return o.rules(ruleSet(list))
		},
	}
	o = a.outputFlags(cmd)
	return cmd
}

// explained is all that explain can tell of by its ID.
func (a *app) explained() []*checks.Check {
	return slices.Concat(a.all(), zoneRules(), authRules(), []*checks.Check{{Rule: waiver.Expired()}})
}

// completeNames completes the IDs of checks that judge such subjects and the
// topics, also behind commas, and says what each is where it stands alone.
func (a *app) completeNames(of checks.Subject) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		return completions(checks.About(of, a.all()), typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// completions is the names of checks and topics that typed may become.
func completions(all []*checks.Check, typed string) []string {
	before, _, list := cutLast(typed, ",")
	if list {
		before += ","
	}
	var names []string
	for i, c := range all {
		topic := checks.TopicOf(c.ID)
		if i == 0 || checks.TopicOf(all[i-1].ID) != topic {
			names = append(names, before+topic+"\tall checks of "+topic)
		}
		names = append(names, before+c.ID+"\t"+c.Title)
	}
	if list { // cobra's script for bash loses what has both a comma and words behind it
		for i, name := range names {
			names[i], _, _ = strings.Cut(name, "\t")
		}
	}
	return slices.DeleteFunc(names, func(s string) bool { return !strings.HasPrefix(s, typed) })
}

// completeID completes the one argument of explain.
func (a *app) completeID(_ *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 || strings.Contains(typed, ",") {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	names := completions(a.explained(), typed)
	for _, p := range policy.Known() {
		if strings.HasPrefix(p.Name, typed) {
			names = append(names, p.Name+"\t"+p.Question)
		}
	}
	if strings.HasPrefix(scoreTopic, typed) {
		names = append(names, scoreTopic+"\tWhat each finding costs a message")
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

// cutLast is strings.Cut at the last sep; before is empty where there is none.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return "", s, false
}
