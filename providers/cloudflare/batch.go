package cloudflare

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
)

// maxBatch is how many operations one transaction has: what the Free plan allows.
const maxBatch = 200

// A batch is one transaction. Cloudflare does deletes first, then patches, then posts.
type batch struct {
	Deletes []operation `json:"deletes,omitempty"`
	Patches []operation `json:"patches,omitempty"` // merged over what is there
	Posts   []operation `json:"posts,omitempty"`
}

// An operation is about one record. What it does not say stays as it is.
type operation struct {
	ID       string          `json:"id,omitempty"`
	Name     string          `json:"name,omitempty"`
	Type     string          `json:"type,omitempty"`
	TTL      uint32          `json:"ttl,omitempty"`
	Content  string          `json:"content,omitempty"`
	Data     json.RawMessage `json:"data,omitempty"`
	Priority *uint16         `json:"priority,omitempty"`
	Proxied  *bool           `json:"proxied,omitempty"`
	Comment  string          `json:"comment,omitempty"`
}

func (b batch) size() int { return len(b.Deletes) + len(b.Patches) + len(b.Posts) }

func (b *batch) add(other batch) {
	b.Deletes = append(b.Deletes, other.Deletes...)
	b.Patches = append(b.Patches, other.Patches...)
	b.Posts = append(b.Posts, other.Posts...)
}

// batches are changes as transactions, as few as can be. What changes at one name
// goes into one, so that no slot is ever seen half, and an alias makes way in time.
func batches(changes []plan.Change, entries []entry) ([]batch, error) {
	var names []string
	byName := make(map[string]*batch)
	var faults []string
	for _, c := range changes {
		b, err := operations(c, entries)
		if err != nil {
			faults = append(faults, plan.Title(c.Slot)+": "+err.Error())
			continue
		}
		if byName[c.Slot.Name] == nil {
			byName[c.Slot.Name], names = new(batch), append(names, c.Slot.Name)
		}
		byName[c.Slot.Name].add(b)
	}
	if len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, "; "))
	}
	var list []batch
	for _, name := range names {
		b := byName[name]
		switch last := len(list) - 1; {
		case b.size() > maxBatch:
			return nil, fmt.Errorf("%s: the changes take %d operations, and Cloudflare allows %d in one transaction", record.Display(name), b.size(), maxBatch)
		case b.size() == 0:
		case last >= 0 && list[last].size()+b.size() <= maxBatch:
			list[last].add(*b)
		default:
			list = append(list, *b)
		}
	}
	return list, nil
}

// operations are what a change takes. What is replaced keeps its identity, and
// with it whatever Cloudflare knows of it besides.
func operations(c plan.Change, entries []entry) (batch, error) {
	var kept, gone []entry
	come := slices.Clone(c.After)
	ttl := uint32(automatic) // of records that nothing is said of
	for _, e := range slices.Backward(entries) {
		if e.record.Name == c.Slot.Name && e.record.Type == c.Slot.Type {
			ttl = e.TTL
		}
	}
	for _, e := range entries {
		is := func(r record.Record) bool { return same(r, e.record) }
		switch {
		case !c.Slot.Holds(e.record):
		case slices.ContainsFunc(c.After, is):
			kept = append(kept, e)
			come = slices.DeleteFunc(come, is)
		default:
			gone = append(gone, e)
		}
	}
	wished := len(c.After) > 0 && c.After[0].TTL != 0
	if wished {
		ttl = c.After[0].TTL
	}
	var b batch
	if wished && (ttl < leastTTL || ttl > maxTTL) { // 1 would be taken for automatic
		return b, fmt.Errorf("the TTL %d is none that Cloudflare takes: %d to %d seconds", ttl, minTTL, maxTTL)
	}
	for _, e := range kept {
		if wished && e.TTL != ttl && !e.Proxied {
			if err := e.changeable(); err != nil {
				return b, err
			}
			b.Patches = append(b.Patches, operation{ID: e.ID, TTL: ttl})
		}
	}
	for _, r := range paired(come, gone) {
		op, err := written(r)
		if err != nil {
			return b, err
		}
		if r.in == nil {
			op.TTL, op.Comment = ttl, mark
			if proxiable(r.Type) {
				op.Proxied = new(bool) // mail cannot pass the proxy
			}
			b.Posts = append(b.Posts, op)
			continue
		}
		if err := r.in.changeable(); err != nil {
			return b, err
		}
		op.ID, op.TTL = r.in.ID, ttl
		switch {
		case r.in.Proxied:
			op.TTL = automatic
		case r.TTL == 0:
			op.TTL = r.in.TTL
		}
		b.Patches = append(b.Patches, op)
	}
	for _, e := range gone[min(len(come), len(gone)):] {
		if err := e.changeable(); err != nil {
			return b, err
		}
		b.Deletes = append(b.Deletes, operation{ID: e.ID})
	}
	return b, nil
}

// A placed record comes in the place of an entry, or at a place of its own.
type placed struct {
	record.Record
	in *entry
}

// paired gives the records that come the places of those that go, as far as they
// reach: a mail host keeps its own. gone is sorted so that what is left over is last.
func paired(come []record.Record, gone []entry) []placed {
	list := make([]placed, len(come))
	taken := 0
	take := func(i, from int) {
		gone[taken], gone[from] = gone[from], gone[taken]
		list[i] = placed{come[i], &gone[taken]}
		taken++
	}
	for i, r := range come {
		list[i].Record = r
		_, host, ok := r.MX()
		for j := taken; ok && j < len(gone); j++ {
			if _, was, _ := gone[j].record.MX(); was == host {
				take(i, j)
				break
			}
		}
	}
	for i := range come {
		if list[i].in == nil && taken < len(gone) {
			take(i, taken)
		}
	}
	return list
}

// same reports whether two records say the same.
func same(a, b record.Record) bool {
	a.TTL, b.TTL = 0, 0
	switch a.Type {
	case "TLSA", "SMIMEA", "SSHFP", "DS": // hexadecimal digits
		a.Data, b.Data = strings.ToLower(a.Data), strings.ToLower(b.Data)
	}
	return a == b
}

// changeable is an error for a record that nobody can change by the API.
func (e entry) changeable() error {
	if owner := e.owner(); owner != "" {
		return fmt.Errorf("its record is of %s, and the API lets nobody change it", owner)
	}
	return nil
}

func proxiable(typ string) bool { return typ == "A" || typ == "AAAA" || typ == "CNAME" }

// written is a record as the API takes it, without TTL.
func written(r placed) (operation, error) {
	op := operation{Name: record.Display(r.Name), Type: r.Type}
	if strings.ContainsRune(r.Name, '\\') {
		return op, errors.New("the name has an escaped character, and Cloudflare takes none")
	}
	switch {
	case r.Type == "TXT":
		if i := strings.IndexFunc(r.Data, func(c rune) bool { return c < ' ' || c > '~' }); i >= 0 {
			return op, fmt.Errorf("the text has an octet at %d that is not printable ASCII, and Cloudflare takes none (its error 9051)", i)
		}
		if len(r.Data) > maxText {
			return op, fmt.Errorf("the text has %d octets, and Cloudflare takes %d at most", len(r.Data), maxText)
		}
		op.Content = record.QuoteText(r.Data)
	case r.Type == "MX":
		preference, target, ok := r.MX()
		if !ok {
			return op, fmt.Errorf("%q is no data of an MX record", r.Data)
		}
		op.Priority, op.Content = &preference, record.Display(target)
	case r.Type == "A" || r.Type == "AAAA":
		op.Content = r.Data
	case r.Type == "CNAME" || r.Type == "PTR":
		op.Content = record.Display(r.Data)
	case structured[r.Type] != nil:
		data, err := members(r.Record)
		op.Data = data
		return op, err
	default:
		return op, fmt.Errorf("%s records at Cloudflare are not written by maildoctor", r.Type)
	}
	return op, nil
}
