package cmd

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A zoneReader is what there is of one zone.
type zoneReader interface {
	// records are those at the names of wishes, and of wildcards above them.
	records(ctx context.Context, wishes []plan.Wish) ([]record.Record, error)
	given() plan.Given
	String() string // for a reader: "the DNS"
}

// A zoneSource is a file.
type zoneSource struct {
	file planned
	zone string
}

func (s zoneSource) records(context.Context, []plan.Wish) ([]record.Record, error) {
	return s.file[0].Records(), nil
}
func (s zoneSource) given() plan.Given { return plan.Given{Zone: s.zone, TTLs: true} }
func (s zoneSource) String() string    { return s.file[0].Name }

// A dnsSource is what a resolver says.
type dnsSource struct {
	dns  resolve.Resolver
	zone string
}

func (s dnsSource) given() plan.Given { return plan.Given{Zone: s.zone} }
func (s dnsSource) String() string    { return "the DNS" }

// zoneOf is the apex of the zone in which a domain is; the domain itself where
// the DNS does not show it.
func zoneOf(ctx context.Context, dns resolve.Resolver, domain string) (string, error) {
	for name := domain; len(record.Labels(name)) > 1; name = record.Parent(name) {
		ans, err := dns.Resolve(ctx, resolve.Ask(name, "SOA"))
		if err != nil {
			return "", fmt.Errorf("the zone of %s could not be found out: %w", record.Display(domain), err)
		}
		if len(ans.Records) > 0 && len(ans.Chain) == 0 {
			return name, nil
		}
	}
	return domain, nil
}

// beside are the types that are asked for at names where more than one slot matters.
var beside = [...]string{"A", "AAAA", "MX", "TXT", "CNAME", "SRV", "CAA", "TLSA", "HTTPS"}

// records asks for the slots of wishes. A question without a conclusive answer is
// an error: what is not known must not be written over.
func (s dnsSource) records(ctx context.Context, wishes []plan.Wish) ([]record.Record, error) {
	questions := make(map[resolve.Question]bool)
	wildcards := make(map[string]bool)
	for _, w := range wishes {
		name := record.Canonical(w.Edit.Slot.Name)
		if !record.Within(name, s.zone) {
			continue // it will not be planned
		}
		questions[resolve.Ask(name, strings.ToUpper(w.Edit.Slot.Type))] = true
		questions[resolve.Ask(name, "CNAME")] = true
		if strings.EqualFold(w.Edit.Slot.Type, "CNAME") {
			askAll(questions, name)
		}
		for above := record.Parent(name); name != s.zone && record.Within(above, s.zone); above = record.Parent(above) {
			wildcards["*."+above] = true
		}
	}
	for name := range wildcards {
		askAll(questions, name)
	}
	found, err := s.ask(ctx, questions)
	if err != nil {
		return nil, err
	}
	below := make(map[resolve.Question]bool)
	for _, w := range wishes { // whether more stands at a name matters where a wildcard answers for it
		name := record.Canonical(w.Edit.Slot.Name)
		if slices.ContainsFunc(found, func(r record.Record) bool {
			zone, wild := strings.CutPrefix(r.Name, "*.")
			return wild && record.Within(name, zone)
		}) {
			askAll(below, name)
		}
	}
	for q := range questions {
		delete(below, q)
	}
	more, err := s.ask(ctx, below)
	return withoutWildcards(slices.Compact(record.Sorted(append(found, more...))), wishes), err
}

func askAll(questions map[resolve.Question]bool, name string) {
	for _, typ := range beside {
		questions[resolve.Ask(name, typ)] = true
	}
}

func (s dnsSource) ask(ctx context.Context, questions map[resolve.Question]bool) ([]record.Record, error) {
	const atOnce = 32
	found := make(map[record.Record]bool)
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for q := range questions {
		group.Go(func() error {
			ans, err := s.dns.Resolve(ctx, q)
			if err != nil {
				return fmt.Errorf("what is there could not be told, so nothing is planned: %w", err)
			}
			mu.Lock()
			defer mu.Unlock()
			for _, r := range slices.Concat(ans.Chain, ans.Records) {
				if r.TTL = 0; r.Name == q.Name { // of the TTL only what a cache has left is known
					found[r] = true
				}
			}
			return nil
		})
	}
	err := group.Wait()
	return record.Sorted(slices.Collect(maps.Keys(found))), err
}

// withoutWildcards leaves out what a wildcard answers for a name, unless it is
// what is wished there: then there is nothing to do.
func withoutWildcards(found []record.Record, wishes []plan.Wish) []record.Record {
	type set struct{ name, typ string }
	data := make(map[set][]string)
	for _, r := range found {
		data[set{r.Name, r.Type}] = append(data[set{r.Name, r.Type}], r.Data)
	}
	wished := make(map[set][]string)
	for _, w := range wishes {
		k := set{record.Canonical(w.Edit.Slot.Name), strings.ToUpper(w.Edit.Slot.Type)}
		for _, r := range w.Edit.Want {
			wished[k] = append(wished[k], r.Data)
		}
	}
	for _, lists := range []map[set][]string{data, wished} {
		for _, list := range lists {
			slices.Sort(list)
		}
	}
	return slices.DeleteFunc(found, func(r record.Record) bool {
		k := set{r.Name, r.Type}
		if strings.HasPrefix(r.Name, "*.") || len(data[k]) > 0 && slices.Equal(data[k], wished[k]) {
			return false
		}
		for above := record.Parent(r.Name); above != "."; above = record.Parent(above) {
			if wild := data[set{"*." + above, r.Type}]; len(wild) > 0 {
				return slices.Equal(wild, data[k])
			}
		}
		return false
	})
}
