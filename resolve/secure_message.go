package resolve

import (
	"slices"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// A message is what validation needs of a message from the wire.
type message struct {
	rcode             int
	answer, authority []*rrset
}

// An rrset is the records of one name and type, and the signatures over them.
type rrset struct {
	name string // lower-case
	code uint16
	rrs  []dns.RR
	sigs []*dns.RRSIG
}

// readMessage arranges the records of a message from the wire.
func readMessage(wire []byte) (*message, error) {
	var m dns.Msg
	if err := m.Unpack(wire); err != nil {
		return nil, err
	}
	if len(m.Answer)+len(m.Ns) > maxRecords {
		return nil, errTooMany
	}
	return &message{rcode: m.Rcode, answer: arrange(m.Answer), authority: arrange(m.Ns)}, nil
}

// arrange makes RRsets of records. Names of owners are lower-cased: signatures
// are over the canonical form (RFC 4034, 6.2).
func arrange(rrs []dns.RR) []*rrset {
	type key struct {
		name string
		code uint16
	}
	var list []*rrset
	byKey := make(map[key]*rrset)
	for _, rr := range rrs {
		h := rr.Header()
		if h.Class != dns.ClassINET {
			continue
		}
		h.Name = canonicalName(h.Name)
		k := key{h.Name, h.Rrtype}
		sig, signs := rr.(*dns.RRSIG)
		if signs {
			k.code = sig.TypeCovered
			sig.SignerName = canonicalName(sig.SignerName)
		}
		set := byKey[k]
		if set == nil {
			set = &rrset{name: k.name, code: k.code}
			byKey[k] = set
			list = append(list, set)
		}
		if signs {
			set.sigs = append(set.sigs, sig)
		} else if !slices.ContainsFunc(set.rrs[max(0, len(set.rrs)-maxSignatures):], func(other dns.RR) bool { return dns.IsDuplicate(rr, other) }) {
			set.rrs = append(set.rrs, rr)
		}
	}
	return slices.DeleteFunc(list, func(s *rrset) bool { return len(s.rrs) == 0 })
}

// find returns the RRset of the answer section; nil if there is none.
func (m *message) find(name string, code uint16) *rrset {
	for _, set := range m.answer {
		if set.code == code && set.name == name {
			return set
		}
	}
	return nil
}

// negative reports whether the message says that there is nothing: NXDOMAIN, or
// an SOA (RFC 2308, 2.2).
func (m *message) negative() bool {
	return m.rcode == dns.RcodeNameError || slices.ContainsFunc(m.authority, func(s *rrset) bool { return s.code == dns.TypeSOA })
}

// signer is the nearest zone above that claims to have signed set; empty where
// nobody does. A DS, alone, is signed by the zone above its owner (RFC 4035, 2.4).
func (s *rrset) signer() string {
	best := ""
	for _, sig := range s.sigs[:min(len(s.sigs), maxSignatures)] {
		if s.mayBeSignedBy(sig.SignerName) && (best == "" || dns.CountLabel(sig.SignerName) > dns.CountLabel(best)) {
			best = sig.SignerName
		}
	}
	return best
}

func (s *rrset) mayBeSignedBy(zone string) bool {
	return record.Within(s.name, zone) && (s.code != dns.TypeDS || zone != s.name)
}

// labels is how many labels the owner has for RRSIG: neither the root nor a
// leading asterisk counts (RFC 4034, 3.1.3).
func (s *rrset) labels() int {
	n := dns.CountLabel(s.name)
	if len(s.name) > 1 && s.name[0] == '*' && s.name[1] == '.' {
		n--
	}
	return n
}
