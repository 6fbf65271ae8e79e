package deliver

import (
	"context"
	"fmt"
	"net/netip"

	"github.com/maildoctor/maildoctor/record"
)

// A Plan is what an attempt would do, as far as that is known before anybody is
// connected to.
type Plan struct {
	Destination string // canonical, or the address literal
	Route       string // as in Report
	Provider    string // as in Report
	Via         string // the relay; empty: direct
	Hosts       []PlannedHost
	// Results are those that are known beforehand: of a domain that takes no mail, of an
	// address that cannot be sent. An attempt comes to the same, while nothing changes.
	Results []Result
}

// A PlannedHost is one that would be tried, in this order.
type PlannedHost struct {
	Host
	Policy Policy
	Fault  string // why it would be passed over; may be empty
}

// Plan tells what Deliver would do with a job. It asks the DNS and fetches policies,
// connects to no mail host and counts nothing.
func (s *Sender) Plan(ctx context.Context, job Job) Plan {
	bounds := s.Bounds.orDefault()
	ctx, cancel := context.WithTimeout(ctx, bounds.Time)
	defer cancel()
	a := &attempt{Sender: s, ctx: ctx, job: job, bounds: bounds}
	a.report.Destination = destinationOf(job.Destination)
	a.report.Results = make([]Result, len(job.Rcpts))
	for i, rcpt := range job.Rcpts {
		a.report.Results[i].Addr = rcpt.Addr
		a.open = append(a.open, i)
	}
	p := Plan{Destination: a.report.Destination}
	if a.prepare() {
		a.plan(&p)
	}
	for _, r := range a.report.Results {
		if r.Code != 0 {
			p.Results = append(p.Results, r)
		}
	}
	return p
}

func (a *attempt) plan(p *Plan) {
	r, fault := a.route()
	if len(r.hosts) > 0 && r.hosts[0].Name != "" {
		p.Provider = ProviderOf(r.hosts[0].Name)
	}
	way := a.Routes.choose(p.Destination, a.job.Failures, func() string { return p.Provider })
	if way.relay != "" {
		p.Route, p.Via = fmt.Sprintf("relay %s: %s", way.relay, way.why), way.relay
		a.planRelay(p)
		return
	}
	p.Route = "direct: " + way.why
	if fault != nil {
		a.all(fault)
	}
	for _, h := range r.hosts {
		planned := PlannedHost{Host: h}
		if len(h.Addrs) > 0 && fault == nil {
			var fault *verdict
			if planned.Policy, fault = a.policy(r, h); fault != nil {
				planned.Fault = fault.text
			}
		}
		p.Hosts = append(p.Hosts, planned)
	}
}

func (a *attempt) planRelay(p *Plan) {
	relay, known := a.Routes.Relays[p.Via]
	if !known {
		a.all(ours(Temporary, 451, "4.3.5", fmt.Sprintf("no relay %q is set up", p.Via)))
		return
	}
	h := Host{Name: record.Canonical(relay.Host)}
	if addr, err := netip.ParseAddr(relay.Host); err == nil {
		h.Addrs = append(h.Addrs, addr)
	} else {
		h = a.lookUp(h)
	}
	p.Hosts = []PlannedHost{{Host: h, Policy: relay.policy(h.Name).atLeast(a.job.Least)}}
}
