package cmd

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// pagesCommand writes what packages bring along beside the program. It is for those
// who build packages.
func (a *app) pagesCommand() *cobra.Command {
	return &cobra.Command{
		Use:    "pages DIR",
		Hidden: true,
		Short:  "Write the manual pages and the completion scripts",
		Long:   "Pages writes a manual page for each command into DIR/man, and the completion\nscripts of all shells into DIR/completions, for packages.",
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("pages takes the directory to write to"))
			}
			return a.pages(args[0])
		},
	}
}

func (a *app) pages(dir string) error {
	man, completions := filepath.Join(dir, "man"), filepath.Join(dir, "completions")
	if err := errors.Join(os.MkdirAll(man, 0o755), os.MkdirAll(completions, 0o755)); err != nil {
		return err
	}
	for _, c := range documented(a.root()) {
		name := strings.ReplaceAll(c.CommandPath(), " ", "-") + ".1"
		if err := os.WriteFile(filepath.Join(man, name), []byte(manPage(c)), 0o644); err != nil {
			return err
		}
	}
	for shell, file := range map[string]string{"bash": "maildoctor.bash", "zsh": "maildoctor.zsh", "fish": "maildoctor.fish", "powershell": "maildoctor.ps1"} {
		var script bytes.Buffer
		one := *a
		one.out = &script
		if code := one.main([]string{"completion", shell}); code != exitHealthy {
			return fmt.Errorf("the completion for %s could not be written", shell)
		}
		if err := os.WriteFile(filepath.Join(completions, file), script.Bytes(), 0o644); err != nil {
			return err
		}
	}
	return nil
}

// documented is a command and all below it that people are shown.
func documented(c *cobra.Command) []*cobra.Command {
	list := []*cobra.Command{c}
	for _, sub := range c.Commands() {
		if sub.IsAvailableCommand() && sub.Name() != "completion" {
			list = append(list, documented(sub)...)
		}
	}
	return list
}

// manPage is a command as man(7) has it: its help, with the same words.
func manPage(c *cobra.Command) string {
	c.InitDefaultHelpFlag()
	var b strings.Builder
	title := strings.ToUpper(strings.ReplaceAll(c.CommandPath(), " ", "-"))
	fmt.Fprintf(&b, ".TH %s 1 \"\" \"maildoctor %s\" \"maildoctor\"\n.SH NAME\n%s \\- %s\n", roff(title), roff(version()), roff(strings.ReplaceAll(c.CommandPath(), " ", "-")), roff(c.Short))
	fmt.Fprintf(&b, ".SH SYNOPSIS\n.B %s\n", roff(c.UseLine()))
	text, codes, coded := strings.Cut(c.Long, "\nExit codes:\n")
	b.WriteString(".SH DESCRIPTION\n" + manText(text))
	if flags := strings.TrimRight(c.LocalFlags().FlagUsages(), "\n"); flags != "" {
		b.WriteString(".SH OPTIONS\n" + verbatim(flags))
	}
	if coded {
		b.WriteString(".SH EXIT STATUS\n" + verbatim(codes))
	}
	if c.Example != "" {
		b.WriteString(".SH EXAMPLES\n" + verbatim(c.Example))
	}
	var also []string
	if c.HasParent() {
		also = append(also, strings.ReplaceAll(c.Parent().CommandPath(), " ", "-"))
	}
	for _, sub := range documented(c)[1:] {
		if sub.Parent() == c {
			also = append(also, strings.ReplaceAll(sub.CommandPath(), " ", "-"))
		}
	}
	for i, name := range also {
		if i == 0 {
			b.WriteString(".SH SEE ALSO\n")
		}
		end := ","
		if i == len(also)-1 {
			end = ""
		}
		fmt.Fprintf(&b, ".BR %s (1)%s\n", roff(name), end)
	}
	return b.String()
}

// manText is paragraphs: those whose lines begin with a blank stay as they are.
func manText(text string) string {
	var b strings.Builder
	for paragraph := range strings.SplitSeq(strings.TrimSpace(text), "\n\n") {
		if strings.HasPrefix(paragraph, " ") {
			b.WriteString(".PP\n" + verbatim(paragraph))
			continue
		}
		b.WriteString(".PP\n" + roff(paragraph) + "\n")
	}
	return b.String()
}

func verbatim(text string) string { return ".nf\n" + roff(strings.TrimRight(text, "\n")) + "\n.fi\n" }

// roff is text in which troff finds no requests (groff_char(7)).
func roff(text string) string {
	lines := strings.Split(strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`).Replace(text), "\n")
	var b strings.Builder
	for i, l := range lines {
		if i > 0 {
			b.WriteByte('\n')
		}
		if strings.HasPrefix(l, ".") {
			b.WriteString(`\&`)
		}
		for _, r := range l {
			if r > '~' {
				fmt.Fprintf(&b, `\[u%04X]`, r)
			} else {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}
