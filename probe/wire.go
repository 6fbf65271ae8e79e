package probe

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"time"
)

// Replies reads the replies of one connection as a conversation does: it trusts
// no length. It is for those who hold conversations that are not held here.
type Replies struct{ in *replies }

// NewReplies reads at most budget octets of replies from r; 0 is 128 KiB.
func NewReplies(r io.Reader, budget int) *Replies {
	if budget <= 0 {
		budget = maxReplies
	}
	return &Replies{newReplies(r, budget)}
}

// Next reads one reply. With an error, of which Failure makes an Error, it
// returns what came before it, half a line included.
func (r *Replies) Next() (Reply, error) { return r.in.next() }

// Ahead is what has been received beyond the last reply.
func (r *Replies) Ahead() []byte {
	ahead, _ := r.in.in.Peek(r.in.in.Buffered())
	return append([]byte(nil), ahead...)
}

// Failure tells apart why a stage could not be finished. In StageTLS it is that of
// a handshake.
func Failure(stage Stage, err error) *Error {
	e := &Error{Stage: stage, Kind: kindOf(err), Err: err}
	var garbage errGarbage
	var op *net.OpError
	alert := stage == StageTLS && errors.As(err, &op) && op.Op == "remote error"
	switch {
	case errors.As(err, &garbage):
		e.Kind, e.Detail = Garbage, garbage.why
	case stage == StageTLS && (e.Kind == Other || alert):
		e.Kind, e.Detail = Handshake, strings.TrimPrefix(err.Error(), "tls: ")
	case e.Kind == Other:
		e.Detail = err.Error()
	}
	return e
}

// Refusal is what a reply with none of the codes means for a stage; nil if it has
// one of them.
func Refusal(stage Stage, reply Reply, want ...int) *Error { return refusal(stage, reply, want) }

// Inspect takes down what a handshake that accepts any certificate showed, and
// verifies the chain against roots (nil: the system's) at now, and the name.
func Inspect(state tls.ConnectionState, host string, roots *x509.CertPool, now time.Time) *TLS {
	p := &Prober{RootCAs: roots, Now: func() time.Time { return now }}
	return p.look(state, clean(host))
}
