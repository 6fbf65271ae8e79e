package dmarc

import (
	"context"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/publicsuffix"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// maxLabels is the number of labels, and so of questions, above which a tree
// walk skips from the full name to its 7 rightmost labels (RFC 9989, 4.10).
const maxLabels = 8

// A Step is one question of a walk and what came back.
type Step struct {
	Domain string         // canonical, without the label _dmarc
	Answer resolve.Answer // its Question is set also where Err is
	Err    error          // the question had no conclusive answer: not "no record"
	Texts  []string       // those that are policy records (IsRecord)
	Record *Record        // the one; nil where there is none or several, which are all discarded
	Beyond bool           // the walk had ended before; asked only to save time
}

// Discovery is what a walk finds. Where something stayed open, Undecided names
// it, and what depends on it is not to be relied on.
type Discovery struct {
	Domain string // the author domain, canonical
	Steps  []Step // in the order of the walk, the author domain's own first

	// Policy is the step whose record applies to the author domain; nil where no
	// record does.
	Policy *Step
	// Relation is where the author domain stands to Policy.Domain: Self or
	// Subdomain. Whether a subdomain exists, the walk does not ask.
	Relation Relation

	// Organizational is the organizational domain, canonical (RFC 9989, 4.10.2).
	Organizational string

	// Undecided holds the errors of the steps on which Policy depends, and
	// OrganizationalUndecided those on which Organizational does.
	Undecided, OrganizationalUndecided []error
}

// Walk returns the domains whose _dmarc name the tree walk from domain asks
// for, in order: at most 8 (RFC 9989, 4.10).
func Walk(domain string) []string {
	labels := slices.DeleteFunc(record.Labels(record.Canonical(domain)), func(l string) bool { return l == "" })
	var domains []string
	for i := 0; i < len(labels); i++ {
		if i == 1 && len(labels) > maxLabels {
			i = len(labels) - (maxLabels - 1)
		}
		domains = append(domains, strings.Join(labels[i:], ".")+".")
	}
	return domains
}

// Discover finds the policy that applies to domain by the DNS tree walk of RFC
// 9989, 4.10. All questions, at most 8, are known from the domain alone and are
// asked at once.
func Discover(ctx context.Context, dns resolve.Resolver, domain string) Discovery {
	domain = record.Canonical(domain)
	d := Discovery{Domain: domain, Organizational: domain, Steps: ask(ctx, dns, Walk(domain))}
	d.end()
	d.organizational()
	d.policy()
	return d
}

// ask asks for the policy records of all domains at once.
func ask(ctx context.Context, dns resolve.Resolver, domains []string) []Step {
	steps := make([]Step, len(domains))
	atOnce(len(domains), func(i int) { steps[i] = askOne(ctx, dns, domains[i]) })
	return steps
}

// atOnce does n things at the same time, the last one of them itself.
func atOnce(n int, do func(i int)) {
	if n == 0 {
		return
	}
	var wg sync.WaitGroup
	for i := range n - 1 {
		wg.Go(func() { do(i) })
	}
	do(n - 1)
	wg.Wait()
}

func askOne(ctx context.Context, dns resolve.Resolver, domain string) Step {
	step := Step{Domain: domain}
	name, ok := record.Below("_dmarc", domain)
	question := resolve.Ask(name, "TXT")
	if !ok { // the name cannot exist, so it holds no record
		step.Answer = resolve.Answer{Question: question}
		return step
	}
	step.Answer, step.Err = dns.Resolve(ctx, question)
	step.Answer.Question = question
	if step.Err != nil {
		return step
	}
	for _, text := range slices.Sorted(slices.Values(step.Answer.Texts())) { // servers shuffle sets
		if IsRecord(text) {
			step.Texts = append(step.Texts, text)
		}
	}
	if len(step.Texts) == 1 { // several are all discarded (RFC 9989, 4.10, 2)
		r, _ := Parse(step.Texts[0])
		step.Record = &r
	}
	return step
}

// end marks what lies beyond the first psd=y or psd=n (RFC 9989, 4.10, 2 and 6).
func (d *Discovery) end() {
	ended := false
	for i := range d.Steps {
		s := &d.Steps[i]
		s.Beyond = ended
		ended = ended || s.Record != nil && (s.Record.PSD == "y" || s.Record.PSD == "n")
	}
}

// organizational selects the organizational domain (RFC 9989, 4.10.2).
func (d *Discovery) organizational() {
	for i, s := range d.Steps {
		switch {
		case s.Beyond:
			return
		case s.Err != nil:
			d.OrganizationalUndecided = append(d.OrganizationalUndecided, s.Err)
		case s.Record == nil:
		case s.Record.PSD == "n":
			d.Organizational = s.Domain
			return
		case s.Record.PSD == "y" && i > 0:
			d.Organizational = d.below(s.Domain)
			return
		default: // the record at the name with the fewest labels
			d.Organizational = s.Domain
		}
	}
}

// below is the domain one label below parent on the way to the author domain.
func (d *Discovery) below(parent string) string {
	labels := record.Labels(d.Domain)
	n := len(labels) - len(record.Labels(parent)) - 1
	return strings.Join(labels[max(n, 0):], ".") + "."
}

// policy finds the record that applies: that of the author domain, else that of
// its organizational domain, else that of its public suffix (RFC 9989, 4.10.1).
func (d *Discovery) policy() {
	for i := range d.Steps {
		s := &d.Steps[i]
		switch {
		case s.Record == nil || s.Beyond:
		case i == 0:
			d.Policy = s
			return
		case s.Domain == d.Organizational, s.Record.PSD == "y" && d.Policy == nil:
			d.Policy, d.Relation = s, Subdomain
		}
	}
	d.Undecided = d.OrganizationalUndecided
}

// Discover7489 finds the policy as a receiver does that follows RFC 7489, 6.6.3:
// at the exact name, else at the organizational domain by the public suffix
// list. Several records at the exact name end the search there.
func Discover7489(ctx context.Context, dns resolve.Resolver, domain string) Discovery {
	domain = record.Canonical(domain)
	d := Discovery{Domain: domain, Organizational: ListedOrganizational(domain)}
	domains := []string{domain}
	if d.Organizational != domain {
		domains = append(domains, d.Organizational)
	}
	d.Steps = ask(ctx, dns, domains)
	own := &d.Steps[0]
	switch {
	case own.Record != nil:
		d.Policy = own
	case len(own.Texts) > 1:
	case len(d.Steps) == 2:
		last := &d.Steps[1]
		if last.Record != nil {
			d.Policy, d.Relation = last, Subdomain
		}
		if last.Err != nil {
			d.Undecided = append(d.Undecided, last.Err)
		}
	}
	if own.Err != nil {
		d.Undecided = append([]error{own.Err}, d.Undecided...)
	}
	if len(d.Steps) == 2 && (own.Record != nil || len(own.Texts) > 1) {
		d.Steps[1].Beyond = true
	}
	return d
}

// ListedOrganizational is the organizational domain of domain by the public
// suffix list; a public suffix is its own.
func ListedOrganizational(domain string) string {
	domain = record.Canonical(domain)
	org, err := publicsuffix.EffectiveTLDPlusOne(record.Display(domain))
	if err != nil {
		return domain
	}
	return record.Canonical(org)
}
