package cmd

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/checks/facts"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/local"
	"github.com/maildoctor/maildoctor/mailauth/dnsbl"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario"
	"github.com/maildoctor/maildoctor/zonefile"
)

// systemResolvers is where the system names its DNS servers.
const systemResolvers = "/etc/resolv.conf"

// A doctor examines on the internet. All its examinations share one client, one
// memory of answers, one prober and one fetcher; each has a budget of questions of its own.
type doctor struct {
	client *resolve.Client
	zones  planned
	record *scenario.Recorder // nil unless wanted
	taken  []byte             // what it recorded
	failed error              // why it could not
	trace  *resolve.Trace
	log    *resolve.Log // of every question; nil unless somebody wants to see it
	shared resolve.Resolver
	smtp   checks.SMTP
	http   checks.HTTP
	proofs *resolve.Validator
	names  resolve.Inquirer
	want   checks.Want
	wants  map[string]checks.Want
	here   []netip.Addr
	local  *local.Host // nil unless wanted

	rehearsed bool // its DNS is that of a rehearsal, which no server has

	over    <-chan struct{} // nothing is waited for any more
	leaving *sync.WaitGroup // conversations with hosts that have not answered QUIT yet
}

// newDoctor makes a doctor whose questions end with ctx.
func newDoctor(ctx context.Context, o liveOptions) (examiner, error) {
	options, err := resolvers(o.resolvers)
	if err != nil {
		return nil, err
	}
	client := resolve.NewClient(options)
	var asks resolve.Resolver = client
	if o.dqsKey != nil {
		asks = dnsbl.WithKey(client, o.dqsKey())
	}
	d := &doctor{over: ctx.Done(), leaving: new(sync.WaitGroup), client: client, zones: o.planned, want: o.want, wants: o.wants, here: append(here(), o.here...)}
	if o.local != nil {
		d.local = local.Read(ctx, local.This(), o.local)
	}
	if o.record {
		d.record = scenario.NewRecorder()
	}
	var observe func(resolve.Event)
	if o.log {
		d.log = new(resolve.Log)
		observe = d.log.Add
	}
	d.trace = resolve.NewTrace(asks, observe)
	d.shared = o.planned.over(resolve.NewMemo(ctx, politely(d.trace)))
	d.names = nameServers(client, observe)
	d.proofs = resolve.NewValidator(ctx, client, resolve.SecureOptions{Fallback: client, TrustAD: o.trustAD})
	if !o.noSMTP {
		d.smtp = &probe.Prober{HELO: o.hostname, Later: d.leaving.Go}
	}
	if !o.noHTTPS {
		d.http = probe.NewFetchMemo(ctx, keeping(&probe.Fetcher{}, o.keep))
	}
	return d, nil
}

// politely asks next not more at once than any one server or operator of a list likes.
func politely(next resolve.Resolver) resolve.Resolver {
	return resolve.NewLimit(next, resolve.DefaultInFlight,
		resolve.Narrow{Of: func(q resolve.Question) string { return q.At }, Questions: resolve.DefaultNarrow},
		resolve.Narrow{Of: dnsbl.Operators(), Questions: resolve.DefaultNarrow})
}

// resolvers are the servers named, or else those of the system.
func resolvers(named []string) (resolve.Options, error) {
	if len(named) == 0 {
		return resolve.SystemServers(systemResolvers)
	}
	var o resolve.Options
	for _, s := range named {
		server, err := resolve.ParseServer(s)
		if err != nil {
			return o, usage(err)
		}
		o.Servers = append(o.Servers, server)
	}
	return o, nil
}

// here is the addresses of this machine by which others may know it.
func here() []netip.Addr {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	var out []netip.Addr
	for _, a := range list {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil && prefix.Addr().IsGlobalUnicast() {
			out = append(out, prefix.Addr().Unmap())
		}
	}
	return out
}

func (d *doctor) examine(ctx context.Context, s subject, list []*checks.Check, observe func(diagnosis.Result)) diagnosis.Report {
	start := time.Now()
	budget, proofs := resolve.NewBudget(d.shared, resolve.DefaultBudget), d.proofs.Share()
	servers := resolve.NewInquiries(d.names, resolve.DefaultInquiries, resolve.DefaultInquiries)
	env := &checks.Env{
		Domain: s.domain,
		DNS:    resolve.NewMemo(ctx, budget),
		SMTP:   d.smtp,
		HTTP:   d.http,
		Now:    time.Now,
		Want:   d.wantFor(s.domain),
		Here:   d.here,
		Local:  d.local,

		Security: proofs,
	}
	if !d.zones.hold(s.domain) && !d.rehearsed { // else the servers do not have the zone yet
		env.Servers = servers
	}
	if s.addr.IsValid() {
		env.Want.Senders = []netip.Addr{s.addr}
	}
	if d.record != nil {
		env.DNS = resolve.NewMemo(ctx, d.record.DNS(budget))
		env.SMTP, env.HTTP = d.record.SMTP(env.SMTP), d.record.HTTP(env.HTTP)
		env.Security, env.Servers = d.record.Security(proofs), d.record.Servers(env.Servers)
	}
	results := checks.Run(ctx, env, list, observe)
	zonefile.Locate(results, d.zones)
	report := s.report()
	report.At, report.Took, report.CutShort, report.Results = start, time.Since(start), ctx.Err() != nil, results
	report.Map = facts.MapOf(env)
	report.Questions = budget.Spent() + proofs.Questions() + servers.Spent()
	if d.record != nil {
		d.taken, d.failed = d.record.Scenario(env, report)
	}
	return report
}

// A recorder is an examiner that can keep what it sees.
type recorder interface{ recording() ([]byte, error) }

// recording is the scenario of the one subject that was examined.
func (d *doctor) recording() ([]byte, error) { return d.taken, d.failed }

func (d *doctor) asked() (resolve.Stats, []resolve.Event) {
	if d.log == nil {
		return d.trace.Stats(), nil
	}
	return d.trace.Stats(), d.log.Events()
}

// close waits, after all has been told, until hosts have answered QUIT.
func (d *doctor) close() {
	d.client.Close()
	answered := make(chan struct{})
	go func() {
		d.leaving.Wait()
		close(answered)
	}()
	select {
	case <-answered:
	case <-d.over:
	}
}
