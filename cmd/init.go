package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// initFlags are the flags of init as they are given.
type initFlags struct {
	domains []string
	profile string
	host    string
	ips     []string
	relays  []string
	set     []string
	file    string
	yes     bool
	force   bool

	live      bool
	selectors []string
	dns       examFlags // of which only the resolvers count
}

func (a *app) initCommand() *cobra.Command {
	var f initFlags
	cmd := &cobra.Command{
		Use:   "init",
		Short: "Write a maildoctor.yaml: what you want of your mail domains",
		Long: `Init writes the file from which maildoctor makes DNS records: the domains, the
mail suite on your host or the service that keeps the mail, the relays. On a
terminal it asks for what the flags do not say; with --yes, and where there is
no terminal, it does not.

What an account is issued (keys, tokens, verification texts) it never makes up:
what is missing stands in the file as a comment that says where to find it.
With --live it reads what the domain has, so that the file takes no sender, key
or policy from it that it understands, and tells of the rest. It publishes
nothing.

Mail suites:
` + namesIn(desired.ProfileNames()) + `

Relays and hosted mail services:
` + namesIn(desired.ServiceNames()),
		Example: `  maildoctor init
  maildoctor init --domain example.com --profile mailcow --host mail.example.com --ip 192.0.2.25 --relay ses --yes
  maildoctor init --domain example.com --relay fastmail --set reports=dmarc@example.com --yes
  maildoctor init --domain example.com --live --selector s1`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error { return a.init(cmd.Context(), f) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVarP(&f.domains, "domain", "d", nil, "a mail `domain` (repeatable); what is set\nholds for all of them")
	flags.StringVarP(&f.profile, "profile", "p", "", "the mail `suite` on the host; no-mail for a domain\nwithout mail")
	flags.StringVar(&f.host, "host", "", "the `name` of the mail host")
	flags.StringSliceVar(&f.ips, "ip", nil, "a public `address` of the mail host (repeatable)")
	flags.StringSliceVar(&f.relays, "relay", nil, "a relay or hosted mail `service` (repeatable)")
	flags.StringArrayVar(&f.set, "set", nil, "give a `KEY=VALUE` (repeatable), such as\nses.region=eu-west-1, dkim.s1=MIIB..., dmarc=reject;\ncommas separate values")
	flags.BoolVar(&f.live, "live", false, "begin with what stands in the DNS of the domain")
	flags.StringSliceVar(&f.selectors, "selector", nil, "a DKIM `selector` to look for (repeatable;\nwith --live)")
	f.dns.resolverFlag(cmd)
	fileFlag(cmd, &f.file)
	flags.Lookup("file").Usage = "the `file` to write, not " + wantedFile + ";\n- is standard output"
	flags.BoolVarP(&f.yes, "yes", "y", false, "ask nothing")
	flags.BoolVar(&f.force, "force", false, "write over a file that is there")
	for name, values := range map[string][]string{"profile": desired.ProfileNames(), "relay": desired.ServiceNames()} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp))
	}
	for _, name := range []string{"domain", "host", "ip", "set", "selector"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// namesIn is names in lines of a help page.
func namesIn(names []string) string {
	return "  " + strings.Join(folded(strings.Join(names, ", ")), "\n  ")
}

func (a *app) init(ctx context.Context, f initFlags) error {
	if f.file != "-" && !f.force {
		if _, err := os.Lstat(f.file); err == nil {
			return usage(fmt.Errorf("%s is there already; edit it, name another with --file, or write over it with --force", f.file))
		}
	}
	if a.mayAsk(f) && !f.live {
		if err := newQuestions(a.in, a.err).fill(&f); err != nil {
			return err
		}
	}
	state, err := f.state()
	if err != nil {
		return err
	}
	var notes []string
	if f.live {
		if state, notes, err = f.recognized(ctx, state); err != nil {
			return err
		}
	}
	text := desired.Format(state)
	// What was written is read back, so that the problems of its values are told
	// now, with the lines at which they stand.
	read, problems := desired.Parse(text, keyFile(filepath.Dir(f.file)))
	if len(problems) > 0 {
		return a.problems(f.file, problems)
	}
	if f.file == "-" {
		_, err := a.out.Write(text)
		return err
	}
	if err := writeNew(f.file, text, f.force); err != nil {
		return err
	}
	return a.written(f.file, read, notes)
}

// mayAsk reports whether there is something to ask, and somebody.
func (a *app) mayAsk(f initFlags) bool {
	in, isFile := a.in.(*os.File)
	_, out := terminal(a.err)
	return isFile && term.IsTerminal(int(in.Fd())) && out && !f.yes
}

// state is what the flags say.
func (f initFlags) state() (desired.State, error) {
	var s desired.State
	if len(f.domains) == 0 {
		return s, usage(errors.New("init needs a --domain; it asks only on a terminal, and not with --yes or --live"))
	}
	settings, err := f.settings()
	if err != nil {
		return s, err
	}
	for _, text := range f.domains {
		name, err := record.ParseDomain(text)
		if err != nil {
			return s, usage(fmt.Errorf("--domain %q %w", text, err))
		}
		if slices.ContainsFunc(s.Domains, func(d desired.Domain) bool { return d.Name == name }) {
			return s, usage(fmt.Errorf("--domain %q is given twice", text))
		}
		s.Domains = append(s.Domains, desired.Domain{Name: name})
	}
	if len(s.Domains) == 1 {
		s.Domains[0].Settings = settings
	} else {
		s.Defaults = settings
	}
	profile, _ := desired.FindProfile(settings.Profile)
	if profile.Receives && !f.live || f.host != "" || len(f.ips) > 0 {
		host, err := f.mailHost(s.Domains[0].Name)
		if err != nil {
			return s, err
		}
		s.Hosts = []desired.Host{host}
	}
	return s, nil
}

// settings is what --profile, --relay and --set say.
func (f initFlags) settings() (desired.Settings, error) {
	var s desired.Settings
	set := func(flag, key, value string) error {
		if problems := s.Set(key, value, keyFile(filepath.Dir(f.file))); len(problems) > 0 {
			return usage(fmt.Errorf("%s: %s", flag, problems[0].Message))
		}
		return nil
	}
	if f.profile != "" {
		if err := set("--profile", "profile", f.profile); err != nil {
			return s, err
		}
	}
	for _, relay := range f.relays {
		if err := set("--relay", "services", relay); err != nil {
			return s, err
		}
	}
	for _, pair := range f.set {
		key, value, ok := strings.Cut(pair, "=")
		if !ok {
			return s, usage(fmt.Errorf("--set %q is not KEY=VALUE", pair))
		}
		if err := set("--set "+key, key, value); err != nil {
			return s, err
		}
	}
	if s.Profile == "" && len(s.Services) == 0 && !f.live {
		return s, usage(errors.New("init needs a --profile, the mail suite on your host, or a --relay that keeps the mail"))
	}
	profile, _ := desired.FindProfile(s.Profile)
	if !f.live && profile.Receives && s.DMARC.Policy == "" && len(s.DMARC.Stages) == 0 {
		s.DMARC.Policy = profile.DMARC // for the owner to see and to change
	}
	return s, nil
}

// mailHost is the host of the flags; one without a name is mail below the domain.
func (f initFlags) mailHost(domain string) (desired.Host, error) {
	h := desired.Host{Name: "mail." + domain}
	if f.host != "" {
		name, err := record.ParseDomain(f.host)
		if err != nil {
			return h, usage(fmt.Errorf("--host %q %w", f.host, err))
		}
		h.Name = name
	}
	for _, text := range f.ips {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return h, usage(fmt.Errorf("--ip %q is no IP address", text))
		}
		h.Addrs = append(h.Addrs, addr)
	}
	if len(h.Addrs) == 0 {
		return h, usage(fmt.Errorf("init needs the public addresses of %s: --ip 192.0.2.25", record.Display(h.Name)))
	}
	return h, nil
}

// written tells what was written and what is left to do.
func (a *app) written(path string, s desired.State, notes []string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "Wrote %s.\n", path)
	for _, n := range notes {
		fmt.Fprintf(&b, "Look at %s\n", n)
	}
	missing := 0
	for _, d := range s.Domains {
		for _, in := range d.Over(s.Defaults).Missing() {
			if missing == 0 {
				b.WriteString("Fill in what the services showed you:\n")
			}
			missing++
			fmt.Fprintf(&b, "  %s: %s: %s. You find it in %s.\n", record.Display(d.Name), in.Name, in.Title, in.Where)
		}
	}
	if missing == 0 {
		wanted, problems := s.Edits(desired.Given{})
		for _, p := range problems {
			fmt.Fprintf(&b, "Mend %s\n", p.Error())
		}
		for _, t := range wanted.Tasks {
			fmt.Fprintf(&b, "To do, %s: %s\n", t.Subject, strings.TrimSpace(t.Text))
		}
	}
	b.WriteString("maildoctor zone export shows the records that it makes.\n")
	_, err := fmt.Fprint(a.out, escapedLines(b.String()))
	return err
}

// escapedLines is a text of several lines, each fit for a terminal.
func escapedLines(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		b.WriteString(report.Escape(strings.TrimSuffix(line, "\n")) + "\n")
	}
	return b.String()
}

// writeNew writes a file as a whole or not at all, and over none that is there
// unless it may.
func writeNew(path string, text []byte, over bool) error {
	cannot := func(err error) error {
		var link *os.LinkError
		if errors.As(err, &link) {
			err = link.Err
		}
		return fmt.Errorf("cannot write %s: %w", path, plainError(err))
	}
	f, err := os.CreateTemp(filepath.Dir(path), ".maildoctor-*")
	if err != nil {
		return cannot(err)
	}
	defer os.Remove(f.Name())
	_, err = f.Write(text)
	if err := errors.Join(err, f.Chmod(0o644), f.Sync(), f.Close()); err != nil {
		return cannot(err)
	}
	if over {
		err = os.Rename(f.Name(), path)
	} else {
		err = os.Link(f.Name(), path) // fails where something appeared meanwhile
	}
	if err != nil && !over && !errors.Is(err, fs.ErrExist) { // a file system without links
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return cannot(err)
	}
	return nil
}
