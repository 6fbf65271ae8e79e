package resolve

import (
	"context"
	"slices"
	"time"

	"github.com/miekg/dns"
)

// outcome is how one try ended.
type outcome struct {
	by    *endpoint
	reply reply
	fault *Error
}

// ask asks servers, in turn, until one of them says something conclusive. All
// tries go on listening until ctx, the time for the whole question, is over.
func (c *Client) ask(ctx context.Context, servers []*endpoint, q Question) (reply, Server, *Error) {
	if len(servers) == 0 {
		return reply{}, Server{}, &Error{Kind: Unreachable, Detail: "no DNS server is configured"}
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()

	most := len(servers) * c.opts.Attempts // tries against silence
	enough := max(2, len(servers))         // failures before giving up: each server once, the only one twice
	results := make(chan outcome, max(most, enough))
	started, failed := 0, 0
	start := func() *endpoint {
		e := servers[started%len(servers)]
		started++
		go func() {
			r, fault := e.ask(ctx, q.Name, q.Type, q.At == "")
			if fault == nil {
				fault = judge(r, q.At != "")
			}
			results <- outcome{e, r, fault}
		}()
		return e
	}
	last := start()
	wait := min(patience, c.opts.Timeout)
	timer := time.NewTimer(wait)
	defer timer.Stop()
	var worst *Error
	for {
		select {
		case o := <-results:
			if o.fault == nil {
				o.by.spoke()
				return o.reply, o.by.server, nil
			}
			o.fault.Server = o.by.server.String()
			if o.fault.Kind == Unreachable {
				o.by.silent()
			}
			worst = worse(worst, o.fault)
			failed++
			if ctx.Err() == nil && failed < enough && started < max(most, enough) {
				last = start()
				timer.Reset(wait)
			} else if failed == started && (failed >= enough || started >= most || ctx.Err() != nil) {
				return reply{}, o.by.server, worst
			}
		case <-timer.C:
			last.silent()
			if started < most {
				last = start()
				timer.Reset(wait)
			}
		}
	}
}

// judge says why a reply is not conclusive; nil where it is.
func judge(r reply, itself bool) *Error {
	switch r.rcode {
	case dns.RcodeSuccess, dns.RcodeNameError:
	case dns.RcodeServerFailure:
		return &Error{Kind: ServFail, Extended: r.extended}
	case dns.RcodeRefused:
		return &Error{Kind: Refused, Extended: r.extended}
	case dns.RcodeNotAuth:
		if itself {
			return &Error{Kind: Lame, Extended: r.extended}
		}
		fallthrough
	default:
		return &Error{Kind: Malformed, Detail: rcodeName(r.rcode), Extended: r.extended}
	}
	if itself {
		if !r.aa {
			return &Error{Kind: Lame, Extended: r.extended}
		}
		return nil
	}
	if slices.ContainsFunc(r.extended, madeUp) {
		return &Error{Kind: Refused, Extended: r.extended}
	}
	// A server that only refers us elsewhere does not recurse.
	if !r.ra && !r.aa && !r.hasAnswers && r.hasNS && !r.hasSOA {
		return &Error{Kind: Refused, Detail: "the server does not offer recursion", Extended: r.extended}
	}
	return nil
}

// madeUp reports whether a resolver says by x that its answer is its own and
// not that of the DNS.
func madeUp(x Extended) bool {
	switch x.Code {
	case dns.ExtendedErrorCodeForgedAnswer, dns.ExtendedErrorCodeBlocked,
		dns.ExtendedErrorCodeCensored, dns.ExtendedErrorCodeFiltered:
		return true
	}
	return false
}

// telling orders kinds by how much they tell, the most first.
var telling = [...]Kind{ServFail, Refused, Lame, Truncated, TooLarge, Malformed, Unreachable, Timeout}

// worse returns the one of two faults of a question that tells more; what
// servers added is kept of both where their kind is the same.
func worse(a, b *Error) *Error {
	if a == nil {
		return b
	}
	if a.Kind == b.Kind {
		a.Extended = addExtended(a.Extended, b.Extended...)
		a.Server = b.Server
		return a
	}
	if slices.Index(telling[:], b.Kind) < slices.Index(telling[:], a.Kind) {
		return b
	}
	return a
}
