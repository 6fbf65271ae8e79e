package cmd

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/ledger"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// providerFlags say who holds the zone, as they are given.
type providerFlags struct {
	spec    string // "rfc2136:192.0.2.53"
	tsigKey string // the path of a file
}

// providerFlags adds them. What is left out may stand in maildoctor.yaml.
func (a *app) providerFlags(cmd *cobra.Command, f *providerFlags) {
	providerFlag(cmd, f, "provider", "who holds the zone, `one` of:\n"+providerForms())
}

// providerFlag adds them with a name of one's own.
func providerFlag(cmd *cobra.Command, f *providerFlags, name, help string) {
	flags := cmd.Flags()
	flags.StringVar(&f.spec, name, "", help)
	flags.StringVar(&f.tsigKey, "tsig-key", "", "a `file` with the key for rfc2136, as tsig-keygen\nwrites it; else the variable MAILDOCTOR_TSIG_KEY,\nas in hmac-sha256:name:secret")
	_ = cmd.RegisterFlagCompletionFunc(name, func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		var words []string
		for _, k := range providerKinds {
			words = append(words, strings.TrimSuffix(k.form(), k.argument))
		}
		return words, cobra.ShellCompDirectiveNoSpace | cobra.ShellCompDirectiveNoFileComp
	})
}

// A providerKind is one way to a zone.
type providerKind struct {
	name     string
	argument string // what stands behind the colon, for a reader; empty for nothing
	open     func(ctx context.Context, a *app, f providerFlags, argument, domain string) (providers.Provider, error)
}

func (k providerKind) form() string {
	if k.argument == "" {
		return k.name
	}
	return k.name + ":" + k.argument
}

// providerForms is what --provider takes, a line each.
func providerForms() string {
	var forms []string
	for _, k := range providerKinds {
		forms = append(forms, k.form())
	}
	return strings.Join(forms, "\n")
}

// errNoProvider is what a command says that needs one.
var errNoProvider = errors.New("who holds the zone is not said: give --provider, or provider: in maildoctor.yaml; docs/providers.md explains each")

// open opens the provider for the zone in which a domain is.
func (a *app) open(ctx context.Context, f providerFlags, domain string) (providers.Provider, error) {
	if f.spec == "" {
		return nil, usage(errNoProvider)
	}
	named, err := desired.ParseProvider(f.spec)
	if err != nil {
		return nil, usage(fmt.Errorf("--provider: %w", err))
	}
	i := slices.IndexFunc(a.providers, func(k providerKind) bool { return k.name == named.Kind })
	if i < 0 {
		return nil, usage(fmt.Errorf("--provider %q: it takes %s", f.spec, strings.ReplaceAll(providerForms(), "\n", ", ")))
	}
	p, err := a.providers[i].open(ctx, a, f, named.Where, domain)
	if err != nil {
		return nil, opening(err)
	}
	return p, nil
}

// providerOf is who holds the zone of what is planned, as the file says; paths are
// relative to the file.
func (a *app) providerOf(f planFlags, p planning) providerFlags {
	var out providerFlags
	for _, d := range p.state.Domains {
		if d.Name != p.domain {
			continue
		}
		said := d.Over(p.state.Defaults)
		dir := filepath.Dir(f.file)
		if said.Provider.Kind == desired.ByZoneFile {
			said.Provider.Where = relativeTo(dir, said.Provider.Where)
		}
		out.spec = said.Provider.String()
		if out.tsigKey = f.provider.tsigKey; out.tsigKey == "" && said.TSIGKey != "" {
			out.tsigKey = relativeTo(dir, said.TSIGKey)
		}
	}
	return out
}

// absolute is the same with paths that hold in any directory, as what is saved needs.
func (f providerFlags) absolute() providerFlags {
	if named, err := desired.ParseProvider(f.spec); err == nil && named.Kind == desired.ByZoneFile {
		if path, err := filepath.Abs(named.Where); err == nil {
			f.spec = desired.Provider{Kind: named.Kind, Where: path}.String()
		}
	}
	if path, err := filepath.Abs(f.tsigKey); err == nil && f.tsigKey != "" {
		f.tsigKey = path
	}
	return f
}

// orSaved is f or, where it names no provider, that of a plan.
func (f providerFlags) orSaved(p plan.Plan) providerFlags {
	if f.spec == "" {
		f.spec = p.Provider
	}
	if f.spec == p.Provider && f.tsigKey == "" {
		f.tsigKey = p.TSIGKey
	}
	return f
}

// relativeTo is a path that a file in dir names.
func relativeTo(dir, path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(dir, path)
}

// opening is why a provider could not be opened, as the program ends with it.
func opening(err error) error {
	var coded *codeError
	if errors.As(err, &coded) {
		return err
	}
	return &codeError{exitFailed, err}
}

// ledger is where is kept what was there, and what was made.
func (a *app) ledger() (ledger.Ledger, error) {
	dir, err := ledger.Dir(a.env)
	return ledger.At(dir), err
}

// A providerSource is what a provider holds.
type providerSource struct {
	provider providers.Provider
	made     ledger.Made
	reading  providers.Reading
	read     map[string]bool // names; nil before the first reading
}

// held reads what a provider holds of a domain.
func (a *app) held(p providers.Provider) (*providerSource, error) {
	kept, err := a.ledger()
	if err != nil {
		return nil, err
	}
	made, err := kept.Made(p.Zone())
	return &providerSource{provider: p, made: made}, err
}

func (s *providerSource) records(ctx context.Context, wishes []plan.Wish) ([]record.Record, error) {
	missing := s.read == nil
	names := make(map[string]bool)
	for _, w := range wishes {
		name := record.Canonical(w.Edit.Slot.Name)
		if !record.Within(name, s.provider.Zone()) {
			continue // it will not be planned
		}
		names[name] = true
		missing = missing || !s.read[name] && !s.provider.Traits().Whole
	}
	if !missing {
		return s.reading.Records, nil
	}
	list := make([]string, 0, len(names))
	for name := range names {
		list = append(list, name)
	}
	slices.SortFunc(list, record.CompareNames)
	reading, err := s.provider.Read(ctx, list)
	if err != nil {
		return nil, fmt.Errorf("what is there could not be read, so nothing is planned: %w", err)
	}
	s.reading, s.read = reading, names
	return reading.Records, nil
}

func (s *providerSource) given() plan.Given {
	g := s.reading.Given(s.provider)
	if g.Ours == nil {
		g.Ours = s.made.Has
	}
	return g
}

func (s *providerSource) String() string { return s.provider.String() }
