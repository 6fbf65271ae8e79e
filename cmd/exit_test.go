package cmd

import (
	"context"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/resolve"
)

func one(o diagnosis.Outcome, severities ...diagnosis.Severity) diagnosis.Report {
	r := diagnosis.Result{Outcome: o}
	for _, s := range severities {
		r.Findings = append(r.Findings, diagnosis.Finding{Severity: s})
	}
	return diagnosis.Report{Results: []diagnosis.Result{{Outcome: diagnosis.Passed}, r}}
}

func TestGate(t *testing.T) {
	beside := one(diagnosis.Failed, diagnosis.Advice)
	beside.Results[1].Doubts = []diagnosis.Doubt{{Reason: "timed out"}}
	for _, c := range []struct {
		name   string
		gate   gate
		report diagnosis.Report
		want   int
	}{
		{"healthy", gate{failOn: diagnosis.Critical}, one(diagnosis.Passed), exitHealthy},
		{"skipped is healthy", gate{failOn: diagnosis.Advice, strict: true}, one(diagnosis.Skipped), exitHealthy},
		{"critical", gate{failOn: diagnosis.Critical}, one(diagnosis.Failed, diagnosis.Critical), exitFound},
		{"below the threshold", gate{failOn: diagnosis.Critical}, one(diagnosis.Failed, diagnosis.Warning), exitHealthy},
		{"at the threshold", gate{failOn: diagnosis.Warning}, one(diagnosis.Failed, diagnosis.Warning), exitFound},
		{"any finding counts", gate{failOn: diagnosis.Warning}, one(diagnosis.Failed, diagnosis.Advice, diagnosis.Warning), exitFound},
		{"advice", gate{failOn: diagnosis.Advice}, one(diagnosis.Failed, diagnosis.Advice), exitFound},
		{"never", gate{never: true}, one(diagnosis.Failed, diagnosis.Critical), exitHealthy},
		{"unknown is not failed", gate{failOn: diagnosis.Advice}, one(diagnosis.Unknown), exitHealthy},
		{"unknown, strictly", gate{failOn: diagnosis.Critical, strict: true}, one(diagnosis.Unknown), exitUnknown},
		{"unknown beside a finding, strictly", gate{failOn: diagnosis.Critical, strict: true}, beside, exitUnknown},
		{"a finding goes before an unknown", gate{failOn: diagnosis.Advice, strict: true}, beside, exitFound},
		{"cut short, strictly", gate{strict: true}, diagnosis.Report{CutShort: true}, exitUnknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := exitCode(c.gate.judge([]diagnosis.Report{{}, c.report})); got != c.want {
				t.Errorf("exit code %d, want %d", got, c.want)
			}
		})
	}
}

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		name string
		err  error
		code int
		text string
	}{
		{"none", nil, exitHealthy, ""},
		{"a verdict", &codeError{code: exitFound}, exitFound, ""},
		{"usage", usage(errors.New("no such thing")), exitUsage, "no such thing"},
		{"usage, wrapped", fmt.Errorf("at line 1: %w", usage(errors.New("x"))), exitUsage, "at line 1: x"},
		{"a closed pipe", fmt.Errorf("write: %w", syscall.EPIPE), exitHealthy, ""},
		{"something else", errors.New("disk full"), exitFailed, "disk full"},
		{"interrupted", interrupted(2, ofDomains(make([]string, 5))), exitInterrupted, "interrupted; 2 of 5 domains were not examined"},
		{"cancelled below", fmt.Errorf("ask: %w", context.Canceled), exitInterrupted, "ask: context canceled"},
		{"hostile", errors.New("a\x1b[2J\nb"), exitFailed, `a\x1b[2J b`},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := exitCode(c.err); got != c.code {
				t.Errorf("exit code %d, want %d", got, c.code)
			}
			if got := errorText(c.err); got != c.text {
				t.Errorf("text %q, want %q", got, c.text)
			}
		})
	}
	if usage(nil) != nil {
		t.Error("no error has become one")
	}
}

// The help names every exit code, and no other.
func TestExitHelp(t *testing.T) {
	codes := []int{exitHealthy, exitFound, exitUsage, exitUnknown, exitFailed, exitInterrupted}
	var named []int
	for _, l := range splitLines(exitHelp)[1:] {
		var code int
		if _, err := fmt.Sscanf(l, "%d", &code); err == nil {
			named = append(named, code)
		}
	}
	if fmt.Sprint(named) != fmt.Sprint(codes) {
		t.Errorf("the help names %v, the codes are %v", named, codes)
	}
}

func TestUnanswered(t *testing.T) {
	for _, c := range []struct {
		name  string
		asked int
		stats resolve.Stats
		want  bool
	}{
		{"nothing was asked", 0, resolve.Stats{}, false},
		{"all failed", 3, resolve.Stats{Questions: 3, Errors: 3}, true},
		{"all are still on their way", 3, resolve.Stats{}, true},
		{"one was answered", 3, resolve.Stats{Questions: 3, Errors: 2}, false},
	} {
		if got := unanswered([]diagnosis.Report{{}, {Questions: c.asked}}, c.stats); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
