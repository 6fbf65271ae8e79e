package resolve

import (
	"context"
	"crypto"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// signedAt is the time about which the signatures of signed worlds are valid.
var signedAt = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// A signedZone is a zone that is signed as it answers; one without keys is not.
type signedZone struct {
	name string
	key  *dns.DNSKEY
	priv crypto.Signer
	rrs  []dns.RR
	from time.Duration // of the signatures, after signedAt; they last for two days
	soft bool          // its NSEC3 records have opt-out
	salt string        // NSEC3 with this salt instead of NSEC, "-" for none
	iter uint16
}

// A signedWorld answers as a resolver above signed zones does.
type signedWorld struct {
	zones  []*signedZone
	tamper func(q Question, m *dns.Msg)
	mu     sync.Mutex
	asked  map[Question]int
}

// newSignedZone makes a zone of records in zone-file form. Algorithm 0 leaves
// it unsigned.
func newSignedZone(t testing.TB, name string, algorithm uint8, lines ...string) *signedZone {
	t.Helper()
	z := &signedZone{name: name, from: -24 * time.Hour}
	z.rrs = rrs(append([]string{name + " 3600 IN SOA ns. host. 1 2 3 4 300", name + " 3600 IN NS ns."}, lines...)...)
	if algorithm == 0 {
		return z
	}
	z.key = &dns.DNSKEY{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeDNSKEY, Class: dns.ClassINET, Ttl: 3600}, Flags: 257, Protocol: 3, Algorithm: algorithm}
	bits := map[uint8]int{dns.ECDSAP256SHA256: 256, dns.ECDSAP384SHA384: 384, dns.ED25519: 256}[algorithm]
	if bits == 0 {
		bits = 2048
	}
	priv, err := z.key.Generate(bits)
	if err != nil {
		t.Fatal(err)
	}
	z.priv = priv.(crypto.Signer)
	z.rrs = append(z.rrs, z.key)
	return z
}

// ds is the DS of a zone.
func (z *signedZone) ds(digest uint8) *dns.DS {
	ds := z.key.ToDS(digest)
	ds.Hdr.Ttl = 3600
	return ds
}

// delegate puts a delegation of child into z, with a DS if it is signed.
func (z *signedZone) delegate(child *signedZone) {
	z.rrs = append(z.rrs, rrs(child.name+" 3600 IN NS ns.")...)
	if child.key != nil {
		z.rrs = append(z.rrs, child.ds(dns.SHA256))
	}
}

func (z *signedZone) sign(set []dns.RR, labels int) dns.RR {
	h := set[0].Header()
	sig := &dns.RRSIG{
		Algorithm: z.key.Algorithm, KeyTag: z.key.KeyTag(), SignerName: z.name,
		Inception: uint32(signedAt.Add(z.from).Unix()), Expiration: uint32(signedAt.Add(z.from + 48*time.Hour).Unix()),
	}
	owner := h.Name
	if labels >= 0 { // made from a wildcard
		for _, rr := range set {
			rr.Header().Name = below("*", suffix(owner, labels))
		}
	}
	if err := sig.Sign(z.priv, set); err != nil {
		panic(err)
	}
	for _, rr := range set {
		rr.Header().Name = owner
	}
	sig.Hdr.Name = owner
	return sig
}

// at is copies of the records of a type at name.
func (z *signedZone) at(name string, code uint16) []dns.RR {
	var set []dns.RR
	for _, rr := range z.rrs {
		if rr.Header().Name == name && (rr.Header().Rrtype == code || code == 0) {
			set = append(set, dns.Copy(rr))
		}
	}
	return set
}

func (w *signedWorld) Exchange(_ context.Context, q Question) ([]byte, error) {
	w.mu.Lock()
	if w.asked == nil {
		w.asked = make(map[Question]int)
	}
	w.asked[q]++
	w.mu.Unlock()
	m := new(dns.Msg)
	code, _ := typeCode(q.Type)
	m.SetQuestion(q.Name, code)
	m.Response = true
	w.answer(m, q.Name, code)
	if w.tamper != nil {
		w.tamper(q, m)
	}
	return m.Pack()
}

// zoneOf is the zone with authority for a type at name.
func (w *signedWorld) zoneOf(name string, code uint16) *signedZone {
	var best *signedZone
	for _, z := range w.zones {
		if record.Within(name, z.name) && (code != dns.TypeDS || z.name != name || name == ".") &&
			(best == nil || dns.CountLabel(z.name) > dns.CountLabel(best.name)) {
			best = z
		}
	}
	return best
}

func (w *signedWorld) answer(m *dns.Msg, name string, code uint16) {
	z := w.zoneOf(name, code)
	put := func(section *[]dns.RR, set []dns.RR, labels int) {
		*section = append(*section, set...)
		if z.key != nil {
			*section = append(*section, z.sign(slices.Clone(set), labels))
		}
	}
	if set := z.at(name, code); len(set) > 0 {
		put(&m.Answer, set, -1)
		return
	}
	if set := z.at(name, dns.TypeCNAME); len(set) > 0 {
		put(&m.Answer, set, -1)
		w.answer(m, set[0].(*dns.CNAME).Target, code)
		return
	}
	encloser := name
	for len(z.names(encloser)) == 0 {
		encloser = record.Parent(encloser)
	}
	source := below("*", encloser)
	if set := z.at(source, code); encloser != name && len(set) > 0 {
		for _, rr := range set {
			rr.Header().Name = name
		}
		put(&m.Answer, set, dns.CountLabel(encloser))
		z.deny(put, m, name, encloser)
		return
	}
	put(&m.Ns, z.at(z.name, dns.TypeSOA), -1)
	if encloser != name && len(z.at(source, 0)) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	z.deny(put, m, name, encloser)
}

// names is the names of the zone at or below name that it knows, in canonical order.
func (z *signedZone) names(name string) []string {
	var list []string
	for _, rr := range z.rrs {
		if n := rr.Header().Name; record.Within(n, name) && !slices.Contains(list, n) {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, canonicalOrder)
	return list
}

func (z *signedZone) types(name string) []uint16 {
	types := []uint16{dns.TypeRRSIG}
	if z.salt == "" {
		types = append(types, dns.TypeNSEC)
	}
	for _, rr := range z.at(name, 0) {
		if t := rr.Header().Rrtype; !slices.Contains(types, t) {
			types = append(types, t)
		}
	}
	slices.Sort(types)
	return types
}

// deny adds the records that deny name, and the wildcard of its encloser.
func (z *signedZone) deny(put func(*[]dns.RR, []dns.RR, int), m *dns.Msg, name, encloser string) {
	if z.key == nil {
		return
	}
	if z.soft && encloser == name && name != z.name {
		encloser = record.Parent(name) // the name itself is left out
	}
	var done []string
	for _, n := range []string{name, below("*", encloser), encloser, suffix(name, dns.CountLabel(encloser)+1)} {
		rr := z.nsec(n)
		if z.salt != "" {
			rr = z.nsec3(n)
		}
		if !slices.Contains(done, rr.Header().Name) {
			done = append(done, rr.Header().Name)
			put(&m.Ns, []dns.RR{rr}, -1)
		}
	}
}

// nsec is the record at or before name.
func (z *signedZone) nsec(name string) dns.RR {
	names := z.names(z.name)
	i := len(names) - 1
	for i > 0 && canonicalOrder(names[i], name) > 0 {
		i--
	}
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: names[i], Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: 300},
		NextDomain: names[(i+1)%len(names)], TypeBitMap: z.types(names[i]),
	}
}

func (z *signedZone) nsec3(name string) dns.RR {
	salt := z.salt
	if salt == "-" {
		salt = ""
	}
	owners := make(map[string]string)
	var hashes []string
	for _, n := range z.names(z.name) {
		if z.soft && len(z.at(n, dns.TypeNS)) > 0 && n != z.name && len(z.at(n, dns.TypeDS)) == 0 {
			continue
		}
		h := dns.HashName(n, dns.SHA1, z.iter, salt)
		owners[h] = n
		hashes = append(hashes, h)
	}
	slices.Sort(hashes)
	h, i := dns.HashName(name, dns.SHA1, z.iter, salt), len(hashes)-1
	for i > 0 && hashes[i] > h {
		i--
	}
	if hashes[i] > h {
		i = len(hashes) - 1
	}
	rr := &dns.NSEC3{
		Hdr:  dns.RR_Header{Name: below(hashes[i], z.name), Rrtype: dns.TypeNSEC3, Class: dns.ClassINET, Ttl: 300},
		Hash: dns.SHA1, Iterations: z.iter, SaltLength: uint8(len(salt) / 2), Salt: salt, HashLength: 20,
		NextDomain: hashes[(i+1)%len(hashes)], TypeBitMap: z.types(owners[hashes[i]]),
	}
	if z.soft {
		rr.Flags = optOutFlag
	}
	return rr
}

// validator is one that trusts the root of w.
func (w *signedWorld) validator(t testing.TB) *Validator {
	root := w.zones[0]
	return NewValidator(t.Context(), w, SecureOptions{
		Anchors: []record.Record{toRecord(root.ds(dns.SHA256))},
		Now:     func() time.Time { return signedAt },
	})
}
