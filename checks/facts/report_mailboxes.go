package facts

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// Bounds on what is asked about report addresses: a record can name anybody's.
const (
	maxReportMailboxes = 4 // of one domain; and with the domain's own hosts in all
	maxReportDomains   = 3 // that are not on the domain's own hosts
	maxReportTries     = 2 // addresses that are tried of each
)

// A ReportDomain is a domain with mailboxes that DMARC reports go to, and what
// its mail hosts say of them. None is sent anything.
type ReportDomain struct {
	Name      string   // canonical
	Mailboxes []string // that were asked for
	Omitted   []string // that were not: too many, or not to be put into a command
	Service   string   // the report service that it belongs to, which is not asked
	Off       string   // why nothing was asked; empty if something was

	// Shared tells that its mail host is one of the examined domain's, so that the
	// sessions there ask for the mailboxes. Otherwise Sessions are conversations
	// held for it, of which the last got farthest.
	Shared   bool
	Sessions []probe.Session
}

// Receptions is what hosts said of a mailbox, the most preferred first.
func (d ReportDomain) Receptions(sessions SessionSet, mailbox string) []Receipt {
	var list []Receipt
	if d.Shared {
		for _, s := range sessions.List {
			r, step := s.Reception(mailbox)
			list = append(list, Receipt{r, step, s.Session})
		}
		return list
	}
	for _, s := range slices.Backward(d.Sessions) {
		r, step := reception(s, mailbox)
		list = append(list, Receipt{r, step, s})
	}
	return list
}

// A Receipt is what one conversation says of a mailbox.
type Receipt struct {
	Reception Reception
	Step      probe.Step
	Session   probe.Session
}

// ReportDomains is the fact of what mail hosts say to the addresses that DMARC
// reports go to. It is empty where no record of the owner's applies. Its error is
// that of the MX question.
var ReportDomains = checks.NewFact("the DMARC report mailboxes", func(ctx context.Context, env *checks.Env) ([]ReportDomain, error) {
	hosts, err := DMARCReportHosts.Of(ctx, env)
	if err != nil || env.SMTP == nil {
		return nil, err
	}
	mx, err := MX.Of(ctx, env)
	if err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	list := make([]ReportDomain, len(hosts.List))
	asked := 0
	for i, h := range hosts.List {
		d := &list[i]
		d.Name, d.Shared = h.Name, shares(env, mx, h)
		d.Mailboxes, d.Omitted = sendable(h)
		if d.Shared {
			continue
		}
		d.Service = reportService(h)
		switch {
		case d.Service != "":
			d.Off = "its service is not asked"
		case len(d.Mailboxes) == 0:
			d.Off = "the address cannot be put into a command"
		case asked == maxReportDomains:
			d.Off = "there are too many report domains"
		default:
			asked++
			wg.Go(func() { d.ask(ctx, env, h) })
		}
	}
	wg.Wait()
	return list, nil
})

// reportMX is the domains of report addresses and where mail for them goes, and
// nothing else of them: the sessions wait for it. What is not known is left out.
func reportMX(ctx context.Context, env *checks.Env) []ReportHost {
	p, err := DMARC.Of(ctx, env)
	if err != nil || p.Policy == nil || !p.Own {
		return nil
	}
	hosts := reportHosts(*p.Policy.Record).List
	var wg sync.WaitGroup
	for i := range hosts {
		h := &hosts[i]
		wg.Go(func() { h.MX, h.MXErr = env.DNS.Resolve(ctx, resolve.Ask(h.Name, "MX")) })
	}
	wg.Wait()
	return hosts
}

// reportMailboxes is the mailboxes of reports that the sessions with the domain's
// own hosts ask for.
func reportMailboxes(env *checks.Env, mx MXSet, hosts []ReportHost) []string {
	var list []string
	for _, h := range hosts {
		if shares(env, mx, h) {
			mailboxes, _ := sendable(h)
			list = append(list, mailboxes...)
		}
	}
	return list[:min(len(list), maxReportMailboxes)]
}

// shares reports whether the examined domain's mail hosts take the mail of a
// report domain, too.
func shares(env *checks.Env, mx MXSet, h ReportHost) bool {
	if h.Name == env.Domain {
		return true
	}
	return slices.ContainsFunc(h.MX.Records, func(r record.Record) bool {
		_, name, ok := r.MX()
		return ok && slices.ContainsFunc(mx.Hosts, func(own Host) bool { return own.Name == name })
	})
}

// sendable is the mailboxes of a report domain that can be asked for, and the others.
func sendable(h ReportHost) (list, omitted []string) {
	for _, u := range h.Addresses {
		switch mailbox := smtpMailbox(u); {
		case slices.Contains(list, mailbox):
		case !probe.Sendable(mailbox) || len(list) == maxReportMailboxes:
			omitted = append(omitted, mailbox)
		default:
			list = append(list, mailbox)
		}
	}
	return list, omitted
}

// smtpMailbox is the address as SMTP has it without SMTPUTF8: its domain in A-labels.
func smtpMailbox(u dmarc.URI) string {
	at := strings.LastIndexByte(u.Address, '@')
	return u.Address[:max(at, 0)] + "@" + record.Display(u.Host)
}

// ask holds a conversation with the best host of the domain that can be reached.
func (d *ReportDomain) ask(ctx context.Context, env *checks.Env, h ReportHost) {
	targets, why := reportTargets(ctx, env, h)
	if d.Off = why; why != "" {
		return
	}
	for _, target := range targets {
		target.Envelopes = []probe.Envelope{{Rcpts: d.Mailboxes}}
		s := env.SMTP.Converse(ctx, target)
		d.Sessions = append(d.Sessions, s)
		if s.Greeted() {
			return
		}
	}
}

// reportTargets is the first addresses of the mail hosts of a report domain, or
// why there are none.
func reportTargets(ctx context.Context, env *checks.Env, h ReportHost) ([]probe.Target, string) {
	if h.MXErr != nil {
		return nil, h.MXErr.Error()
	}
	names := []string{h.Name} // without MX it is its own host (RFC 5321, 5.1)
	if len(h.MX.Records) > 0 {
		names = nil
	}
	for _, r := range record.Sorted(h.MX.Records) {
		if _, name, ok := r.MX(); ok && name != "." && len(names) < maxReportTries {
			names = append(names, name)
		}
	}
	hosts := make([]HostAddrs, len(names))
	var wg sync.WaitGroup
	for i, name := range names {
		wg.Go(func() { hosts[i] = Addresses(ctx, env, name) })
	}
	wg.Wait()
	var targets []probe.Target
	for i, host := range hosts {
		for _, addr := range host.Addrs {
			if OffLimits(env, addr) == "" && len(targets) < maxReportTries {
				targets = append(targets, probe.Target{Host: names[i], Addr: addr})
				break // the other family leads to the same mailboxes
			}
		}
	}
	if len(targets) == 0 {
		for _, host := range hosts {
			if !host.Known() {
				return nil, host.Errs[0].Error()
			}
		}
		return nil, "its mail host has no public address"
	}
	return targets, ""
}
