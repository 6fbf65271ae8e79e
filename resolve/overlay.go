package resolve

import (
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/maildoctor/maildoctor/record"
)

// An Overlay answers as its base would if edits were published: what is edited
// from the edits, everything else from the base.
//
// It knows of the base only what it can ask. Where an edit takes a name's
// last record of a type, it asks for the other usual types to tell NODATA from
// NXDOMAIN (names below are not seen that way), and it takes a base's answer for
// that of a wildcard where the wildcard itself says the same.
type Overlay struct {
	base  Resolver
	edits map[string][]record.Edit // by name
	added map[string]bool          // names that exist by the edits: true with records, false above those
	wild  []string                 // the names below which an added wildcard may answer
}

// NewOverlay returns base as it would be after edits, in their order.
func NewOverlay(base Resolver, edits []record.Edit) *Overlay {
	o := &Overlay{base: base, edits: map[string][]record.Edit{}, added: map[string]bool{}}
	for _, e := range edits {
		e.Slot.Name = record.Canonical(e.Slot.Name)
		e.Slot.Type = strings.ToUpper(e.Slot.Type)
		o.edits[e.Slot.Name] = append(o.edits[e.Slot.Name], e)
	}
	for name := range o.edits {
		if !o.adds(name) {
			continue
		}
		if zone, ok := strings.CutPrefix(name, "*."); ok {
			o.wild = append(o.wild, record.Canonical(zone))
		}
		o.added[name] = true
		for above := name; above != "."; {
			above = record.Parent(above)
			o.added[above] = o.added[above] || o.adds(above)
		}
	}
	slices.Sort(o.wild)
	return o
}

// adds reports whether some record stands at name because of the edits.
func (o *Overlay) adds(name string) bool {
	for _, e := range o.edits[name] {
		if len(o.edited(name, e.Slot.Type, nil)) > 0 {
			return true
		}
	}
	return false
}

// edited is what the edits make of the records of name and type.
func (o *Overlay) edited(name, typ string, records []record.Record) []record.Record {
	for _, e := range o.edits[name] {
		if e.Slot.Type != typ {
			continue
		}
		kept := make([]record.Record, 0, len(records)+len(e.Want))
		for _, r := range records {
			if !e.Slot.Holds(r) {
				kept = append(kept, r)
			}
		}
		for _, w := range e.Want {
			w.Name, w.Type = record.Canonical(w.Name), strings.ToUpper(w.Type)
			if w.Name == name && w.Type == typ {
				kept = append(kept, w)
			}
		}
		records = kept
	}
	return records
}

// editsType reports whether the edits say something on name and type.
func (o *Overlay) editsType(name, typ string) bool {
	return slices.ContainsFunc(o.edits[name], func(e record.Edit) bool { return e.Slot.Type == typ })
}

// touches reports whether the edits may change what is said about name.
func (o *Overlay) touches(name string) bool {
	if _, ok := o.added[name]; ok || len(o.edits[name]) > 0 {
		return true
	}
	return o.wildAbove(name)
}

// Resolve answers q as if the edits were published.
func (o *Overlay) Resolve(ctx context.Context, q Question) (Answer, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return Answer{}, fault
	}
	whole := Answer{Question: q, Exists: true, Authenticated: true}
	for name := q.Name; ; {
		part, err := o.step(ctx, Question{Name: name, Type: q.Type, At: q.At})
		if err != nil {
			return Answer{}, errorFor(q, err)
		}
		next := ""
		for _, c := range part.Chain {
			if len(whole.Chain) == maxChain || met(whole, c.Data) {
				return Answer{}, &Error{Question: q, Kind: Chain}
			}
			whole.Chain = append(whole.Chain, c)
			if o.touches(c.Data) || part.Server == overlaid {
				next = c.Data // the base's own view ends here
				break
			}
		}
		whole.Authenticated = whole.Authenticated && part.Authenticated
		whole.Authoritative = part.Authoritative
		if part.Server != overlaid {
			whole.Server = part.Server
		}
		if next != "" {
			name = next
			continue
		}
		whole.Records, whole.Exists, whole.TTL = part.Records, part.Exists, part.TTL
		if len(whole.Chain) > 0 {
			whole.TTL = min(whole.TTL, leastTTL(whole.Chain))
		}
		return whole, nil
	}
}

// overlaid marks a step that is only a CNAME of the edits.
const overlaid = "overlay"

// errorFor makes an error of the base one of the question that was asked of us.
func errorFor(q Question, err error) error {
	if e, ok := err.(*Error); ok {
		mine := *e
		mine.Question = q
		return &mine
	}
	return err
}

// step answers for one name, CNAMEs not followed beyond what the base does.
func (o *Overlay) step(ctx context.Context, q Question) (Answer, error) {
	if !o.touches(q.Name) {
		return o.base.Resolve(ctx, q)
	}
	if c := o.edited(q.Name, "CNAME", nil); q.Type != "CNAME" && len(c) > 0 {
		return Answer{Question: q, Chain: c[:1], Exists: true, Authenticated: true, Server: overlaid}, nil
	}
	ans, err := o.base.Resolve(ctx, q)
	if err != nil {
		return ans, err
	}
	existed := ans.Exists
	if len(ans.Chain) > 0 {
		if !o.editsType(q.Name, "CNAME") {
			// It stays, and hides what the edits put beside it (RFC 1034, 3.6.2).
			return ans, nil
		}
		existed = true
		ans.Chain, ans.Records, ans.Exists = nil, nil, false
	}
	o.settle(ctx, &ans)
	if ans.Exists {
		return ans, nil
	}
	return o.synthesised(ctx, ans, existed)
}

// settle applies the edits to the base's answer about one name.
func (o *Overlay) settle(ctx context.Context, ans *Answer) {
	name, typ := ans.Question.Name, ans.Question.Type
	adds, there := o.added[name]
	// A name that is there is not the wildcard's any more (RFC 4592, 2.2.1).
	if adds && len(ans.Records) > 0 && sameData(o.wildcard(ctx, ans.Question), ans.Records) {
		ans.Records = nil
	}
	was := len(ans.Records)
	ans.Records = o.edited(name, typ, ans.Records)
	switch {
	case len(ans.Records) > 0 || there:
		ans.Exists = true
	case was > 0 || len(o.edits[name]) > 0 && ans.Exists:
		ans.Exists = o.remains(ctx, ans.Question)
	}
	if len(ans.Records) > 0 {
		ans.TTL = leastTTL(ans.Records)
	}
}

// usual are the types that are asked for to learn whether anything is at a name.
var usual = [...]string{"A", "AAAA", "MX", "TXT", "NS", "SOA", "CNAME", "SRV", "PTR", "CAA", "TLSA", "HTTPS"}

// remains reports whether the base has something at a name that the edits
// leave there. What cannot be told counts as there: NODATA claims less than NXDOMAIN.
func (o *Overlay) remains(ctx context.Context, q Question) bool {
	var left [len(usual)]bool
	var wg sync.WaitGroup
	for i, typ := range usual {
		if typ == q.Type {
			continue
		}
		wg.Go(func() {
			ans, err := o.base.Resolve(ctx, Question{Name: q.Name, Type: typ, At: q.At})
			if err != nil {
				left[i] = KindOf(err) != Canceled
				return
			}
			if len(ans.Chain) == 0 {
				left[i] = len(o.edited(q.Name, typ, ans.Records)) > 0
			}
		})
	}
	wg.Wait()
	return slices.Contains(left[:], true)
}

// maxClimb is how many names above one are looked at for a wildcard.
const maxClimb = 5

// wildcard returns the base's records of the nearest wildcard that could
// answer for the name; none where that cannot be told.
func (o *Overlay) wildcard(ctx context.Context, q Question) []record.Record {
	above := record.Parent(q.Name)
	for range maxClimb {
		if above == "." {
			break
		}
		ans, err := o.base.Resolve(ctx, Question{Name: "*." + above, Type: q.Type, At: q.At})
		if err == nil && len(ans.Chain) == 0 && len(ans.Records) > 0 {
			return ans.Records
		}
		above = record.Parent(above)
	}
	return nil
}

func sameData(a, b []record.Record) bool {
	if len(a) == 0 || len(a) != len(b) {
		return false
	}
	data := func(rs []record.Record) []string {
		list := make([]string, len(rs))
		for i, r := range rs {
			list[i] = r.Data
		}
		slices.Sort(list)
		return list
	}
	return slices.Equal(data(a), data(b))
}

// synthesised lets wildcards answer for a name that does not exist: those of
// the edits and, for a name that only the edits removed, those of the base, which
// has seen to its others itself.
func (o *Overlay) synthesised(ctx context.Context, ans Answer, existed bool) (Answer, error) {
	q := ans.Question
	for above := record.Parent(q.Name); ; above = record.Parent(above) {
		if source := "*." + above; o.added[source] {
			return o.fromWildcard(ans, source), nil
		}
		if _, there := o.added[above]; there || !o.wildAbove(above) {
			break
		}
		encloser, err := o.base.Resolve(ctx, Question{Name: above, Type: "SOA", At: q.At})
		if err != nil {
			return ans, err
		}
		if encloser.Exists { // the closest one counts (RFC 4592, 3.3.1)
			break
		}
	}
	if !existed {
		return ans, nil
	}
	if from := o.wildcard(ctx, q); len(from) > 0 {
		ans.Exists = true
		ans.Records = owned(from, q.Name)
		ans.TTL = leastTTL(ans.Records)
	}
	return ans, nil
}

// fromWildcard is the answer that an added wildcard gives.
func (o *Overlay) fromWildcard(ans Answer, source string) Answer {
	q := ans.Question
	if c := o.edited(source, "CNAME", nil); len(c) > 0 && q.Type != "CNAME" {
		return Answer{Question: q, Chain: owned(c[:1], q.Name), Exists: true, Authenticated: true, Server: overlaid}
	}
	ans.Exists = true
	ans.Records = owned(o.edited(source, q.Type, nil), q.Name)
	ans.TTL = leastTTL(ans.Records)
	return ans
}

// wildAbove reports whether an added wildcard stands above name.
func (o *Overlay) wildAbove(name string) bool {
	return slices.ContainsFunc(o.wild, func(zone string) bool { return zone != name && record.Within(name, zone) })
}
