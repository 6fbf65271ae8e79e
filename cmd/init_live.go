package cmd

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// recognized is s with what stands in the DNS where the flags do not say, and
// what was seen there and left out.
func (f initFlags) recognized(ctx context.Context, s desired.State) (desired.State, []string, error) {
	options, err := resolvers(f.dns.resolvers)
	if err != nil {
		return s, nil, err
	}
	const enough = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, enough)
	defer cancel()
	dns := resolve.NewMemo(ctx, resolve.NewLimit(resolve.NewClient(options), resolve.DefaultInFlight))
	var notes []string
	for i := range s.Domains {
		d := &s.Domains[i]
		found, err := desired.Recognize(ctx, dns, d.Name, f.selectors)
		if err != nil {
			return s, nil, fmt.Errorf("what %s has is not known, so nothing is written: %w", record.Display(d.Name), err)
		}
		d.Settings = d.Over(s.Defaults).Over(found.Settings)
		for _, h := range found.Hosts {
			if !slices.ContainsFunc(s.Hosts, func(o desired.Host) bool { return o.Name == h.Name }) {
				s.Hosts = append(s.Hosts, h)
			}
		}
		for _, n := range found.Notes {
			notes = append(notes, record.Display(d.Name)+": "+n)
		}
	}
	s.Defaults = desired.Settings{} // each domain has them now
	return s, notes, nil
}
