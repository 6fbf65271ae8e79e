package lab

import (
	"context"
	"crypto"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/resolve"
)

// A signedRoot is one signed zone, the root, that holds all there is. It signs as it
// answers (RFC 4035, 2), and is asked as a [resolve.Exchanger].
type signedRoot struct {
	key     *dns.DNSKEY
	signer  crypto.Signer
	records []dns.RR
	now     func() time.Time
}

// Signed is the records by which mail finds a host, as a validator sees them if their
// zones are signed and all is well with that. It implements [deliver.Security].
type Signed struct {
	names  map[string]bool
	secure *resolve.Validator
}

// NewSigned signs those of the records that matter to who sends mail. It works under
// ctx; now is the time of the signatures.
func NewSigned(ctx context.Context, records []record.Record, now func() time.Time) (*Signed, error) {
	s := &Signed{names: make(map[string]bool)}
	var list []record.Record
	for _, r := range records {
		if slices.Contains([]string{"A", "AAAA", "CNAME", "MX", "TLSA"}, r.Type) {
			s.names[r.Name] = true
			list = append(list, r)
		}
	}
	root, err := newSignedRoot(list, now)
	if err != nil {
		return nil, err
	}
	s.secure = resolve.NewValidator(ctx, root, resolve.SecureOptions{Anchors: []record.Record{root.anchor()}, Now: now})
	return s, nil
}

// Secure validates the answer to a question. Of names that have none of the records it
// vouches for nothing.
func (s *Signed) Secure(ctx context.Context, q resolve.Question) (resolve.Proof, error) {
	if !s.names[record.Canonical(q.Name)] {
		return resolve.Proof{Security: resolve.Insecure, Zone: q.Name, Why: "no such name is in the signed zones"}, nil
	}
	return s.secure.Share().Secure(ctx, q)
}

// newSignedRoot signs records with a key made now.
func newSignedRoot(records []record.Record, now func() time.Time) (*signedRoot, error) {
	header := func(code uint16) dns.RR_Header {
		return dns.RR_Header{Name: ".", Rrtype: code, Class: dns.ClassINET, Ttl: negativeTTL}
	}
	s := &signedRoot{now: now, key: &dns.DNSKEY{Hdr: header(dns.TypeDNSKEY), Flags: dns.ZONE | dns.SEP, Protocol: 3, Algorithm: dns.ECDSAP256SHA256}}
	private, err := s.key.Generate(256)
	if err != nil {
		return nil, err
	}
	s.signer = private.(crypto.Signer)
	s.records = []dns.RR{s.key, &dns.SOA{Hdr: header(dns.TypeSOA), Ns: "ns.lab.invalid.", Mbox: "hostmaster.lab.invalid.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: negativeTTL}}
	return s, put(&s.records, records)
}

// anchor is the DS record to trust.
func (s *signedRoot) anchor() record.Record {
	ds := s.key.ToDS(dns.SHA256)
	return record.Record{Name: ".", Type: "DS", TTL: negativeTTL, Data: ds.String()[len(ds.Hdr.String()):]}
}

// Exchange implements [resolve.Exchanger].
func (s *signedRoot) Exchange(_ context.Context, q resolve.Question) ([]byte, error) {
	m := new(dns.Msg)
	m.SetQuestion(q.Name, dns.StringToType[q.Type])
	m.Response = true
	code := m.Question[0].Qtype
	if set := s.at(q.Name, code); len(set) > 0 {
		return s.pack(m, &m.Answer, set)
	}
	if len(s.below(q.Name)) == 0 {
		m.Rcode = dns.RcodeNameError
	}
	if err := s.add(&m.Ns, s.at(".", dns.TypeSOA)); err != nil {
		return nil, err
	}
	denial := []dns.RR{s.nsec(q.Name)}
	if wild := s.nsec("*" + dotted(s.encloser(q.Name))); m.Rcode == dns.RcodeNameError && wild.Hdr.Name != denial[0].Header().Name { // RFC 4035, 3.1.3.2
		if err := s.add(&m.Ns, []dns.RR{wild}); err != nil {
			return nil, err
		}
	}
	return s.pack(m, &m.Ns, denial)
}

func dotted(name string) string {
	if name == "." {
		return name
	}
	return "." + name
}

func (s *signedRoot) pack(m *dns.Msg, section *[]dns.RR, set []dns.RR) ([]byte, error) {
	if err := s.add(section, set); err != nil {
		return nil, err
	}
	return m.Pack()
}

// add puts an RRset into a section, with its signature.
func (s *signedRoot) add(section *[]dns.RR, set []dns.RR) error {
	now := s.now()
	sig := &dns.RRSIG{
		Algorithm: s.key.Algorithm, KeyTag: s.key.KeyTag(), SignerName: ".",
		Inception: uint32(now.Add(-time.Hour).Unix()), Expiration: uint32(now.Add(24 * time.Hour).Unix()),
	}
	if err := sig.Sign(s.signer, set); err != nil {
		return err
	}
	*section = append(append(*section, set...), sig)
	return nil
}

// at is the records of a type at a name.
func (s *signedRoot) at(name string, code uint16) []dns.RR {
	var set []dns.RR
	for _, rr := range s.records {
		if rr.Header().Name == name && rr.Header().Rrtype == code {
			set = append(set, rr)
		}
	}
	return set
}

// below is the names at or below one.
func (s *signedRoot) below(name string) []string {
	var list []string
	for _, rr := range s.records {
		if n := rr.Header().Name; record.Within(n, name) {
			list = append(list, n)
		}
	}
	slices.SortFunc(list, record.CompareNames)
	return slices.Compact(list)
}

// encloser is the nearest name at or above one that there is.
func (s *signedRoot) encloser(name string) string {
	for len(s.below(name)) == 0 {
		name = record.Parent(name)
	}
	return name
}

// nsec is the record at or before a name.
func (s *signedRoot) nsec(name string) *dns.NSEC {
	names := s.below(".")
	i, found := slices.BinarySearchFunc(names, name, record.CompareNames)
	if !found {
		i-- // never below 0: the root is there
	}
	types := []uint16{dns.TypeRRSIG, dns.TypeNSEC}
	for _, rr := range s.records {
		if rr.Header().Name == names[i] {
			types = append(types, rr.Header().Rrtype)
		}
	}
	slices.Sort(types)
	return &dns.NSEC{
		Hdr:        dns.RR_Header{Name: names[i], Rrtype: dns.TypeNSEC, Class: dns.ClassINET, Ttl: negativeTTL},
		NextDomain: names[(i+1)%len(names)], TypeBitMap: slices.Compact(types),
	}
}
