package fake

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/record"
)

// A Zone is one zone, as somebody sees it who need not ask the API.
type Zone struct {
	api     *API
	id      string
	name    string // canonical
	status  string
	typ     string
	own     []record.Record // SOA and NS records of the apex, which the API does not list
	records []Record
}

// A Record is one as the API shows it.
type Record struct {
	ID, Name, Type string // Name without the final dot
	Content        string
	TTL            int // 1: automatic
	Priority       *uint16
	Data           map[string]any // of types that have data
	Proxied        bool
	Comment        string
	Tags           []string
	Meta           map[string]any // email_routing, read_only
}

// AddZone makes a zone with records. SOA and NS records of its apex are
// Cloudflare's own: they are there, but no call lists or changes them.
func (a *API) AddZone(name string, records ...record.Record) (*Zone, error) {
	a.mu.Lock()
	z := &Zone{api: a, id: a.newID(), name: record.Canonical(name), status: "active", typ: "full"}
	a.zones = append(a.zones, z)
	a.mu.Unlock()
	for _, r := range records {
		if r.Name == z.name && (r.Type == "SOA" || r.Type == "NS") {
			z.own = append(z.own, r)
			continue
		}
		shown, err := wire(r)
		if err != nil {
			return nil, err
		}
		if _, err := z.Add(shown); err != nil {
			return nil, fmt.Errorf("%s: %w", r, err)
		}
	}
	return z, nil
}

// ID is by what the API calls the zone.
func (z *Zone) ID() string { return z.id }

// Set sets the status ("active", "pending") and type ("full", "partial",
// "secondary") of the zone.
func (z *Zone) Set(status, typ string) {
	z.api.mu.Lock()
	defer z.api.mu.Unlock()
	z.status, z.typ = status, typ
}

// Add adds a record as the dashboard would; the ID is given to it. Unlike by the
// API it may have tags, and Meta.
func (z *Zone) Add(r Record) (id string, err error) {
	z.api.mu.Lock()
	defer z.api.mu.Unlock()
	return z.add(r)
}

func (z *Zone) add(r Record) (string, error) {
	r.ID = z.api.newID()
	tags := r.Tags
	r.Tags = nil
	tx := z.begin()
	if e := tx.store(r, len(tx.records)); e != nil {
		return "", e
	}
	tx.records[len(tx.records)-1].Tags = tags
	z.records = tx.records
	return r.ID, nil
}

// List is all records as the API lists them.
func (z *Zone) List() []Record {
	z.api.mu.Lock()
	defer z.api.mu.Unlock()
	return slices.Clone(z.records)
}

// Remove removes a record.
func (z *Zone) Remove(id string) {
	z.api.mu.Lock()
	defer z.api.mu.Unlock()
	z.records = slices.DeleteFunc(slices.Clone(z.records), func(r Record) bool { return r.ID == id })
}

// Edit carries out somebody else's edits.
func (z *Zone) Edit(edits ...record.Edit) error {
	z.api.mu.Lock()
	defer z.api.mu.Unlock()
	for _, e := range edits {
		var kept []Record
		want := slices.Clone(e.Want)
		for _, r := range z.records {
			is := r.record()
			i := slices.IndexFunc(want, func(w record.Record) bool { return w.Name == is.Name && w.Type == is.Type && w.Data == is.Data })
			if i >= 0 {
				if ttl := want[i].TTL; ttl != 0 {
					r.TTL = int(ttl)
				}
				want = slices.Delete(want, i, i+1)
			} else if e.Slot.Holds(is) {
				continue
			}
			kept = append(kept, r)
		}
		z.records = kept
		for _, w := range want {
			shown, err := wire(w)
			if err != nil {
				return err
			}
			if _, err := z.add(shown); err != nil {
				return err
			}
		}
	}
	return nil
}

// Records is all that the zone holds, SOA and NS of the apex included. An
// automatic TTL is 0.
func (z *Zone) Records() []record.Record {
	z.api.mu.Lock()
	defer z.api.mu.Unlock()
	all := slices.Clone(z.own)
	for _, r := range z.records {
		all = append(all, r.record())
	}
	return record.Sorted(all)
}

// shown is the zone as the API shows it.
func (z *Zone) shown() map[string]any {
	name := record.Display(z.name)
	return map[string]any{
		"id": z.id, "name": name, "status": z.status, "type": z.typ, "paused": false, "development_mode": 0,
		"name_servers":          []string{"ada.ns.cloudflare.com", "bob.ns.cloudflare.com"},
		"original_name_servers": nil, "original_registrar": nil, "original_dnshost": nil,
		"created_on": epoch, "modified_on": epoch, "activated_on": epoch,
		"meta":    map[string]any{"step": 2, "custom_certificate_quota": 0, "page_rule_quota": 3, "phishing_detected": false},
		"owner":   map[string]any{"id": nil, "type": "user", "email": nil},
		"account": map[string]any{"id": "01a7362d577a6c3019a474fd6f485823", "name": "Florist"},
		"plan":    map[string]any{"id": "0feeeeeeeeeeeeeeeeeeeeeeeeeeeeee", "name": "Free Website", "price": 0, "legacy_id": "free"},
	}
}

// listZones lists the zones that a token may see. An unknown name is no error.
func (a *API) listZones(r request, who token) answer {
	q := r.URL.Query()
	for name := range q {
		if !slices.Contains([]string{"name", "status", "page", "per_page", "order", "direction", "match", "account.id", "account.name", "type"}, name) {
			return failure(http.StatusBadRequest, Error{Code: codeBody, Message: "unknown parameter " + name})
		}
	}
	var found []any
	for _, z := range a.zones {
		sees := who.may&ZoneRead != 0 && (who.zone == "" || who.zone == z.name)
		named := q.Get("name") == "" || strings.EqualFold(q.Get("name"), record.Display(z.name))
		if sees && named && (q.Get("status") == "" || q.Get("status") == z.status) {
			found = append(found, z.shown())
		}
	}
	return paged(q, found, 20, 50)
}
