package caa

import (
	"context"
	"fmt"
	"sync"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A Set is the CAA records that are relevant to a name.
type Set struct {
	Name    string         // whose they are, canonical
	At      string         // where they stand: at the name or above it; empty where there are none
	Answer  resolve.Answer // that holds them; the one at the name where there are none
	Records []Record       // in the order of the answer
	// Problems is those of each record.
	Problems [][]Problem
}

// maxClimb bounds the names that are asked about: those of 16 labels and fewer
// are climbed to the top.
const maxClimb = 16

// Relevant finds the records that are relevant to name: those at the nearest
// name, from itself up to the top-level domain, that has any (RFC 8659, 3). All
// names are asked at once. An alias leads to the records of its target, above
// which nobody looks. The error is that of a question nearer than the records.
func Relevant(ctx context.Context, dns resolve.Resolver, name string) (Set, error) {
	set := Set{Name: record.Canonical(name)}
	names := Climb(set.Name)
	if len(names) == 0 {
		return set, fmt.Errorf("%s has no CAA records to look for: it has no label, or more than %d", record.Display(set.Name), maxClimb)
	}
	answers := make([]resolve.Answer, len(names))
	errs := make([]error, len(names))
	var wg sync.WaitGroup
	for i, n := range names {
		wg.Go(func() { answers[i], errs[i] = dns.Resolve(ctx, resolve.Ask(n, "CAA")) })
	}
	wg.Wait()
	set.Answer = answers[0]
	for i, n := range names {
		if errs[i] != nil {
			return set, errs[i]
		}
		if len(answers[i].Records) == 0 {
			continue
		}
		set.At, set.Answer = n, answers[i]
		for _, r := range answers[i].Records {
			parsed, problems := Parse(r.Data)
			set.Records = append(set.Records, parsed)
			set.Problems = append(set.Problems, problems)
		}
		break
	}
	return set, nil
}

// Climb is the names that Relevant asks about, nearest first; none for the root
// and for names of more labels than anybody has.
func Climb(name string) []string {
	var names []string
	for name = record.Canonical(name); name != "."; name = record.Parent(name) {
		if len(names) == maxClimb {
			return nil
		}
		names = append(names, name)
	}
	return names
}
