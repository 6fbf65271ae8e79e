package cmd

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
)

// completionHelp refuses a shell that cobra has no script for.
func completionHelp(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usage(fmt.Errorf("no completion for %q; there is one for bash, zsh, fish and powershell", args[0]))
	}
	return cmd.Help()
}

// listed completes the last word of a list with commas.
func listed(words ...string) cobra.CompletionFunc {
	return func(_ *cobra.Command, _ []string, typed string) ([]string, cobra.ShellCompDirective) {
		before, _, list := cutLast(typed, ",")
		if list {
			before += ","
		}
		var fits []string
		for _, word := range words {
			if word = before + word; strings.HasPrefix(word, typed) {
				fits = append(fits, word)
			}
		}
		return fits, cobra.ShellCompDirectiveNoFileComp
	}
}

// bashAlone replaces a function of cobra's script, which fails with each use
// of the tab key where the package bash-completion is not installed.
const bashAlone = `
__maildoctor_init_completion()
{
    COMPREPLY=()
    if declare -F _get_comp_words_by_ref >/dev/null; then
        _get_comp_words_by_ref "$@" cur prev words cword
        return
    fi
    words=("${COMP_WORDS[@]}")
    cword=$COMP_CWORD
    cur=${words[cword]}
    prev=${words[cword-1]}
}
`

// aloneInBash makes the script for bash work without bash-completion.
func aloneInBash(completion *cobra.Command) {
	for _, c := range completion.Commands() {
		if c.Name() != "bash" {
			continue
		}
		script := c.RunE
		c.Long = strings.Replace(c.Long, "This script depends on the 'bash-completion' package.\nIf it is not installed already, you can install it via your OS's package manager.\n\n", "", 1)
		c.RunE = func(cmd *cobra.Command, args []string) error {
			if err := script(cmd, args); err != nil {
				return err
			}
			_, err := fmt.Fprint(cmd.OutOrStdout(), bashAlone)
			return err
		}
	}
}
