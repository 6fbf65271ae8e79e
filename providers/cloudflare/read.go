package cloudflare

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/cloudflare/cloudflare-go/v7/dns"
	"github.com/cloudflare/cloudflare-go/v7/option"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// An entry is a record as the API lists it. The library's own type for it loses
// the data of structured types, and what of meta tells whose a record is.
type entry struct {
	ID       string                     `json:"id"`
	Name     string                     `json:"name"` // without the final dot
	Type     string                     `json:"type"`
	Content  string                     `json:"content"`
	Data     map[string]json.RawMessage `json:"data"`
	TTL      uint32                     `json:"ttl"`
	Priority *uint16                    `json:"priority"`
	Proxied  bool                       `json:"proxied"`
	Comment  string                     `json:"comment"`
	Locked   flag                       `json:"locked"`
	Meta     struct {
		EmailRouting flag `json:"email_routing"`
		ReadOnly     flag `json:"read_only"`
		Worker       flag `json:"origin_worker_id"`
	} `json:"meta"`

	record record.Record // what it is
}

// A flag is set by anything that is not false, 0, empty or null.
type flag bool

// UnmarshalJSON takes any value.
func (f *flag) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "false", "null", `""`, "0":
	default:
		*f = true
	}
	return nil
}

// mark begins the comments of records that Write makes.
const mark = "maildoctor made this record"

// Bounds of a listing.
const (
	perPage  = 100
	maxPages = 500
	maxLists = 3 // of a zone that changes while it is listed
)

type page struct {
	Result []entry `json:"result"`
	Info   struct {
		TotalCount *int `json:"total_count"`
	} `json:"result_info"`
}

var errMoved = errors.New("the zone changes while it is listed, and no listing was complete")

// list lists all records. A listing that may lack one, as somebody changed
// something between two pages, is begun again.
func (p *Provider) list(ctx context.Context) ([]entry, error) {
	for range maxLists {
		entries, err := p.listOnce(ctx)
		if !errors.Is(err, errMoved) {
			return entries, err
		}
	}
	return nil, errMoved
}

func (p *Provider) listOnce(ctx context.Context) ([]entry, error) {
	var entries []entry
	seen := make(map[string]bool)
	total := -1
	for n := 1; n <= maxPages; n++ {
		got, err := p.page(ctx, n)
		if err != nil {
			return nil, err
		}
		if got.Info.TotalCount == nil {
			return nil, errors.New("the listing of Cloudflare does not tell how many records there are")
		}
		if total < 0 {
			total = *got.Info.TotalCount
		}
		for _, e := range got.Result {
			if !isID(e.ID) {
				return nil, fmt.Errorf("the identifier %.40q of a record is none", e.ID)
			}
			if seen[e.ID] {
				return nil, errMoved
			}
			seen[e.ID] = true
			e.record = recordOf(e, p.zone)
			entries = append(entries, e)
		}
		switch {
		case *got.Info.TotalCount != total || len(entries) > total:
			return nil, errMoved
		case len(entries) == total:
			return entries, nil
		case len(got.Result) == 0:
			return nil, errMoved
		}
	}
	return nil, fmt.Errorf("the zone has more than %d records", maxPages*perPage)
}

// page asks for one page. The library's pager would go on without the context.
func (p *Provider) page(ctx context.Context, n int) (page, error) {
	var got page
	err := p.api.read(ctx, func() error {
		got = page{}
		var query dns.RecordListParams
		set(&query.ZoneID.Value, &query.ZoneID.Present, p.id)
		set(&query.Page.Value, &query.Page.Present, float64(n))
		set(&query.PerPage.Value, &query.PerPage.Present, perPage)
		_, err := p.records.List(ctx, query, option.WithResponseBodyInto(&got))
		return err
	})
	return got, err
}

// recordOf is what an entry stands for. One that cannot be understood keeps its
// content: it is somebody else's, and stays as it is.
func recordOf(e entry, zone string) record.Record {
	r := record.Record{Name: record.Canonical(clean(e.Name)), Type: strings.ToUpper(clean(e.Type)), TTL: e.TTL}
	if e.TTL == automatic {
		r.TTL = 0
	}
	if r.IsText() {
		r.Data = decodeText(e.Content)
		return r
	}
	written, err := presentation(e)
	if err == nil {
		r.Data, err = normal(r.Name, r.Type, written, zone)
	}
	if err != nil {
		r.Data = clean(e.Content)
	}
	return r
}

// owner is whose an entry is that nobody can change here; empty for any other.
func (e entry) owner() string {
	switch {
	case bool(e.Meta.EmailRouting):
		return "Email Routing"
	case bool(e.Meta.ReadOnly && e.Meta.Worker):
		return "Workers"
	case bool(e.Meta.ReadOnly || e.Locked):
		return "Cloudflare"
	}
	return ""
}

// ours reports whether Write made the entry.
func (e entry) ours() bool { return strings.HasPrefix(e.Comment, mark) }

// reading is entries as the contract has them.
func reading(entries []entry, zone string) providers.Reading {
	got := providers.Reading{Marks: make(map[record.Record]providers.Mark)}
	twice := make(map[record.Record]bool)
	for _, e := range entries {
		if !record.Within(e.record.Name, zone) {
			continue // nothing of this zone
		}
		got.Records = append(got.Records, e.record)
		m := providers.Mark{Ours: e.ours(), Proxied: e.Proxied, Locked: e.owner()}
		if was, ok := got.Marks[e.record]; ok || twice[e.record] {
			m.Ours, m.Proxied = m.Ours && was.Ours, m.Proxied || was.Proxied
			if m.Locked == "" {
				m.Locked = was.Locked
			}
		}
		twice[e.record] = true
		delete(got.Marks, e.record)
		if m != (providers.Mark{}) {
			got.Marks[e.record] = m
		}
	}
	return got
}
