package senders

import (
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/feedback"
	"github.com/maildoctor/maildoctor/mailauth/dmarc"
	"github.com/maildoctor/maildoctor/record"
)

// maxTallies bounds the domains of one desk.
const maxTallies = 1000

// A Desk takes reports on any domain and keeps a tally for each organizational domain
// or, where one is asked for, of that alone.
type Desk struct {
	options Options
	only    string
	tallies map[string]*Tally
	// Elsewhere is how many reports were about domains that were not asked for, or
	// about more domains than there is room for.
	Elsewhere int
}

// NewDesk is a desk for domain, or for all where that is empty.
func NewDesk(domain string, o Options) *Desk {
	d := &Desk{options: o, tallies: make(map[string]*Tally)}
	if domain != "" {
		d.only = record.Canonical(domain)
	}
	return d
}

// Take adds a report to the tally that it belongs to. The error is that of Tally.Add.
func (d *Desk) Take(doc *feedback.Document) error {
	var names []string
	if doc.Aggregate != nil {
		names = append(names, doc.Aggregate.Policy.Domain)
	} else if doc.TLS != nil {
		for _, p := range doc.TLS.Policies {
			if p.Domain != "" && !slices.Contains(names, p.Domain) {
				names = append(names, p.Domain)
			}
		}
	}
	var taken []*Tally
	for _, name := range names {
		if t := d.of(name); t != nil && !slices.Contains(taken, t) {
			taken = append(taken, t)
		}
	}
	if len(taken) == 0 {
		d.Elsewhere++
	}
	for _, t := range taken {
		if err := t.Add(doc); err != nil {
			return err
		}
	}
	return nil
}

// of is the tally for reports on a policy domain; nil if there is to be none. Reports
// on a domain tell of all below it, too.
func (d *Desk) of(name string) *Tally {
	key := dmarc.ListedOrganizational(name)
	if d.only != "" {
		if key = d.only; !record.Within(name, key) && !record.Within(key, name) {
			return nil
		}
	}
	t := d.tallies[key]
	if t == nil && len(d.tallies) < maxTallies {
		t = New(key, d.options)
		d.tallies[key] = t
	}
	return t
}

// Tallies are all of which there was a report, those with most messages first.
func (d *Desk) Tallies() []*Tally {
	var list []*Tally
	messages := make(map[*Tally]int64)
	for _, t := range d.tallies {
		list = append(list, t)
		messages[t] = t.Total().Messages
	}
	slices.SortFunc(list, func(a, b *Tally) int {
		if n := messages[b] - messages[a]; n != 0 {
			return int(min(max(n, -1), 1))
		}
		return strings.Compare(a.domain, b.domain)
	})
	return list
}
