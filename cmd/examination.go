package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/record"
)

// A subject is what one examination is of: a domain (canonical) or an address.
type subject struct {
	domain string
	addr   netip.Addr // valid where domain is empty
}

// String is the subject for a reader.
func (s subject) String() string {
	if s.addr.IsValid() {
		return s.addr.String()
	}
	return record.Display(s.domain)
}

// report is the report on the subject, before there is anything in it.
func (s subject) report() diagnosis.Report {
	if s.addr.IsValid() {
		return diagnosis.Report{Address: s.addr.String()}
	}
	return diagnosis.Report{Domain: record.Display(s.domain)}
}

// noun is what several such subjects are called.
func (s subject) noun() string {
	if s.addr.IsValid() {
		return "addresses"
	}
	return "domains"
}

// ofDomains is domains as subjects.
func ofDomains(names []string) []subject {
	list := make([]subject, len(names))
	for i, name := range names {
		list[i].domain = name
	}
	return list
}

// examFlags are the flags of every command that examines, as they are given.
type examFlags struct {
	resolvers       []string
	helo            string
	only, skip      []string
	record, replay  string
	failOn          *choice
	strict          bool
	noSMTP, noHTTPS bool
	timeout         span
	output          *output

	since sinceFlags // of commands that report
}

// The flags are added in groups, each in its place among those of the command.

func (f *examFlags) nameFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.helo, "helo", "", "the `name` that the sending host gives in EHLO")
	_ = cmd.RegisterFlagCompletionFunc("helo", cobra.NoFileCompletions)
}

func (f *examFlags) resolverFlag(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&f.resolvers, "resolver", nil, "a DNS `server` to ask, not the system's (repeatable):\n192.0.2.53, [2001:db8::53]:5353, udp://, tcp:// or\ntls://HOST, https://HOST/dns-query")
	_ = cmd.RegisterFlagCompletionFunc("resolver", cobra.NoFileCompletions)
}

func (f *examFlags) choiceFlags(a *app, cmd *cobra.Command, of checks.Subject) {
	cmd.Flags().StringSliceVar(&f.only, "only", nil, "show these `checks` or topics only, and what explains\ntheir end (repeatable)")
	cmd.Flags().StringSliceVar(&f.skip, "skip", nil, "leave out these `checks` or topics (repeatable)")
	for _, name := range []string{"only", "skip"} {
		_ = cmd.RegisterFlagCompletionFunc(name, a.completeNames(of))
	}
}

func (f *examFlags) recordingFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.record, "record", "", "write all answers to this `file`, to be played again")
	cmd.Flags().StringVar(&f.replay, "replay", "", "examine what such a `file` holds, offline")
}

// endFlags are those about time, the report and the exit code.
func (f *examFlags) endFlags(a *app, cmd *cobra.Command, each string) {
	f.ends(cmd, each, a.outputFlags)
}

// reportFlags are the same for a command whose result is reports, which can be
// written in many formats.
func (f *examFlags) reportFlags(a *app, cmd *cobra.Command, each string) {
	f.ends(cmd, each, a.reportFlag)
	f.output.compactFlag(cmd)
	f.since.add(cmd)
}

func (f *examFlags) ends(cmd *cobra.Command, each string, format func(*cobra.Command) *output) {
	f.timeout = span(60 * time.Second)
	cmd.Flags().Var(&f.timeout, "timeout", "how long to examine each "+each)
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	f.output = format(cmd).fileFlags(cmd)
	f.failOn = choose(cmd, "fail-on", "exit with 1 for findings of this severity and above:\nadvice, warning, critical,\nor never", "critical", "advice", "warning", "critical", "never")
	cmd.Flags().BoolVar(&f.strict, "strict", false, "exit with 3 if something could not be told")
}

// named refuses flags whose words are blank: a variable of a script that was
// not set would else mean everything, or nowhere.
func (f *examFlags) named() error {
	for _, list := range []struct {
		flag  string
		words []string
	}{{"only", f.only}, {"skip", f.skip}} {
		if list.words != nil && len(trimmed(list.words)) == 0 {
			return usage(fmt.Errorf("--%s names no check; maildoctor checks lists them", list.flag))
		}
	}
	return nil
}

func (f *examFlags) gate() (gate, error) {
	g := gate{strict: f.strict, never: f.failOn.value == "never"}
	if g.never {
		f.output.failOn = diagnosis.Critical + 1
		return g, nil
	}
	err := g.failOn.UnmarshalText([]byte(f.failOn.value))
	f.output.failOn = g.failOn
	return g, err
}

// live reads the flags that describe the way into the world.
func (f *examFlags) live(key string) (liveOptions, error) {
	o := liveOptions{resolvers: f.resolvers, noSMTP: f.noSMTP, noHTTPS: f.noHTTPS, record: f.record != ""}
	if f.helo != "" {
		name, err := record.ParseDomain(f.helo)
		if err != nil {
			return o, fmt.Errorf("--helo %q %w; give the full name, as in mail.example.com", f.helo, err)
		}
		o.want.HELO = name
	}
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		o.hostname = name
	}
	return o, o.byKey(key)
}

// An examination is what a command has been asked to examine, and how.
type examination struct {
	subjects []subject // one at least
	replay   examiner  // of a recording; nil on the internet
	options  liveOptions
	checks   selection
	policies receivers
	own      ownerFile
}

// run examines, reports, and says by its error with what the program ends.
func (a *app) run(ctx context.Context, f examFlags, e examination) error {
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.output.check(); err != nil {
		return err
	}
	before, err := a.earlier(f.since)
	if err != nil {
		return err
	}
	e.options.log = f.output.verbose && f.output.format.value == "text"
	doctor := e.replay
	if doctor == nil {
		if doctor, err = a.live(ctx, e.options); err != nil {
			return err
		}
	}
	defer doctor.close()

	r := round{examiner: doctor, policies: e.policies, checks: e.checks, timeout: time.Duration(f.timeout), progress: a.progress(e.subjects, len(e.checks.run), time.Duration(f.timeout))}
	if f.output.streams() && len(e.subjects) > 1 {
		r.each = func(one diagnosis.Report) (diagnosis.Report, error) {
			list := []diagnosis.Report{one}
			if err := a.settle(f, e, before, list); err != nil {
				return one, err
			}
			return essence(list[0]), r.progress.above(func() error { return f.output.reports(list) })
		}
	}
	reports, skipped, err := r.run(ctx, e.subjects)
	r.progress.stop()
	if err != nil {
		return err
	}
	if f.record != "" {
		recorded, err := doctor.(recorder).recording()
		if err != nil {
			return err
		}
		if err := a.keep(f.record, recorded); err != nil {
			return err
		}
	}
	stats, events := doctor.asked()
	if r.each == nil {
		if err := a.settle(f, e, before, reports); err != nil {
			return err
		}
		if err := f.output.reports(reports, asked(events)...); err != nil {
			return err
		}
	}
	if ctx.Err() != nil {
		return interrupted(skipped, e.subjects)
	}
	verdict := f.output.end(gate, reports)
	if verdict == nil && e.replay == nil && unanswered(reports, stats) {
		return errNoAnswer
	}
	return verdict
}

// settle makes of reports what the owner has decided, keeps them, and holds them to an
// earlier one.
func (a *app) settle(f examFlags, e examination, before earlier, reports []diagnosis.Report) error {
	e.own.decide(a, reports)
	whole := slices.Clone(reports) // as they are without what was known
	var err error
	if f.output.changes, err = before.hold(reports); err != nil || !f.since.keep {
		return err
	}
	return a.keepRuns(whole)
}

// essence is as much of a report as an exit code is made of: of ten thousand, no more
// is kept.
func essence(r diagnosis.Report) diagnosis.Report {
	short := r
	short.Results = nil
	for _, result := range r.Results {
		one := diagnosis.Result{Outcome: result.Outcome, Severity: result.Severity}
		for _, f := range result.Findings {
			one.Findings = append(one.Findings, diagnosis.Finding{Severity: f.Severity})
		}
		for range result.Doubts {
			one.Doubts = append(one.Doubts, diagnosis.Doubt{})
		}
		if one.Outcome != diagnosis.Passed {
			short.Results = append(short.Results, one)
		}
	}
	return short
}

// interrupted is the end of a run that somebody stopped.
func interrupted(skipped int, all []subject) error {
	e := &codeError{code: exitInterrupted, err: errors.New("interrupted; what is not in the report is unknown")}
	if skipped > 0 {
		e.err = fmt.Errorf("interrupted; %d of %d %s were not examined", skipped, len(all), all[0].noun())
	}
	return e
}

// progress tells how far the run is, if there is a terminal to tell.
func (a *app) progress(subjects []subject, checks int, timeout time.Duration) *progress {
	fd, tty := terminal(a.err)
	if !tty || a.env("TERM") == "dumb" {
		return nil
	}
	width := 80
	if n, _, err := term.GetSize(fd); err == nil && n > 0 {
		width = n
	}
	return startProgress(a.err, width, subjects, checks, timeout)
}
