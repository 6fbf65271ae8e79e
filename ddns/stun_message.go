package ddns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net/netip"
)

// Of RFC 8489: the header (5), the types of a Binding (5 and 18.2), and the
// attributes that matter here (14).
const (
	magicCookie    = 0x2112A442
	headerLength   = 20
	fingerprintXOR = 0x5354554e // 14.7
	maxMessage     = 2048       // octets; a Binding response fits into one datagram (6.1)

	bindingRequest = 0x0001
	bindingSuccess = 0x0101
	bindingError   = 0x0111

	attrErrorCode        = 0x0009
	attrXORMappedAddress = 0x0020
	attrFingerprint      = 0x8028
	optional             = 0x8000 // from here on whoever does not know an attribute may ignore it
)

// known are the attributes that must be understood and may stand in an answer,
// those of RFC 3489, 11.2 among them, which servers of that age still send.
var known = map[uint16]bool{
	0x0001: true, 0x0004: true, 0x0005: true, 0x0006: true, 0x0008: true, attrErrorCode: true, 0x000a: true,
	0x000b: true, 0x0014: true, 0x0015: true, 0x001c: true, 0x001d: true, 0x001e: true, attrXORMappedAddress: true,
}

// A transaction is the 96 random bits that tell an answer from a forgery.
type transaction [12]byte

// request is a Binding request without attributes.
func (t transaction) request() []byte {
	msg := binary.BigEndian.AppendUint16(make([]byte, 0, headerLength), bindingRequest)
	msg = binary.BigEndian.AppendUint16(msg, 0)
	msg = binary.BigEndian.AppendUint32(msg, magicCookie)
	return append(msg, t[:]...)
}

// errDiscard is wrapped by what is wrong with a datagram that is to be ignored
// silently (RFC 8489, 6.3): the answer may still come.
var errDiscard = errors.New("discarded")

func discard(format string, args ...any) error {
	return fmt.Errorf("%w: %s", errDiscard, fmt.Sprintf(format, args...))
}

// parseBinding reads the answer to the request of a transaction: the address that
// the server saw. An error that does not wrap errDiscard ends the transaction.
func (t transaction) parseBinding(msg []byte) (netip.Addr, error) {
	if len(msg) < headerLength || msg[0]&0xc0 != 0 || binary.BigEndian.Uint32(msg[4:]) != magicCookie {
		return netip.Addr{}, discard("it is no STUN message")
	}
	if transaction(msg[8:headerLength]) != t {
		return netip.Addr{}, discard("it is the answer to another question")
	}
	typ := binary.BigEndian.Uint16(msg)
	if typ != bindingSuccess && typ != bindingError {
		return netip.Addr{}, discard("it is no answer to a Binding request")
	}
	// All attributes are padded to four octets, so the length is, too (5).
	if n := int(binary.BigEndian.Uint16(msg[2:])); n%4 != 0 || n != len(msg)-headerLength {
		return netip.Addr{}, discard("its length is not that of the message")
	}
	b, err := readAttributes(msg, t)
	switch {
	case err != nil:
		return netip.Addr{}, err
	case typ == bindingError && b.refusal != "":
		return netip.Addr{}, errors.New(b.refusal)
	case typ == bindingError:
		return netip.Addr{}, errors.New("the server answers with an error and does not say which")
	case b.unknown != 0: // 6.3.3
		return netip.Addr{}, fmt.Errorf("the answer has the attribute 0x%04x, which has to be understood and is not", b.unknown)
	case !b.mapped.IsValid():
		return netip.Addr{}, errors.New("the answer has no XOR-MAPPED-ADDRESS (RFC 8489, 14.2); is it a STUN server?")
	}
	return b.mapped, nil
}

// A binding is what the attributes of an answer say. Of several of one type the
// first counts (RFC 8489, 14).
type binding struct {
	mapped  netip.Addr
	refusal string
	unknown uint16
}

func readAttributes(msg []byte, t transaction) (b binding, err error) {
	const head = 4
	for at := headerLength; at < len(msg); {
		if len(msg)-at < head {
			return b, discard("an attribute is cut off")
		}
		typ, n := binary.BigEndian.Uint16(msg[at:]), int(binary.BigEndian.Uint16(msg[at+2:]))
		start := at
		at += head
		padded := (n + 3) &^ 3
		if padded > len(msg)-at {
			return b, discard("an attribute is longer than the message")
		}
		value := msg[at : at+n]
		at += padded
		switch {
		case typ == attrFingerprint:
			if at != len(msg) || n != 4 || binary.BigEndian.Uint32(value) != crc32.ChecksumIEEE(msg[:start])^fingerprintXOR {
				return b, discard("its fingerprint does not fit")
			}
		case typ == attrXORMappedAddress && !b.mapped.IsValid():
			if b.mapped, err = t.unmask(value); err != nil {
				return b, err
			}
		case typ == attrErrorCode && b.refusal == "":
			b.refusal = refusal(value)
		case typ < optional && !known[typ] && b.unknown == 0:
			b.unknown = typ
		}
	}
	return b, nil
}

// unmask reads an XOR-MAPPED-ADDRESS: an octet of nothing, the family, the port,
// and the address, masked with the cookie and the transaction (RFC 8489, 14.2).
func (t transaction) unmask(value []byte) (netip.Addr, error) {
	mask := binary.BigEndian.AppendUint32(nil, magicCookie)
	mask = append(mask, t[:]...)
	octets := len(value) - 4
	switch {
	case octets == 4 && value[1] == 0x01:
	case octets == 16 && value[1] == 0x02:
	default:
		return netip.Addr{}, discard("its address is of no family, or too short for it")
	}
	plain := make([]byte, octets)
	for i := range plain {
		plain[i] = value[4+i] ^ mask[i]
	}
	addr, _ := netip.AddrFromSlice(plain)
	return addr, nil
}

// refusal is an ERROR-CODE for a reader (RFC 8489, 14.8).
func refusal(value []byte) string {
	if len(value) < 4 {
		return "the server answers with an error that cannot be read"
	}
	code := int(value[2]&0x07)*100 + int(value[3])
	if code/100 == 3 { // ALTERNATE-SERVER: who named a server meant that one
		return fmt.Sprintf("the server answers with the error %d and wants another one to be asked", code)
	}
	return fmt.Sprintf("the server answers with the error %d %q", code, clip(string(value[4:])))
}
