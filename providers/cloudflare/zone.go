package cloudflare

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/cloudflare/cloudflare-go/v7/zones"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// A found zone is one of the API's, with its name as it was asked for.
type found struct {
	zones.Zone
	name string
}

// findZone asks for the domain, then for the names above it. A top-level domain is
// nobody's zone at Cloudflare.
func findZone(ctx context.Context, api *client, domain string) (found, error) {
	service := zones.NewZoneService(api.options...)
	for name := domain; len(record.Labels(name)) > 1; name = record.Parent(name) {
		z, ok, err := zoneOf(ctx, api, service, name)
		if err != nil {
			return found{}, fmt.Errorf("the zone of %s: %w", record.Display(domain), err)
		}
		if ok {
			return z, nil
		}
	}
	return found{}, fmt.Errorf("the zone of %s: %w at Cloudflare that this token may see; it needs the permissions %s and %s for the zone",
		record.Display(domain), providers.ErrNoZone, zoneRead, dnsEdit)
}

// zoneOf asks for the zone of just this name. Where several accounts have one, the
// one that is active counts.
func zoneOf(ctx context.Context, api *client, service *zones.ZoneService, name string) (z found, ok bool, err error) {
	spellings := slices.Compact([]string{record.Display(name), record.Unicode(name)}) // IDN zones are listed in either form
	for _, spelling := range spellings {
		var list []zones.Zone
		err := api.read(ctx, func() error {
			var query zones.ZoneListParams
			set(&query.Name.Value, &query.Name.Present, spelling)
			page, err := service.List(ctx, query)
			if err == nil {
				list = page.Result
			}
			return err
		})
		if err != nil {
			return found{}, false, err
		}
		list = slices.DeleteFunc(list, func(z zones.Zone) bool { return !strings.EqualFold(z.Name, spelling) })
		if len(list) == 0 {
			continue
		}
		active := slices.DeleteFunc(slices.Clone(list), func(z zones.Zone) bool { return z.Status != zones.ZoneStatusActive })
		switch {
		case len(active) == 1:
			list = active
		case len(list) > 1:
			return found{}, false, fmt.Errorf("the token sees %d zones of this name in several accounts; give it one of them only", len(list))
		}
		if !isID(list[0].ID) {
			return found{}, false, fmt.Errorf("the identifier %.40q of the zone is none", list[0].ID)
		}
		return found{list[0], name}, true, nil
	}
	return found{}, false, nil
}

// isID reports whether s may stand in a path as an identifier.
func isID(s string) bool {
	return len(s) == 32 && strings.Trim(s, "0123456789abcdef") == ""
}

// notes are what is out of the ordinary with a zone.
func notes(name string, z zones.Zone) []string {
	name = record.Display(name)
	var list []string
	switch z.Status {
	case zones.ZoneStatusActive, "":
	case zones.ZoneStatusPending, zones.ZoneStatusInitializing:
		list = append(list, fmt.Sprintf("%s is pending at Cloudflare: the registrar does not delegate it to Cloudflare's name servers yet, so the world does not see these records", name))
	default:
		list = append(list, fmt.Sprintf("the status of %s at Cloudflare is %.40q, so the world may not see these records", name, string(z.Status)))
	}
	switch z.Type {
	case "partial":
		list = append(list, fmt.Sprintf("%s is a partial (CNAME) zone at Cloudflare: the world asks the name servers of another provider, and sees these records only where an alias there leads to Cloudflare", name))
	case "secondary":
		list = append(list, fmt.Sprintf("%s is a secondary zone at Cloudflare: its records are transferred from a primary server and have to be changed there", name))
	}
	return list
}

// set sets a member of the parameters of a call.
func set[T any](value *T, present *bool, to T) { *value, *present = to, true }
