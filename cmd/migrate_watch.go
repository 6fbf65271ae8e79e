package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/published"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/turnover"
)

// watchFlags are the flags of migrate watch as they are given.
type watchFlags struct {
	examFlags
	public bool
	wait   bool
}

func (a *app) migrateWatchCommand() *cobra.Command {
	var f watchFlags
	cmd := &cobra.Command{
		Use:   "watch MOVEFILE",
		Short: "Who still goes to the old server after the switch?",
		Long: `Watch asks, after the switch, who still answers with the old mail server: each
name server of the zone, and resolvers, which may remember what they have heard
until its TTL is spent. It tells who has what, and until when at the latest the
old server is remembered: the old TTL, counted from when the last name server
gave it out.

The resolvers are those of the system, or those of --resolver; with --public
Cloudflare, Google, Quad9 and others like them, too, who then learn the name.

It looks once, or with --wait until it is over: a line for each that changes,
and on a terminal where it stands. The old server has to take mail for as long,
and some days more, as senders try again what is on its way.

Exit codes:
  0    it is over: nobody asked has the old records, and their time is spent
  1    somebody has them, or may remember them
  2    wrong usage
  3    no name server could be asked, so that it is not known
  4    nobody could be asked
  130  interrupted`,
		Example: `  maildoctor migrate watch move.json
  maildoctor migrate watch move.json --public --wait
  maildoctor migrate watch move.json --wait --timeout 2h --format ndjson
  maildoctor migrate watch move.json && echo "nobody remembers it"`,
		ValidArgsFunction: onlyOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usage(errors.New("watch takes the file of one move, which migrate audit --save writes"))
			}
			if f.timeout > 0 && !f.wait {
				return usage(errors.New("--timeout is for --wait; one look takes seconds"))
			}
			return a.migrateWatch(cmd.Context(), f, args[0])
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.resolverFlag(cmd)
	flags.BoolVar(&f.public, "public", false, "ask well-known public resolvers, too")
	flags.BoolVar(&f.wait, "wait", false, "follow it until it is over")
	flags.Var(&f.timeout, "timeout", "follow it no longer than this")
	flags.Lookup("timeout").DefValue = ""
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	flags.StringVar(&f.replay, "replay", "", "ask such a recording, offline")
	f.output = &output{app: a}
	f.output.format = choose(cmd, "format", "how to print: text, json or ndjson (a line for each\nthat changes)", "text", "text", "json", "ndjson")
	flags.StringVarP(&f.output.path, "output", "o", "", "write what came of it to this `file`, whole or not at\nall")
	f.output.named = func() bool { return flags.Changed("output") }
	return cmd
}

// onlyOneFile completes one file.
func onlyOneFile(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
	if len(args) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func (a *app) migrateWatch(ctx context.Context, f watchFlags, path string) error {
	if err := f.output.check(); err != nil {
		return err
	}
	if f.replay != "" {
		if err := f.beside(); err != nil {
			return usage(err)
		}
	}
	m, err := a.readMove(path)
	if err != nil {
		return err
	}
	page := report.MoveWatch{Domain: m.Domain, Next: report.MoveStands(m, path)}
	change, note, err := switched(m)
	if err != nil {
		return err
	}
	page.Keep, page.Note = change.Keep, note
	if last := m.Step(migration.Watch); last != nil && !change.Made.IsZero() {
		page.Leave = change.Made.Add(last.Wait)
	}
	world, err := a.moveWorld(ctx, f.examFlags)
	if err != nil {
		return err
	}
	defer world.close()
	sources, closeAll, silent, err := a.sources(ctx, f, world, m.Zone)
	if err != nil {
		return err
	}
	defer closeAll()
	page.Silent = silent
	w := &turnover.Watch{Sources: sources, Change: change, Now: a.clock}
	var out follower
	if f.wait {
		out = a.follower(f.output)
		w.Observe, w.Round = out.state, out.round
		limited := ctx
		if f.timeout > 0 {
			var cancel context.CancelFunc
			limited, cancel = context.WithTimeout(ctx, time.Duration(f.timeout))
			defer cancel()
		}
		page.Status = w.Follow(limited)
	} else {
		page.Status = w.Look(ctx)
	}
	out.clear()
	if out.err != nil {
		return out.err
	}
	if page.Verdict() == report.WatchOver && m.Next() != nil && m.Next().ID == migration.Watch {
		page.Next = fmt.Sprintf("%s To note it as done: maildoctor migrate done %s %s.", report.MoveState(m), path, migration.Watch)
	}
	if err := f.output.print(func(w io.Writer) error {
		switch f.output.format.value {
		case "json":
			return report.MoveWatchedJSON(w, page)
		case "ndjson":
			return report.MoveWatchedNDJSON(w, page)
		}
		return report.MoveWatched(w, page, f.output.text())
	}); err != nil {
		return err
	}
	switch {
	case ctx.Err() != nil:
		return &codeError{exitInterrupted, errors.New("interrupted; this is how it stood")}
	case page.Verdict() == report.WatchOpen:
		return &codeError{code: exitFound}
	case page.Verdict() == report.WatchUnknown:
		return &codeError{code: exitUnknown}
	case page.Verdict() == report.WatchNothing:
		return &codeError{code: exitFailed}
	}
	return nil
}

// switched is what the switch of a move changes of where mail goes; note is what is
// not known of it.
func switched(m migration.Move) (c turnover.Change, note string, err error) {
	s := m.Step(migration.SwitchMX)
	if s == nil {
		return c, "", &codeError{exitFailed, errors.New("this move has no switch: nothing in the DNS says where the mail goes that would change")}
	}
	hosts := slices.Concat(m.Old.Hosts, m.New.Hosts)
	about := func(name, typ string) bool {
		return typ == "MX" || (typ == "A" || typ == "AAAA") && slices.Contains(hosts, name)
	}
	only := s.Plan
	only.Changes = nil
	for _, change := range s.Plan.Changes {
		if about(change.Slot.Name, change.Slot.Type) {
			only.Changes = append(only.Changes, change)
		}
	}
	for _, set := range s.Plan.Basis {
		after := plan.Set{Name: set.Name, Type: set.Type}
		for _, r := range only.Apply(set.Records) {
			if r.Name == set.Name && r.Type == set.Type {
				after.Records = append(after.Records, r)
			}
		}
		if about(set.Name, set.Type) && after.Hash() != set.Hash() {
			c.Old, c.New = append(c.Old, set), append(c.New, after)
		}
	}
	if len(c.New) == 0 {
		return c, "", &codeError{exitFailed, fmt.Errorf("the switch of %s changes no MX and no address in the DNS, so there is nothing to watch", record.Display(m.Domain))}
	}
	c.Made = s.Done
	if c.Keep = published.Until(time.Time{}, only, m.Negative).Sub(time.Time{}); c.Keep <= 0 {
		c.Keep = 24 * time.Hour
		note = "The old TTL is not known; a day is taken for it."
	}
	return c, note, nil
}

// A follower shows each source as it changes.
type follower struct {
	app  *app
	out  *output
	tty  bool
	fd   int
	last string // the line at the foot
	err  error
}

func (a *app) follower(o *output) follower {
	f := follower{app: a, out: o}
	f.fd, f.tty = terminal(a.err)
	f.tty = f.tty && a.env("TERM") != "dumb" && o.format.value == "text"
	return f
}

// state puts a line for a source.
func (f *follower) state(s turnover.State) {
	if f.err != nil {
		return
	}
	f.clear()
	switch f.out.format.value {
	case "ndjson":
		f.err = report.MoveWatchLineNDJSON(f.app.out, s)
	case "text":
		f.err = report.MoveWatchLine(f.app.out, s)
	}
}

// round renews the line at the foot.
func (f *follower) round(s turnover.Status) {
	if !f.tty {
		return
	}
	f.clear()
	width := 80
	if n, _, err := term.GetSize(f.fd); err == nil && n > 0 {
		width = n
	}
	line := []rune(report.MoveWatchCount(s))
	f.last = string(line[:min(len(line), max(0, width-1))])
	fmt.Fprint(f.app.err, f.last)
}

// clear takes the line at the foot away.
func (f *follower) clear() {
	if f.last != "" {
		fmt.Fprint(f.app.err, "\r\x1b[K")
		f.last = ""
	}
}
