package resolve

import (
	"context"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"net"
	"time"

	"github.com/miekg/dns"

	"github.com/maildoctor/maildoctor/record"
)

// transfer asks for a zone, over a connection of its own, and hangs up after
// the first message: it tells whether the server gives the zone away, and nobody
// shall have it here.
func (c *Client) transfer(ctx context.Context, q Inquiry, limit time.Duration) (Statement, error) {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	server := Server{Network: "tcp", Host: q.Server.String(), Port: standardPorts["tcp"]}
	fail := func(fault *Error) (Statement, error) {
		fault.Question, fault.Server = q.Question(), server.String()
		return Statement{}, fault
	}
	c.mu.Lock()
	closed := c.closed.Load()
	if !closed {
		c.wg.Add(1)
	}
	c.mu.Unlock()
	if closed {
		return Statement{}, canceled(q.Question(), net.ErrClosed)
	}
	defer c.wg.Done()
	msg, err := c.firstMessage(ctx, server, q.Name)
	if err != nil {
		if errors.Is(context.Cause(ctx), context.Canceled) {
			return Statement{}, canceled(q.Question(), context.Canceled)
		}
		return fail(transportError(err))
	}
	s, err := transferred(q, msg)
	if err != nil {
		return fail(&Error{Kind: Malformed, Err: err})
	}
	return s, nil
}

// firstMessage sends the question and reads one message.
func (c *Client) firstMessage(ctx context.Context, server Server, zone string) ([]byte, error) {
	conn, err := c.opts.Dial(ctx, "tcp", server.address())
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now()) })
	defer stop()
	m := new(dns.Msg).SetAxfr(zone)
	m.Id = uint16(rand.Uint32())
	wire, err := m.Pack()
	if err != nil {
		return nil, err
	}
	frame := append(binary.BigEndian.AppendUint16(nil, uint16(len(wire))), wire...)
	if _, err := conn.Write(frame); err != nil {
		return nil, err
	}
	msg, err := readFrame(conn)
	if err != nil {
		return nil, err
	}
	if len(msg) < headerLen || binary.BigEndian.Uint16(msg) != m.Id || msg[2]&0x80 == 0 {
		return nil, errForeign
	}
	return msg, nil
}

// transferred reads the header and the first record, which of a transfer is the
// zone's SOA (RFC 5936, 2.2). The rest, up to 64 KiB of zone, is not looked at.
func transferred(q Inquiry, msg []byte) (Statement, error) {
	s := Statement{Inquiry: q, Code: rcodeName(int(msg[3] & 0xf)), Authoritative: msg[2]&0x04 != 0, Recursive: msg[3]&0x80 != 0}
	if msg[3]&0xf != dns.RcodeSuccess || binary.BigEndian.Uint16(msg[6:]) == 0 {
		return s, nil
	}
	off, err := headerLen, error(nil)
	for range binary.BigEndian.Uint16(msg[4:]) {
		if off, err = skipName(msg, off); err != nil {
			return s, err
		}
		if off += 4; off > len(msg) {
			return s, errShort
		}
	}
	rr, _, err := dns.UnpackRR(msg, off)
	if err != nil {
		return s, err
	}
	s.Answer = []record.Record{toRecord(rr)}
	return s, nil
}
