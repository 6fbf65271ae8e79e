package cmd

import (
	"context"
	"fmt"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/record"
)

// checkFlags are the flags of check as they are given.
type checkFlags struct {
	examFlags
	selectors, ips, mx   []string
	zones, policies      []string
	trustAD              bool
	relayTest, intrusive bool
	allowPrivate, local  bool

	minimum *choice

	file string
	set  func(flag string) bool // it was given
}

func (a *app) checkCommand() *cobra.Command {
	var f checkFlags
	cmd := &cobra.Command{
		Use:   "check [DOMAIN...] [-]",
		Short: "Examine the mail of domains",
		Long: `Check examines the mail of one or several domains. A mail address or a URL
stands for its domain. With - the domains are read from standard input, one a
line; what follows a # is a comment.

Without a domain those of maildoctor.yaml are examined, as its section check has
it: what findings are worth, and which are waived, by whom and until when. Flags
come before it.

DKIM selectors and the addresses that send are nowhere published as such: name
them with --selector and --ip, and more can be told.

The report goes to standard output, for people (text) or for programs (json,
described by report/report.schema.json, and the formats of CI servers, of
monitoring and of spreadsheets). --format FORMAT:FILE writes to a file too, in
as many formats as are wanted. --format nagios makes the exit codes those of a
monitoring plugin. NO_COLOR, FORCE_HYPERLINK and COLUMNS are obeyed.

On the mail host itself --local looks at it from within too, and holds what it
finds against the DNS: the names, DKIM keys, certificates and addresses that its
software is configured with; besides, its queue, disks, memory and services. It
only reads, files and what a few commands list. As root it can read more.

With a key of the Spamhaus Data Query Service in SPAMHAUS_DQS_KEY, or where
maildoctor.yaml says, its lists are asked by that; the key is in no report and
no recording.

` + exitHelp,
		Example: `  maildoctor check example.com
  maildoctor check example.com --selector s1 --ip 192.0.2.25 --helo mail.example.com
  maildoctor check example.com --only spf,dmarc.exists --resolver tls://192.0.2.53
  sudo maildoctor check example.com --local
  maildoctor check
  maildoctor check example.com --format text --format junit:report.xml
  maildoctor check - --format json --output report.json < domains.txt`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(cmd *cobra.Command, args []string) error {
			f.set = cmd.Flags().Changed
			return a.check(cmd.Context(), f, args)
		},
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&f.selectors, "selector", nil, "a DKIM `selector` in use (repeatable)")
	flags.StringSliceVar(&f.ips, "ip", nil, "an `address` that sends the domain's mail (repeatable)")
	f.nameFlag(cmd)
	flags.StringSliceVar(&f.mx, "mx", nil, "a `host` to take the domain's mail (repeatable)")
	f.minimum = choose(cmd, "dmarc", "the weakest DMARC policy that will do: none,\nquarantine or reject", "", "none", "quarantine", "reject")
	f.resolverFlag(cmd)
	f.choiceFlags(a, cmd, checks.Domains)
	flags.StringSliceVar(&f.policies, "policy", nil, "would these `receivers` accept the mail? (repeatable):\n"+strings.Join(policyNames(), ", "))
	flags.StringArrayVar(&f.zones, "zone", nil, "a zone `file` to examine as if it were published\n(repeatable; - is standard input)")
	flags.StringVarP(&f.file, "file", "f", wantedFile, "the `file` that says how to examine which domains, not\n"+wantedFile)
	flags.Lookup("file").DefValue = "" // the help has it
	f.recordingFlags(cmd)
	flags.BoolVar(&f.local, "local", false, "look at this machine too, the mail host: keys,\ncertificates, queue, disks; nothing is changed")
	flags.BoolVar(&f.trustAD, "trust-ad", false, "believe the resolver's AD bit where it passes on no\nsignatures; that of one on this machine is believed\nanyway")
	flags.BoolVar(&f.noSMTP, "no-smtp", false, "do not connect to mail hosts")
	flags.BoolVar(&f.noHTTPS, "no-https", false, "fetch nothing over HTTPS: no policy, no registry")
	flags.BoolVar(&f.allowPrivate, "allow-private", false, "talk to hosts on private addresses too, as in a\nlab; otherwise they are findings, and left alone")
	flags.BoolVar(&f.relayTest, "open-relay-test", false, "ask the mail hosts to relay for strangers, by RCPT\nalone; for hosts of your own")
	flags.BoolVar(&f.intrusive, "intrusive", false, "begin messages to postmaster (DATA) and break them\noff; a host that falls for bare line ends DELIVERS\none: for hosts of your own only")
	f.reportFlags(a, cmd, "domain")
	f.since.addKeep(cmd)
	_ = cmd.RegisterFlagCompletionFunc("policy", listed(policyNames()...))
	for _, name := range []string{"selector", "ip", "mx"} { // these take no files
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

func (a *app) check(ctx context.Context, f checkFlags, args []string) error {
	own, err := a.ownerFile(f, args)
	if err != nil {
		return err
	}
	own.over(&f)
	if len(args) == 0 && len(f.zones) == 0 && f.replay == "" {
		args = own.names()
	}
	subjects, files, replay, err := a.subjects(f, args)
	if err != nil {
		return err
	}
	if err := f.named(); err != nil {
		return err
	}
	of := checks.Domains
	if p, ok := replay.(*player); f.local || ok && p.scenario.Inside() {
		of |= checks.Hosts
	}
	chosen, err := a.choose(of, f.only, f.skip)
	if err != nil {
		return usage(err)
	}
	wanted, err := policy.Find(trimmed(f.policies))
	if err != nil {
		return usage(fmt.Errorf("--policy: %w", err))
	}
	key, err := own.key(a)
	if err != nil {
		return err
	}
	options, err := f.live(key)
	if err != nil {
		return usage(err)
	}
	options.planned, options.wants = files, own.wants(subjects)
	if f.local {
		for _, s := range subjects {
			options.local = append(options.local, s.domain)
		}
	}
	return a.run(ctx, f.examFlags, examination{subjects: subjects, replay: replay, options: options, checks: chosen, policies: wanted, own: own})
}

// subjects is what is to be examined: domains, with the zone files that are to
// be laid over what is published, or the world of a recording.
func (a *app) subjects(f checkFlags, args []string) (list []subject, files planned, replay examiner, err error) {
	if f.replay != "" {
		if err := f.beside(args); err != nil {
			return nil, nil, nil, err
		}
		p, err := newPlayer(f.replay)
		if err == nil {
			err = p.noMessage(f.replay)
		}
		if err == nil && p.subject.domain == "" {
			err = fmt.Errorf("--replay %s is of an address; play it with maildoctor ip --replay", f.replay)
		}
		if err != nil {
			return nil, nil, nil, usage(err)
		}
		return []subject{p.subject}, nil, p, nil
	}
	names, files, err := a.named(args, f.zones)
	if err == nil && f.record != "" && len(names) > 1 {
		err = usage(oneRecording("domain"))
	}
	return ofDomains(names), files, nil, err
}

// liveOptions are what an examination on the internet needs to know.
type liveOptions struct {
	want      checks.Want
	wants     map[string]checks.Want // of single domains, where want leaves it open
	resolvers []string
	planned   planned
	record    bool // everything that is seen
	noSMTP    bool
	noHTTPS   bool
	trustAD   bool         // the AD bit of a resolver that is elsewhere
	hostname  string       // of this machine
	log       bool         // keep every question
	dqsKey    secret       // for the lists of Spamhaus; nil if there is none
	local     []string     // domains for which this machine is looked into; nil if it is not
	here      []netip.Addr // of this machine, beside those of its interfaces
	keep      string       // a directory for what may be kept between runs; empty for nothing
}

// live reads the flags that describe the domain and the way to it.
func (f checkFlags) live(key string) (liveOptions, error) {
	o, err := f.examFlags.live(key)
	if err != nil {
		return o, err
	}
	o.trustAD = f.trustAD
	for _, s := range trimmed(f.selectors) {
		selector, err := parseSelector(s)
		if err != nil {
			return o, err
		}
		o.want.Selectors = append(o.want.Selectors, selector)
	}
	for _, s := range trimmed(f.ips) {
		addr, err := netip.ParseAddr(s)
		if err != nil || addr.Zone() != "" || addr.IsUnspecified() || addr.IsMulticast() {
			return o, fmt.Errorf("--ip %q is not the address of a host; give one as in 192.0.2.25 or 2001:db8::25", s)
		}
		o.want.Senders = append(o.want.Senders, addr.Unmap())
	}
	o.want.RelayTest, o.want.Intrusive, o.want.Private = f.relayTest, f.intrusive, f.allowPrivate
	for _, s := range trimmed(f.mx) {
		name, err := record.ParseDomain(s)
		if err != nil {
			return o, fmt.Errorf("--mx %q %w; give the full name of the host, as in mx1.example.com", s, err)
		}
		o.want.MX = append(o.want.MX, name)
	}
	if f.minimum != nil {
		o.want.DMARC = dmarc.Policy(f.minimum.value)
	}
	return o, nil
}

// parseSelector takes a selector, or the name of its record.
func parseSelector(input string) (string, error) {
	s, _, _ := strings.Cut(strings.ToLower(input), "._domainkey")
	for _, label := range strings.Split(s, ".") {
		odd := strings.Trim(label, "abcdefghijklmnopqrstuvwxyz0123456789-_")
		if label == "" || len(label) > 63 || odd != "" {
			return "", fmt.Errorf("--selector %q is not a selector; give what s= says in a DKIM-Signature, as in s1", input)
		}
	}
	return s, nil
}

// trimmed is list without blanks around its words, and without empty words.
func trimmed(list []string) []string {
	var out []string
	for _, s := range list {
		if s = strings.TrimSpace(s); s != "" {
			out = append(out, s)
		}
	}
	return out
}

// ruleSet is the rules of checks.
func ruleSet(list []*checks.Check) []diagnosis.Rule {
	rules := make([]diagnosis.Rule, len(list))
	for i, c := range list {
		rules[i] = c.Rule
	}
	return rules
}
