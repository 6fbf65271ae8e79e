package cmd

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// A choice is a flag that takes one of a few words.
type choice struct {
	value string
	words []string
}

func (c *choice) String() string { return c.value }
func (c *choice) Type() string   { return "word" }

// Set takes one of the words.
func (c *choice) Set(s string) error {
	if !slices.Contains(c.words, s) {
		return fmt.Errorf("it takes %s", orList(c.words))
	}
	c.value = s
	return nil
}

// choose adds a flag that takes one of words, the first unless given.
func choose(cmd *cobra.Command, name, explained string, value string, words ...string) *choice {
	c := &choice{value: value, words: words}
	cmd.Flags().Var(c, name, explained)
	// The flag has just been added, so the only error there is cannot occur.
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp))
	return c
}

// orList is "a, b or c".
func orList(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	last := len(words) - 1
	return strings.Join(words[:last], ", ") + " or " + words[last]
}

// A span is a duration that is more than nothing.
type span time.Duration

func (d *span) String() string { return time.Duration(*d).String() }
func (d *span) Type() string   { return "duration" }

// Set takes a duration as Go writes it.
func (d *span) Set(s string) error {
	v, err := time.ParseDuration(s)
	if err != nil || v <= 0 {
		return fmt.Errorf("give a duration such as 30s or 2m")
	}
	*d = span(v)
	return nil
}

var _, _ pflag.Value = (*choice)(nil), (*span)(nil)
