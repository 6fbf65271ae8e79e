package resolve

import (
	"encoding/binary"
	"errors"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

const (
	headerLen  = 12
	maxMessage = 65535 // octets: the length field of TCP (RFC 1035, 4.2.2)
	maxRecords = 4096  // of one message, all sections
	// ednsSize is the UDP answer we take: it fits the smallest usual MTU, so
	// that nothing is fragmented (RFC 9715, 3.2).
	ednsSize = 1232
)

// A query is a packed question. Its ID is filled in when it is sent.
type query struct {
	wire     []byte
	question []byte // the question section in wire, to know the answer by
	typ      uint16
}

// optRecord is the OPT record of every query (RFC 6891, 6.1.2): the root, the
// type, our size, version 0, DO (RFC 3225, 3), no options.
var optRecord = [...]byte{0, 0, byte(dns.TypeOPT), ednsSize >> 8, ednsSize & 0xff, 0, 0, 0x80, 0, 0, 0}

// A manner is how a question is put.
type manner struct {
	recurse   bool // RD
	unchecked bool // CD: what does not validate is wanted too (RFC 4035, 3.2.2)
}

// newQuery packs a question. The AD bit asks for AD in the answer even where
// EDNS is off (RFC 6840, 5.7).
func newQuery(name, typ string, how manner, edns bool) (query, error) {
	code, _ := typeCode(typ)
	wire := make([]byte, headerLen+maxName+4, headerLen+maxName+4+len(optRecord))
	if how.recurse {
		wire[2] = 0x01
	}
	wire[3] = 0x20 // AD
	if how.unchecked {
		wire[3] |= 0x10 // CD
	}
	wire[5] = 1 // one question
	end, err := dns.PackDomainName(name, wire, headerLen, nil, false)
	if err != nil {
		return query{}, err
	}
	binary.BigEndian.PutUint16(wire[end:], code)
	binary.BigEndian.PutUint16(wire[end+2:], dns.ClassINET)
	wire = wire[:end+4]
	if edns {
		wire[11] = 1
		wire = append(wire, optRecord[:]...)
	}
	return query{wire: wire, question: wire[headerLen : end+4], typ: code}, nil
}

// answeredBy reports whether msg is an answer to the question: a response with
// the same question, letter case aside (RFC 5452, 9.1). The ID was compared
// already. A bare header is taken for an answer only where it is an error of
// servers that cannot even read the question.
func (q query) answeredBy(msg []byte) bool {
	if len(msg) < headerLen || msg[2]&0x80 == 0 || msg[2]&0x78 != 0 {
		return false
	}
	switch binary.BigEndian.Uint16(msg[4:]) {
	case 0:
		rcode := msg[3] & 0xf
		return rcode == dns.RcodeFormatError || rcode == dns.RcodeNotImplemented
	case 1:
		return len(msg) >= headerLen+len(q.question) && equalFold(msg[headerLen:headerLen+len(q.question)], q.question)
	}
	return false
}

// equalFold compares questions; length octets are below 'A', so folding the
// whole is folding the letters.
func equalFold(a, b []byte) bool {
	for i := range a {
		if fold(a[i]) != fold(b[i]) {
			return false
		}
	}
	return true
}

func fold(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// A reply is what matters of a message.
type reply struct {
	rcode                     int
	aa, ad, ra, tc            bool
	records                   []record.Record // of the type asked, and CNAMEs, of the answer section
	negative                  time.Duration   // the negative TTL, where there is an SOA
	hasSOA, hasNS, hasAnswers bool
	extended                  []Extended
	wire                      []byte // the whole message
}

var (
	errShort   = errors.New("the message ends too early")
	errTooMany = errors.New("too many records")
)

// readReply reads a message that answers q. Only the records of use are
// unpacked; the others are skipped, so a message costs little more than its size.
func readReply(msg []byte, q query) (reply, error) {
	if len(msg) < headerLen {
		return reply{}, errShort
	}
	r := reply{
		rcode: int(msg[3] & 0xf),
		aa:    msg[2]&0x04 != 0,
		tc:    msg[2]&0x02 != 0,
		ra:    msg[3]&0x80 != 0,
		wire:  msg,
		ad:    msg[3]&0x20 != 0,
	}
	count := func(i int) int { return int(binary.BigEndian.Uint16(msg[4+2*i:])) }
	if count(1)+count(2)+count(3) > maxRecords {
		return r, errTooMany
	}
	off, err := headerLen, error(nil)
	if count(0) == 1 {
		off += len(q.question)
	}
	for section := 1; section <= 3; section++ {
		for range count(section) {
			if off, err = r.read(msg, off, section, q); err != nil {
				return r, err
			}
		}
	}
	return r, nil
}

// read reads the record at off and returns where the next one begins.
func (r *reply) read(msg []byte, off, section int, q query) (int, error) {
	start := off
	off, err := skipName(msg, off)
	if err != nil {
		return 0, err
	}
	if off+10 > len(msg) {
		return 0, errShort
	}
	typ, class := binary.BigEndian.Uint16(msg[off:]), binary.BigEndian.Uint16(msg[off+2:])
	end := off + 10 + int(binary.BigEndian.Uint16(msg[off+8:]))
	if end > len(msg) {
		return 0, errShort
	}
	var wanted bool
	switch section {
	case 1:
		r.hasAnswers = true
		wanted = class == dns.ClassINET && (typ == q.typ || typ == dns.TypeCNAME)
	case 2:
		r.hasNS = r.hasNS || typ == dns.TypeNS
		wanted = class == dns.ClassINET && typ == dns.TypeSOA && !r.hasSOA
	case 3:
		wanted = typ == dns.TypeOPT
	}
	if !wanted {
		return end, nil
	}
	if end == off+10 && !mayBeEmpty(typ) {
		return 0, errShort
	}
	// The record sees nothing behind its own end, but names may point back.
	rr, _, err := dns.UnpackRR(msg[:end], start)
	if err != nil {
		return 0, err
	}
	switch rr := rr.(type) {
	case *dns.OPT:
		r.rcode |= rr.ExtendedRcode() &^ 0xf // RFC 6891, 6.1.3
		r.extended = addExtended(r.extended, extendedOf(&dns.Msg{Extra: []dns.RR{rr}})...)
	case *dns.SOA:
		if section == 2 {
			r.hasSOA = true
			r.negative = seconds(min(rr.Hdr.Ttl, rr.Minttl)) // RFC 2308, 5
			return end, nil
		}
		r.records = append(r.records, toRecord(rr))
	default:
		r.records = append(r.records, toRecord(rr))
	}
	return end, nil
}

// mayBeEmpty reports whether data of no octets is valid for a type.
func mayBeEmpty(typ uint16) bool {
	switch typ {
	case dns.TypeOPT, dns.TypeAPL, dns.TypeNULL:
		return true
	}
	_, known := dns.TypeToRR[typ]
	return !known
}

// skipName returns the offset behind the name at off.
func skipName(msg []byte, off int) (int, error) {
	for off < len(msg) {
		switch c := msg[off]; {
		case c == 0:
			return off + 1, nil
		case c&0xc0 == 0xc0:
			return off + 2, nil
		case c&0xc0 != 0:
			return 0, errors.New("a label of unknown kind")
		default:
			off += 1 + int(c)
		}
	}
	return 0, errShort
}

// rejectsEDNS reports whether a server seems not to know EDNS (RFC 6891, 7).
func (r reply) rejectsEDNS() bool {
	return r.rcode == dns.RcodeFormatError || r.rcode == dns.RcodeNotImplemented || r.rcode == dns.RcodeBadVers
}

// rcodeName is the mnemonic of a response code.
func rcodeName(code int) string {
	if name, ok := dns.RcodeToString[code]; ok {
		return strings.ToUpper(name)
	}
	return "unknown response code"
}
