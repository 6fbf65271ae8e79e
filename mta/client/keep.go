package client

import (
	"context"
	"errors"
	"net"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// Keep lets go of the context of Connect, so that the conversation can go on with
// another message when that has ended. It reports whether there is one to go on with:
// everything was answered, and nothing was said beyond that. Else only Close is left.
func (k *Conn) Keep() bool {
	if !k.Open() || len(k.in.Ahead()) > 0 || !k.stop() {
		return false
	}
	k.cancel()
	k.ctx, k.cancel = context.WithCancel(context.Background())
	k.stop = func() bool { return true }
	return true
}

// maxReset is how long the answer to RSET may take. It does nothing, and there is
// always the other way: to connect anew.
const maxReset = 15 * time.Second

// Resume goes on with a conversation that was kept, under another context. With an
// error it is at its end, and nothing of the message to come was said. The Session
// then begins with how the conversation did, up to where the first message went,
// and goes on with RSET.
func (k *Conn) Resume(ctx context.Context) *probe.Error {
	k.cancel()
	k.ctx, k.cancel = context.WithTimeout(ctx, k.limits.Total)
	k.stop = context.AfterFunc(k.ctx, k.cutOff)
	k.begun = time.Now()
	first := slices.IndexFunc(k.session.Steps, func(s probe.Step) bool { return s.Stage == probe.StageMail })
	if first >= 0 {
		k.session.Steps = slices.Clone(k.session.Steps[:first])
	}
	k.session.Err = nil
	if err := k.quiet(); err != nil {
		k.broken = true
		return k.note(probe.Step{Stage: probe.StageReset}, k.begun, probe.Failure(probe.StageReset, err))
	}
	k.in = probe.NewReplies(k.conn, 0) // what it has read counts for one message
	return k.exchange(probe.StageReset, "RSET", min(k.limits.Command, maxReset), 250)
}

// cutOff has whatever waits for the host wait no longer.
func (k *Conn) cutOff() {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.over = true
	k.raw.SetDeadline(time.Unix(1, 0))
}

var errUnasked = errors.New("the host spoke unasked")

// quiet makes sure that the host has neither hung up nor said anything: that would be
// taken for the answer to what we say next, and each answer for that to the next
// command from then on.
func (k *Conn) quiet() error {
	k.allow(time.Millisecond)
	n, err := k.conn.Read(make([]byte, 1))
	var timeout net.Error
	switch {
	case n > 0:
		return errUnasked
	case errors.As(err, &timeout) && timeout.Timeout() && k.ctx.Err() == nil:
		return nil
	}
	return err
}
