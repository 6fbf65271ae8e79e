package ddns

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"time"
)

// How often a request is sent: after RTO, twice that, and so on, Rc times in all;
// then Rm times RTO is waited for an answer (RFC 8489, 6.2.1): 39.5 s together.
const (
	initialRTO   = 500 * time.Millisecond
	requestCount = 7
	lastWait     = 16

	maxDiscarded = 1000 // datagrams that are not the answer
)

// bySTUN is the address that a STUN server sees.
func (d *Detector) bySTUN(ctx context.Context, s Source, f Family) (netip.Addr, error) {
	addrs, err := d.lookup(ctx, s.name, f)
	if err != nil {
		return netip.Addr{}, err
	}
	var errs []error
	for i, a := range addrs {
		part, cancel := share(ctx, len(addrs)-i)
		addr, err := d.binding(part, netip.AddrPortFrom(a, s.port), f)
		cancel()
		if err == nil {
			return addr, nil
		}
		var none *noneError
		if errors.As(err, &none) {
			return netip.Addr{}, err
		}
		if a.String() != s.name {
			err = fmt.Errorf("%s: %w", a, err)
		}
		errs = append(errs, err)
		if ctx.Err() != nil {
			break
		}
	}
	return netip.Addr{}, errors.Join(errs...)
}

// binding is one transaction with one server. The socket is connected: what others
// than the server send does not reach it.
func (d *Detector) binding(ctx context.Context, server netip.AddrPort, f Family) (netip.Addr, error) {
	conn, err := d.dial(ctx, f.network("udp"), net.JoinHostPort(server.Addr().String(), strconv.Itoa(int(server.Port()))))
	if noRoute(err) {
		return netip.Addr{}, &noneError{fmt.Sprintf("this machine has no route to the internet by %s", f)}
	}
	if err != nil {
		return netip.Addr{}, err
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	var t transaction
	random := d.Random
	if random == nil {
		random = rand.Reader
	}
	if _, err := io.ReadFull(random, t[:]); err != nil {
		return netip.Addr{}, err
	}
	if err := shared(conn); err != nil {
		return netip.Addr{}, err
	}
	return exchange(ctx, conn, t)
}

// exchange sends the request until it is answered, and gives up in the end.
func exchange(ctx context.Context, conn net.Conn, t transaction) (netip.Addr, error) {
	var oddity error
	discarded := 0
	rto := initialRTO
	for n := 1; n <= requestCount; n++ {
		if _, err := conn.Write(t.request()); err != nil {
			return netip.Addr{}, sendFault(ctx, err)
		}
		wait := rto
		if n == requestCount {
			wait = lastWait * initialRTO
		}
		until := time.Now().Add(wait)
		rto *= 2
		for {
			msg, err := receive(ctx, conn, until)
			if errors.Is(err, os.ErrDeadlineExceeded) && ctx.Err() == nil {
				break
			}
			if err != nil {
				return netip.Addr{}, sendFault(ctx, err)
			}
			addr, err := t.parseBinding(msg)
			if !errors.Is(err, errDiscard) {
				return addr, err
			}
			if oddity, discarded = err, discarded+1; discarded > maxDiscarded {
				return netip.Addr{}, errors.New("it sends too much that is no answer")
			}
		}
	}
	if oddity != nil {
		return netip.Addr{}, fmt.Errorf("no answer in time; what came was %w", oddity)
	}
	return netip.Addr{}, errors.New("no answer in time")
}

// receive is one datagram. The deadline is set before ctx is looked at: whichever
// is later, the end of ctx ends the reading.
func receive(ctx context.Context, conn net.Conn, until time.Time) ([]byte, error) {
	if err := conn.SetReadDeadline(until); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	buf := make([]byte, maxMessage)
	n, err := conn.Read(buf)
	return buf[:n], err
}

// sendFault is an error of the socket in words.
func sendFault(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return errors.New("no answer in time")
	case ctx.Err() != nil:
		return ctx.Err()
	case errors.Is(err, syscall.ECONNREFUSED):
		return errors.New("nothing listens there")
	}
	return err
}
