// Package providertest is the suite that every provider has to pass: what it holds
// is what a plan may rely on. A provider's own tests bring a Backend and call Run.
package providertest

import (
	"context"
	"testing"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// A Backend is a service that holds zones: a real server, or a faithful fake.
type Backend struct {
	// Serve makes a service that holds the zone, with exactly these records: its SOA
	// and NS records are among them. It ends with the test. Each case has a zone of
	// another name, so that one server may serve all of them.
	Serve func(t *testing.T, zone string, records []record.Record) Service
}

// A Service is one zone, seen from behind: what the suite sets up and looks at does
// not go through the provider that is tested.
type Service interface {
	// Open opens the provider for a domain, with credentials that may do everything.
	Open(ctx context.Context, domain string) (providers.Provider, error)
	// Denied opens it with credentials that may not write. Opening may fail already,
	// and so may reading.
	Denied(ctx context.Context, domain string) (providers.Provider, error)
	// Records is all that the zone holds now, TTLs included. It is called while the
	// provider writes, too.
	Records(t *testing.T) []record.Record
	// Change is somebody else's change of the zone.
	Change(t *testing.T, edits ...record.Edit)
	// Break makes the next write fail in some way, and only that. Where the service
	// cannot fail so, Break skips the test.
	Break(t *testing.T, how Fault)
}

// A Fault is how a write fails.
type Fault int

const (
	Refused Fault = iota // it does not take effect, and the provider is told so
	Lost                 // it takes effect, and the answer is lost
	Cut                  // it does not take effect, and no answer comes
)
