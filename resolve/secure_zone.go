package resolve

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// maxKeys bounds the keys of one zone.
const maxKeys = 64

// A zone is one as far as the chain of trust goes: with its keys where it is
// secure, else the first at which the chain ends.
type zone struct {
	name     string
	keys     []zoneKey
	security Security
	flaw     Flaw
	why      string
	weak     []string
}

type zoneKey struct {
	*dns.DNSKEY
	tag uint16
}

// tooShort reports whether a key is shorter than the 1024 bits under which the
// library refuses RSA.
func (k zoneKey) tooShort() bool {
	switch k.Algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512:
		return base64.StdEncoding.DecodedLen(len(k.PublicKey)) < 1024/8
	}
	return false
}

func (z *zone) finding() finding {
	if z == nil {
		return finding{}
	}
	return finding{security: z.security, zone: z.name, flaw: z.flaw, why: z.why, weak: z.weak}
}

func (z *zone) bogus(flaw Flaw, why string) finding {
	return finding{security: Bogus, zone: z.name, flaw: flaw, why: why}
}

// unproven is what a zone leaves open by its own choice.
func (z *zone) unproven(why string) finding {
	return finding{security: Insecure, zone: z.name, why: record.Display(z.name) + " proves nothing here: " + why}
}

// zone returns the nearest zone at or above name, as far as the chain of trust
// from the root leads.
func (v *Validator) zone(ctx context.Context, name string) (*zone, error) {
	k := v.known
	return learn(ctx, k, k.zones, name, func() (*zone, error) {
		if name == "." {
			return v.rootZone(k.ctx)
		}
		above, err := v.zone(k.ctx, record.Parent(name))
		if err != nil || above.security != Secure {
			return above, err
		}
		return v.below(k.ctx, above, name)
	})
}

// ErrStripped is the end of validation behind a resolver that knows no DNSSEC.
var ErrStripped = errors.New("the resolver passes on no DNSSEC signatures")

// rootZone is the root, from the trust anchors.
func (v *Validator) rootZone(ctx context.Context) (*zone, error) {
	msg, err := v.fetch(ctx, Question{Name: ".", Type: "DNSKEY"})
	if err != nil {
		return nil, err
	}
	set := msg.find(".", dns.TypeDNSKEY)
	if set == nil || len(set.sigs) == 0 {
		return nil, ErrStripped
	}
	return v.trusted(&zone{name: "."}, v.known.anchors(), set)
}

// below is the zone at name, if one begins there, else the one above.
func (v *Validator) below(ctx context.Context, above *zone, name string) (*zone, error) {
	msg, err := v.fetch(ctx, Question{Name: name, Type: "DS"})
	if err != nil {
		return nil, err
	}
	var w work
	if set := msg.find(name, dns.TypeDS); set != nil {
		return v.delegated(ctx, above, set, &w)
	}
	if link := msg.find(name, dns.TypeCNAME); link != nil { // no zone begins at an alias (RFC 1034, 3.6.2)
		_, f, err := v.verify(link, above, &w)
		return v.settled(ctx, above, name, f, err)
	}
	f, r, err := v.absent(msg, above, name, dns.TypeDS, &w)
	if err == nil && f.security == Secure && r.delegation {
		return &zone{name: name, security: Insecure, why: fmt.Sprintf("%s is not signed: it has no DS in %s", record.Display(name), displayZone(above.name))}, nil
	}
	return v.settled(ctx, above, name, f, err)
}

func displayZone(name string) string {
	if name == "." {
		return "the root"
	}
	return record.Display(name)
}

// settled is the zone above where f is secure, else a zone at name that ends
// the chain as f says.
func (v *Validator) settled(ctx context.Context, above *zone, name string, f finding, err error) (*zone, error) {
	if err == nil && f.security == Bogus {
		f, err = v.confirm(ctx, f)
	}
	switch {
	case err != nil:
		return nil, err
	case f.security == Secure:
		return above, nil
	}
	return &zone{name: name, security: f.security, flaw: f.flaw, why: f.why}, nil
}

// delegated is the zone that the DS set speaks of (RFC 4035, 5.2).
func (v *Validator) delegated(ctx context.Context, above *zone, set *rrset, w *work) (*zone, error) {
	sig, f, err := v.verify(set, above, w)
	if err != nil || f.security != Secure {
		return v.settled(ctx, above, set.name, f, err)
	}
	z := &zone{name: set.name}
	if int(sig.Labels) != set.labels() {
		f := above.bogus(BadSignature, fmt.Sprintf("the DS of %s comes from a wildcard", record.Display(set.name)))
		return v.settled(ctx, above, set.name, f, nil)
	}
	list := supported(set)
	if len(list) == 0 { // RFC 4035, 5.2: as if there were none
		z.security, z.why = Insecure, fmt.Sprintf("%s is signed only by algorithms that are not supported", record.Display(z.name))
		return z, nil
	}
	msg, err := v.fetch(ctx, Question{Name: z.name, Type: "DNSKEY"})
	if err != nil {
		return nil, err
	}
	keys := msg.find(z.name, dns.TypeDNSKEY)
	if keys == nil {
		z.security, z.flaw, z.why = Bogus, WrongDS, fmt.Sprintf("%s has a DS in %s, but no DNSKEY", record.Display(z.name), displayZone(above.name))
		return z, nil
	}
	return v.trusted(z, list, keys)
}

// supported is the DS records of algorithms that can be verified here. SHA-1 is
// passed over where there is better (RFC 4509, 3).
func supported(set *rrset) []*dns.DS {
	var list []*dns.DS
	better := false
	for _, rr := range set.rrs[:min(len(set.rrs), maxKeys)] {
		ds, ok := rr.(*dns.DS)
		if !ok || !slices.Contains([]uint8{dns.SHA1, dns.SHA256, dns.SHA384}, ds.DigestType) || !verifiable(ds.Algorithm) {
			continue
		}
		better = better || ds.DigestType != dns.SHA1
		list = append(list, ds)
	}
	return slices.DeleteFunc(list, func(ds *dns.DS) bool { return better && ds.DigestType == dns.SHA1 })
}

func verifiable(algorithm uint8) bool {
	switch algorithm {
	case dns.RSASHA1, dns.RSASHA1NSEC3SHA1, dns.RSASHA256, dns.RSASHA512, dns.ECDSAP256SHA256, dns.ECDSAP384SHA384, dns.ED25519:
		return true
	}
	return false
}

// trusted completes z with its keys: those of set, if a key that list vouches
// for has signed it.
func (v *Validator) trusted(z *zone, list []*dns.DS, set *rrset) (*zone, error) {
	if len(set.rrs) > maxKeys {
		return nil, fmt.Errorf("%s has more than %d keys", displayZone(z.name), maxKeys)
	}
	var vouched []zoneKey
	for _, rr := range set.rrs {
		key, ok := rr.(*dns.DNSKEY)
		if !ok || key.Flags&dns.ZONE == 0 || key.Protocol != 3 || !verifiable(key.Algorithm) { // RFC 4034, 2.1
			continue
		}
		k := zoneKey{key, key.KeyTag()}
		z.keys = append(z.keys, k)
		if slices.ContainsFunc(list, func(ds *dns.DS) bool { return fits(ds, k) }) {
			vouched = append(vouched, k)
		}
	}
	if len(vouched) == 0 {
		z.security, z.flaw, z.why = Bogus, WrongDS, mismatch(z, list)
		return z, nil
	}
	var w work
	_, f, err := v.verify(set, &zone{name: z.name, keys: vouched, security: Secure}, &w)
	z.security, z.flaw, z.why = f.security, f.flaw, f.why
	z.weak = weaknesses(list)
	return z, err
}

func fits(ds *dns.DS, key zoneKey) bool {
	if ds.KeyTag != key.tag || ds.Algorithm != key.Algorithm {
		return false
	}
	made := key.ToDS(ds.DigestType)
	return made != nil && strings.EqualFold(made.Digest, ds.Digest)
}

func mismatch(z *zone, list []*dns.DS) string {
	var says, has []string
	for _, ds := range list {
		says = append(says, fmt.Sprintf("%d (%s)", ds.KeyTag, algorithmName(ds.Algorithm)))
	}
	for _, key := range z.keys {
		has = append(has, fmt.Sprintf("%d (%s)", key.tag, algorithmName(key.Algorithm)))
	}
	if len(has) == 0 {
		has = []string{"none that can be used"}
	}
	return fmt.Sprintf("the DS of %s is for key %s, which is not a key of the zone; it has %s",
		displayZone(z.name), strings.Join(says[:min(len(says), 4)], ", "), strings.Join(has[:min(len(has), 4)], ", "))
}

func algorithmName(code uint8) string {
	if name, ok := dns.AlgorithmToString[code]; ok {
		return name
	}
	return fmt.Sprintf("algorithm %d", code)
}

// weaknesses is what is out of use among what all of list rests on (RFC 9904,
// RFC 9905).
func weaknesses(list []*dns.DS) []string {
	var weak []string
	if !slices.ContainsFunc(list, func(ds *dns.DS) bool { return ds.DigestType != dns.SHA1 }) {
		weak = append(weak, "DS digest SHA-1")
	}
	old := func(ds *dns.DS) bool { return ds.Algorithm == dns.RSASHA1 || ds.Algorithm == dns.RSASHA1NSEC3SHA1 }
	if !slices.ContainsFunc(list, func(ds *dns.DS) bool { return !old(ds) }) {
		weak = append(weak, "algorithm "+algorithmName(list[0].Algorithm))
	}
	return weak
}
