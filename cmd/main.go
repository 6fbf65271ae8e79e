// Package cmd is the command line: flags become options, options a run, the run
// a report, and the report an exit code. Each command has a file of its own.
// It holds no knowledge of mail or of the DNS; that is in the packages below.
package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/report"
)

// An app is one run of the program: its streams and its ways into the world.
type app struct {
	in       io.Reader
	out, err io.Writer
	env      func(string) string

	all  func() []*checks.Check                                // the catalogue
	live func(context.Context, liveOptions) (examiner, error)  // examines on the internet
	demo func(context.Context, []*checks.Check, *output) error // examines a world of its own
	now  func() time.Time                                      // nil for time.Now

	providers []providerKind // the ways to a zone
}

// Main runs the command line args (without the program's name) and returns the
// exit code. Errors are printed here and nowhere else: one line, with the next step.
func Main(args []string, in io.Reader, out, errs io.Writer) int {
	a := &app{in: in, out: out, err: errs, env: os.Getenv}
	a.wire()
	return a.main(args)
}

func (a *app) main(args []string) int {
	ctx, stop := interruptible(context.Background())
	defer stop()
	root := a.root()
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	if text := errorText(err); text != "" {
		fmt.Fprintf(a.err, "maildoctor: %s\n", text)
	}
	return exitCode(err)
}

// errorText is the line that tells of err; empty where there is nothing to
// tell: a verdict is in the report, and who closed the pipe knows.
func errorText(err error) string {
	if err == nil || errors.Is(err, syscall.EPIPE) {
		return ""
	}
	return report.Escape(strings.TrimSpace(strings.ReplaceAll(err.Error(), "\n", " ")))
}
