package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/ddns"
	"github.com/maildoctor/maildoctor/record"
)

// ddnsFlags are the flags of ddns as they are given.
type ddnsFlags struct {
	examFlags
	hosts, sources, were []string
	family               *choice
	provider             providerFlags
	addSPF, dry, watch   bool
	quiet, noWarn        bool
	private              bool
	every                span
	ttl                  uint32
}

func (a *app) ddnsCommand() *cobra.Command {
	var f ddnsFlags
	cmd := &cobra.Command{
		Use:   "ddns [DOMAIN]",
		Short: "Keep the addresses of a mail host and SPF in step with a dynamic address",
		Long: `Ddns finds out the public address of this machine, and brings the DNS in step:
the A and AAAA records of the hosts that you name, and in the SPF record of the
domain (that of the zone, unless you name one) and of each host the ip4: and
ip6: terms that hold an address of theirs until now. Nothing else is changed.

Whose word is taken you say, as nobody is asked unless you name them:
  interface:eth0           the lasting address of a network interface
  stun:stun.example.net    what a STUN server sees (RFC 8489), behind NAT, too
  https://ip.example.net/  what a web server answers, as text or {"ip": "..."}
  address:192.0.2.25       an address that you, or a hook, know
The first source that knows counts, for IPv4 and IPv6 separately. What could
not be told changes nothing. Addresses that no mail from outside reaches, as
behind the NAT of a carrier (100.64.0.0/10), are refused.

A host is given the families that it has already; a new one all that there are.
An ip4: or ip6: term is replaced in place where it is exactly the old address
or, of IPv6, its /64. --spf adds the term once, if there is none; a record that
names the host by a or mx needs none.

After a change, reverse DNS and the lists of dynamic addresses are asked, and
what hinders mail is told: most receivers refuse mail from such addresses,
whatever the DNS says.

With --watch it goes on until it is stopped. Faults are waited out, longer each
time, and an address that changes twice within minutes is looked at twice.

Exit codes:
  0    all is in step; with --watch: it was stopped
  1    something had to be changed and was left alone, and why
  2    wrong usage
  3    with --strict: in step, but an address could not be told
  4    no address could be told, or not all could be done
  130  interrupted`,
		Example: `  maildoctor ddns --host mail.example.com --source interface:eth0 --provider cloudflare
  maildoctor ddns example.com --host mail.example.com --source stun:stun.example.net --provider rfc2136:ns1.example.net --tsig-key example.key --watch
  maildoctor ddns --host mail.example.com --source address:192.0.2.25 --provider zone:/etc/bind/example.com.zone --dry-run`,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.ddns(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&f.hosts, "host", nil, "the `name` of a host on this machine (repeatable)")
	flags.StringArrayVar(&f.sources, "source", nil, "a `source` of the address, as above (repeatable)")
	f.family = choose(cmd, "family", "the families to publish, not those that the host\nhas: 4, 6 or both", "", "4", "6", "both")
	flags.StringSliceVar(&f.were, "was", nil, "an `address` that was this machine's, if a host has\nseveral (repeatable)")
	flags.BoolVar(&f.addSPF, "spf", false, "add the address to the SPF record of the domain, if\nnothing there lets it send")
	flags.Uint32Var(&f.ttl, "ttl", 0, "the TTL of address records in `seconds`; else it\nstays as it is")
	a.providerFlags(cmd, &f.provider)
	flags.BoolVarP(&f.dry, "dry-run", "n", false, "show what would be changed, change nothing")
	flags.BoolVarP(&f.watch, "watch", "w", false, "go on until it is stopped")
	f.every = span(5 * time.Minute)
	flags.Var(&f.every, "every", "how often to look, with --watch")
	f.resolverFlag(cmd)
	flags.BoolVar(&f.noWarn, "no-warn", false, "do not ask for reverse DNS and lists after a change")
	flags.BoolVar(&f.private, "allow-private", false, "publish private and reserved addresses, too, as in\na lab")
	f.timeout = span(45 * time.Second)
	flags.Var(&f.timeout, "timeout", "how long to find out the address, and to ask the\nlists")
	f.output = a.outputFlags(cmd)
	f.output.named = func() bool { return false }
	flags.BoolVarP(&f.output.verbose, "verbose", "v", false, "show hints where nothing changes, too, and long texts\nwhole")
	flags.BoolVarP(&f.quiet, "quiet", "q", false, "say nothing where nothing changes, for cron")
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 if an address could not be told")
	for _, name := range []string{"host", "source", "was", "ttl", "every", "timeout"} {
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

// ddns reads the flags, and keeps in step once, or until it is stopped.
func (a *app) ddns(ctx context.Context, f ddnsFlags, args []string) error {
	k, err := a.ddnsKeeper(f, args)
	if err != nil {
		return err
	}
	if err := k.remember(); err != nil {
		return err
	}
	if f.watch {
		return k.watch(ctx)
	}
	return k.once(ctx)
}

// minEvery keeps what is asked on the internet from being asked too often.
const minEvery = 30 * time.Second

// ddnsKeeper is all that ddns has been asked for, read.
func (a *app) ddnsKeeper(f ddnsFlags, args []string) (*ddnsKeeper, error) {
	k := &ddnsKeeper{app: a, f: f}
	switch {
	case len(args) > 1:
		return nil, usage(errors.New("ddns takes one domain; run it for each"))
	case f.watch && f.dry:
		return nil, usage(errors.New("--dry-run looks once; leave out --watch"))
	case f.watch && time.Duration(f.every) < minEvery:
		return nil, usage(fmt.Errorf("--every %s is too often for who is asked; give %s or more", &f.every, minEvery))
	case len(trimmed(f.hosts)) == 0:
		return nil, usage(errors.New("name the host whose address changes, as in --host mail.example.com"))
	case len(trimmed(f.sources)) == 0:
		return nil, usage(errors.New("say who knows the address: --source interface:eth0, stun:HOST, an https URL, or address:ADDRESS"))
	}
	for _, arg := range args {
		name, err := record.ParseDomain(arg)
		if err != nil {
			return nil, usage(fmt.Errorf("%q %w", arg, err))
		}
		k.domain = name
	}
	for _, text := range trimmed(f.hosts) {
		name, err := record.ParseDomain(text)
		if err != nil {
			return nil, usage(fmt.Errorf("--host %q %w", text, err))
		}
		if !slices.Contains(k.hosts, name) {
			k.hosts = append(k.hosts, name)
		}
	}
	for _, text := range trimmed(f.sources) {
		source, err := ddns.ParseSource(text)
		if err != nil {
			return nil, usage(fmt.Errorf("--source %q: %w", text, err))
		}
		k.detector.Sources = append(k.detector.Sources, source)
	}
	for _, text := range trimmed(f.were) {
		addr, err := netip.ParseAddr(text)
		if err != nil || addr.Zone() != "" {
			return nil, usage(fmt.Errorf("--was %q is no IP address", text))
		}
		k.were = append(k.were, addr.Unmap())
	}
	k.families = map[string][]ddns.Family{"4": {ddns.IPv4}, "6": {ddns.IPv6}, "both": {ddns.IPv4, ddns.IPv6}}[f.family.value]
	if !f.private {
		k.detector.Refuse = func(addr netip.Addr) string { return facts.SpecialUse(addr, false) }
	}
	return k, k.provided()
}

// provided finds out who holds the zone, if only maildoctor.yaml says that.
func (k *ddnsKeeper) provided() error {
	if k.f.provider.spec != "" {
		return nil
	}
	state, err := k.app.wanted(wantedFile)
	if err != nil {
		return usage(errNoProvider)
	}
	p := planning{state: &state}
	for _, d := range state.Domains {
		if record.Within(k.hosts[0], d.Name) && len(d.Name) > len(p.domain) {
			p.domain = d.Name
		}
	}
	k.f.provider = k.app.providerOf(planFlags{file: wantedFile, provider: k.f.provider}, p)
	if k.f.provider.spec == "" {
		return usage(errNoProvider)
	}
	return nil
}

// title is the hosts for a reader.
func (k *ddnsKeeper) title() string {
	names := make([]string, len(k.hosts))
	for i, h := range k.hosts {
		names[i] = record.Display(h)
	}
	return strings.Join(names, ", ")
}
