package cmd

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"

	"github.com/charmbracelet/colorprofile"
	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/history"
	"github.com/maildoctor/maildoctor/report"
)

// An output is where a command's result goes and how it looks there. Format,
// width and colour are decided here for all commands.
type output struct {
	app     *app
	format  *choice
	path    string // of a file; empty for standard output
	flag    string // that gave path; empty is --output
	private bool   // the file is for its owner alone: mode 0600
	verbose bool

	formats *formats           // of a command that reports; nil of all others
	failOn  diagnosis.Severity // from which on formats show failures; see gate
	changes []history.Changes  // that are shown in place of reports, where that is asked for

	compact func(reports int) bool // whether so many are shown in a line or two each; nil for never

	named func() bool // whether path was given
}

// outputFlags adds the flags that say how a result is printed.
func (a *app) outputFlags(cmd *cobra.Command) *output {
	o := &output{app: a}
	o.format = choose(cmd, "format", "how to print: text or json", "text", "text", "json")
	return o
}

// fileFlags adds those that say where, and how much.
func (o *output) fileFlags(cmd *cobra.Command) *output {
	cmd.Flags().StringVarP(&o.path, "output", "o", "", "write the report to this `file`, whole or not at all")
	cmd.Flags().BoolVarP(&o.verbose, "verbose", "v", false, "show every check, evidence in full, and\nwhere the time went")
	o.named = func() bool { return cmd.Flags().Changed("output") }
	return o
}

// showFlags adds the same for what is no report.
func (o *output) showFlags(cmd *cobra.Command) *output {
	flags := cmd.Flags()
	flags.StringVarP(&o.path, "output", "o", "", "write what is shown to this `file`, whole or not at\nall")
	flags.BoolVarP(&o.verbose, "verbose", "v", false, "show long texts whole")
	o.named = func() bool { return flags.Changed("output") }
	return o
}

// check makes sure, before any work, that the result can be put where it shall go.
func (o *output) check() error {
	flag := cmp.Or(o.flag, "--output")
	if o.path == "" && o.named() { // a variable of a script that was not set
		return usage(fmt.Errorf("%s names no file; give one, or - for standard output", flag))
	}
	if o.path == "-" {
		o.path = ""
	}
	if o.formats != nil {
		if err := o.checkFormats(); err != nil {
			return err
		}
	}
	if o.path == "" {
		return nil
	}
	if target, err := filepath.EvalSymlinks(o.path); err == nil {
		o.path = target
	}
	if info, err := os.Stat(o.path); err == nil && info.IsDir() {
		return usage(fmt.Errorf("%s %s is a directory; name a file in it", flag, o.path))
	}
	f, err := o.create()
	if errors.Is(err, fs.ErrNotExist) {
		return usage(fmt.Errorf("%s %s: there is no directory %s; make it first", flag, o.path, filepath.Dir(o.path)))
	}
	if err != nil {
		return o.cannot(err)
	}
	return o.discard(f)
}

// create opens a new file beside the one that it will replace or, for what is
// no regular file (a device, a pipe), that itself.
func (o *output) create() (*os.File, error) {
	if info, err := os.Stat(o.path); err == nil && !info.Mode().IsRegular() {
		return os.OpenFile(o.path, os.O_WRONLY, 0)
	}
	return os.CreateTemp(filepath.Dir(o.path), ".maildoctor-*")
}

// discard takes away what create made.
func (o *output) discard(f *os.File) error {
	err := f.Close()
	if f.Name() != o.path {
		err = errors.Join(err, os.Remove(f.Name()))
	}
	return err
}

// cannot is err in words for who named the file, not the one beside it.
func (o *output) cannot(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		err = path.Err
	}
	return fmt.Errorf("cannot write %s %s: %w", cmp.Or(o.flag, "--output"), o.path, err)
}

// print writes what render renders, to a file as a whole or not at all.
func (o *output) print(render func(io.Writer) error) error {
	if o.path == "" {
		return render(o.app.colours())
	}
	var b bytes.Buffer
	if err := render(&b); err != nil {
		return err
	}
	f, err := o.create()
	if err != nil {
		return o.cannot(err)
	}
	if err := o.commit(f, b.Bytes()); err != nil {
		_ = o.discard(f) // what went wrong first is what counts
		return o.cannot(err)
	}
	return nil
}

// commit writes content to f and puts f in its place.
func (o *output) commit(f *os.File, content []byte) error {
	if _, err := f.Write(content); err != nil {
		return err
	}
	if f.Name() == o.path {
		return f.Close()
	}
	mode := fs.FileMode(0o644)
	if info, err := os.Stat(o.path); err == nil {
		mode = info.Mode().Perm()
	}
	if o.private {
		mode = 0o600
	}
	if err := errors.Join(f.Chmod(mode), f.Sync()); err != nil {
		return err
	}
	if err := os.Rename(f.Name(), o.path); err != nil {
		return err
	}
	return f.Close()
}

// text are the options of text on this output.
func (o *output) text() report.TextOptions {
	return report.TextOptions{
		Width:   o.app.width(o.path != ""),
		Verbose: o.verbose,
		Colour:  o.path == "" && o.app.profile() > colorprofile.ASCII,
		Links:   o.path == "" && o.app.links(),
	}
}

// reports prints reports in the format asked for, and to people who want it
// verbose where the time went.
func (o *output) reports(list []diagnosis.Report, asked ...report.Asked) error {
	if o.formats != nil {
		return o.formatted(list, asked)
	}
	return o.print(func(w io.Writer) error {
		if o.format.value == "json" {
			return report.JSON(w, list)
		}
		if err := report.Text(w, list, o.text()); err != nil || len(asked) == 0 {
			return err
		}
		return report.Timing(w, list, asked, o.text())
	})
}

// rules prints rules in the format asked for.
func (o *output) rules(list []diagnosis.Rule) error {
	return o.print(func(w io.Writer) error {
		switch {
		case o.format.value == "json":
			return report.RulesJSON(w, list)
		case len(list) == 1:
			return report.Rule(w, list[0], o.text())
		}
		options := o.text()
		if _, tty := terminal(o.app.out); !tty && o.app.env("COLUMNS") == "" {
			options.Width = 0 // for grep and wc
		}
		return report.Rules(w, list, options)
	})
}

// terminal is the file descriptor of w if it is a terminal.
func terminal(w io.Writer) (fd int, ok bool) {
	f, isFile := w.(*os.File)
	if !isFile {
		return 0, false
	}
	fd = int(f.Fd())
	return fd, term.IsTerminal(fd)
}

// profile is the colours that standard output takes. NO_COLOR, whatever it
// says, means none (https://no-color.org); CLICOLOR_FORCE means some in a pipe.
func (a *app) profile() colorprofile.Profile {
	if a.env("NO_COLOR") != "" {
		return colorprofile.NoTTY
	}
	_, tty := terminal(a.out)
	force := a.env("CLICOLOR_FORCE")
	if !tty && (force == "" || force == "0") {
		return colorprofile.NoTTY
	}
	var env []string
	for _, name := range []string{"TERM", "COLORTERM", "CLICOLOR", "CLICOLOR_FORCE", "WT_SESSION", "ConEmuANSI", "GOOGLE_CLOUD_SHELL"} {
		if v := a.env(name); v != "" {
			env = append(env, name+"="+v)
		}
	}
	return colorprofile.Env(env)
}

// colours is standard output, on which colours become what the terminal has.
func (a *app) colours() io.Writer {
	p := a.profile()
	if p <= colorprofile.ASCII {
		return a.out
	}
	return &colorprofile.Writer{Forward: a.out, Profile: p}
}

// width is the columns of a page: COLUMNS, else those of the terminal that
// shows it, else 80. A file looks the same wherever it was written.
func (a *app) width(file bool) int {
	if n, err := strconv.Atoi(a.env("COLUMNS")); err == nil && n > 0 {
		return n
	}
	if fd, tty := terminal(a.out); tty && !file {
		if n, _, err := term.GetSize(fd); err == nil && n > 0 {
			return n
		}
	}
	return 80
}
