package resolve

import (
	"context"
	"time"
)

// An Exchanger asks a question and returns the whole message that answers it,
// as on the wire: with signatures (DO), and with what does not validate (CD).
// The message is NOERROR or NXDOMAIN; every other end is an *Error.
type Exchanger interface {
	Exchange(context.Context, Question) ([]byte, error)
}

// Exchange asks q as Resolve does, over the same connections, and returns the
// message of the first server with a conclusive answer. It follows no CNAME.
func (c *Client) Exchange(ctx context.Context, q Question) ([]byte, error) {
	q, fault := prepared(ctx, q)
	if fault != nil {
		return nil, fault
	}
	servers, err := c.order(q)
	if err != nil {
		return nil, &Error{Question: q, Kind: Unreachable, Err: err}
	}
	if len(servers) == 0 {
		return nil, &Error{Question: q, Kind: Unreachable, Detail: "no DNS server is configured"}
	}
	deadline := time.Now().Add(c.opts.Timeout * time.Duration(c.opts.Attempts))
	r, _, fault := c.race(ctx, deadline, &race{
		q: q, raw: true, servers: servers, most: len(servers) * c.opts.Attempts, enough: max(2, len(servers)),
	})
	if fault != nil {
		if err := ctx.Err(); err != nil {
			return nil, canceled(q, err)
		}
		fault.Question = q
		return nil, fault
	}
	return r.wire, nil
}
