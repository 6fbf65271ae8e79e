package cmd

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mailauth/spf"
	"github.com/maildoctor/maildoctor/migration"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/published"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
	"github.com/maildoctor/maildoctor/resolve"
)

// An auditing is all that a look at a move has been asked for, and the world that it
// looks at.
type auditing struct {
	planning
	app        *app
	file       string // maildoctor.yaml
	selectors  []string
	subdomains []string // canonical
	senders    []migration.Sender
	on         time.Time // of the switch; zero: as early as is safe
	quiet      string    // why the new host is not looked at; empty if it is
	addresses  selection // the checks of addresses

	unsure string // why the TTLs of the zone are not known; empty if they are

	// Of a move that has begun:
	begun *migration.Move
}

// auditing reads the flags.
func (a *app) auditing(ctx context.Context, f auditFlags, args []string) (x auditing, err error) {
	x = auditing{app: a, file: f.file, selectors: trimmed(f.selectors)}
	if x.on, err = whenSwitched(f.on); err != nil {
		return x, err
	}
	if x.addresses, err = a.choose(checks.Addresses, nil, nil); err != nil {
		return x, err
	}
	if f.noSMTP {
		x.quiet = "--no-smtp"
	}
	if x.planning, err = a.planning(ctx, f.planFlags, args); err != nil {
		return x, err
	}
	x.progress = func() *progress { return a.progress(ofDomains([]string{x.domain}), len(x.all), x.timeout) }
	if x.subdomains, err = belowDomain(x.domain, f.subdomains, f.list); err != nil {
		x.world.close()
		return x, err
	}
	selectors, others, err := written(x.domain, f.mails)
	if err == nil {
		x.senders, err = a.reported(ctx, x.domain, f.reports)
	}
	x.selectors, x.senders = append(x.selectors, selectors...), append(x.senders, others...)
	if err != nil {
		x.world.close()
	}
	for _, name := range x.subdomains {
		x.senders = append(x.senders, migration.Sender{Name: name, From: "a list"})
	}
	return x, err
}

// belowDomain are the names below a domain that are given, and those of a file.
func belowDomain(domain string, given []string, path string) ([]string, error) {
	names := trimmed(given)
	if path != "" {
		const most = 1 << 20
		text, err := readBounded(path, most)
		if err != nil {
			return nil, usage(fmt.Errorf("--subdomains %s: %w", path, err))
		}
		for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
			line, _, _ := strings.Cut(s.Text(), "#")
			if line = strings.TrimSpace(line); line != "" {
				names = append(names, line)
			}
		}
	}
	const mostNames = 500
	if len(names) > mostNames {
		return nil, usage(fmt.Errorf("there are %d names below the domain, more than %d", len(names), mostNames))
	}
	var list []string
	for _, n := range names {
		full := record.Canonical(n)
		if !record.Within(full, domain) && !strings.HasSuffix(n, ".") {
			full = record.Canonical(strings.TrimSuffix(n, ".") + "." + domain)
		}
		if _, err := record.ParseDomain(record.Display(full)); err != nil || full == domain || !record.Within(full, domain) {
			return nil, usage(fmt.Errorf("%q is no name below %s", n, record.Display(domain)))
		}
		if !slices.Contains(list, full) {
			list = append(list, full)
		}
	}
	return list, nil
}

// now is the time in the world that is looked at.
func (x auditing) now(ctx context.Context) time.Time {
	if env := x.world.env(ctx, x.domain); env.Now != nil {
		return env.Now().UTC().Truncate(time.Second)
	}
	return time.Now().UTC().Truncate(time.Second)
}

// given is what the move is made of.
func (x *auditing) given(ctx context.Context) (g migration.Given, tasks []desired.Task, doubt string, err error) {
	now := x.now(ctx)
	wanted, problems := x.state.Edits(desired.Given{Now: now, Incomplete: true})
	if err := x.app.problems(x.file, problems); err != nil {
		return g, nil, "", err
	}
	g = migration.Given{Domain: x.domain, Now: now, Switch: x.on, Senders: x.senders, Known: known()}
	for _, c := range wanted.Changes {
		if c.Domain == x.domain {
			g.Wanted = append(g.Wanted, c.Edit)
		}
	}
	if err := x.today(ctx, &g); err != nil {
		return g, nil, "", err
	}
	if p, ok := x.state.Policy(x.domain, desired.Given{Now: now}); ok {
		g.Next = &p
	}
	found, ok := announced(ctx, x.world, x.domain)
	switch {
	case !ok:
		doubt = "nothing is fetched over HTTPS, or the record could not be had"
	case found.Served != nil:
		g.Served = found.Served
	default:
		doubt = "it is not served as it should be"
	}
	if err := x.sides(ctx, &g); err != nil {
		return g, nil, "", err
	}
	return g, wanted.Tasks, doubt, nil
}

// audit looks at everything.
func (x *auditing) audit(ctx context.Context) (report.Moving, error) {
	limited, cancel := context.WithTimeout(ctx, x.timeout)
	defer cancel()
	var page report.Moving
	g, tasks, doubt, err := x.given(limited)
	if err != nil {
		return page, err
	}
	m, conflicts := migration.Make(g)
	x.complete(limited, &m, g, tasks)
	x.goOn(&m)
	page.Conflicts, page.Accepted = conflicts, x.accepted
	sight := migration.Sight{Now: g.Now, Given: g, HostDoubt: x.quiet, TTLDoubt: x.unsure}
	if g.Served == nil {
		sight.PolicyDoubt = doubt
	}
	for _, t := range tasks {
		if t.Missing {
			sight.Missing = append(sight.Missing, t.Text)
		}
	}
	today := x.examined(ctx, nil)
	sight.Today = today
	x.rehearse(ctx, &m, &page, today)
	if page.Final != nil {
		sight.Final = &page.Final.After
	}
	if x.quiet == "" {
		sight.Hosts = x.hosts(ctx, m)
	}
	sight.Lookups, sight.SPFDoubt = x.lookups(limited, m)
	sight.Keys = x.keys(limited, m)
	m.Items = migration.Inventory(g)
	m.Blockers = migration.Block(m, sight)
	page.Move, page.Today = m, today
	return page, nil
}

// complete adds what the pure part does not know.
func (x *auditing) complete(ctx context.Context, m *migration.Move, g migration.Given, tasks []desired.Task) {
	m.Wanted, m.Policy, m.Negative = x.file, g.Served, g.Negative
	if there, err := x.there(ctx, x.world); err == nil {
		m.Source = there.String()
	}
	prepare := m.Step(migration.Prepare)
	for _, t := range tasks {
		if prepare != nil && !t.Missing && !strings.Contains(t.Text, "serves this policy") && !settledTask(ctx, x.world, t) {
			prepare.Tasks = append(prepare.Tasks, t.Subject+": "+t.Text)
		}
	}
}

// rehearse examines the domain as it would be while both sides are in use, and in the
// end.
func (x *auditing) rehearse(ctx context.Context, m *migration.Move, page *report.Moving, today diagnosis.Report) {
	var edits []record.Edit
	for i := range m.Steps {
		s := &m.Steps[i]
		edits = append(edits, s.Plan.Edits()...)
		last := i == len(m.Steps)-1
		both := s.ID == migration.Policies || s.ID == migration.Prepare && m.Step(migration.Policies) == nil
		if !last && !both || len(edits) == 0 {
			continue
		}
		then := *x
		if p := policyAt(*m, s.ID); p != nil {
			then.world = serving(x.world, x.domain, *p)
		}
		after := then.examined(ctx, edits)
		r := plan.Rehearse(today, after)
		r.Came = slices.DeleteFunc(r.Came, func(c plan.Shift) bool { return eased(c, last, *m) })
		s.Rehearsal = &r
		if both {
			page.Both = &r
		}
		if last {
			page.Final = &r
		}
	}
}

// eased is what the time of both sides has on purpose: DMARC that asks for nothing, and
// a reverse name that leads back from the switch on.
func eased(c plan.Shift, last bool, m migration.Move) bool {
	switch {
	case last:
		return false
	case c.Check == "dmarc.policy-none", c.Check == "dmarc.effective-policy", strings.HasPrefix(c.Check, "bimi."):
		return true
	case c.Check == "ptr.forward-confirmed":
		return slices.ContainsFunc(m.New.Addrs, func(a netip.Addr) bool { return strings.Contains(c.Finding.Subject, a.String()) })
	}
	return false
}

// hosts examines the addresses of the new side, as maildoctor ip does.
func (x *auditing) hosts(ctx context.Context, m migration.Move) []diagnosis.Report {
	const most = 8
	var edits []record.Edit
	for _, s := range m.Steps {
		edits = append(edits, s.Plan.Edits()...)
	}
	var list []diagnosis.Report
	for _, addr := range m.New.Addrs {
		if len(list) == most || slices.Contains(m.Old.Addrs, addr) {
			continue
		}
		limited, cancel := context.WithTimeout(ctx, x.timeout)
		list = append(list, x.world.with(edits).examine(limited, subject{addr: addr}, x.addresses.run, nil))
		cancel()
	}
	return list
}

// lookups is what SPF costs while both sides may send.
func (x *auditing) lookups(ctx context.Context, m migration.Move) (n int, doubt string) {
	s := m.Step(migration.Prepare)
	if s == nil {
		return 0, ""
	}
	for _, c := range s.Plan.Changes {
		if c.Slot != record.SPF(m.Domain) || len(c.After) != 1 {
			continue
		}
		r, _ := spf.Parse(c.After[0].Data)
		tree := spf.Count(ctx, resolve.NewOverlay(x.world.asks(), s.Plan.Edits()), m.Domain, r)
		if len(tree.Unanswered) > 0 && tree.Lookups <= spf.MaxLookups { // more is more, whatever stayed open
			node := tree.Unanswered[0]
			doubt = fmt.Sprintf("%s: %v", node.Label(), node.Err)
		}
		return tree.Lookups, doubt
	}
	return 0, ""
}

// keys is how far the new keys have come that are published.
func (x *auditing) keys(ctx context.Context, m migration.Move) []migration.Reach {
	ask := x.world.servers()
	var want []plan.Set
	for _, r := range m.After(migration.Prepare) {
		was := slices.ContainsFunc(m.Before, func(o record.Record) bool { return o.Name == r.Name && o.Type == r.Type && o.Data == r.Data })
		if strings.Contains(r.Name, "._domainkey.") && was {
			want = append(want, plan.Set{Name: r.Name, Type: r.Type, Records: []record.Record{r}})
		}
	}
	if ask == nil || len(want) == 0 {
		return nil
	}
	servers, err := published.Servers(ctx, x.world.asks(), m.Zone)
	if err != nil {
		return nil
	}
	var list []migration.Reach
	for _, set := range want {
		reach := migration.Reach{Name: set.Name}
		for _, state := range published.Look(ctx, ask, servers, []plan.Set{set}) {
			switch state.Outcome {
			case published.Lacks:
				reach.Lacks = append(reach.Lacks, state.Server.String())
			case published.Silent:
				reach.Silent = append(reach.Silent, state.Server.String())
			}
		}
		list = append(list, reach)
	}
	return list
}
