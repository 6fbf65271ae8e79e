// Package checks is the engine: what a check is, what it may know of the world
// (Env), what several checks share (Fact), and how they are run (Run). It knows
// no topic; those are its sub-packages, joined in checks/suite.
package checks

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/diagnosis"
)

// A Check holds a domain, or an address, to one rule.
type Check struct {
	diagnosis.Rule

	// Of is what the check judges; a domain where it is not said.
	Of Subject

	// Needs names the checks whose failure or doubt would explain this one's.
	// It is for readers: a report names the cause and folds its consequences.
	Needs []*Check

	// Run judges. An error means that it could not be found out, never that the
	// rule is broken. Run is called while the checks in Needs still run.
	Run func(context.Context, *Env) (diagnosis.Verdict, error)
}

// A Subject is what an examination is about, or a set of such.
type Subject uint8

const (
	// Domains are domains, with the hosts and addresses that belong to them.
	Domains Subject = 1 << iota
	// Addresses are addresses by themselves, to be used for sending: an Env
	// without a Domain, with Want.Senders.
	Addresses
	// Hosts are mail hosts seen from within: an Env with Local. They are looked at
	// beside a domain.
	Hosts
	// Messages are messages by themselves: an Env with Message.
	Messages
)

// Judges reports whether the check has something to say in examinations of s.
func (c *Check) Judges(s Subject) bool { return cmp.Or(c.Of, Domains)&s != 0 }

// About is those of list that judge s.
func About(s Subject, list []*Check) []*Check {
	return slices.DeleteFunc(slices.Clone(list), func(c *Check) bool { return !c.Judges(s) })
}

// A Topic is the list that the checks of one package join when it is loaded.
type Topic struct{ list []*Check }

// Add puts c on the list and returns it.
func (t *Topic) Add(c *Check) *Check {
	t.list = append(t.list, c)
	return c
}

// All is the topic's checks, causes before consequences, else the gravest
// first, else by ID.
func (t *Topic) All() []*Check {
	list := slices.SortedFunc(slices.Values(t.list), func(a, b *Check) int {
		return cmp.Or(cmp.Compare(b.Severity, a.Severity), cmp.Compare(a.ID, b.ID))
	})
	return causesFirst(list)
}

// causesFirst orders list so that what a check needs, if it is in the list,
// stands before it, and keeps the order otherwise. The compiler makes Needs
// acyclic, as they are initialised in their order.
func causesFirst(list []*Check) []*Check {
	in := make(map[*Check]bool, len(list))
	for _, c := range list {
		in[c] = true
	}
	ordered := make([]*Check, 0, len(list))
	var visit func(*Check)
	visit = func(c *Check) {
		if !in[c] {
			return
		}
		delete(in, c)
		for _, need := range c.Needs {
			visit(need)
		}
		ordered = append(ordered, c)
	}
	for _, c := range list {
		visit(c)
	}
	return ordered
}

// withNeeds is list and all that it needs, each once.
func withNeeds(list []*Check) []*Check {
	seen := make(map[*Check]bool)
	var all []*Check
	var visit func(*Check)
	visit = func(c *Check) {
		if seen[c] {
			return
		}
		seen[c] = true
		for _, need := range c.Needs {
			visit(need)
		}
		all = append(all, c)
	}
	for _, c := range list {
		visit(c)
	}
	return all
}

// Select returns the checks of all that only names (all of them if it names
// none) without those that skip names. A name is an ID or a topic: what stands
// before the dot. The error for a name that fits nothing says which were near.
func Select(all []*Check, only, skip []string) ([]*Check, error) {
	for _, name := range slices.Concat(only, skip) {
		if !slices.ContainsFunc(all, func(c *Check) bool { return named(c, name) }) {
			return nil, unknownName(all, name)
		}
	}
	var list []*Check
	for _, c := range all {
		is := func(name string) bool { return named(c, name) }
		if (len(only) == 0 || slices.ContainsFunc(only, is)) && !slices.ContainsFunc(skip, is) {
			list = append(list, c)
		}
	}
	if len(list) == 0 {
		return nil, fmt.Errorf("nothing is left to check: --skip takes away all that --only names")
	}
	return list, nil
}

func named(c *Check, name string) bool { return c.ID == name || TopicOf(c.ID) == name }

// TopicOf is the topic of a check's ID: "spf" of "spf.lookup-limit".
func TopicOf(id string) string {
	topic, _, _ := strings.Cut(id, ".")
	return topic
}

// unknownName is the error for a name that fits no check. A name is near if
// few letters differ; of those, one that begins alike is nearer.
func unknownName(all []*Check, name string) error {
	best, nearest := "", len(name)+1
	for _, c := range all {
		for _, candidate := range []string{c.ID, TopicOf(c.ID)} {
			d := editDistance(name, candidate)
			if d > max(2, len(name)*3/5) {
				continue // a guess
			}
			if rank := d - commonPrefix(name, candidate); rank < nearest {
				best, nearest = candidate, rank
			}
		}
	}
	if best == "" {
		return fmt.Errorf("no check %q; `maildoctor checks` lists them", name)
	}
	return fmt.Errorf("no check %q; did you mean %s?", name, best)
}

func commonPrefix(a, b string) int {
	n := 0
	for n < min(len(a), len(b)) && a[n] == b[n] {
		n++
	}
	return n
}

// editDistance is the Levenshtein distance of two short names.
func editDistance(a, b string) int {
	if len(a) > 64 {
		a = a[:64]
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
