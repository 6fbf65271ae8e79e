package cmd

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/policy"
	"github.com/maildoctor/maildoctor/record"
)

// checkFlags are the flags of check as they are given.
type checkFlags struct {
	selectors, ips, resolvers []string
	mx                        []string
	helo                      string
	only, skip, zones         []string
	policies                  []string
	record, replay            string
	failOn                    *choice
	strict, noSMTP, noHTTPS   bool
	trustAD                   bool
	relayTest, intrusive      bool
	timeout                   span
	output                    *output
}

func (a *app) checkCommand() *cobra.Command {
	f := checkFlags{timeout: span(60 * time.Second)}
	cmd := &cobra.Command{
		Use:   "check DOMAIN... [-]",
		Short: "Examine the mail of domains",
		Long: `Check examines the mail of one or several domains. A mail address or a URL
stands for its domain. With - the domains are read from standard input, one a
line; what follows a # is a comment.

DKIM selectors and the addresses that send are nowhere published as such: name
them with --selector and --ip, and more can be told.

The report goes to standard output, for people (text) or for programs (json,
described by report/report.schema.json). NO_COLOR and COLUMNS are obeyed.

With a key of the Spamhaus Data Query Service in SPAMHAUS_DQS_KEY its lists are
asked by that; the key is in no report and no recording.

` + exitHelp,
		Example: `  maildoctor check example.com
  maildoctor check example.com --selector s1 --ip 192.0.2.25 --helo mail.example.com
  maildoctor check example.com --only spf,dmarc.exists --resolver tls://192.0.2.53
  maildoctor check - --format json --output report.json < domains.txt`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.check(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	flags.StringSliceVar(&f.selectors, "selector", nil, "a DKIM `selector` in use (repeatable)")
	flags.StringSliceVar(&f.ips, "ip", nil, "an `address` that sends the domain's mail (repeatable)")
	flags.StringVar(&f.helo, "helo", "", "the `name` that the sending host gives in EHLO")
	flags.StringSliceVar(&f.mx, "mx", nil, "a `host` to take the domain's mail (repeatable)")
	flags.StringArrayVar(&f.resolvers, "resolver", nil, "a DNS `server` to ask, not the system's (repeatable):\n192.0.2.53, [2001:db8::53]:5353, udp://, tcp:// or\ntls://HOST, https://HOST/dns-query")
	flags.StringSliceVar(&f.only, "only", nil, "show these `checks` or topics only, and what explains\ntheir end (repeatable)")
	flags.StringSliceVar(&f.skip, "skip", nil, "leave out these `checks` or topics (repeatable)")
	flags.StringSliceVar(&f.policies, "policy", nil, "would these `receivers` accept the mail? (repeatable):\n"+strings.Join(policyNames(), ", "))
	flags.StringArrayVar(&f.zones, "zone", nil, "a zone `file` to examine as if it were published\n(repeatable; - is standard input)")
	flags.StringVar(&f.record, "record", "", "write all answers to this `file`, to be played again")
	flags.StringVar(&f.replay, "replay", "", "examine what such a `file` holds, offline")
	flags.BoolVar(&f.trustAD, "trust-ad", false, "believe the resolver's AD bit where it passes on no\nsignatures; that of one on this machine is believed\nanyway")
	flags.BoolVar(&f.noSMTP, "no-smtp", false, "do not connect to mail hosts")
	flags.BoolVar(&f.noHTTPS, "no-https", false, "do not fetch policies over HTTPS")
	flags.BoolVar(&f.relayTest, "open-relay-test", false, "ask the mail hosts to relay for strangers, by RCPT\nalone; for hosts of your own")
	flags.BoolVar(&f.intrusive, "intrusive", false, "begin messages to postmaster at the mail hosts (DATA) and\nbreak them off: one that falls for bare line ends may\nDELIVER one; for hosts of your own only")
	flags.Var(&f.timeout, "timeout", "how long to examine each domain")
	f.output = a.outputFlags(cmd).fileFlags(cmd)
	f.failOn = choose(cmd, "fail-on", "exit with 1 for findings of this severity and above:\nadvice, warning, critical,\nor never", "critical", "advice", "warning", "critical", "never")
	flags.BoolVar(&f.strict, "strict", false, "exit with 3 if something could not be told")
	for _, name := range []string{"only", "skip"} {
		_ = cmd.RegisterFlagCompletionFunc(name, a.completeNames)
	}
	_ = cmd.RegisterFlagCompletionFunc("policy", func(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
		return policyNames(), cobra.ShellCompDirectiveNoFileComp
	})
	for _, name := range []string{"selector", "ip", "helo", "mx", "resolver", "timeout"} { // these take no files
		_ = cmd.RegisterFlagCompletionFunc(name, cobra.NoFileCompletions)
	}
	return cmd
}

func (a *app) check(ctx context.Context, f checkFlags, args []string) error {
	names, files, replay, err := a.subject(f, args)
	if err != nil {
		return err
	}
	if err := f.named(); err != nil {
		return err
	}
	chosen, err := choosing(a.all(), trimmed(f.only), trimmed(f.skip))
	if err != nil {
		return usage(err)
	}
	wanted, err := policy.Find(trimmed(f.policies))
	if err != nil {
		return usage(fmt.Errorf("--policy: %w", err))
	}
	options, err := f.live()
	if err == nil {
		err = options.byKey(a.env("SPAMHAUS_DQS_KEY"))
	}
	if err != nil {
		return usage(err)
	}
	options.planned, options.record = files, f.record != ""
	gate, err := f.gate()
	if err != nil {
		return err
	}
	if err := f.output.check(); err != nil {
		return err
	}
	options.log = f.output.verbose && f.output.format.value == "text"
	doctor := replay
	if doctor == nil {
		if doctor, err = a.live(ctx, options); err != nil {
			return err
		}
	}
	defer doctor.close()

	r := round{examiner: doctor, policies: wanted, checks: chosen, timeout: time.Duration(f.timeout), progress: a.progress(names, len(chosen.run))}
	reports, skipped := r.run(ctx, names)
	r.progress.stop()
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
	if err := f.output.reports(reports, asked(events)...); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return interrupted(skipped, len(names))
	}
	verdict := gate.judge(reports)
	if verdict == nil && replay == nil && unanswered(reports, stats) {
		return errNoAnswer
	}
	return verdict
}

// subject is what is to be examined: domains, with the zone files that are to
// be laid over what is published, or the world of a recording.
func (a *app) subject(f checkFlags, args []string) (names []string, files planned, replay examiner, err error) {
	if f.replay != "" {
		if err := f.beside(args); err != nil {
			return nil, nil, nil, err
		}
		p, err := newPlayer(f.replay)
		if err != nil {
			return nil, nil, nil, usage(err)
		}
		return []string{p.scenario.Domain}, nil, p, nil
	}
	names, files, err = a.named(args, f.zones)
	if err == nil && f.record != "" && len(names) > 1 {
		err = usage(errOneRecording)
	}
	return names, files, nil, err
}

// named refuses flags whose words are blank: a variable of a script that was
// not set would else mean everything, or nowhere.
func (f checkFlags) named() error {
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

// interrupted is the end of a run that somebody stopped.
func interrupted(skipped, all int) error {
	e := &codeError{code: exitInterrupted, err: errors.New("interrupted; what is not in the report is unknown")}
	if skipped > 0 {
		e.err = fmt.Errorf("interrupted; %d of %d domains were not examined", skipped, all)
	}
	return e
}

// progress tells how far the run is, if there is a terminal to tell.
func (a *app) progress(names []string, checks int) *progress {
	fd, tty := terminal(a.err)
	if !tty || a.env("TERM") == "dumb" {
		return nil
	}
	width := 80
	if n, _, err := term.GetSize(fd); err == nil && n > 0 {
		width = n
	}
	return startProgress(a.err, width, record.Display(names[0]), len(names), checks*len(names))
}

func (f checkFlags) gate() (gate, error) {
	g := gate{strict: f.strict, never: f.failOn.value == "never"}
	if g.never {
		return g, nil
	}
	err := g.failOn.UnmarshalText([]byte(f.failOn.value))
	return g, err
}

// liveOptions are what an examination on the internet needs to know.
type liveOptions struct {
	want      checks.Want
	resolvers []string
	planned   planned
	record    bool // everything that is seen
	noSMTP    bool
	noHTTPS   bool
	trustAD   bool   // the AD bit of a resolver that is elsewhere
	hostname  string // of this machine
	log       bool   // keep every question
	dqsKey    secret // for the lists of Spamhaus; nil if there is none
}

// live reads the flags that describe the domain and the way to it.
func (f checkFlags) live() (liveOptions, error) {
	o := liveOptions{resolvers: f.resolvers, noSMTP: f.noSMTP, noHTTPS: f.noHTTPS, trustAD: f.trustAD}
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
	o.want.RelayTest, o.want.Intrusive = f.relayTest, f.intrusive
	if f.helo != "" {
		name, err := record.ParseDomain(f.helo)
		if err != nil {
			return o, fmt.Errorf("--helo %q %w; give the full name, as in mail.example.com", f.helo, err)
		}
		o.want.HELO = name
	}
	for _, s := range trimmed(f.mx) {
		name, err := record.ParseDomain(s)
		if err != nil {
			return o, fmt.Errorf("--mx %q %w; give the full name of the host, as in mx1.example.com", s, err)
		}
		o.want.MX = append(o.want.MX, name)
	}
	if name, err := os.Hostname(); err == nil && strings.Contains(name, ".") {
		o.hostname = name
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
