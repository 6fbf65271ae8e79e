package probe

import (
	"crypto/tls"
	"fmt"
	"io"
	"strings"
	"time"
)

// Service is what a host is there for at a port.
type Service int

const (
	Relay       Service = iota // SMTP between servers
	Submission                 // SMTP from mail programs (RFC 6409)
	IMAP                       // RFC 9051
	POP3                       // RFC 1939
	ManageSieve                // RFC 5804
)

var serviceNames = [...]string{"SMTP", "submission", "IMAP", "POP3", "ManageSieve"}

func (s Service) String() string {
	if s < 0 || int(s) >= len(serviceNames) {
		return fmt.Sprintf("invalid(%d)", int(s))
	}
	return serviceNames[s]
}

// converse holds the conversation that the target is for.
func (c *conversation) converse() {
	if c.session.Target.Service == Relay {
		c.hold()
		return
	}
	c.attend()
}

// attend talks to a host as a mail program does, as far as to where that would
// log in: it sends no name and no password. It listens to what is offered in
// clear text only, as nothing that is offered inside TLS is of harm.
func (c *conversation) attend() {
	if !c.connect() {
		return
	}
	target := c.session.Target
	if target.ImplicitTLS && !c.handshake() {
		return
	}
	if target.Service == Submission {
		if c.greet() && !target.ImplicitTLS {
			c.beginSubmission()
		}
		c.quit()
		return
	}
	d := dialects[target.Service]
	if c.say(d, StageBanner, "", c.limits.Banner) && !target.ImplicitTLS {
		c.begin(d)
	}
	c.leave(d)
}

// beginSubmission is EHLO, STARTTLS and the handshake.
func (c *conversation) beginSubmission() {
	if !c.hello(StageEHLO) {
		return
	}
	if _, offered := c.session.Extension("STARTTLS"); offered && c.command(StageSTARTTLS, "STARTTLS", 220) {
		c.handshake()
	}
}

// begin asks what is offered, then for TLS, and does the handshake.
func (c *conversation) begin(d dialect) {
	silent := d.list != "" && !c.say(d, StageCapability, d.list, c.limits.Command)
	if silent && !c.inStep {
		return
	}
	if (silent || c.session.OffersTLS()) && c.say(d, StageSTARTTLS, d.secure, c.limits.Command) {
		c.handshake()
	}
}

// handshake does the TLS handshake and reports whether it succeeded.
func (c *conversation) handshake() bool {
	start := time.Now()
	c.line.allow(c.limits.TLS)
	host := clean(c.session.Target.Host)
	secure := tls.Client(c.line.conn, c.prober.config(host, c.session.Target.NewestTLS))
	err := secure.HandshakeContext(c.ctx)
	step := Step{Stage: StageTLS, Took: time.Since(start)}
	if err != nil {
		c.broken = true // undefined after a failed handshake, so no word of leave either
		step.Err = c.handshakeFault(err)
		c.session.fail(step)
		return false
	}
	c.session.Steps = append(c.session.Steps, step)
	c.session.TLS = c.prober.look(secure.ConnectionState(), host)
	c.conn = secure
	c.in = newReplies(secure, c.in.budget)
	return true
}

// A dialect is how a mail program speaks to a service that is not SMTP.
type dialect struct {
	list   string // command that asks what is offered; empty where the greeting says so
	secure string // command that begins TLS
	leave  string
	// reads tells of a line of an answer what comes after it. first is that it is
	// the first one; text is the command, empty for the greeting.
	reads func(line, text string, first bool) ending
}

// An ending is what a line of an answer means for the answer.
type ending int

const (
	more    ending = iota // the answer goes on
	yes                   // it ends: granted
	no                    // it ends: refused
	foreign               // the line is not of the protocol
)

var dialects = map[Service]dialect{
	IMAP:        {list: "a1 CAPABILITY", secure: "a2 STARTTLS", leave: "a3 LOGOUT", reads: readIMAP},
	POP3:        {list: "CAPA", secure: "STLS", leave: "QUIT", reads: readPOP3},
	ManageSieve: {secure: "STARTTLS", leave: "LOGOUT", reads: readSieve},
}

// readIMAP reads a line of IMAP (RFC 9051, 7).
func readIMAP(line, text string, _ bool) ending {
	tag, rest, _ := strings.Cut(line, " ")
	word, _, _ := strings.Cut(rest, " ")
	word = strings.ToUpper(word)
	mine, _, _ := strings.Cut(text, " ")
	switch {
	case tag == "*" && text != "":
		return more
	case tag == "*" && (word == "OK" || word == "PREAUTH"):
		return yes
	case tag == "*" && word == "BYE":
		return no
	case text != "" && tag == mine && word == "OK":
		return yes
	case text != "" && tag == mine && (word == "NO" || word == "BAD"):
		return no
	}
	return foreign
}

// readPOP3 reads a line of POP3 (RFC 1939, 3); the answer to CAPA goes on until a
// line with nothing but a dot (RFC 2449, 5).
func readPOP3(line, text string, first bool) ending {
	word, _, _ := strings.Cut(line, " ")
	switch {
	case !first && line == ".":
		return yes
	case !first:
		return more
	case word == "-ERR":
		return no
	case word == "+OK" && text == "CAPA":
		return more
	case word == "+OK":
		return yes
	}
	return foreign
}

// readSieve reads a line of ManageSieve (RFC 5804, 1.2): capabilities are quoted,
// or literals after their length.
func readSieve(line, _ string, _ bool) ending {
	word, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch {
	case word == "OK":
		return yes
	case word == "NO" || word == "BYE":
		return no
	case strings.HasPrefix(line, `"`):
		return more
	}
	return foreign
}

// say sends a command, if it is not empty, and takes the answer. It reports
// whether that is granted.
func (c *conversation) say(d dialect, stage Stage, text string, limit time.Duration) bool {
	start := time.Now()
	c.line.allow(limit)
	c.inStep = false
	step := Step{Stage: stage, Command: text}
	var err error
	if text != "" {
		_, err = io.WriteString(c.conn, text+"\r\n")
	}
	end := more
	if err == nil {
		end, err = c.take(d, &step.Reply, text)
	}
	step.Took = time.Since(start)
	switch {
	case err != nil:
		step.Err = c.fault(stage, err, limit)
		if step.Err.Kind == Garbage {
			step.Err.Kind = Mismatch
		}
		c.broken = step.Err.Kind == Closed
	case end == no:
		c.inStep = text != "" // a host that greets so has closed the channel
		step.Err = &Error{Stage: stage, Kind: Permanent, Detail: step.Reply.quoted()}
	default:
		c.inStep = true
	}
	c.session.Steps = append(c.session.Steps, step)
	told := stage == StageCapability && end == no // it knows no such command, so it did its part
	if step.Err != nil && !told && c.session.Err == nil {
		c.session.Err = step.Err
	}
	return step.Err == nil
}

// take reads an answer to its end.
func (c *conversation) take(d dialect, reply *Reply, text string) (end ending, err error) {
	for err == nil && end == more {
		end, err = c.next(d, reply, text)
	}
	return end, err
}

// next reads one line of an answer.
func (c *conversation) next(d dialect, reply *Reply, text string) (ending, error) {
	line, err := c.in.line()
	if line != "" || err == nil {
		reply.Lines = append(reply.Lines, line)
	}
	if err != nil {
		return more, err
	}
	end := d.reads(line, text, len(reply.Lines) == 1)
	switch {
	case end == foreign:
		return end, errGarbage{"an unexpected line"}
	case end == more && len(reply.Lines) >= maxReplyLines:
		return end, errGarbage{fmt.Sprintf("an answer of more than %d lines", maxReplyLines)}
	}
	return end, nil
}

// leave takes leave as quit does.
func (c *conversation) leave(d dialect) {
	last := c.session.Steps[len(c.session.Steps)-1]
	if c.broken || last.Err != nil && last.Err.Kind == Mismatch {
		return
	}
	c.lastWord(d.leave, func() { c.take(d, new(Reply), d.leave) })
}
