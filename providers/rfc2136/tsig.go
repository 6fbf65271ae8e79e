package rfc2136

import (
	"crypto/hmac"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// fudge is how many seconds the clocks may differ (RFC 8945, 10).
const fudge = 300

// A signing is the signatures of one question and its answers.
type signing struct {
	key      *Key // nil: nothing is signed
	now      func() time.Time
	prior    []byte // the MAC that the next one covers: the question's, then that of the answer before
	answers  int    // that were signed
	unsigned []byte // what came since then, in the middle of many answers
}

// sign is a message on the wire, signed (RFC 8945, 5.1).
func (s *signing) sign(m *dns.Msg) ([]byte, error) {
	wire, err := m.Pack()
	if err != nil {
		return nil, fmt.Errorf("the message cannot be made: %w", err)
	}
	if s.key == nil {
		return wire, nil
	}
	t := &dns.TSIG{
		Hdr:       dns.RR_Header{Name: s.key.Name, Rrtype: dns.TypeTSIG, Class: dns.ClassANY},
		Algorithm: s.key.Algorithm + ".", TimeSigned: uint64(s.now().Unix()), Fudge: fudge, OrigId: m.Id,
	}
	s.prior = s.key.mac(wire, variables(t))
	t.MAC, t.MACSize = hex.EncodeToString(s.prior), uint16(len(s.prior))
	buf := make([]byte, len(wire)+dns.Len(t))
	copy(buf, wire)
	end, err := dns.PackRR(t, buf, len(wire), nil, false)
	if err != nil {
		return nil, fmt.Errorf("the signature cannot be made: %w", err)
	}
	binary.BigEndian.PutUint16(buf[10:], uint16(len(m.Extra)+1))
	return buf[:end], nil
}

// variables are what of a signature's record it covers itself (RFC 8945, 4.3.3).
func variables(t *dns.TSIG) []byte {
	b := appendName(nil, t.Hdr.Name)
	b = binary.BigEndian.AppendUint16(b, dns.ClassANY)
	b = binary.BigEndian.AppendUint32(b, 0)
	b = appendName(b, t.Algorithm)
	b = append(b, timers(t)...)
	b = binary.BigEndian.AppendUint16(b, t.Error)
	other, _ := hex.DecodeString(t.OtherData)
	b = binary.BigEndian.AppendUint16(b, uint16(len(other)))
	return append(b, other...)
}

// timers are the variables of all but the first of many answers (RFC 8945, 5.3.1).
func timers(t *dns.TSIG) []byte {
	b := binary.BigEndian.AppendUint16(nil, uint16(t.TimeSigned>>32))
	b = binary.BigEndian.AppendUint32(b, uint32(t.TimeSigned))
	return binary.BigEndian.AppendUint16(b, t.Fudge)
}

func appendName(b []byte, name string) []byte {
	var buf [256]byte
	n, err := dns.PackDomainName(dns.CanonicalName(name), buf[:], 0, nil, false)
	if err != nil {
		return b // then no MAC fits
	}
	return append(b, buf[:n]...)
}

// An authenticityError tells that an answer is not, or cannot be shown to be, the
// server's: what it says is not believed.
type authenticityError struct{ why string }

func (e *authenticityError) Error() string { return e.why }

// errUnsigned is the fault of answers without a signature.
var errUnsigned = &authenticityError{"the server's answer is not signed, although the question was: either the server does not know TSIG, or somebody between answers in its place"}

// errBadKey is what the server says of a key that it does not know.
var errBadKey = errors.New("BADKEY")

// verify checks the signature of an answer (RFC 8945, 5.3, 5.4). An answer in which the
// server says what is wrong with the question's is an error that wraps ErrDenied.
func (s *signing) verify(wire []byte, m *dns.Msg) error {
	if s.key == nil {
		return nil
	}
	t := m.IsTsig()
	switch {
	case t == nil:
		return errUnsigned
	case dns.CanonicalName(t.Hdr.Name) != s.key.Name || dns.CanonicalName(t.Algorithm) != s.key.Algorithm+".":
		return &authenticityError{"the server's answer is signed with another key than the question"}
	}
	switch t.Error {
	case dns.RcodeBadKey:
		return fmt.Errorf("%w: the server does not know a key with the name %s and the algorithm %s, or does not let it do this; compare with the server's configuration: %w",
			errBadKey, record.Display(s.key.Name), s.key.Algorithm, providers.ErrDenied)
	case dns.RcodeBadSig:
		return s.denied("BADSIG", "the server has another secret for the key "+record.Display(s.key.Name), "compare it with the server's configuration")
	}
	covered, err := withoutSignature(wire, t)
	if err != nil {
		return &authenticityError{"the server's answer has no sound signature"}
	}
	length := binary.BigEndian.AppendUint16(nil, uint16(len(s.prior)))
	vars := variables(t)
	if s.answers > 0 {
		vars = timers(t)
	}
	mac, err := hex.DecodeString(t.MAC)
	if err != nil || !hmac.Equal(mac, s.key.mac(length, s.prior, s.unsigned, covered, vars)) {
		return &authenticityError{"the signature of the server's answer is wrong (BADSIG): it has another secret for the key " + record.Display(s.key.Name) + ", or somebody between changed the answer"}
	}
	s.prior, s.unsigned = mac, nil
	s.answers++
	if t.Error == dns.RcodeBadTime {
		return s.badTime(t)
	}
	if skew := s.now().Unix() - int64(t.TimeSigned); max(skew, -skew) > int64(t.Fudge) {
		return &authenticityError{clocks(skew)}
	}
	return nil
}

// later takes an answer of a transfer that need not be signed: every hundredth
// must be, the first and the last (RFC 8945, 5.3.1).
func (s *signing) later(wire []byte) error {
	const most = 99 << 16
	if s.answers == 0 || len(s.unsigned)+len(wire) > most {
		return errUnsigned
	}
	s.unsigned = append(s.unsigned, wire...)
	return nil
}

func (s *signing) denied(code, why, next string) error {
	return fmt.Errorf("%s: %s; %s: %w", code, why, next, providers.ErrDenied)
}

// badTime tells how far the clocks are apart: the server says its time in the
// field Other Data (RFC 8945, 5.2.3).
func (s *signing) badTime(t *dns.TSIG) error {
	other, err := hex.DecodeString(t.OtherData)
	if err != nil || len(other) != 6 {
		return s.denied("BADTIME", "the clocks of this machine and of the server differ", "set them right")
	}
	theirs := int64(binary.BigEndian.Uint16(other))<<32 | int64(binary.BigEndian.Uint32(other[2:]))
	return s.denied("BADTIME", clocks(s.now().Unix()-theirs), "set the wrong one right (NTP)")
}

func clocks(skew int64) string {
	than := "ahead of"
	if skew < 0 {
		than, skew = "behind", -skew
	}
	return fmt.Sprintf("the clocks differ by %d s: this machine's is %s the server's, and %d s are allowed", skew, than, fudge)
}

// withoutSignature is the message that the signature covers: without its record,
// and with the ID that it was signed with (RFC 8945, 4.3.2).
func withoutSignature(wire []byte, t *dns.TSIG) ([]byte, error) {
	start, err := lastRecord(wire)
	if err != nil {
		return nil, err
	}
	covered := append([]byte(nil), wire[:start]...)
	binary.BigEndian.PutUint16(covered, t.OrigId)
	binary.BigEndian.PutUint16(covered[10:], binary.BigEndian.Uint16(covered[10:])-1)
	return covered, nil
}

var errShort = errors.New("the message ends too soon")

// lastRecord is where the last record of a message begins.
func lastRecord(wire []byte) (int, error) {
	if len(wire) < 12 {
		return 0, errShort
	}
	count := func(at int) int { return int(binary.BigEndian.Uint16(wire[at:])) }
	off := 12
	for range count(4) {
		n, err := nameEnd(wire, off)
		if err != nil {
			return 0, err
		}
		off = n + 4
	}
	start := 0
	for range count(6) + count(8) + count(10) {
		start = off
		n, err := nameEnd(wire, off)
		if err != nil {
			return 0, err
		}
		if n+10 > len(wire) {
			return 0, errShort
		}
		off = n + 10 + count(n+8)
	}
	if start == 0 || off != len(wire) {
		return 0, errShort
	}
	return start, nil
}

// nameEnd is where a name ends, or the pointer in its place (RFC 1035, 4.1.4).
func nameEnd(wire []byte, off int) (int, error) {
	for off < len(wire) {
		switch c := int(wire[off]); {
		case c == 0:
			return off + 1, nil
		case c >= 0xc0:
			return off + 2, nil
		default:
			off += 1 + c
		}
	}
	return 0, errShort
}
