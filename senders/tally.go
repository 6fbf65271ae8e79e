package senders

import (
	"cmp"
	"hash/maphash"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// Bounds of a tally. What goes beyond is counted in sums, without its details.
const (
	maxHosts     = 50_000 // addresses
	maxNames     = 32     // author domains, signers and envelope domains of one address
	MaxAddresses = 50     // of a source that are told one by one
	maxMarks     = 1000   // author domains, signers and envelope domains of a source
	maxReports   = 200_000
	maxDays      = 4000
	maxListed    = 200 // reports set aside, faults
	maxReceivers = 2000
	maxPolicies  = 200 // domains with a policy of their own
)

// A Tally adds up the reports on one domain. Its zero value is not ready: see New.
type Tally struct {
	domain  string
	since   time.Time
	now     time.Time
	trust   bool
	ranges  []Range
	last    *State
	current *dmarc.Record
	foreign []string // names of sources that are none of the owner's, in lower case

	hosts    map[netip.Addr]*host
	days     map[int64]*Day
	receives map[string]*Receiver
	seen     map[uint64]bool
	seed     maphash.Seed
	orgs     map[string]string
	policies map[string]map[feedback.Policy]*observed
	tls      TLS

	Reports  int // DMARC reports that count
	Repeated int // that came twice, and count once
	Old      int // that ended before Since
	// Aside are reports that do not count, as they look forged or cannot be true.
	Aside []Aside
	More  int // of which there is no room in Aside
	// LeftOut is records that do not count, by what is wrong with them.
	LeftOut map[string]int
	// Overrides is messages with which receivers did other than the policy says, by
	// the type of the reason that they give ("mailing_list", "local_policy").
	Overrides map[string]int64
	// Unproven is messages that passed DMARC by a signature, as the report says, though
	// it tells of no aligned signature that passed.
	Unproven int64
	Begin    time.Time // of the first report that counts
	End      time.Time // of the last
}

// Options say how reports are added up.
type Options struct {
	Now   time.Time // dates after it are impossible
	Since time.Time // reports that ended before are left out; zero: none
	Trust bool      // reports that look forged count as well
}

// An Aside is a report that does not count.
type Aside struct{ Name, Org, Why string }

// A Day is the messages of one day, UTC.
type Day struct {
	At time.Time
	Counts
}

// A Receiver is who reports.
type Receiver struct {
	Name     string // org_name
	Reports  int
	Messages int64
	Last     time.Time
	bit      uint64
}

// An InForce is a policy as the last report on it has it.
type InForce struct {
	feedback.Policy
	At time.Time // the end of that report
	// Since is the begin of the first report that has it or, where later ones had
	// another, of the last of those.
	Since time.Time
}

// New is the tally of a domain and all below it.
func New(domain string, o Options) *Tally {
	return &Tally{
		domain: record.Canonical(domain), since: o.Since, now: o.Now, trust: o.Trust,
		hosts: make(map[netip.Addr]*host), days: make(map[int64]*Day), receives: make(map[string]*Receiver),
		seen: make(map[uint64]bool), seed: maphash.MakeSeed(), orgs: make(map[string]string),
		policies: make(map[string]map[feedback.Policy]*observed), LeftOut: make(map[string]int), Overrides: make(map[string]int64),
	}
}

// Domain is the domain, absolute.
func (t *Tally) Domain() string { return t.domain }

// org is the organizational domain of a name by the public suffix list.
func (t *Tally) org(name string) string {
	if name == "" {
		return ""
	}
	org, ok := t.orgs[name]
	if !ok {
		org = dmarc.ListedOrganizational(name)
		if len(t.orgs) < maxHosts {
			t.orgs[name] = org
		}
	}
	return org
}

// Add adds a report, and takes all its records; one that is about other domains it
// leaves alone. The error is that of reading them; nothing of the report counts then.
func (t *Tally) Add(doc *feedback.Document) error {
	if doc.TLS != nil {
		t.tls.add(t, doc)
		return nil
	}
	if doc.Aggregate == nil {
		return nil
	}
	if about := doc.Aggregate.Policy.Domain; !record.Within(about, t.domain) && !record.Within(t.domain, about) {
		return nil
	}
	b := &batch{tally: t, head: doc.Aggregate, rows: make(map[rowKey]*row), leftOut: make(map[string]int)}
	for r, err := range doc.Records() {
		if err != nil {
			return err
		}
		b.record(r)
	}
	head := doc.Aggregate
	if why := t.doubt(doc); why != "" && !t.trust {
		t.aside(Aside{doc.Name, head.Org, why})
		return nil
	}
	if !t.since.IsZero() && head.End.Before(t.since) {
		t.Old++
		return nil
	}
	if t.repeated(head) {
		t.Repeated++
		return nil
	}
	b.commit()
	return nil
}

func (t *Tally) aside(a Aside) {
	if len(t.Aside) == maxListed {
		t.More++
		return
	}
	t.Aside = append(t.Aside, a)
}

// repeated reports whether the report was added before: it has the same reporter,
// identifier, domain and begin (RFC 9990, 3.5.1).
func (t *Tally) repeated(a *feedback.Aggregate) bool {
	if a.ID == "" {
		return false
	}
	key := maphash.String(t.seed, strings.Join([]string{strings.ToLower(a.Org), a.ID, a.Policy.Domain, a.Begin.String()}, "\x00"))
	if t.seen[key] {
		return true
	}
	if len(t.seen) < maxReports {
		t.seen[key] = true
	}
	return false
}

// An observed is what reports say of one policy at one domain.
type observed struct {
	policy             feedback.Policy
	first, begin, last time.Time // first begin, last begin, last end
	reports            int
}

// published notes the policy that a report was written under.
func (t *Tally) published(a *feedback.Aggregate) {
	all := t.policies[a.Policy.Domain]
	if all == nil {
		if len(t.policies) >= maxPolicies {
			return
		}
		all = make(map[feedback.Policy]*observed)
		t.policies[a.Policy.Domain] = all
	}
	// How it was discovered, and what is left out as it is the default, makes no
	// other policy.
	key := feedback.Policy{Policy: a.Policy.Policy, Subdomains: a.Policy.Subdomains}
	if a.Policy.Testing == "y" {
		key.Testing = "y"
	}
	if key.Subdomains == key.Policy {
		key.Subdomains = ""
	}
	o := all[key]
	if o == nil {
		if len(all) >= maxNames {
			return
		}
		o = &observed{}
		all[key] = o
	}
	if !a.End.Before(o.last) {
		o.policy = a.Policy
	}
	o.first, o.begin, o.last, o.reports = earlier(o.first, a.Begin), later(o.begin, a.Begin), later(o.last, a.End), o.reports+1
}

// inForce is the policy that the last reports have; of several the one that most have.
func (t *Tally) inForce(domain string) (p InForce, ok bool) {
	var is *observed
	for _, o := range t.policies[domain] {
		if is == nil || o.last.After(is.last) || o.last.Equal(is.last) && (o.reports > is.reports || o.reports == is.reports && o.policy.Policy < is.policy.Policy) {
			is = o
		}
	}
	if is == nil {
		return p, false
	}
	p = InForce{is.policy, is.last, is.first}
	for _, o := range t.policies[domain] {
		if o != is {
			p.Since = later(p.Since, o.begin)
		}
	}
	return p, true
}

func earlier(a, b time.Time) time.Time {
	if a.IsZero() || b.Before(a) {
		return b
	}
	return a
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// Policies are the policies in force by the domain at which they stand, that of the
// tally's domain first.
func (t *Tally) Policies() (list []InForce) {
	for domain := range t.policies {
		if p, ok := t.inForce(domain); ok {
			p.Domain = domain
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b InForce) int { return record.CompareNames(a.Domain, b.Domain) })
	return list
}

// Days are the days with messages, in order.
func (t *Tally) Days() (list []Day) {
	for _, key := range slices.Sorted(maps.Keys(t.days)) {
		list = append(list, *t.days[key])
	}
	return list
}

// Receivers are who reported, those with most messages first.
func (t *Tally) Receivers() (list []Receiver) {
	for _, r := range t.receives {
		list = append(list, *r)
	}
	slices.SortFunc(list, func(a, b Receiver) int {
		return cmp.Or(cmp.Compare(b.Messages, a.Messages), cmp.Compare(a.Name, b.Name))
	})
	return list
}

// Total is all messages.
func (t *Tally) Total() (c Counts) {
	for _, h := range t.hosts {
		c.add(h.Counts)
	}
	return c
}

// TLS is what TLS reports told.
func (t *Tally) TLS() TLS { return t.tls.sorted() }
