package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/policy"
)

// ipFlags are the flags of ip as they are given.
type ipFlags struct {
	examFlags
	here bool
}

func (a *app) ipCommand() *cobra.Command {
	var f ipFlags
	cmd := &cobra.Command{
		Use:   "ip ADDRESS... [-]",
		Short: "Is an address fit to send mail from?",
		Long: `Ip examines addresses by themselves, before a server is rented or for one that
you have: reverse DNS and whether it is confirmed, names that look dynamic,
blocklists with what they mean and how to leave them, allow-lists, a sample of
the neighbours, the network that announces the address, and its route (RPKI).
The answer comes first: fit to send mail from, or not, and why. With - the
addresses are read from standard input, one a line; what follows a # is a
comment.

Run on the machine that has the address it also tells whether port 25 is open
on the way out; behind NAT, as in most clouds, with --here. What the server
calls itself (--helo NAME) is held against the reverse DNS.

Of the address its network (the /24 or /64) is told to Team Cymru and RIPEstat,
and the whole of it to the lists. Spamhaus' list of refused networks is fetched
over HTTPS and kept in the cache directory for a day.

An address that is not fit ends the command with 1, unless --fail-on is never.
With --only or --skip the question is not answered.

` + exitHelp,
		Example: `  maildoctor ip 192.0.2.25
  maildoctor ip 192.0.2.25 2001:db8::25 --helo mail.example.com
  maildoctor ip 192.0.2.25 --only dnsbl --format json
  maildoctor ip - --strict < addresses.txt`,
		Args:              cobra.ArbitraryArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(cmd *cobra.Command, args []string) error { return a.ip(cmd.Context(), f, args) },
	}
	flags := cmd.Flags()
	flags.SortFlags = false
	f.nameFlag(cmd)
	flags.BoolVar(&f.here, "here", false, "the address is this machine's, given by NAT as in\nclouds: ask whether port 25 is open")
	f.resolverFlag(cmd)
	f.choiceFlags(a, cmd, checks.Addresses)
	f.recordingFlags(cmd)
	flags.BoolVar(&f.noSMTP, "no-smtp", false, "do not ask whether port 25 is open from here")
	flags.BoolVar(&f.noHTTPS, "no-https", false, "fetch nothing over HTTPS: neither the refused\nnetworks nor what RPKI says")
	f.reportFlags(a, cmd, "address")
	f.since.addKeep(cmd)
	return cmd
}

func (a *app) ip(ctx context.Context, f ipFlags, args []string) error {
	subjects, replay, err := a.addresses(f, args)
	if err != nil {
		return err
	}
	if err := f.named(); err != nil {
		return err
	}
	chosen, err := a.choose(checks.Addresses, f.only, f.skip)
	if err != nil {
		return usage(err)
	}
	options, err := f.live(a.env("SPAMHAUS_DQS_KEY"))
	if err != nil {
		return usage(err)
	}
	options.keep = keepFor(a.env)
	for _, s := range subjects {
		if f.here {
			options.here = append(options.here, s.addr)
		}
	}
	e := examination{subjects: subjects, replay: replay, options: options, checks: chosen}
	if len(f.only)+len(f.skip) == 0 {
		e.policies = receivers{policy.Address()}
	}
	return a.run(ctx, f.examFlags, e)
}

// addresses is what is to be examined: addresses, or the world of a recording.
func (a *app) addresses(f ipFlags, args []string) ([]subject, examiner, error) {
	if f.replay != "" {
		if err := f.beside(settled{"an address", len(args) > 0}, settled{"--here", f.here}); err != nil {
			return nil, nil, err
		}
		p, err := newPlayer(f.replay)
		if err == nil {
			err = p.noMessage(f.replay)
		}
		if err == nil && p.subject.domain != "" {
			err = fmt.Errorf("--replay %s is of a domain; play it with maildoctor check --replay", f.replay)
		}
		if err != nil {
			return nil, nil, usage(err)
		}
		return []subject{p.subject}, p, nil
	}
	addrs, err := addresses(args, a.in)
	if err != nil {
		return nil, nil, err
	}
	if f.record != "" && len(addrs) > 1 {
		return nil, nil, usage(oneRecording("address"))
	}
	list := make([]subject, len(addrs))
	for i, addr := range addrs {
		list[i].addr = addr
	}
	return list, nil, nil
}

// addresses are what args name, each once, in their order; "-" stands for the
// list on in.
func addresses(args []string, in io.Reader) ([]netip.Addr, error) {
	return listing[netip.Addr]{
		noun: "address", most: maxAddresses, parse: parseAddress,
		none:  errors.New("no address given; name one, as in maildoctor ip 192.0.2.25, or give - to read a list from standard input"),
		empty: errors.New("no address on standard input; write one a line"),
	}.read(args, in)
}

// parseAddress takes the public address of a host. The error says what is wrong
// with another one, and what to give instead.
func parseAddress(input string) (netip.Addr, error) {
	text := strings.TrimSpace(input)
	refuse := func(format string, args ...any) (netip.Addr, error) {
		return netip.Addr{}, fmt.Errorf("%q "+format, append([]any{input}, args...)...)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return refuse("%s", notAnAddress(text))
	}
	switch {
	case addr.Zone() != "":
		return refuse("has a zone, so it means something on one machine only; give its public address")
	case addr.Is4In6():
		return refuse("is an IPv4 address in IPv6 form; give %s", addr.Unmap())
	}
	if use := facts.SpecialUse(addr, false); use != "" {
		return refuse("is not a public address: %s; give the one that mail servers elsewhere see", use)
	}
	return addr, nil
}

// isAddress reports whether somebody who wrote text meant an address.
func isAddress(text string) bool {
	_, err := netip.ParseAddr(strings.TrimSpace(text))
	return err == nil
}

// notAnAddress says what somebody who gave text may have meant.
func notAnAddress(text string) string {
	if prefix, err := netip.ParsePrefix(text); err == nil {
		return fmt.Sprintf("is a network; give single addresses, as in %s", prefix.Addr())
	}
	inner := strings.TrimPrefix(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"), "IPv6:")
	if addr, err := netip.ParseAddr(inner); err == nil {
		return fmt.Sprintf("has brackets; give %s", addr)
	}
	if host, _, err := net.SplitHostPort(text); err == nil {
		if addr, err := netip.ParseAddr(host); err == nil {
			return fmt.Sprintf("has a port; give %s", addr)
		}
	}
	if strings.ContainsAny(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") && strings.Contains(text, ".") && !strings.Contains(text, ":") {
		return "is no address; a domain is examined by maildoctor check"
	}
	return "is no IP address; give one as in 192.0.2.25 or 2001:db8::25"
}
