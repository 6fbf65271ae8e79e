package ddns

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// attribute is one as it stands in a message.
func attribute(typ uint16, value []byte) []byte {
	b := binary.BigEndian.AppendUint16(nil, typ)
	b = binary.BigEndian.AppendUint16(b, uint16(len(value)))
	b = append(b, value...)
	return append(b, make([]byte, (4-len(value)%4)%4)...)
}

// message is an answer to a request.
func message(typ uint16, id []byte, attributes ...[]byte) []byte {
	body := slices.Concat(attributes...)
	b := binary.BigEndian.AppendUint16(nil, typ)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	b = binary.BigEndian.AppendUint32(b, magicCookie)
	return slices.Concat(b, id, body)
}

// mapped is the XOR-MAPPED-ADDRESS of an address, written apart from the reader.
func mapped(addr string, id []byte) []byte {
	ap := netip.MustParseAddr(addr)
	family, mask := byte(1), slices.Concat([]byte{0x21, 0x12, 0xa4, 0x42}, id)
	if ap.Is6() {
		family = 2
	}
	value := []byte{0, family, 0xa1, 0x47}
	for i, o := range ap.AsSlice() {
		value = append(value, o^mask[i])
	}
	return attribute(attrXORMappedAddress, value)
}

func fingerprinted(msg []byte) []byte {
	msg = slices.Clone(msg)
	binary.BigEndian.PutUint16(msg[2:], uint16(len(msg)-headerLength+8))
	sum := crc32.ChecksumIEEE(msg) ^ 0x5354554e
	return append(msg, attribute(attrFingerprint, binary.BigEndian.AppendUint32(nil, sum))...)
}

// TestRFC5769 is the sample answers of RFC 5769, 2.2 and 2.3.
func TestRFC5769(t *testing.T) {
	id := transaction{0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae}
	head := "\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\x80\x22\x00\x0b\x74\x65\x73\x74\x20\x76\x65\x63\x74\x6f\x72\x20"
	for want, msg := range map[string]string{
		"192.0.2.1": "\x01\x01\x00\x3c" + head + "\x00\x20\x00\x08\x00\x01\xa1\x47\xe1\x12\xa6\x43" +
			"\x00\x08\x00\x14\x2b\x91\xf5\x99\xfd\x9e\x90\xc3\x8c\x74\x89\xf9\x2a\xf9\xba\x53\xf0\x6b\xe7\xd7" +
			"\x80\x28\x00\x04\xc0\x7d\x4c\x96",
		"2001:db8:1234:5678:11:2233:4455:6677": "\x01\x01\x00\x48" + head +
			"\x00\x20\x00\x14\x00\x02\xa1\x47\x01\x13\xa9\xfa\xa5\xd3\xf1\x79\xbc\x25\xf4\xb5\xbe\xd2\xb9\xd9" +
			"\x00\x08\x00\x14\xa3\x82\x95\x4e\x4b\xe6\x7b\xf1\x17\x84\xc9\x7c\x82\x92\xc2\x75\xbf\xe3\xed\x41" +
			"\x80\x28\x00\x04\xc8\xfb\x0b\x4c",
	} {
		addr, err := id.parseBinding([]byte(msg))
		if err != nil || addr.String() != want {
			t.Errorf("%v %v, want %s", addr, err, want)
		}
		bad := []byte(msg)
		bad[len(bad)-1] ^= 1
		if _, err := id.parseBinding(bad); !errors.Is(err, errDiscard) {
			t.Errorf("with a wrong fingerprint: %v", err)
		}
	}
}

// A reply is the datagrams that a server sends in answer to a request.
type reply func(request []byte) [][]byte

// replies are servers, good and bad. The address that is true is 192.0.2.25.
var replies = map[string]struct {
	reply reply
	want  string
}{
	"plain": {func(q []byte) [][]byte {
		return [][]byte{message(bindingSuccess, q[8:20], mapped("192.0.2.25", q[8:20]))}
	}, "192.0.2.25"},
	"with a fingerprint": {func(q []byte) [][]byte {
		return [][]byte{fingerprinted(message(bindingSuccess, q[8:20], attribute(0x8022, []byte("test")), mapped("192.0.2.25", q[8:20])))}
	}, "192.0.2.25"},
	"old attributes": {func(q []byte) [][]byte {
		return [][]byte{message(bindingSuccess, q[8:20], attribute(1, make([]byte, 8)), attribute(4, make([]byte, 8)), attribute(5, make([]byte, 8)), mapped("192.0.2.25", q[8:20]))}
	}, "192.0.2.25"},
	"the first counts": {func(q []byte) [][]byte {
		return [][]byte{message(bindingSuccess, q[8:20], mapped("192.0.2.25", q[8:20]), mapped("192.0.2.66", q[8:20]))}
	}, "192.0.2.25"},
	"forgeries before": {func(q []byte) [][]byte {
		other := bytes.Repeat([]byte{7}, 12)
		good := message(bindingSuccess, q[8:20], mapped("192.0.2.25", q[8:20]))
		cookie := slices.Clone(good)
		cookie[4] ^= 1
		return [][]byte{
			nil, []byte("x"), bytes.Repeat([]byte{0xff}, 1400), q, cookie, good[:len(good)-4], append(slices.Clone(good), 0, 0, 0, 0),
			message(bindingSuccess, other, mapped("192.0.2.66", other)),
			message(0x0111, other, attribute(attrErrorCode, []byte{0, 0, 4, 0})),
			message(0x0011, q[8:20], mapped("192.0.2.66", q[8:20])),
			message(bindingSuccess, q[8:20], []byte{0, 0x20, 0xff, 0xff}),
			message(bindingSuccess, q[8:20], attribute(attrXORMappedAddress, []byte{0, 3, 0, 0, 1, 2, 3, 4})),
			message(bindingSuccess, q[8:20], attribute(attrXORMappedAddress, []byte{0, 2, 0, 0, 1, 2, 3, 4})),
			good,
		}
	}, "192.0.2.25"},
	"an error": {func(q []byte) [][]byte {
		return [][]byte{message(bindingError, q[8:20], attribute(attrErrorCode, append([]byte{0, 0, 4, 1}, "Un\x1b[2Jauthorized"...)))}
	}, `error: the error 401 "Un\x1b[2Jauthorized"`},
	"another server": {func(q []byte) [][]byte {
		return [][]byte{message(bindingError, q[8:20], attribute(attrErrorCode, []byte{0, 0, 3, 0}))}
	}, "error: wants another one to be asked"},
	"an error without a code": {func(q []byte) [][]byte { return [][]byte{message(bindingError, q[8:20])} }, "error: does not say which"},
	"no address":              {func(q []byte) [][]byte { return [][]byte{message(bindingSuccess, q[8:20])} }, "error: no XOR-MAPPED-ADDRESS"},
	"an attribute to be understood": {func(q []byte) [][]byte {
		return [][]byte{message(bindingSuccess, q[8:20], attribute(0x7777, nil), mapped("192.0.2.25", q[8:20]))}
	}, "error: 0x7777"},
	"the other family": {func(q []byte) [][]byte {
		return [][]byte{message(bindingSuccess, q[8:20], mapped("2001:db8::25", q[8:20]))}
	}, "error: 2001:db8::25 is not a public IPv4 address"},
	"private": {func(q []byte) [][]byte {
		return [][]byte{message(bindingSuccess, q[8:20], mapped("192.168.1.1", q[8:20]))}
	}, "error: private"},
	"a flood": {func(q []byte) [][]byte {
		return slices.Repeat([][]byte{message(0x0011, q[8:20])}, maxDiscarded+1)
	}, "error: "}, // too much, or lost on the way
}

func TestSTUN(t *testing.T) {
	for name, test := range replies {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server, err := net.ListenPacket("udp4", "127.0.0.1:0")
			if err != nil {
				t.Skip(err)
			}
			defer server.Close()
			go func() {
				buf := make([]byte, 1500)
				for {
					n, from, err := server.ReadFrom(buf)
					if err != nil {
						return
					}
					if n != headerLength || binary.BigEndian.Uint16(buf) != bindingRequest {
						continue
					}
					for _, datagram := range test.reply(slices.Clone(buf[:n])) {
						_, _ = server.WriteTo(datagram, from)
					}
				}
			}()
			ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
			defer cancel()
			d := &Detector{Refuse: refuse, Sources: []Source{source(t, "stun:"+server.LocalAddr().String())}}
			checkReading(t, d.Detect(ctx, IPv4), test.want)
		})
	}
}

// TestSTUNFromElsewhere: an answer from another address than the one asked is none,
// though it knows the transaction.
func TestSTUNFromElsewhere(t *testing.T) {
	server, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer server.Close()
	other, err := net.ListenPacket("udp4", "127.0.0.1:0")
	if err != nil {
		t.Skip(err)
	}
	defer other.Close()
	go func() {
		buf := make([]byte, 1500)
		_, from, err := server.ReadFrom(buf)
		if err == nil {
			_, _ = other.WriteTo(message(bindingSuccess, buf[8:20], mapped("192.0.2.66", buf[8:20])), from)
			_, _ = server.WriteTo(message(bindingSuccess, buf[8:20], mapped("192.0.2.25", buf[8:20])), from)
		}
	}()
	d := &Detector{Sources: []Source{source(t, "stun:"+server.LocalAddr().String())}}
	checkReading(t, d.Detect(t.Context(), IPv4), "192.0.2.25")
}

// A packetConn is one end of a network without loss on which a server answers the
// nth request (from 1) with what answer gives.
type packetConn struct {
	net.Conn
	local net.Addr
}

func (c packetConn) LocalAddr() net.Addr { return c.local }

func network(t *testing.T, answer func(n int, q []byte) []byte, sent *[]time.Duration) *Detector {
	return &Detector{
		Sources: []Source{source(t, "stun:192.0.2.1")},
		Dial: func(_ context.Context, network, address string) (net.Conn, error) {
			if network != "udp4" || address != "192.0.2.1:3478" {
				return nil, fmt.Errorf("%s %s is dialled", network, address)
			}
			ours, theirs := net.Pipe()
			start := time.Now()
			go func() {
				defer theirs.Close()
				buf := make([]byte, 1500)
				for n := 1; ; n++ {
					size, err := theirs.Read(buf)
					if err != nil {
						return
					}
					*sent = append(*sent, time.Since(start))
					if msg := answer(n, buf[:size]); msg != nil {
						if _, err := theirs.Write(msg); err != nil {
							return
						}
					}
				}
			}()
			return packetConn{ours, &net.UDPAddr{IP: net.IPv4(192, 168, 0, 9)}}, nil
		},
	}
}

// TestSTUNRetransmits holds the times of RFC 8489, 6.2.1.
func TestSTUNRetransmits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		d := network(t, func(int, []byte) []byte { return nil }, &sent)
		start := time.Now()
		checkReading(t, d.Detect(t.Context(), IPv4), "error: no answer in time")
		synctest.Wait()
		var want []time.Duration
		for _, ms := range []int{0, 500, 1500, 3500, 7500, 15500, 31500} {
			want = append(want, time.Duration(ms)*time.Millisecond)
		}
		if !slices.Equal(sent, want) || time.Since(start) != 39500*time.Millisecond {
			t.Errorf("sent at %v, given up after %v", sent, time.Since(start))
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		d := network(t, func(n int, q []byte) []byte {
			if n < 3 {
				return []byte("not yet")
			}
			return message(bindingSuccess, q[8:20], mapped("192.0.2.25", q[8:20]))
		}, &sent)
		r := d.Detect(t.Context(), IPv4)
		synctest.Wait()
		checkReading(t, r, "192.0.2.25")
		if len(sent) != 3 {
			t.Errorf("sent at %v", sent)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		defer cancel()
		start := time.Now()
		d := network(t, func(int, []byte) []byte { return nil }, &sent)
		checkReading(t, d.Detect(ctx, IPv4), "error: no answer in time")
		if time.Since(start) != 2*time.Second {
			t.Errorf("given up after %v", time.Since(start))
		}
		synctest.Wait()
	})
}

// TestBehindCarrier: the address that a server sees is the carrier's, and not to be published.
func TestBehindCarrier(t *testing.T) {
	d := &Detector{Dial: func(context.Context, string, string) (net.Conn, error) {
		ours, theirs := net.Pipe()
		t.Cleanup(func() { theirs.Close() })
		return packetConn{ours, &net.UDPAddr{IP: net.IPv4(100, 64, 0, 9)}}, nil
	}}
	for _, text := range []string{"stun:192.0.2.1", "https://192.0.2.1/"} {
		d.Sources = []Source{source(t, text)}
		checkReading(t, d.Detect(t.Context(), IPv4), "error: this machine has 100.64.0.9, which is shared")
	}
}

// TestTimeIsShared: a server that is silent leaves time for the next.
func TestTimeIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sent []time.Duration
		d := network(t, func(int, []byte) []byte { return nil }, &sent)
		d.Sources = append(d.Sources, source(t, "address:192.0.2.25"))
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		start := time.Now()
		checkReading(t, d.Detect(ctx, IPv4), "192.0.2.25")
		if took := time.Since(start); took != 10*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// TestTransactionsDiffer: whoever cannot see a request cannot answer it.
func TestTransactionsDiffer(t *testing.T) {
	seen := make(map[string]bool)
	synctest.Test(t, func(t *testing.T) {
		for range 20 {
			var sent []time.Duration
			d := network(t, func(_ int, q []byte) []byte {
				seen[string(q[8:20])] = true
				return message(bindingError, q[8:20])
			}, &sent)
			d.Detect(t.Context(), IPv4)
		}
		synctest.Wait()
	})
	if len(seen) != 20 {
		t.Errorf("%d transactions of 20 are different", len(seen))
	}
}

func FuzzSTUN(f *testing.F) {
	id := transaction{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}
	for _, r := range replies {
		for _, msg := range r.reply(id.request()) {
			if len(msg) < 200 {
				f.Add(msg)
			}
		}
	}
	f.Fuzz(func(t *testing.T, msg []byte) {
		before := slices.Clone(msg)
		addr, err := id.parseBinding(msg)
		switch {
		case !bytes.Equal(before, msg):
			t.Error("the message was changed")
		case (err == nil) != addr.IsValid():
			t.Errorf("%v %v", addr, err)
		case err == nil && (len(msg) < headerLength || !bytes.Equal(msg[8:20], id[:])):
			t.Error("an answer to another question is believed")
		case err != nil && strings.ContainsFunc(err.Error(), func(r rune) bool { return r < ' ' || r > '~' }):
			t.Errorf("control octets in %q", err.Error())
		}
	})
}
