package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A dnssec is what a scenario says of DNSSEC: nothing in it is signed, it says
// what a validator finds.
type dnssec struct {
	zones    map[string]resolve.Proof
	stripped bool
}

// state reads one setting.
func (d *dnssec) state(key, value string) error {
	if key == "dnssec" {
		if d.stripped = value == "stripped"; !d.stripped {
			return errors.New("want stripped")
		}
		return nil
	}
	for _, name := range strings.Fields(value) {
		zone := record.Canonical(name)
		p := resolve.Proof{Security: resolve.Secure, Zone: zone}
		switch key {
		case "unsigned":
			p = unsigned(zone)
		case "bogus":
			p.Security, p.Flaw = resolve.Bogus, resolve.Expired
			p.Why = fmt.Sprintf("the signature of %s over its DNSKEY expired at 2026-11-08T00:00:00Z", record.Display(zone))
		case "misdelegated":
			p.Security, p.Flaw = resolve.Bogus, resolve.WrongDS
			p.Why = fmt.Sprintf("the DS of %s is for key 12345 (ECDSAP256SHA256), which is not a key of the zone; it has 54321 (ECDSAP256SHA256)", record.Display(zone))
		case "weak":
			p.Weak = []string{"algorithm RSASHA1"}
		}
		if d.zones == nil {
			d.zones = make(map[string]resolve.Proof)
		}
		d.zones[zone] = p
	}
	return nil
}

func unsigned(zone string) resolve.Proof {
	return resolve.Proof{Security: resolve.Insecure, Zone: zone, Why: record.Display(zone) + " is not signed: it has no DS"}
}

// lieOn adds what base says of other zones.
func (d *dnssec) lieOn(base dnssec) {
	for zone, p := range base.zones {
		if _, own := d.zones[zone]; own {
			continue
		}
		if d.zones == nil {
			d.zones = make(map[string]resolve.Proof)
		}
		d.zones[zone] = p
	}
	d.stripped = d.stripped || base.stripped
}

// security is what stands in for validation in the world: its own word. A
// recording has the proofs that were seen, if somebody looked.
func (w *World) security(dns resolve.Resolver) checks.Security {
	switch {
	case !w.Recorded():
		return statement{w, dns}
	case w.recording.proofs == nil:
		return nil
	}
	return recordedProofs(w.recording.proofs)
}

// A statement answers for the zones of a world.
type statement struct {
	world *World
	dns   resolve.Resolver
}

// Secure asks for what validation would need: the answer, and the keys of the
// zones that are signed.
func (s statement) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	if s.world.dnssec.stripped {
		return resolve.Proof{}, errors.New("the resolver passes on no DNSSEC signatures")
	}
	if q.Name == "." {
		return resolve.Proof{Security: resolve.Secure, Zone: "."}, nil
	}
	zone := s.of(q.Name)
	if zone.Security == resolve.Bogus {
		return zone, nil
	}
	answer, err := s.dns.Resolve(ctx, q)
	if err != nil {
		return resolve.Proof{}, err
	}
	proof := resolve.Proof{Security: resolve.Secure, Zone: zone.Zone}
	for _, name := range append([]string{q.Name}, targets(answer)...) {
		p := s.of(name)
		if p.Security == resolve.Secure {
			if _, err := s.dns.Resolve(ctx, resolve.Ask(p.Zone, "DNSKEY")); err != nil {
				return resolve.Proof{}, err
			}
		}
		if p.Security > proof.Security || name == q.Name {
			proof = p
		}
	}
	proof.Answer = answer
	return proof, nil
}

func targets(a resolve.Answer) []string {
	var names []string
	for _, c := range a.Chain {
		names = append(names, c.Data)
	}
	return names
}

// of is what the world says of the zone that name is in: the nearest one that a
// setting names, else an unsigned one.
func (s statement) of(name string) resolve.Proof {
	for zone := name; ; zone = record.Parent(zone) {
		if p, ok := s.world.dnssec.zones[zone]; ok {
			return p
		}
		if zone == "." {
			break
		}
	}
	zone := name
	for zone != "." && !s.begins(zone) {
		zone = record.Parent(zone)
	}
	return unsigned(zone)
}

// begins reports whether a zone of the world begins at name.
func (s statement) begins(name string) bool {
	for _, r := range s.world.Records {
		if r.Type == "NS" && r.Name == name {
			return true
		}
	}
	return false
}

// A recordedProof is one line of a proofs section. The answer is among the answers.
type recordedProof struct {
	Name  string            `json:"name"`
	Type  string            `json:"type"`
	Proof resolve.Proof     `json:"proof,omitzero"`
	Error *recordedError    `json:"error,omitzero"` // of a question
	About *resolve.Question `json:"about,omitzero"` // that question
	Why   string            `json:"why,omitzero"`   // any other error
}

func (p recordedProof) compare(other recordedProof) int {
	return cmp.Or(record.CompareNames(p.Name, other.Name), cmp.Compare(p.Type, other.Type))
}

type recordedProofs map[resolve.Question]recordedProof

// Secure says what was found when it was recorded.
func (r recordedProofs) Secure(_ context.Context, q resolve.Question) (resolve.Proof, error) {
	p, ok := r[q]
	switch {
	case !ok:
		return resolve.Proof{}, errors.New("not in the recording")
	case p.Error != nil:
		if p.About != nil {
			q = *p.About
		}
		return resolve.Proof{}, p.Error.read(q)
	case p.Why != "":
		return resolve.Proof{}, errors.New(p.Why)
	}
	return p.Proof, nil
}

// Security is next, with what it finds recorded.
func (r *Recorder) Security(next checks.Security) checks.Security {
	if next == nil {
		return nil
	}
	return prove(func(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
		p, err := next.Secure(ctx, q)
		line := recordedProof{Name: q.Name, Type: q.Type, Proof: p}
		line.Proof.Answer = resolve.Answer{}
		switch {
		case resolve.KindOf(err) != 0:
			var e *resolve.Error
			errors.As(err, &e)
			line.Proof, line.Error, line.About = resolve.Proof{}, writeError(err), &e.Question
		case err != nil:
			line.Proof, line.Why = resolve.Proof{}, err.Error()
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.proofs[q] = line
		return p, err
	})
}

type prove func(context.Context, resolve.Question) (resolve.Proof, error)

func (p prove) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	return p(ctx, q)
}
