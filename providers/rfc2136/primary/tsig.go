package primary

import (
	"crypto/hmac"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"time"

	"github.com/miekg/dns"
)

// A ring is keys by name.
type ring map[string]Key

var hashes = map[string]func() hash.Hash{
	"hmac-sha1.":   sha1.New,
	"hmac-sha224.": sha256.New224,
	"hmac-sha256.": sha256.New,
	"hmac-sha384.": sha512.New384,
	"hmac-sha512.": sha512.New,
}

func newRing(keys []Key) (ring, error) {
	r := make(ring)
	for _, k := range keys {
		k.Name, k.Algorithm = dns.CanonicalName(k.Name), dns.CanonicalName(k.Algorithm)
		if hashes[k.Algorithm] == nil || len(k.Secret) == 0 {
			return nil, fmt.Errorf("the key %q has no secret, or an algorithm that is not known", k.Name)
		}
		r[k.Name] = k
	}
	return r, nil
}

// Generate makes the MAC of a message.
func (r ring) Generate(msg []byte, t *dns.TSIG) ([]byte, error) {
	k, ok := r[dns.CanonicalName(t.Hdr.Name)]
	if !ok || k.Algorithm != dns.CanonicalName(t.Algorithm) {
		return nil, dns.ErrSecret
	}
	h := hmac.New(hashes[k.Algorithm], k.Secret)
	h.Write(msg)
	return h.Sum(nil), nil
}

// Verify compares the MAC of a message.
func (r ring) Verify(msg []byte, t *dns.TSIG) error {
	want, err := r.Generate(msg, t)
	if err != nil {
		return err
	}
	if got, err := hex.DecodeString(t.MAC); err != nil || !hmac.Equal(got, want) {
		return dns.ErrSig
	}
	return nil
}

const fudge = 300

// authenticate tells what the sender of a message may do. Where the signature is not
// good, ok is false, and the reply says why (RFC 8945, 5.2).
func (s *Server) authenticate(w dns.ResponseWriter, m, reply *dns.Msg) (rights Rights, ok bool) {
	t := m.IsTsig()
	if t == nil {
		return s.anyone, true
	}
	status := w.TsigStatus()
	if status == nil {
		return s.keys[dns.CanonicalName(t.Hdr.Name)].Rights, true
	}
	reply.Rcode = dns.RcodeNotAuth
	answer := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: t.Hdr.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: t.Algorithm, TimeSigned: t.TimeSigned, Fudge: fudge, OrigId: m.Id,
	}
	switch {
	case errors.Is(status, dns.ErrSecret):
		answer.Error = dns.RcodeBadKey
	case errors.Is(status, dns.ErrTime): // signed, with the server's time (RFC 8945, 5.2.3)
		answer.Error = dns.RcodeBadTime
		answer.OtherLen, answer.OtherData = 6, fmt.Sprintf("%012x", time.Now().Unix())
	default:
		answer.Error = dns.RcodeBadSig
	}
	reply.Extra = append(reply.Extra, answer)
	return Rights{}, false
}

// sign has the reply to a signed message signed.
func sign(m, reply *dns.Msg) {
	if t := m.IsTsig(); t != nil {
		reply.SetTsig(t.Hdr.Name, t.Algorithm, fudge, time.Now().Unix())
	}
}
