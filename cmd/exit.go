package cmd

import (
	"context"
	"errors"
	"syscall"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// The exit codes. They are an interface: scripts decide by them.
const (
	exitHealthy     = 0   // no finding at or above --fail-on
	exitFound       = 1   // a finding at or above --fail-on
	exitUsage       = 2   // wrong usage: an argument, a flag, a list
	exitUnknown     = 3   // with --strict: no such finding, but something could not be told
	exitFailed      = 4   // what was asked for could not be done: no DNS server answered, the report not written
	exitInterrupted = 130 // interrupted; the report holds what was known by then
)

// exitHelp explains them to people; a test holds it to the block above.
const exitHelp = `Exit codes:
  0    healthy: no finding at or above --fail-on
  1    a finding at or above --fail-on (critical, unless you say otherwise)
  2    wrong usage
  3    with --strict: no such finding, but something could not be told
  4    what was asked for could not be done, such as writing the report
  130  interrupted; the report holds what was known by then`

// A codeError ends the program with a code and, if it has words, an error line.
type codeError struct {
	code int
	err  error
}

func (e *codeError) Error() string {
	if e.err == nil {
		return ""
	}
	return e.err.Error()
}

func (e *codeError) Unwrap() error { return e.err }

// usage marks err as the user's to mend.
func usage(err error) error {
	if err == nil {
		return nil
	}
	return &codeError{exitUsage, err}
}

func exitCode(err error) int {
	var coded *codeError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return exitHealthy
	case errors.As(err, &coded):
		return coded.code
	case errors.Is(err, context.Canceled):
		return exitInterrupted
	}
	return exitFailed
}

// A gate decides what reports are worth to a script.
type gate struct {
	failOn diagnosis.Severity
	never  bool // findings do not matter
	strict bool
}

// judge is the error that makes the exit code of reports; nil if they are in order.
func (g gate) judge(reports []diagnosis.Report) error {
	unknown := false
	for _, r := range reports {
		if !g.never && refused(r) {
			return &codeError{code: exitFound}
		}
		for _, result := range r.Results {
			for _, f := range result.Findings {
				if !g.never && f.Severity >= g.failOn {
					return &codeError{code: exitFound}
				}
			}
			unknown = unknown || result.Outcome == diagnosis.Unknown || len(result.Doubts) > 0
		}
		unknown = unknown || r.CutShort
	}
	if g.strict && unknown {
		return &codeError{code: exitUnknown}
	}
	return nil
}
