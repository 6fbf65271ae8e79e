// Package cloudflare is Cloudflare as a provider: it reads and writes the records
// of a zone by Cloudflare's API v4.
//
// A plan is written in one transaction, unless it takes more than 200 operations.
// What is replaced keeps its place, its comment, its tags and its proxy; records
// that Write makes carry a comment that says so, and are not proxied.
//
// The package does not decide what is written (plan), and knows no other part of
// the API.
package cloudflare

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/cloudflare/cloudflare-go/v7/dns"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// Options are how the API is reached.
type Options struct {
	// Token is an API token (not the Global API Key) with the permissions Zone →
	// Zone → Read and Zone → DNS → Edit for the zone.
	Token string
	// BaseURL is where the API is; Cloudflare's own if empty.
	BaseURL string
	// Client makes the requests, but follows no redirects; http.DefaultClient's
	// transport if nil.
	Client *http.Client
	// Timeout bounds one request; 30 seconds if 0.
	Timeout time.Duration
}

// A Provider is one zone at Cloudflare.
type Provider struct {
	api     *client
	records *dns.RecordService
	id      string // of the zone: 32 hexadecimal digits
	zone    string
	notes   []string
}

// Limits of the API. A TTL of 1 is automatic: 300, or what the proxy has.
const (
	automatic     = 1
	leastTTL      = 30 // of Enterprise zones
	minTTL        = 60 // of all others
	maxTTL        = 86400
	maxText       = 2048
	maxTextAtName = 8192
)

// Open finds the zone that a domain is in: its own, else the closest above it.
// The error wraps providers.ErrNoZone where there is none that the token may see,
// and providers.ErrDenied where the token is refused.
func Open(ctx context.Context, domain string, o Options) (*Provider, error) {
	api, err := newClient(o)
	if err != nil {
		return nil, err
	}
	zone, err := findZone(ctx, api, record.Canonical(domain))
	if err != nil {
		return nil, err
	}
	name := record.Canonical(zone.name)
	return &Provider{
		api: api, records: dns.NewRecordService(api.options...),
		id: zone.ID, zone: name, notes: notes(name, zone.Zone),
	}, nil
}

// Zone is the apex of the zone.
func (p *Provider) Zone() string { return p.zone }

// String is "Cloudflare".
func (p *Provider) String() string { return "Cloudflare" }

// Notes are what somebody should know who is about to change the zone, for a
// reader: that the world does not ask Cloudflare for it, say. Mostly there are none.
func (p *Provider) Notes() []string { return p.notes }

// Traits is what Cloudflare can. It is not atomic for any plan: one that takes up to
// maxBatch operations is written all or not at all, a larger one in several
// transactions, each of whole names; an error then tells how much took effect. And
// it is the database that is atomic: Cloudflare's name servers take over one record
// after the other.
func (p *Provider) Traits() providers.Traits {
	return providers.Traits{
		Whole: true, Marks: true,
		Limits: plan.Limits{MinTTL: minTTL, MaxTTL: maxTTL, MaxText: maxText, MaxTextAtName: maxTextAtName},
	}
}

// Read returns all records of the zone, whatever the names. The SOA record and the
// NS records of the apex are Cloudflare's own, and the API does not tell them.
func (p *Provider) Read(ctx context.Context, _ []string) (providers.Reading, error) {
	entries, err := p.list(ctx)
	if err != nil {
		return providers.Reading{}, fmt.Errorf("the records of %s: %w", record.Display(p.zone), err)
	}
	return reading(entries, p.zone), nil
}
