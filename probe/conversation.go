package probe

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// parting is how long a QUIT may take that nobody is waited for to answer.
const parting = 250 * time.Millisecond

// A conversation is one under way.
type conversation struct {
	prober  *Prober
	ctx     context.Context
	session *Session
	limits  Timeouts
	line    *line
	conn    net.Conn // line.conn or, later, TLS over it
	in      *replies
	inStep  bool   // host and prober agree on whose turn it is, so QUIT will be answered
	broken  bool   // nothing that is sent now would be understood
	answer  func() // takes the answer to the last word; nil where none is to be expected
}

// hold takes all stages.
func (c *conversation) hold() {
	if !c.connect() {
		return
	}
	if c.greet() {
		c.talk()
	}
	c.quit()
}

// talk takes the stages between the greeting and QUIT.
func (c *conversation) talk() {
	if !c.wants(StageEHLO) || !c.hello(StageEHLO) {
		return
	}
	if _, offered := c.session.Extension("STARTTLS"); offered && c.wants(StageSTARTTLS) {
		if c.startTLS() && (!c.wants(StageEHLO2) || !c.hello(StageEHLO2)) {
			return
		}
	}
	if c.open() {
		c.transact()
	}
	if c.session.Target.Unended != nil && c.open() {
		c.tryEndings()
	}
}

func (c *conversation) wants(stage Stage) bool {
	return c.session.Target.Last == 0 || stage <= c.session.Target.Last
}

func (c *conversation) connect() bool {
	start := time.Now()
	ctx, cancel := context.WithTimeout(c.ctx, c.limits.Connect)
	defer cancel()
	dial := c.prober.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, "tcp", c.session.Target.Endpoint())
	step := Step{Stage: StageConnect, Took: time.Since(start)}
	if err != nil {
		if ctx.Err() != nil && c.ctx.Err() == nil {
			err = context.DeadlineExceeded // whatever the dialer calls it
		}
		step.Err = c.fault(StageConnect, err, c.limits.Connect)
		c.session.fail(step)
		return false
	}
	c.session.Steps = append(c.session.Steps, step)
	c.line = newLine(c.ctx, conn)
	c.conn = conn
	c.in = newReplies(conn, maxReplies)
	return true
}

func (c *conversation) greet() bool {
	return c.wants(StageBanner) && c.exchange(StageBanner, "", c.limits.Banner, 220)
}

// hello says EHLO and, where a host does not know that, HELO (RFC 5321, 3.2).
func (c *conversation) hello(stage Stage) bool {
	name := c.session.Target.HELO
	if name == "" {
		name = literal(c.line.conn.LocalAddr())
	}
	before := c.session.Err
	if c.command(stage, "EHLO "+name, 250) {
		return true
	}
	last := c.session.Steps[len(c.session.Steps)-1]
	if !c.inStep || last.Err.Kind != Permanent || !c.command(stage, "HELO "+name, 250) {
		return false
	}
	c.session.Err = before // HELO did, so nothing went wrong
	return true
}

// literal is the address literal of the connection's own end (RFC 5321, 4.1.3).
func literal(local net.Addr) string {
	at, err := netip.ParseAddrPort(local.String())
	switch addr := at.Addr().Unmap(); {
	case err != nil:
		return "[127.0.0.1]"
	case addr.Is4():
		return "[" + addr.String() + "]"
	default:
		return "[IPv6:" + addr.WithZone("").String() + "]"
	}
}

// command sends a command and reports whether the reply has one of the codes.
func (c *conversation) command(stage Stage, command string, want ...int) bool {
	return c.exchange(stage, command, c.limits.Command, want...)
}

// exchange sends a command, if it is not empty, and takes the reply.
func (c *conversation) exchange(stage Stage, text string, limit time.Duration, want ...int) bool {
	return c.ask(limit, command{stage, text, want})
}

// A command is one to send, and the codes with which it succeeds.
type command struct {
	stage Stage
	text  string // empty: the host has the word
	want  []int
}

// ask sends commands, all at once, and takes their replies, each within limit.
// It reports whether all succeeded. After the first that is not answered, or with
// which the host closes the channel, the others are forgotten.
func (c *conversation) ask(limit time.Duration, list ...command) bool {
	start := time.Now()
	c.line.allow(limit)
	c.inStep = false
	err := c.write(list)
	all := true
	for _, cmd := range list {
		step := Step{Stage: cmd.stage, Command: cmd.text}
		if err == nil {
			c.line.allow(limit)
			step.Reply, err = c.in.next()
		}
		now := time.Now()
		step.Took, start = now.Sub(start), now
		if err != nil {
			step.Err = c.fault(cmd.stage, err, limit)
			c.broken = step.Err.Kind == Closed
			c.session.fail(step)
			return false
		}
		if step.Err = refusal(cmd.stage, step.Reply, cmd.want); step.Err != nil {
			all = false
			c.session.fail(step)
		} else {
			c.session.Steps = append(c.session.Steps, step)
		}
		if step.Reply.Code == 421 { // the host has closed the channel (RFC 5321, 3.8)
			break
		}
	}
	c.inStep = true
	return all
}

func (c *conversation) write(list []command) error {
	var text strings.Builder
	for _, cmd := range list {
		if cmd.text != "" {
			text.WriteString(cmd.text + "\r\n")
		}
	}
	if text.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(c.conn, text.String())
	return err
}

// open reports whether a further command would be understood.
func (c *conversation) open() bool {
	last := c.session.Steps[len(c.session.Steps)-1]
	return !c.broken && c.inStep && last.Reply.Code != 421
}

// refusal is what a reply with none of the codes means; nil if it has one.
func refusal(stage Stage, reply Reply, want []int) *Error {
	for _, code := range want {
		if reply.Code == code {
			return nil
		}
	}
	e := &Error{Stage: stage, Kind: Garbage, Detail: reply.quoted()}
	switch reply.Code / 100 {
	case 4:
		e.Kind = Temporary
	case 5:
		e.Kind = Permanent
	default:
		e.Detail = fmt.Sprintf("unexpected reply %d", reply.Code)
	}
	return e
}

// fault tells apart why a stage could not be finished.
func (c *conversation) fault(stage Stage, err error, limit time.Duration) *Error {
	e := &Error{Stage: stage, Kind: kindOf(err), Err: err}
	var garbage errGarbage
	switch {
	case errors.As(err, &garbage):
		e.Kind, e.Detail = Garbage, garbage.why
	case context.Cause(c.ctx) == errTotal:
		e.Kind, e.Detail = Timeout, fmt.Sprintf("the conversation took more than %v", c.limits.Total)
	case c.ctx.Err() != nil:
		e.Kind = Canceled
	case e.Kind == Timeout:
		e.Detail = fmt.Sprintf("nothing within %v", limit)
		if stage != StageConnect {
			e.Detail = fmt.Sprintf("no complete answer within %v", limit)
		}
	case e.Kind == Other:
		e.Detail = err.Error()
	}
	return e
}

// quit takes leave, unless the host could not read it.
func (c *conversation) quit() {
	if c.broken || !c.wants(StageBanner) || c.inStep && c.ctx.Err() == nil && !c.open() {
		return
	}
	c.lastWord("QUIT", func() { c.in.next() })
}

// lastWord is the end of what is told of the conversation. answer takes what the
// host says to it, where it is the host's turn then.
func (c *conversation) lastWord(text string, answer func()) {
	switch {
	case !c.inStep || c.ctx.Err() != nil:
		c.line.insist(parting)
	case c.prober.Later == nil:
		c.answer = answer
		c.line.allow(c.limits.Quit)
	default:
		c.answer = answer
		c.line.insist(c.limits.Quit) // the context ends with what is told
	}
	if _, err := io.WriteString(c.conn, text+"\r\n"); err != nil {
		c.answer = nil
		return
	}
	c.session.Steps = append(c.session.Steps, Step{Stage: StageQuit, Command: text})
}

// part waits for the answer to the last word, if there is one to come, and hangs up.
func (c *conversation) part() {
	if c.line == nil {
		return
	}
	defer c.line.hangUp()
	if c.answer != nil {
		c.answer()
	}
	if c.conn != c.line.conn {
		c.line.insist(parting)
		c.conn.Close() // tells the host that TLS ends here
	}
}

// A line is the connection with its deadline, which the end of a context moves
// into the past for good.
type line struct {
	conn net.Conn
	stop func() bool
	mu   sync.Mutex
	over bool
}

func newLine(ctx context.Context, conn net.Conn) *line {
	l := &line{conn: conn}
	l.stop = context.AfterFunc(ctx, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		if !l.over {
			l.over = true
			l.conn.SetDeadline(time.Unix(1, 0))
		}
	})
	return l
}

// allow gives what follows so much time.
func (l *line) allow(limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.over {
		l.conn.SetDeadline(time.Now().Add(limit))
	}
}

// insist gives the last word so much time, even when the context has ended.
func (l *line) insist(limit time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	l.conn.SetDeadline(time.Now().Add(limit))
}

func (l *line) hangUp() {
	l.stop()
	l.conn.Close()
}

// clean is a host name as certificates and SNI have it.
func clean(host string) string { return strings.TrimSuffix(strings.ToLower(host), ".") }
