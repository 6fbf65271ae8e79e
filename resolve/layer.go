package resolve

import (
	"context"

	"github.com/maildoctor/maildoctor/record"
)

// A Layer answers as its base would if a zone were published as it stands: every
// name of the zone from the zone alone, so that what is not in it does not
// exist, and every other name from the base. What the zone delegates stays the
// base's.
type Layer struct {
	base Resolver
	zone *Zone
	apex string
}

// NewLayer returns base with the zone at apex replaced by zone.
func NewLayer(base Resolver, apex string, zone *Zone) *Layer {
	return &Layer{base: base, zone: zone, apex: record.Canonical(apex)}
}

// Resolve answers q. Where a CNAME leads out of the zone the base goes on, and
// the other way round. The answer is never Authenticated: it is not published.
func (l *Layer) Resolve(ctx context.Context, q Question) (Answer, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return Answer{}, fault
	}
	whole := Answer{Question: q}
	for name := q.Name; ; {
		inside := l.owns(name, q.Type)
		side := l.base
		if inside {
			side = l.zone
		}
		part, err := side.Resolve(ctx, Question{Name: name, Type: q.Type, At: q.At})
		if err != nil {
			return Answer{}, errorFor(q, err)
		}
		next := ""
		for _, c := range part.Chain {
			if len(whole.Chain) == maxChain || met(whole, c.Data) {
				return Answer{}, &Error{Question: q, Kind: Chain}
			}
			whole.Chain = append(whole.Chain, c)
			if l.owns(c.Data, q.Type) != inside {
				next = c.Data
				break
			}
		}
		if next != "" {
			name = next
			continue
		}
		whole.Records, whole.Exists, whole.TTL = part.Records, part.Exists, part.TTL
		whole.Authoritative, whole.Server = part.Authoritative, part.Server
		if len(whole.Chain) > 0 {
			whole.TTL = min(whole.TTL, leastTTL(whole.Chain))
		}
		return whole, nil
	}
}

// owns reports whether the zone itself answers for name: it stands at the apex
// or below, and not at or below a delegation. The DS records of a delegation are
// the parent's (RFC 4035, 3.1.4.1).
func (l *Layer) owns(name, typ string) bool {
	name = record.Canonical(name)
	if !record.Within(name, l.apex) {
		return false
	}
	for cut := name; cut != l.apex; cut = record.Parent(cut) {
		if len(l.zone.nodes[cut]["NS"]) > 0 && !(cut == name && typ == "DS") {
			return false
		}
	}
	return true
}
