package cmd

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/report"
)

// wantedFile is where the owner's wishes stand unless --file says otherwise.
const wantedFile = "maildoctor.yaml"

// fileFlag adds --file.
func fileFlag(cmd *cobra.Command, path *string) {
	cmd.Flags().StringVarP(path, "file", "f", wantedFile, "the `file` that says what is wanted, not\n"+wantedFile+"; - is standard input")
	cmd.Flags().Lookup("file").DefValue = "" // the help has it
}

// readBounded reads a file of at most most octets, and one more to tell by.
func readBounded(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, plainError(err)
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	return text, plainError(err)
}

// plainError is err without the operation and the path, which the caller names.
func plainError(err error) error {
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

// keyFile reads the files that keys name, relative to dir.
func keyFile(dir string) func(string) ([]byte, error) {
	return func(name string) ([]byte, error) {
		const most = 1 << 16
		if !filepath.IsAbs(name) {
			name = filepath.Join(dir, name)
		}
		return readBounded(name, most)
	}
}

// wanted reads what the owner wants. Problems go to standard error, a line each.
func (a *app) wanted(path string) (desired.State, error) {
	const most = 1 << 20
	var text []byte
	var err error
	name, dir := path, filepath.Dir(path)
	if path == "-" {
		name, dir = "standard input", "."
		text, err = io.ReadAll(io.LimitReader(a.in, most+1))
	} else {
		text, err = readBounded(path, most)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return desired.State{}, usage(fmt.Errorf("there is no %s; maildoctor init writes one, --file names another", path))
	}
	if err != nil {
		return desired.State{}, usage(fmt.Errorf("%s: %w", name, err))
	}
	state, problems := desired.Parse(text, keyFile(dir))
	return state, a.problems(name, problems)
}

// problems tells of problems, and is the error that they make.
func (a *app) problems(name string, problems []desired.Problem) error {
	for _, p := range problems {
		at := name
		if p.Line > 0 {
			at = fmt.Sprintf("%s:%d:%d", name, p.Line, p.Column)
		}
		p.Position = desired.Position{}
		fmt.Fprintf(a.err, "%s: %s\n", report.Escape(at), report.Escape(p.Error()))
	}
	if len(problems) == 0 {
		return nil
	}
	return usage(fmt.Errorf("%s has %s; docs/configuration.md explains every key", name, counted(len(problems), "problem")))
}
