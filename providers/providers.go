// Package providers carries out plans: it says what every provider of DNS has to
// be able to, and applies a plan by any of them with the same care. Each provider
// is a package below this one, and all pass the suite of providertest.
//
// It makes no plans (plan), keeps no files of its own, and asks no resolver whether
// the world sees what was written.
package providers

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// A Provider reads and writes the records of one zone. What it says of itself, and
// its errors, never hold a secret, nor control octets.
type Provider interface {
	// Zone is the apex of the zone, canonical.
	Zone() string
	// String is what it is called for a reader: "Cloudflare", "ns1.example.net (RFC 2136)".
	String() string
	// Traits is what it can and cannot.
	Traits() Traits
	// Read returns what is there: all records of the zone where Traits.Whole, else
	// those at names, of wildcards that answer for them, and the SOA record. TTLs are those of the
	// zone; 0 is a TTL that the provider chooses. A reading that is not complete is an error.
	Read(ctx context.Context, names []string) (Reading, error)
	// Write carries out the changes of a plan for this zone, and touches nothing else.
	// A slot is replaced in place: at no time does it hold two answers, or none. A
	// change whose After has the TTL 0 leaves that of the set, or takes the provider's own.
	//
	// Write compares the basis of the plan with what is there as late as the provider
	// allows, in the same transaction where that is possible, and returns a
	// *StaleError, having written nothing, where it is another. After any other error
	// it need not be known what was written; who calls reads again. Nothing that may have taken effect is
	// sent a second time without reading in between.
	Write(ctx context.Context, p plan.Plan) error
}

// Traits are what a provider can and cannot.
type Traits struct {
	Whole   bool // Read returns all records of the zone
	Atomic  bool // Write does all of any plan, or nothing
	Compare bool // Write compares and writes in one transaction: nobody's change can come between
	Marks   bool // the provider keeps which records Write made
	Limits  plan.Limits
}

// A Reading is what is there.
type Reading struct {
	Records []record.Record // of the whole zone, or of some names
	// Marks is what the provider knows of a record beside its data, for the records of
	// which it knows something.
	Marks map[record.Record]Mark
}

// A Mark is what a provider knows of one record beside its data.
type Mark struct {
	Ours    bool   // Write made it
	Proxied bool   // a proxy answers with its own addresses in its place
	Locked  string // whose it is, where nobody can change it: "Email Routing"
}

// Given is the reading as the maker of a plan takes it.
func (r Reading) Given(of Provider) plan.Given {
	traits := of.Traits()
	g := plan.Given{Zone: of.Zone(), TTLs: true, Limits: traits.Limits}
	if traits.Marks {
		g.Ours = func(rec record.Record) bool { return r.Marks[rec].Ours }
	}
	if len(r.Marks) > 0 {
		g.Proxied = func(rec record.Record) bool { return r.Marks[rec].Proxied }
		g.Locked = func(rec record.Record) string { return r.Marks[rec].Locked }
	}
	return g
}

// What can be wrong with what the user gave; errors of providers wrap them.
var (
	ErrDenied = errors.New("permission denied") // the credentials are refused, or do not reach as far
	ErrNoZone = errors.New("no such zone")      // the provider does not have a zone for the domain, or not with these credentials
)

// A StaleError tells that what is there is not what the plan was made of. Nothing
// was written.
type StaleError struct {
	Was, Is []plan.Set // the sets that differ, in the same order
}

// Stale is the error of a plan that does not rest on records; nil if it does.
func Stale(p plan.Plan, records []record.Record) error {
	return stale(p, p.Stale(records))
}

func stale(p plan.Plan, is []plan.Set) error {
	if len(is) == 0 {
		return nil
	}
	e := &StaleError{Is: is}
	for _, s := range is {
		for _, was := range p.Basis {
			if was.Name == s.Name && was.Type == s.Type {
				e.Was = append(e.Was, was)
			}
		}
	}
	return e
}

// Error names the sets.
func (e *StaleError) Error() string {
	const most = 3
	var names []string
	for i, s := range e.Is {
		if i == most {
			names = append(names, fmt.Sprintf("%d more", len(e.Is)-most))
			break
		}
		names = append(names, plan.Title(record.Slot{Name: s.Name, Type: s.Type}))
	}
	return "the plan is stale: changed since it was made: " + strings.Join(names, ", ")
}
