// Package powerdns reads and writes the zones of a PowerDNS Authoritative Server
// (4.1 and later) by its HTTP API.
//
// The zone is read whole. A plan is written as one PATCH, which the server carries
// out in one transaction, but the API has nothing to compare with in it: between
// the comparison and the PATCH somebody else's change of the same set is overwritten.
//
// The API has no say in what the server's secondaries have, and this package asks
// no name server.
package powerdns

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// DefaultServerID is what the API calls the server that it is the API of.
const DefaultServerID = "localhost"

// Options say where the API is, and who asks.
type Options struct {
	// URL is that of the server: "http://127.0.0.1:8081", or with the path under
	// which a reverse proxy has it. With or without /api/v1 at its end.
	URL string
	// APIKey is the api-key of pdns.conf. It never appears in errors.
	APIKey string
	// ServerID is DefaultServerID if empty.
	ServerID string
	// Insecure lets the key travel in clear text, over http:// to another machine.
	Insecure bool
	// HTTP is the client; nil for one of its own. Redirects are not followed by either.
	HTTP *http.Client
}

// A Provider is one zone of a server.
type Provider struct {
	api  *client
	id   string // of the zone, in the API
	zone string
}

// Open finds the zone that holds domain: the one of its name, or of the closest
// name above that the server has. The error wraps providers.ErrNoZone where there
// is none, and providers.ErrDenied where the key is refused.
func Open(ctx context.Context, domain string, o Options) (*Provider, error) {
	api, err := newClient(o)
	if err != nil {
		return nil, err
	}
	domain = record.Canonical(domain)
	for name := domain; name != "."; name = record.Parent(name) {
		found, err := api.find(ctx, name)
		if err != nil {
			return nil, err
		}
		if found == nil {
			continue
		}
		if err := writable(*found); err != nil {
			return nil, err
		}
		if err := api.unsigned(ctx, *found); err != nil {
			return nil, err
		}
		return &Provider{api: api, id: found.ID, zone: name}, nil
	}
	return nil, fmt.Errorf("%w: %s has no zone that %s is in; `pdnsutil list-all-zones` on the server shows which it has",
		providers.ErrNoZone, api, record.Display(domain))
}

// writable refuses the zones that this server does not hold the original of. The
// API would take the changes, and the next transfer would undo them.
func writable(z zone) error {
	switch strings.ToLower(z.Kind) {
	case "native", "master", "primary":
		return nil
	case "slave", "secondary", "consumer":
		return fmt.Errorf("the zone %s is a copy here (kind %s), which the next transfer overwrites; give the URL of its primary server",
			record.Display(z.canonical()), z.Kind)
	}
	return fmt.Errorf("the zone %s is of the kind %.40q, which is not one to write to (Native and Primary are)", record.Display(z.canonical()), z.Kind)
}

// unsigned refuses a zone that was signed elsewhere: what is changed in it would
// have no valid signatures, and validating resolvers would not find it.
func (c *client) unsigned(ctx context.Context, z zone) error {
	if !z.DNSSEC {
		return nil
	}
	presigned, err := c.metadata(ctx, z.ID, "PRESIGNED")
	if err != nil {
		return err
	}
	if len(presigned) > 0 && presigned[0] == "1" {
		return fmt.Errorf("the zone %s is signed elsewhere (PRESIGNED): what is changed here would have no valid signatures; change it where it is signed",
			record.Display(z.canonical()))
	}
	return nil
}

// Zone is the apex of the zone.
func (p *Provider) Zone() string { return p.zone }

// String tells the server from others.
func (p *Provider) String() string { return p.api.String() }

// Traits are those of the API.
func (p *Provider) Traits() providers.Traits { return providers.Traits{Whole: true, Atomic: true} }

// Read returns all records of the zone that are not disabled. What of them is
// peculiar to PowerDNS (ALIAS, LUA) is returned as the server writes it.
func (p *Provider) Read(ctx context.Context, _ []string) (providers.Reading, error) {
	z, err := p.read(ctx)
	if err != nil {
		return providers.Reading{}, err
	}
	return providers.Reading{Records: z.live()}, nil
}

// read reads the zone, which must still be one to write to.
func (p *Provider) read(ctx context.Context) (zone, error) {
	z, err := p.api.read(ctx, p.id)
	if err != nil {
		return zone{}, err
	}
	if z.canonical() != p.zone {
		return zone{}, fmt.Errorf("%s answers with the zone %.80q, asked for %s", p.api, z.Name, record.Display(p.zone))
	}
	if err := z.check(); err != nil {
		return zone{}, fmt.Errorf("%s: %w", p.api, err)
	}
	return z, writable(z)
}

// Write carries out a plan as one PATCH. Disabled records and comments stay with
// their sets; a set that has no record left goes with its comments. The serial of
// the SOA record is raised, by the server where its SOA-EDIT-API says so.
func (p *Provider) Write(ctx context.Context, todo plan.Plan) error {
	if record.Canonical(todo.Zone) != p.zone {
		return fmt.Errorf("nothing was written: the plan is for the zone %q, this is %s", record.Display(todo.Zone), record.Display(p.zone))
	}
	if todo.Empty() {
		return nil
	}
	z, err := p.read(ctx)
	if err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	if err := providers.Stale(todo, z.live()); err != nil {
		return err
	}
	changed, err := z.changed(todo)
	if err != nil {
		return fmt.Errorf("nothing was written: %w", err)
	}
	if err := p.api.patch(ctx, p.id, changed); err != nil {
		return undecided(err)
	}
	if !z.DNSSEC || z.APIRectify {
		return nil
	}
	// A signed zone has to be put in order for its denials (NSEC); with API-RECTIFY
	// or default-api-rectify the server has done it, and does it again at no harm.
	if err := p.api.rectify(ctx, p.id); err != nil {
		return fmt.Errorf("the change was written, but the signed zone was not put in order; run `pdnsutil rectify-zone %s` on the server: %w", record.Display(p.zone), err)
	}
	return nil
}

// undecided says of an error that the change may have been made all the same:
// no answer came, or that of a gateway, which does not know.
func undecided(err error) error {
	var answer *answerError
	if errors.As(err, &answer) && answer.status < http.StatusInternalServerError || errors.Is(err, providers.ErrDenied) {
		return err
	}
	return fmt.Errorf("it is not known whether the change was made: %w", err)
}
