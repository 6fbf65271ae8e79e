package cmd

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/keyfile"
	"github.com/maildoctor/maildoctor/ledger"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/rotation"
)

// rotateFlags are the flags of dkim rotate as they are given.
type rotateFlags struct {
	status, begin, switched, back, abort bool

	old, selectors, keys []string
	kind, bits, signer   *choice
	dir                  string
	retire, forget       days
	given                func(flag string) bool

	provider providerFlags
	yes      bool
	wait     span
	excused  []string
	trust    bool
	file     string
	dns      examFlags // of which only the resolvers count
	output   *output
}

func (a *app) dkimRotateCommand() *cobra.Command {
	f := rotateFlags{retire: days(rotation.DefaultRetire), forget: days(rotation.DefaultDelete)}
	cmd := &cobra.Command{
		Use:   "rotate [DOMAIN]",
		Short: "Change the key that signs, step by step",
		Long: `Rotate changes the DKIM key of a domain so that no signature fails. It is one
command for all of it: each run says where the rotation stands, does the step
that is possible, and says what comes next, and when. Run it as often as you
like; it can be left and resumed at any time.

  1. The next key is made (mode 0600; nothing is written over), and its record
     published beside the old one.
  2. Every authoritative server is asked until all answer with it.
  3. Resolvers may remember for a while that there was no such record. When
     that is over, it is safe to sign with the next key.
  4. You let the signer use it, and say so with --switched. Until you have gone
     on to 5, there is a way back: --back.
  5. The old key stays for 7 days, for mail that is on its way. Then it is
     withdrawn: its record has an empty p= (RFC 6376, 3.6.1).
  6. After 30 more days that record goes, too.

Of a key that is in wrong hands one does not wait for 5: --retire 0d.

Records are written by --provider, which maildoctor.yaml may name. Without one
rotate says what to publish, and goes on when the name servers show it.

A maildoctor.yaml with keys of the domain is heeded: rotate says which lines of
it to change, and does nothing that plan and apply would undo.

Exit codes:
  0    done what could be done now
  1    a person has to put something right first, or to agree
  2    wrong usage
  4    it could not be done: the order came too early, the name servers could
       not be asked, the provider failed
  130  interrupted`,
		Example: `  maildoctor dkim rotate example.com --old s1
  maildoctor dkim rotate example.com --provider cloudflare --wait
  maildoctor dkim rotate example.com --status
  maildoctor dkim rotate example.com --switched`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.dkimRotate(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.given = flags.Changed
	flags.BoolVar(&f.status, "status", false, "only look, and say where it stands")
	flags.BoolVar(&f.switched, "switched", false, "say that the signer uses the next key now")
	flags.BoolVar(&f.back, "back", false, "say that the signer uses the old key again")
	flags.BoolVar(&f.abort, "abort", false, "give it up before the switch: the record of the next\nkey goes")
	flags.BoolVar(&f.begin, "begin", false, "begin the next rotation when the last is over")
	flags.StringSliceVar(&f.old, "old", nil, "the `selector` that signs now (repeatable), or none;\nelse those of maildoctor.yaml or the last rotation")
	flags.StringSliceVar(&f.selectors, "selector", nil, "the `selector` of the next key (repeatable);\nelse the year and a free letter: 2026b")
	f.kind = choose(cmd, "type", "the kind of the next key: rsa, ed25519 or both;\nelse that of the old one", "", keyfile.RSA, keyfile.Ed25519, "both")
	f.bits = choose(cmd, "bits", "the size of an RSA key: 2048, 3072 or\n4096", "2048", "2048", "3072", "4096")
	flags.StringSliceVar(&f.keys, "key", nil, "a `file` with the next key, which is there already:\nPEM, or the record to publish (with --selector;\nrepeatable)")
	outFlag(cmd, &f.dir)
	names := strings.Join(wrapped(strings.Join(rotation.SignerNames(), ", "), 50), "\n")
	f.signer = choose(cmd, "signer", "what signs, for the steps in its words:\n"+names, rotation.AnySigner, rotation.SignerNames()...)
	flags.Lookup("signer").DefValue, flags.Lookup("type").DefValue = "", ""
	flags.Var(&f.retire, "retire", "how long the old key stays after the switch\n(default 7d)")
	flags.Var(&f.forget, "delete", "how long the record of the withdrawn key stays\n(default 30d)")
	flags.Lookup("retire").DefValue, flags.Lookup("delete").DefValue = "", ""
	a.providerFlags(cmd, &f.provider)
	flags.BoolVarP(&f.yes, "yes", "y", false, "do not ask before records are written")
	flags.Var(&f.wait, "wait", "wait until the next step is possible; at most this\n`time`")
	flags.Lookup("wait").NoOptDefVal, flags.Lookup("wait").DefValue = defaultWait, ""
	flags.StringSliceVar(&f.excused, "except-server", nil, "a name `server` that is out of order, and not waited\nfor (repeatable)")
	flags.BoolVar(&f.trust, "clock-is-right", false, "the clock was wrong before and is right now: all\nwaits begin again")
	flags.StringVarP(&f.file, "file", "f", wantedFile, "the `file` that says what is wanted, not\n"+wantedFile)
	flags.Lookup("file").DefValue = "" // the help has it
	f.dns.resolverFlag(cmd)
	for _, name := range []string{"old", "selector", "except-server", "retire", "delete", "wait"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	f.output = a.outputFlags(cmd)
	return cmd
}

// days is a duration that may be nothing, and is given in days as a rule.
type days time.Duration

const aDay = 24 * time.Hour

func (d *days) String() string {
	if whole := time.Duration(*d); whole%aDay == 0 {
		return strconv.Itoa(int(whole/aDay)) + "d"
	}
	return spoken(time.Duration(*d))
}

func (d *days) Type() string { return "duration" }

// Set takes "7d" and what Go writes.
func (d *days) Set(s string) error {
	v, err := time.ParseDuration(s)
	if number, ok := strings.CutSuffix(s, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(number, 10, 16)
		v = time.Duration(n) * aDay
	}
	if err != nil || v < 0 || v > rotation.MostWait {
		return errors.New("give a time such as 7d or 36h, a year at most")
	}
	*d = days(v.Truncate(time.Second))
	return nil
}

var _ pflag.Value = (*days)(nil)

// A rotating is one run of dkim rotate.
type rotating struct {
	*app
	rotateFlags
	domain   string
	kept     ledger.Ledger
	world    stage
	state    *rotation.State   // nil: none has begun
	settings *desired.Settings // of the domain in the file; nil where it has none
	entries  *rotation.File

	step    rotation.Step
	unasked string   // why the name servers could not be asked
	did     []string // what was done in this run
	carried map[rotation.Phase]bool
	by      string // who carried it out, for a reader
	reload  string // what a person has to do for it to take effect
}

func (a *app) dkimRotate(ctx context.Context, f rotateFlags, args []string) error {
	r, err := a.rotating(f, args)
	if err != nil {
		return err
	}
	world, err := a.live(ctx, liveOptions{resolvers: f.dns.resolvers, noSMTP: true, noHTTPS: true})
	if err != nil {
		return err
	}
	r.world = world.(stage)
	defer r.world.close()
	if err := r.started(ctx); err != nil || r.state == nil {
		return r.interrupted(ctx, err)
	}
	if r.state.Over() && !r.ordered() {
		r.step = rotation.Next(*r.state, rotation.Observation{File: r.entries}, r.clock())
		return r.print()
	}
	failed := r.order(ctx)
	if failed == nil {
		failed = r.run(ctx)
	}
	if r.step.Await == "" {
		return r.interrupted(ctx, failed)
	}
	return r.interrupted(ctx, errors.Join(r.print(), failed, r.verdict(failed)))
}

// interrupted is how the program ends with err, if somebody interrupted it.
func (r *rotating) interrupted(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return &codeError{exitInterrupted, errors.New("interrupted; the same command goes on where it was")}
	}
	return err
}

func (r *rotating) ordered() bool { return r.switched || r.back || r.abort }

// verdict is how the program ends where nothing failed.
func (r *rotating) verdict(failed error) error {
	switch {
	case failed != nil:
		return nil
	case r.step.Await == rotation.Person:
		return &codeError{code: exitFound}
	case r.step.Await == rotation.Servers && r.wait > 0:
		return &codeError{exitFailed, errors.New("not every name server answers with it yet")}
	case r.step.State.Over():
	case r.unasked != "":
		return &codeError{exitFailed, errors.New("the name servers could not be asked: " + r.unasked)}
	case len(r.step.Laggards) > 0 && allSilent(r.step.Laggards) && r.step.Await == rotation.Servers:
		return &codeError{exitFailed, errors.New("name servers could not be asked")}
	}
	return nil
}

func allSilent(list []rotation.Laggard) bool {
	for _, l := range list {
		if !l.Silent {
			return false
		}
	}
	return true
}

// rotating reads the flags, the file and what was kept.
func (a *app) rotating(f rotateFlags, args []string) (*rotating, error) {
	r := &rotating{app: a, rotateFlags: f, carried: make(map[rotation.Phase]bool)}
	if err := f.sensible(args); err != nil {
		return nil, err
	}
	if err := r.readFile(args); err != nil {
		return nil, err
	}
	var err error
	if r.kept, err = a.ledger(); err != nil {
		return nil, err
	}
	return r, r.load()
}

// sensible refuses flags that do not go together.
func (f rotateFlags) sensible(args []string) error {
	if len(args) > 1 {
		return usage(errors.New("dkim rotate takes one domain"))
	}
	orders := 0
	for _, given := range []bool{f.status, f.begin, f.switched, f.back, f.abort} {
		if given {
			orders++
		}
	}
	switch {
	case orders > 1:
		return usage(errors.New("give one of --status, --begin, --switched, --back and --abort"))
	case f.status && f.wait > 0:
		return usage(errors.New("--status looks once; leave out --wait"))
	case len(f.keys) > 0 && len(f.keys) != len(trimmed(f.selectors)):
		return usage(errors.New("each --key needs the --selector under which it is published"))
	case len(f.keys) > 0 && (f.given("type") || f.given("bits")):
		return usage(errors.New("--type and --bits are for a key that is made; --key is there already"))
	case f.file == "-":
		return usage(errors.New("--file takes a file here, not standard input"))
	}
	return nil
}

// readFile reads the owner's file, if there is one, and which domain it is about.
func (r *rotating) readFile(args []string) error {
	_, err := os.Stat(r.file)
	there := err == nil || !errors.Is(err, fs.ErrNotExist)
	if !there && !r.given("file") {
		if len(args) == 0 {
			return usage(errors.New("no domain given; name one, as in maildoctor dkim rotate example.com"))
		}
		return r.named(args[0])
	}
	state, err := r.wanted(r.file)
	if err != nil {
		return err
	}
	if len(args) == 0 {
		if r.domain, err = exported(state, nil); err != nil {
			return err
		}
	} else if err := r.named(args[0]); err != nil {
		return err
	}
	for _, d := range state.Domains {
		if d.Name == r.domain {
			settings := d.Over(state.Defaults)
			r.settings, r.entries = &settings, entriesFor(wishedBy(r.file), settings)
			r.provider = r.provider.orFile(settings, r.file)
		}
	}
	return nil
}

func (r *rotating) named(text string) (err error) {
	if r.domain, err = record.ParseDomain(text); err != nil {
		return usage(fmt.Errorf("%q %w", text, err))
	}
	return nil
}

// entriesFor is what the file says of keys. A key without a selector has that of
// the profile.
func entriesFor(name string, s desired.Settings) *rotation.File {
	profile, _ := desired.FindProfile(s.Profile)
	file := &rotation.File{Name: name}
	for _, k := range s.DKIM {
		selector := strings.ToLower(k.Selector)
		if selector == "" && len(profile.Selectors) > 0 && !strings.Contains(profile.Selectors[0], "{") {
			selector = profile.Selectors[0]
		}
		if selector != "" {
			file.Keys = append(file.Keys, rotation.Entry{Selector: selector, Record: k.Record, Revoked: k.Revoked})
		}
	}
	return file
}

// orFile is f or, where it names no provider, the one of the file.
func (f providerFlags) orFile(s desired.Settings, file string) providerFlags {
	dir := filepath.Dir(file)
	if f.spec == "" && s.Provider.Kind != "" {
		if s.Provider.Kind == desired.ByZoneFile {
			s.Provider.Where = relativeTo(dir, s.Provider.Where)
		}
		f.spec = s.Provider.String()
		if f.tsigKey == "" && s.TSIGKey != "" {
			f.tsigKey = relativeTo(dir, s.TSIGKey)
		}
	}
	return f
}

// stateFile is the name of the file in which the rotation of the domain is kept.
func (r *rotating) stateFile() string { return "rotation-" + record.Display(r.domain) + ".json" }

// load reads the state that an earlier run kept.
func (r *rotating) load() error {
	text, err := r.kept.Load(r.domain, r.stateFile())
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("the rotation that was begun could not be read: %w", err)
	}
	s, err := rotation.Read(bytes.NewReader(text))
	if err == nil && s.Domain != r.domain {
		err = fmt.Errorf("it is that of %s", record.Display(s.Domain))
	}
	if err != nil {
		return fmt.Errorf("%s in %s cannot be used: %w", r.stateFile(), r.kept.Path(), err)
	}
	r.state = &s
	return nil
}

// keep keeps a state. With --status nothing is.
func (r *rotating) keep(s rotation.State) error {
	r.state = &s
	if r.status {
		return nil
	}
	var b bytes.Buffer
	err := s.Write(&b)
	if err == nil {
		err = r.kept.Save(r.domain, r.stateFile(), b.Bytes())
	}
	if err != nil {
		return fmt.Errorf("where the rotation stands could not be kept: %w", err)
	}
	return nil
}

// started begins a rotation where there is none, if that is asked for.
func (r *rotating) started(ctx context.Context) error {
	switch {
	case r.state == nil && (r.status || r.ordered()):
		if r.ordered() {
			return usage(fmt.Errorf("no rotation of %s has begun", record.Display(r.domain)))
		}
		return r.output.print(func(w io.Writer) error { return r.none(w) })
	case r.state != nil && !r.state.Over() && r.begin:
		return usage(fmt.Errorf("the rotation of %s to %s is not over; --abort gives it up", record.Display(r.domain), rotation.Selectors(r.state.Next)))
	case r.state != nil && !(r.state.Over() && r.begin):
		return r.sameKeys()
	}
	return r.start(ctx)
}

// sameKeys refuses flags for another rotation than the one that has begun. Those
// with which it was begun may be there again.
func (r *rotating) sameKeys() error {
	for _, f := range []struct {
		flag string
		is   []rotation.Key
		says func(rotation.Key) string
		want []string
	}{
		{"old", r.state.Old, selectorOf, withoutNone(trimmed(r.old))},
		{"selector", r.state.Next, selectorOf, trimmed(r.selectors)},
		{"type", r.state.Next, func(k rotation.Key) string { return kindOf(k.Public()) }, r.kinds(nil)},
	} {
		if !r.given(f.flag) {
			continue
		}
		var is, want []string
		for _, k := range f.is {
			is = append(is, f.says(k))
		}
		for _, w := range f.want {
			want = append(want, strings.ToLower(w))
		}
		slices.Sort(is)
		slices.Sort(want)
		if slices.Equal(slices.Compact(is), slices.Compact(want)) {
			continue
		}
		how := "it goes on without --" + f.flag
		if r.state.Over() {
			how = "--begin begins the next"
		}
		return usage(fmt.Errorf("the rotation of %s to %s has begun already, from %s; %s", record.Display(r.domain), rotation.Selectors(r.state.Next), cmp.Or(rotation.Selectors(r.state.Old), "none"), how))
	}
	return nil
}

func selectorOf(k rotation.Key) string { return k.Selector }

func withoutNone(list []string) []string {
	if len(list) == 1 && list[0] == "none" {
		return nil
	}
	return list
}

// order does what a person ordered.
func (r *rotating) order(ctx context.Context) error {
	s := *r.state
	var err error
	if r.trust {
		if s, err = s.Restarted(r.clock()); err != nil {
			return err
		}
	}
	if r.given("retire") {
		s.Waits.Retire = time.Duration(r.retire)
	}
	if r.given("delete") {
		s.Waits.Delete = time.Duration(r.forget)
	}
	before, o := s.Phase, rotation.Observation{File: r.entries}
	if r.switched || r.back {
		o = r.look(ctx, s)
	}
	switch {
	case r.switched:
		s, err = s.Switch(o, r.clock())
	case r.back:
		s, err = s.GoBack(o, r.clock())
	case r.abort:
		s, err = s.Abort(r.clock())
	}
	if err := r.keep(s); err != nil {
		return err
	}
	if err != nil {
		r.step = rotation.Next(s, o, r.clock())
		return r.refused(err)
	}
	if s.Phase != before {
		switch {
		case r.switched:
			r.did = append(r.did, fmt.Sprintf("noted that %s signs from now on", rotation.Selectors(s.Next)))
		case r.back:
			r.did = append(r.did, fmt.Sprintf("noted that %s signs again", rotation.Selectors(s.Old)))
		}
	}
	return nil
}

// refused is an order that was not followed, with when it can be.
func (r *rotating) refused(err error) error {
	var early *rotation.EarlyError
	if errors.As(err, &early) && !early.When.IsZero() {
		err = fmt.Errorf("%w; it is possible from %s", err, r.at(early.When))
	}
	return &codeError{exitFailed, err}
}

// run looks, and does what is possible, until there is nothing left to do now.
func (r *rotating) run(ctx context.Context) error {
	deadline := time.Now().Add(time.Duration(r.wait))
	told := ""
	for pause := time.Second; ; pause = min(2*pause, 30*time.Second) {
		o := r.look(ctx, *r.state)
		r.unasked = o.Unknown
		r.step = rotation.Next(*r.state, o, r.clock())
		if err := r.keep(r.step.State); err != nil {
			return err
		}
		if len(r.step.Wishes) > 0 && r.provider.spec != "" && !r.status && !r.carried[r.step.State.Phase] {
			r.carried[r.step.State.Phase] = true
			if err := r.carry(ctx); err != nil {
				return err
			}
			continue
		}
		rest := pause
		if r.step.Await == rotation.Time {
			rest = max(pause, r.step.When.Sub(r.clock()))
		}
		waitable := r.step.Await == rotation.Servers || r.step.Await == rotation.Time
		if !waitable || ctx.Err() != nil || !time.Now().Add(rest).Before(deadline) {
			return nil
		}
		if text := r.waitsFor(); text != told {
			told = text
			fmt.Fprintf(r.app.err, "%s\n", report.Escape(text))
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(rest):
		}
	}
}

// waitsFor is what is waited for, in a line.
func (r *rotating) waitsFor() string {
	if r.step.Await == rotation.Time {
		return "waiting until " + r.until(r.step.When)
	}
	var names []string
	for _, l := range r.step.Laggards {
		names = append(names, l.Server)
	}
	if len(names) == 0 {
		return "waiting until the name servers can be asked"
	}
	return "waiting for " + strings.Join(slices.Compact(names), ", ")
}
