package cmd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/lab"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/scenario/httpscript"
)

// A trialWorld is all that mail of a domain is tried with.
type trialWorld struct {
	domain  string // canonical
	source  string
	notes   []string
	from    string // the reverse-path of the domain's mail; empty: its postmaster
	senders []sendingHost
	keys    []mta.Key
	host    mailHost
	lab     *lab.Lab
	dns     resolve.Resolver
	http    deliver.Fetcher         // nil: MTA-STS is not part of the trial
	noSTS   string                  // why
	refuse  func(netip.Addr) string // nil unless the records are those of the DNS
	closers []func()
}

// A sendingHost is one that sends the domain's mail.
type sendingHost struct {
	addr netip.Addr
	name string // canonical
}

func (w *trialWorld) close() {
	for _, c := range slices.Backward(w.closers) {
		c()
	}
}

// trialWorld reads the flags and begins the world.
func (a *app) trialWorld(ctx context.Context, f e2eFlags, args []string) (_ *trialWorld, err error) {
	w := &trialWorld{}
	defer func() {
		if err != nil {
			w.close()
		}
	}()
	options, err := f.examFlags.live("")
	if err != nil {
		return nil, usage(err)
	}
	servers, err := resolvers(f.resolvers)
	if err != nil {
		return nil, err
	}
	client := resolve.NewClient(servers)
	w.closers = append(w.closers, func() { client.Close() })
	w.dns = resolve.NewMemo(ctx, resolve.NewLimit(client, resolve.DefaultInFlight))
	if err := w.shows(f.cert); err != nil {
		return nil, err
	}
	_, missing := os.Stat(f.file)
	switch {
	case f.zone != "":
		err = w.ofZone(ctx, a, f, args)
	case f.live || !f.named && errors.Is(missing, fs.ErrNotExist):
		if err = w.ofDNS(args); err == nil {
			w.signed(ctx, client)
		}
	default:
		err = w.ofFile(ctx, a, f, args)
	}
	if err == nil {
		err = w.withKeys(f.keys)
	}
	if err == nil {
		err = w.bounces(f.mailFrom)
	}
	if err == nil {
		err = w.hosts(ctx, f.ips, options.want.HELO)
	}
	return w, err
}

// serve begins the lab, with the records that are to be tried.
func (w *trialWorld) serve(records []record.Record, pages httpscript.Site) error {
	l, err := lab.Start(&scenario.Scenario{Domain: w.domain, Now: time.Now(), Records: records, Pages: pages, Want: checks.Want{}})
	if err != nil {
		return fmt.Errorf("serve the zone on the loopback interface: %w", err)
	}
	w.lab = l
	w.closers = append(w.closers, func() { l.Close() })
	if len(records) == 0 {
		return nil
	}
	client, err := l.Client(resolve.Options{})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, func() { client.Close() })
	own := map[string]bool{}
	for _, r := range records {
		own[r.Name] = true
	}
	outside := w.dns
	w.dns = resolve.Func(func(ctx context.Context, q resolve.Question) (resolve.Answer, error) {
		if record.Within(q.Name, w.domain) || own[q.Name] {
			return client.Resolve(ctx, q)
		}
		return outside.Resolve(ctx, q)
	})
	return nil
}

// ofDNS tries what is published.
func (w *trialWorld) ofDNS(args []string) error {
	if err := w.named(args); err != nil {
		return err
	}
	w.source, w.refuse, w.http = "the DNS", deliver.Special, &probe.Fetcher{}
	return w.serve(nil, nil)
}

// named takes the domain that was named.
func (w *trialWorld) named(args []string) (err error) {
	if len(args) == 0 {
		return usage(errors.New("no domain given; name one, as in maildoctor e2e example.com, or write a maildoctor.yaml with maildoctor init"))
	}
	if w.domain, err = record.ParseDomain(args[0]); err != nil {
		return usage(fmt.Errorf("%q %w", args[0], err))
	}
	return nil
}

// ofZone tries a zone file.
func (w *trialWorld) ofZone(ctx context.Context, a *app, f e2eFlags, args []string) error {
	names, files, err := a.named(args, []string{f.zone})
	if err != nil {
		return err
	}
	if len(names) != 1 {
		return usage(errors.New("name the domain to try"))
	}
	w.domain, w.source = names[0], files[0].Name
	w.noSTS = "a zone file does not hold the policy; --mta-sts FILE gives it"
	pages, err := w.policyFile(f.policy)
	if err != nil {
		return err
	}
	if err := w.serve(files[0].Records(), pages); err != nil {
		return err
	}
	w.fetchesPolicies(pages)
	return w.signs(ctx, files[0].Records())
}

// ofFile tries what maildoctor.yaml wants.
func (w *trialWorld) ofFile(ctx context.Context, a *app, f e2eFlags, args []string) error {
	state, err := a.wanted(f.file)
	if err != nil {
		return err
	}
	if w.domain, err = exported(state, args); err != nil {
		return err
	}
	w.source = f.file
	given := desired.Given{Now: time.Now(), Incomplete: true}
	policy, served := state.Policy(w.domain, given)
	if served {
		given.MTASTS = map[string]desired.Announced{w.domain: {Served: &policy}}
	}
	wanted, problems := state.Edits(given)
	if err := a.problems(f.file, problems); err != nil {
		return err
	}
	w.notes = append(w.notes, missing(wanted, w.domain)...)
	records := wanted.Records()
	for _, h := range state.Hosts {
		for _, addr := range h.Addrs {
			if r := record.Address(h.Name, addr); !slices.ContainsFunc(records, func(o record.Record) bool { return o.Name == r.Name && o.Type == r.Type && o.Data == r.Data }) {
				records = append(records, r)
			}
		}
	}
	pages, err := w.policyFile(f.policy)
	switch {
	case err != nil:
		return err
	case pages != nil:
	case served:
		if pages, err = w.policyPage(policy.String()); err != nil {
			return err
		}
	default:
		w.noSTS = "maildoctor.yaml wants no MTA-STS policy"
	}
	if err := w.fileKeys(state, f.file); err != nil {
		return err
	}
	var o liveOptions
	expect(state, w.domain, &o)
	for _, h := range state.Hosts {
		for _, addr := range h.Addrs {
			if slices.Contains(o.want.Senders, addr) {
				w.senders = append(w.senders, sendingHost{addr, h.Name})
			}
		}
	}
	if err := w.serve(records, pages); err != nil {
		return err
	}
	w.fetchesPolicies(pages)
	w.showsOwn(state.Server(), f.file)
	return w.signs(ctx, records)
}

// hosts finds out which hosts send: those of --ip, else those of the file, else the
// domain's mail hosts.
func (w *trialWorld) hosts(ctx context.Context, ips []string, helo string) error {
	mail, err := w.mailHosts(ctx)
	if err != nil {
		return err
	}
	known := append(slices.Clone(w.senders), mail...)
	if len(ips) > 0 {
		w.senders = nil
	}
	for _, text := range trimmed(ips) {
		addr, err := netip.ParseAddr(text)
		if err != nil {
			return usage(fmt.Errorf("--ip %q is not an IP address", text))
		}
		h := sendingHost{addr: addr.Unmap(), name: w.domain}
		if i := slices.IndexFunc(known, func(k sendingHost) bool { return k.addr == h.addr }); i >= 0 {
			h.name = known[i].name
		} else if len(known) > 0 {
			h.name = known[0].name
		}
		w.senders = append(w.senders, h)
	}
	if len(w.senders) == 0 {
		w.senders = mail
		if len(mail) > 0 {
			w.notes = append(w.notes, "the hosts that receive are taken for those that send; --ip names others")
		}
	}
	if len(w.senders) == 0 {
		return usage(fmt.Errorf("it is not known from which addresses %s sends; give one with --ip", record.Display(w.domain)))
	}
	const most = 8
	if len(w.senders) > most {
		w.notes = append(w.notes, fmt.Sprintf("of %d sending addresses the first %d are tried; --ip names others", len(w.senders), most))
		w.senders = w.senders[:most]
	}
	if w.refuse == nil {
		w.notes = append(w.notes, "that each address leads back to the name of its host (PTR) is taken for granted; maildoctor check looks")
	}
	for i := range w.senders {
		if helo != "" {
			w.senders[i].name = helo
		}
	}
	return nil
}

// mailHosts is the addresses of the domain's MX hosts.
func (w *trialWorld) mailHosts(ctx context.Context) ([]sendingHost, error) {
	var list []sendingHost
	answer, err := w.dns.Resolve(ctx, resolve.Ask(w.domain, "MX"))
	if err != nil {
		return nil, err
	}
	for _, r := range answer.Records {
		_, host, ok := strings.Cut(r.Data, " ")
		if r.Type != "MX" || !ok || host == "." {
			continue
		}
		for _, typ := range []string{"A", "AAAA"} {
			if ans, err := w.dns.Resolve(ctx, resolve.Ask(host, typ)); err == nil {
				for _, addr := range ans.Addrs() {
					list = append(list, sendingHost{addr, record.Canonical(host)})
				}
			}
		}
	}
	return list, nil
}
