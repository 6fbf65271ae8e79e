package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// residueFlags are the flags of migrate residue as they are given.
type residueFlags struct {
	planFlags
	old           []string
	to            string
	verifications bool
}

func (a *app) migrateResidueCommand() *cobra.Command {
	var f residueFlags
	f.save = &output{app: a, flag: "--save", private: true}
	cmd := &cobra.Command{
		Use:   "residue [MOVEFILE | DOMAIN]",
		Short: "What is left of the old provider?",
		Long: `Residue looks, some weeks after a move, for what is left of the old provider or
server: MX records, terms of SPF that still let all of its customers pass as the
domain, DKIM keys, names and services that lead mail programs to it, an MTA-STS
policy that names it, addresses of reports, texts by which it verified the
domain. It says what each may cost, and makes the plan that removes it: with
--save a file for maildoctor apply, which keeps what was there.

The old side is that of the move, or named (--old): a service such as google,
microsoft365 or sendgrid, a profile such as mailcow, a host, an address. What
maildoctor.yaml wants (that of the move, or --to) is never taken for residue,
nor what leads to the new side. It changes nothing itself.

Exit codes:
  0    nothing is left
  1    something is
  2    wrong usage
  4    what is there could not be read
  130  interrupted`,
		Example: `  maildoctor migrate residue move.json
  maildoctor migrate residue move.json --save rest.plan
  maildoctor migrate residue example.com --old google
  maildoctor migrate residue example.com --old old.example.com,192.0.2.9`,
		ValidArgsFunction: onlyOneFile,
		RunE: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 && f.replay == "" || len(args) > 1 {
				return usage(errors.New("residue takes the file of one move, or one domain"))
			}
			return a.migrateResidue(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&f.old, "old", nil, "who was left: a `name` of a service or a profile, a\nhost, an address (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("old", cobra.FixedCompletions(slices.Concat(desired.ServiceNames(), desired.ProfileNames()), cobra.ShellCompDirectiveNoFileComp))
	flags.StringVarP(&f.to, "to", "t", "", "the `file` that says what is wanted")
	flags.StringSliceVar(&f.selectors, "selector", nil, "a DKIM `selector` to look at, too (repeatable)")
	_ = cmd.RegisterFlagCompletionFunc("selector", cobra.NoFileCompletions)
	flags.BoolVar(&f.verifications, "verifications", false, "remove texts by which it verified the domain, too")
	flags.StringVar(&f.zone, "zone", "", "a zone `file` that is there, in place of the DNS;\n- is standard input")
	flags.StringVar(&f.replay, "replay", "", "look at the world of such a recording, offline")
	a.providerFlags(cmd, &f.provider)
	flags.StringVar(&f.save.path, "save", "", "save the plan to this `file`, whole or not at all")
	f.save.named = func() bool { return flags.Changed("save") }
	f.resolverFlag(cmd)
	flags.BoolVar(&f.noHTTPS, "no-https", false, "do not fetch the MTA-STS policy")
	f.timeout = span(60 * time.Second)
	flags.Var(&f.timeout, "timeout", "how long all of it may take")
	_ = cmd.RegisterFlagCompletionFunc("timeout", cobra.NoFileCompletions)
	f.output = a.outputFlags(cmd).showFlags(cmd)
	return cmd
}

func (a *app) migrateResidue(ctx context.Context, f residueFlags, args []string) error {
	if f.save.path == "-" {
		return usage(errors.New("--save takes a file; --format json shows the plan"))
	}
	for _, o := range []*output{f.output, f.save} {
		if err := o.check(); err != nil {
			return err
		}
	}
	l, err := a.leaving(ctx, f, args)
	if err != nil {
		return err
	}
	defer l.world.close()
	limited, cancel := context.WithTimeout(ctx, l.timeout)
	defer cancel()
	page, err := l.look(limited, f)
	if ctx.Err() != nil {
		return &codeError{exitInterrupted, errors.New("interrupted; nothing is planned")}
	}
	if err != nil {
		return err
	}
	if err := f.output.print(func(w io.Writer) error {
		if f.output.format.value == "json" {
			return report.MoveLeftJSON(w, page)
		}
		return report.MoveLeft(w, page, f.output.text())
	}); err != nil {
		return err
	}
	if f.save.named() {
		switch {
		case l.needed != "":
			return &codeError{exitFound, fmt.Errorf("%s; the plan is not saved", l.needed)}
		case len(page.Not) > 0:
			return &codeError{exitFound, errors.New("not all of it can be; the plan is not saved")}
		case !page.Plan.Empty():
			if err := f.save.print(page.Plan.Write); err != nil {
				return err
			}
		}
	}
	if len(page.Left) > 0 {
		return &codeError{code: exitFound}
	}
	return nil
}

// A leaving is a provider that is being left, or was.
type leaving struct {
	auditing
	move   *migration.Move // nil without one
	path   string          // of its file
	old    migration.Side
	needed string // why what is left is needed still; empty if it is not
}

// leaving reads the flags, and who was left.
func (a *app) leaving(ctx context.Context, f residueFlags, args []string) (l leaving, err error) {
	l.auditing = auditing{app: a, selectors: trimmed(f.selectors)}
	l.timeout = time.Duration(f.timeout)
	if f.provider.spec != "" && (f.zone != "" || f.replay != "") {
		return l, usage(errors.New("--provider says where what is there is read; --zone and --replay do, too: give one of them"))
	}
	wanted := f.to
	switch {
	case len(args) == 0:
	case exists(args[0]):
		m, err := a.readMove(args[0])
		if err != nil {
			return l, err
		}
		l.move, l.path, l.domain, l.old = &m, args[0], m.Domain, m.Old
		l.needed = neededFor(m)
		if file := relativeTo(filepath.Dir(args[0]), m.Wanted); wanted == "" && exists(file) {
			wanted = file
		}
	default:
		if l.domain, err = record.ParseDomain(args[0]); err != nil {
			return l, usage(fmt.Errorf("%q %w, and no file", args[0], err))
		}
	}
	if len(f.old) > 0 {
		l.old = migration.Side{}
		if err := oldSide(&l.old, trimmed(f.old)); err != nil {
			return l, usage(err)
		}
	}
	if wanted != "" {
		state, err := a.wanted(wanted)
		if err != nil {
			return l, err
		}
		l.state = &state
	}
	if err := l.enter(ctx, f); err != nil {
		return l, err
	}
	if len(l.old.Services) == 0 && len(l.old.Hosts) == 0 && len(l.old.Addrs) == 0 && l.old.Profile == "" {
		l.world.close()
		return l, usage(errors.New("who was left? name it with --old, as in --old google"))
	}
	return l, nil
}

// enter opens the world, and finds who holds the zone.
func (l *leaving) enter(ctx context.Context, f residueFlags) error {
	options, err := f.live("")
	if err != nil {
		return usage(err)
	}
	options.noSMTP = true
	var replay *player
	if f.replay != "" {
		if err := f.examFlags.beside(); err != nil {
			return err
		}
		if replay, err = newPlayer(f.replay); err != nil {
			return usage(err)
		}
		if l.domain == "" {
			l.domain = replay.subject.domain
		}
	}
	if err := l.app.holder(ctx, f.planFlags, &l.planning); err != nil {
		return err
	}
	if replay != nil {
		l.world = replay
		return nil
	}
	if f.zone != "" {
		if options.planned, err = readPlanned([]string{f.zone}, l.app.in, l.domain); err != nil {
			return usage(err)
		}
		file := zoneSource{options.planned, l.domain}
		if apex, ok := options.planned[0].Apex(); ok {
			file.zone = apex
		}
		l.there = func(context.Context, stage) (zoneReader, error) { return file, nil }
	}
	doctor, err := l.app.live(ctx, options)
	if err == nil {
		l.world = doctor.(stage)
	}
	return err
}

// neededFor is why what is left of the old side of a move is needed still; empty once
// the old side may be retired.
func neededFor(m migration.Move) string {
	next := m.Next()
	ids := migration.StepIDs()
	if next == nil || slices.Index(ids, next.ID) >= slices.Index(ids, migration.Retire) {
		return ""
	}
	return fmt.Sprintf("the move is at the step %s, so that the old side is needed still", next.ID)
}

// oldSide reads who was left.
func oldSide(side *migration.Side, names []string) error {
	var titles []string
	for _, name := range names {
		lower := strings.ToLower(name)
		service, isService := desired.FindService(lower)
		profile, isProfile := desired.FindProfile(lower)
		addr, err := netip.ParseAddr(name)
		switch {
		case isService:
			side.Services, titles = append(side.Services, service.Name), append(titles, service.Title)
		case isProfile:
			side.Profile, titles = profile.Name, append(titles, profile.Title)
		case err == nil && addr.Zone() == "":
			side.Addrs, titles = append(side.Addrs, addr.Unmap()), append(titles, addr.Unmap().String())
		case strings.Contains(name, "."):
			host, err := record.ParseDomain(name)
			if err != nil {
				return fmt.Errorf("--old %q %w", name, err)
			}
			side.Hosts, titles = append(side.Hosts, host), append(titles, record.Display(host))
		default:
			return fmt.Errorf("--old %q is no service, profile, host or address; services are %s", name, strings.Join(desired.ServiceNames(), ", "))
		}
	}
	side.Name = strings.Join(titles, " and ")
	return nil
}

// look reads what is there, and finds what is left.
func (l *leaving) look(ctx context.Context, f residueFlags) (report.MoveResidue, error) {
	page := report.MoveResidue{Domain: l.domain, Old: l.old.Name}
	g := migration.Given{Domain: l.domain}
	if l.state != nil {
		wanted, problems := l.state.Edits(desired.Given{Now: l.now(ctx)})
		if err := l.app.problems(f.to, problems); err != nil {
			return page, err
		}
		for _, c := range wanted.Changes {
			if c.Domain == l.domain {
				g.Wanted = append(g.Wanted, c.Edit)
			}
		}
	}
	if err := l.today(ctx, &g); err != nil {
		return page, err
	}
	rest := migration.Rest{Domain: l.domain, Zone: g.Zone, Today: g.Today, Wanted: g.Wanted, Old: l.old, Verifications: f.verifications}
	l.bothSides(ctx, &rest)
	found, known := announced(ctx, l.world, l.domain)
	rest.Served = found.Served
	if !known {
		page.Notes = append(page.Notes, "Whether an MTA-STS policy names the old host could not be told.")
	}
	var wishes []plan.Wish
	page.Left, wishes = migration.Residue(rest)
	if l.needed != "" && len(page.Left) > 0 {
		page.Notes = append(page.Notes, strings.ToUpper(l.needed[:1])+l.needed[1:]+".")
	}
	if l.move != nil {
		page.Next = report.MoveStands(*l.move, l.path)
	}
	there, err := l.there(ctx, l.world)
	if err != nil {
		return page, err
	}
	current, err := there.records(ctx, wishes)
	if err != nil {
		return page, err
	}
	given := there.given()
	if _, ok := there.(dnsSource); ok { // whose TTLs were asked of a server of the zone
		current, given.TTLs = g.Today, true
	}
	page.Plan, page.Not = plan.Make(current, wishes, given)
	page.Plan.Source, page.Plan.Made = there.String(), l.app.clock().UTC()
	page.Plan.Provider, page.Plan.TSIGKey = l.from.spec, l.from.tsigKey
	return page, nil
}

// bothSides fills in who is on the new side, and the addresses of hosts.
func (l *leaving) bothSides(ctx context.Context, r *migration.Rest) {
	if l.move != nil {
		r.New = l.move.New
	} else {
		for _, one := range r.Today {
			if _, host, ok := one.MX(); ok && one.Name == l.domain && host != "." && !slices.Contains(r.Old.Hosts, host) && !migration.MailHost(host, r.Old.Services) {
				r.New.Hosts = append(r.New.Hosts, host)
			}
		}
	}
	if len(r.New.Addrs) == 0 {
		for _, h := range r.New.Hosts {
			r.New.Addrs = append(r.New.Addrs, l.addressesOfHost(ctx, h)...)
		}
	}
	if len(r.Old.Addrs) == 0 && len(r.Old.Services) == 0 {
		for _, h := range r.Old.Hosts {
			r.Old.Addrs = append(r.Old.Addrs, l.addressesOfHost(ctx, h)...)
		}
	}
	r.Old.Addrs = slices.DeleteFunc(slices.Clone(r.Old.Addrs), func(a netip.Addr) bool { return slices.Contains(r.New.Addrs, a) })
}
