package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// planFlags are the flags of plan as they are given.
type planFlags struct {
	checkFlags
	provider providerFlags
	file     string
	named    bool // --file was given
	fix      string
	zone     string
	accept   []string
	save     *output
}

func (a *app) planCommand() *cobra.Command {
	f := planFlags{save: &output{app: a, flag: "--save", private: true}}
	cmd := &cobra.Command{
		Use:   "plan [DOMAIN]",
		Short: "Show what would change in the DNS, and rehearse it",
		Long: `Plan compares what is wanted with what is there, and shows what would change,
record by record, with reasons. It changes nothing; apply does.

What is wanted is maildoctor.yaml or, with --fix, the records that an
examination prescribes, or both. What is there is what the provider holds who
shall carry it out (--provider), a zone file (--zone), or what the DNS answers.
Only what is in question changes: other records at a name stay.

Then the plan is rehearsed: the domain is examined as it is, and as it would be.
A plan that brings a finding above advice is not saved, and ends with 1, unless
the check is accepted with --accept. So does one that cannot be what is wanted.
What only the name servers can tell is not part of a rehearsal.

Exit codes:
  0    the plan is in order; so is one with nothing to change
  1    the plan brings a finding above advice, or has a conflict
  2    wrong usage
  3    with --strict: in order, but something could not be told
  4    what was asked for could not be done: what is there could not be read
  130  interrupted`,
		Example: `  maildoctor plan
  maildoctor plan example.com --fix --selector s1
  maildoctor plan example.com --fix --only spf,dmarc --save example.com.plan
  maildoctor plan --provider cloudflare
  maildoctor plan --zone example.com.zone --accept dmarc.policy-none`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.named = cmd.Flags().Changed("file")
			return a.plan(cmd.Context(), f, args)
		},
	}
	cmd.Flags().SortFlags = false
	a.wishFlags(cmd, &f)
	cmd.Flags().StringVar(&f.replay, "replay", "", "plan in the world of such a recording, offline")
	cmd.Flags().StringVar(&f.zone, "zone", "", "a zone `file` that is there, in place of the DNS;\n- is standard input")
	a.providerFlags(cmd, &f.provider)
	cmd.Flags().StringVar(&f.save.path, "save", "", "save the plan to this `file`, whole or not at all")
	f.save.named = func() bool { return cmd.Flags().Changed("save") }
	a.worldFlags(cmd, &f)
	return cmd
}

// wishFlags adds the flags that say what is wanted.
func (a *app) wishFlags(cmd *cobra.Command, f *planFlags) {
	flags := cmd.Flags()
	fileFlag(cmd, &f.file)
	fix := &choice{words: []string{"advice", "warning", "critical"}}
	flags.Var(fixes{fix, &f.fix}, "fix", "cure what an examination finds: findings of this\nseverity and above (--fix alone: warning;\nelse as in --fix=advice)")
	flags.Lookup("fix").NoOptDefVal = "warning"
	_ = cmd.RegisterFlagCompletionFunc("fix", cobra.FixedCompletions(fix.words, cobra.ShellCompDirectiveNoFileComp))
	flags.StringSliceVar(&f.only, "only", nil, "cure what these `checks` or topics find only\n(repeatable; with --fix)")
	flags.StringSliceVar(&f.skip, "skip", nil, "do not cure what these `checks` or topics find\n(repeatable; with --fix)")
	flags.StringSliceVar(&f.accept, "accept", nil, "accept that a `check` finds more than before\n(repeatable)")
	for _, name := range []string{"only", "skip", "accept"} {
		_ = cmd.RegisterFlagCompletionFunc(name, a.completeNames(checks.Domains))
	}
}

// worldFlags adds those that say how it is rehearsed, and shown.
func (a *app) worldFlags(cmd *cobra.Command, f *planFlags) {
	flags := cmd.Flags()
	flags.StringSliceVar(&f.selectors, "selector", nil, "a DKIM `selector` in use (repeatable)")
	flags.StringSliceVar(&f.ips, "ip", nil, "an `address` that sends the domain's mail\n(repeatable)")
	f.nameFlag(cmd)
	f.resolverFlag(cmd)
	for _, name := range []string{"selector", "ip"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	flags.BoolVar(&f.noSMTP, "no-smtp", false, "do not connect to mail hosts")
	flags.BoolVar(&f.noHTTPS, "no-https", false, "fetch nothing over HTTPS: no policy, no registry")
	flags.BoolVar(&f.allowPrivate, "allow-private", false, "talk to hosts on private addresses too, as in a\nlab; otherwise they are findings, and left alone")
	f.timeout = span(60 * time.Second)
	flags.Var(&f.timeout, "timeout", "how long each examination may take")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	f.output = a.outputFlags(cmd).showFlags(cmd)
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 if something could not be told")
}

// A fixes is a choice that may be left out altogether.
type fixes struct {
	*choice
	into *string
}

// Set takes one of the words.
func (f fixes) Set(s string) error {
	err := f.choice.Set(s)
	*f.into = f.value
	return err
}

// A planning is all that plan has been asked for, read.
type planning struct {
	domain   string
	state    *desired.State // the file; nil if there is none
	wishes   []plan.Wish    // of the file
	tasks    []report.Task  // of the file
	there    func(context.Context, stage) (zoneReader, error)
	world    stage
	fix      *diagnosis.Severity // from which on findings are cured; nil for none
	cure     map[string]bool     // the checks whose findings are cured, by ID
	all      []*checks.Check
	accepted []string
	timeout  time.Duration
	progress func() *progress // of one examination; nil for none

	provider providers.Provider // who holds the zone; nil where the DNS or a file tells
	from     providerFlags      // how it was found
}

func (a *app) plan(ctx context.Context, f planFlags, args []string) error {
	if f.save.path == "-" {
		return usage(errors.New("--save takes a file; --format json shows the plan"))
	}
	for _, o := range []*output{f.output, f.save} {
		if err := o.check(); err != nil {
			return err
		}
	}
	p, err := a.planning(ctx, f, args)
	if err != nil {
		return err
	}
	defer p.world.close()
	p.progress = func() *progress { return a.progress(ofDomains([]string{p.domain}), len(p.all), p.timeout) }
	if err := a.want(ctx, f, &p); err != nil {
		return err
	}
	planned, err := p.rehearsed(ctx)
	if ctx.Err() != nil {
		return &codeError{code: exitInterrupted, err: errors.New("interrupted; nothing is planned")}
	}
	if err != nil {
		return err
	}
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.PlanJSON(w, planned)
		}
		return report.Plan(w, planned, f.output.text())
	}); err != nil {
		return err
	}
	return f.end(planned)
}

// end saves the plan if it is in order, and says how the program ends.
func (f planFlags) end(planned report.Planned) error {
	unsaved := ""
	if f.save.named() {
		unsaved = "; the plan is not saved"
	}
	if worse := planned.Rehearsal.Worse(planned.Accepted); len(worse) > 0 {
		return &codeError{exitFound, fmt.Errorf("the plan brings findings above advice; to take that, --accept %s%s", strings.Join(ids(worse), ","), unsaved)}
	}
	if len(planned.Conflicts) > 0 {
		return &codeError{exitFound, fmt.Errorf("not all that is wanted can be%s", unsaved)}
	}
	if f.save.named() {
		if err := f.save.print(planned.Plan.Write); err != nil {
			return err
		}
	}
	return gate{never: true, strict: f.strict}.judge([]diagnosis.Report{planned.Rehearsal.After})
}

// ids is the checks of findings, each once.
func ids(list []plan.Shift) []string {
	var names []string
	seen := make(map[string]bool)
	for _, s := range list {
		if !seen[s.Check] {
			seen[s.Check], names = true, append(names, s.Check)
		}
	}
	return names
}

// planning reads the flags.
func (a *app) planning(ctx context.Context, f planFlags, args []string) (p planning, err error) {
	if len(args) > 1 {
		return p, usage(errors.New("plan takes one domain"))
	}
	if err := f.examFlags.named(); err != nil {
		return p, err
	}
	if f.provider.spec != "" && (f.zone != "" || f.replay != "") {
		return p, usage(errors.New("--provider says where what is there is read; --zone and --replay do, too: give one of them"))
	}
	if f.fix == "" && len(f.only)+len(f.skip) > 0 {
		return p, usage(errors.New("--only and --skip choose what --fix cures; give --fix too"))
	}
	options, err := f.live(a.env("SPAMHAUS_DQS_KEY"))
	if err != nil {
		return p, usage(err)
	}
	p.timeout, p.accepted = time.Duration(f.timeout), trimmed(f.accept)
	if err := a.chosen(f, &p); err != nil {
		return p, err
	}
	var replay *player
	if f.replay != "" {
		if err := f.beside(args); err != nil {
			return p, err
		}
		if replay, err = newPlayer(f.replay); err != nil {
			return p, usage(err)
		}
		args = []string{record.Display(replay.subject.domain)}
	}
	if err := a.wishes(f, args, &p, &options); err != nil {
		return p, err
	}
	if err := a.holder(ctx, f, &p); err != nil {
		return p, err
	}
	if f.zone != "" && replay == nil {
		if options.planned, err = readPlanned([]string{f.zone}, a.in, p.domain); err != nil {
			return p, usage(err)
		}
		file := zoneSource{options.planned, p.domain}
		if apex, ok := options.planned[0].Apex(); ok {
			file.zone = apex
		}
		p.there = func(context.Context, stage) (zoneReader, error) { return file, nil }
	}
	if replay != nil {
		p.world = replay
		return p, nil
	}
	doctor, err := a.live(ctx, options)
	if err == nil {
		p.world = doctor.(stage)
	}
	return p, err
}

// holder says who holds the zone: the provider of the flag or of the file, else the DNS tells.
func (a *app) holder(ctx context.Context, f planFlags, p *planning) error {
	p.there = fromDNS(p.domain)
	from := f.provider
	if from.spec == "" && f.zone == "" && f.replay == "" && p.state != nil {
		from = a.providerOf(f, *p)
	}
	if from.spec == "" {
		return nil
	}
	to, err := a.open(ctx, from, p.domain)
	if err != nil {
		return err
	}
	source, err := a.held(to)
	p.provider, p.from = to, from.absolute()
	p.there = func(context.Context, stage) (zoneReader, error) { return source, nil }
	return err
}

// fromDNS reads what is there from the DNS of the world.
func fromDNS(domain string) func(context.Context, stage) (zoneReader, error) {
	return func(ctx context.Context, world stage) (zoneReader, error) {
		zone, err := zoneOf(ctx, world.asks(), domain)
		return dnsSource{world.asks(), zone}, err
	}
}

// chosen reads the flags that name checks.
func (a *app) chosen(f planFlags, p *planning) error {
	whole, err := a.choose(checks.Domains, nil, nil)
	if err != nil {
		return err
	}
	p.all = whole.run
	if f.fix != "" {
		var from diagnosis.Severity
		if err := from.UnmarshalText([]byte(f.fix)); err != nil {
			return usage(err)
		}
		cured, err := a.choose(checks.Domains, f.only, f.skip)
		if err != nil {
			return usage(err)
		}
		p.fix, p.cure = &from, cured.wanted
	}
	for _, id := range p.accepted {
		if !whole.wanted[id] {
			return usage(fmt.Errorf("--accept %s is no check of domains; maildoctor checks lists them", id))
		}
	}
	return nil
}

// receiversAsked are those whose answers a rehearsal compares.
func receiversAsked() receivers { return policy.All() }
