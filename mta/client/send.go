package client

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// A Mail is a message and its envelope, as one transaction has them.
type Mail struct {
	From  string // reverse-path without angle brackets; empty: the null reverse-path
	Rcpts []Rcpt
	// Open opens the message, whose line ends are CRLF.
	Open func() (io.ReadCloser, error)
	Size int64 // octets of the message

	EightBit   bool   // the message needs 8BITMIME (RFC 6152)
	SMTPUTF8   bool   // the message or an address need it (RFC 6531)
	RequireTLS bool   // RFC 8689
	Ret, EnvID string // RFC 3461, 4.3 and 4.4; for hosts that offer DSN
}

// A Rcpt is one recipient.
type Rcpt struct {
	Addr   string   // forward-path without angle brackets
	Notify []string // RFC 3461, 4.1; nil: not given
	ORcpt  string   // RFC 3461, 4.2; type;xtext
}

// An Answer is what came of one recipient.
type Answer struct {
	Stage probe.Stage  // at which it was decided; StageMessage where the final dot was answered
	Reply probe.Reply  // that decided it, as far as it came
	Err   *probe.Error // nil: the host has taken the responsibility
	// Maybe tells that all of the message was sent and no clear answer came: the host
	// may have taken it (RFC 5321, 4.5.3.2.6; RFC 1047).
	Maybe bool
}

// ErrSyntax is an address that would break the command that it goes into.
var ErrSyntax = errors.New("the address cannot be put into a command")

// Sendable reports whether an address, or a parameter, can be put into a command.
func Sendable(text string) error {
	quoted := false
	for i := 0; i < len(text); i++ {
		c := text[i]
		switch {
		case c < ' ' || c == 0x7f:
			return ErrSyntax
		case quoted && c == '\\':
			i++
			if i == len(text) || text[i] < ' ' || text[i] == 0x7f {
				return ErrSyntax
			}
		case c == '"':
			quoted = !quoted
		case !quoted && (c == ' ' || c == '<' || c == '>'):
			return ErrSyntax
		}
	}
	if quoted || len(text) > 1000 {
		return ErrSyntax
	}
	return nil
}

func (m Mail) sendable() error {
	texts := []string{m.From, m.Ret, m.EnvID}
	for _, r := range m.Rcpts {
		texts = append(append(texts, r.Addr, r.ORcpt), r.Notify...)
	}
	for _, text := range texts {
		if err := Sendable(text); err != nil {
			return err
		}
	}
	return nil
}

// Send sends a message, and returns an answer for each recipient, in their order.
// Every address and parameter is to be Sendable, else nothing is sent. What the
// message needs, its caller has seen to be offered.
func (k *Conn) Send(m Mail) []Answer {
	answers := make([]Answer, len(m.Rcpts))
	if err := m.sendable(); err != nil {
		all(answers, Answer{Stage: probe.StageMail, Err: &probe.Error{Stage: probe.StageMail, Kind: probe.Invalid, Detail: err.Error(), Err: err}})
		return answers
	}
	if !k.envelope(m, answers) {
		return answers
	}
	stage := probe.StageData
	reply, err := k.ask(command{stage: stage, text: "DATA", limit: k.limits.Data, want: []int{354}})
	var maybe bool
	if err == nil {
		stage = probe.StageMessage
		reply, maybe, err = k.message(m)
	}
	for i := range answers {
		if answers[i].Err == nil {
			answers[i] = Answer{stage, reply, err, maybe}
		}
	}
	return answers
}

// maxGroup bounds the octets of commands that are sent at once. A host that reads
// and answers one by one never waits for a client that is still writing.
const maxGroup = 4096

// envelope sends MAIL and RCPT, with PIPELINING as many at once as may be (RFC
// 2920). DATA is never among them: a host that has refused every recipient may
// answer it with 354 all the same, and would then have to be sent a message. It
// reports whether some recipient was accepted.
func (k *Conn) envelope(m Mail, answers []Answer) bool {
	_, pipelining := k.Offers("PIPELINING")
	commands := []command{{stage: probe.StageMail, text: k.mailFrom(m), limit: k.limits.Command, want: []int{250}}}
	for _, rcpt := range m.Rcpts {
		commands = append(commands, command{stage: probe.StageRcpt, text: k.rcptTo(rcpt), limit: k.limits.Command, want: []int{250, 251}})
	}
	accepted := false
	for i := 0; i < len(commands); {
		end, size := i+1, len(commands[i].text)
		for pipelining && end < len(commands) && size+len(commands[end].text) < maxGroup {
			size += len(commands[end].text) + len("\r\n")
			end++
		}
		replies := k.askAll(commands[i:end]...)
		if i == 0 && replies[0].Err != nil { // what RCPT got then does not matter
			all(answers, Answer{Stage: probe.StageMail, Reply: replies[0].Reply, Err: replies[0].Err})
			return false
		}
		for n, got := range replies {
			if at := i + n - 1; at >= 0 {
				answers[at] = Answer{Stage: probe.StageRcpt, Reply: got.Reply, Err: got.Err}
				accepted = accepted || got.Err == nil
			}
		}
		if !k.Open() {
			return k.lost(answers, end-1, replies[len(replies)-1])
		}
		i = end
	}
	return accepted
}

// lost gives every recipient that has no refusal of its own the fate of the
// conversation, which ended before the message.
func (k *Conn) lost(answers []Answer, done int, last answer) bool {
	fate := Answer{Stage: probe.StageRcpt, Reply: last.Reply, Err: last.Err}
	for i := range answers {
		if i >= done || answers[i].Err == nil {
			answers[i] = fate
		}
	}
	return false
}

func all(answers []Answer, fate Answer) {
	for i := range answers {
		answers[i] = fate
	}
}

func (k *Conn) mailFrom(m Mail) string {
	text := "MAIL FROM:<" + m.From + ">"
	add := func(extension, parameter string) {
		if _, offered := k.Offers(extension); offered && parameter != "" {
			text += " " + parameter
		}
	}
	add("SIZE", "SIZE="+strconv.FormatInt(m.Size, 10)) // RFC 1870, 5
	if m.EightBit {
		add("8BITMIME", "BODY=8BITMIME")
	}
	if m.SMTPUTF8 {
		add("SMTPUTF8", "SMTPUTF8")
	}
	if m.RequireTLS {
		add("REQUIRETLS", "REQUIRETLS")
	}
	if m.Ret != "" {
		add("DSN", "RET="+m.Ret)
	}
	if m.EnvID != "" {
		add("DSN", "ENVID="+m.EnvID)
	}
	return text
}

func (k *Conn) rcptTo(r Rcpt) string {
	text := "RCPT TO:<" + r.Addr + ">"
	if _, offered := k.Offers("DSN"); offered {
		if len(r.Notify) > 0 {
			text += " NOTIFY=" + strings.Join(r.Notify, ",")
		}
		if r.ORcpt != "" {
			text += " ORCPT=" + r.ORcpt
		}
	}
	return text
}

// message sends the message and takes the reply to its end. After any fault the
// channel is cut without the final dot, so that nobody takes half a message for a
// whole one: the host cancels the transaction (RFC 5321, 4.1.1.10). maybe tells that the dot was sent, and no reply understood.
func (k *Conn) message(m Mail) (reply probe.Reply, maybe bool, fault *probe.Error) {
	step := probe.Step{Stage: probe.StageMessage, Command: fmt.Sprintf("(message of %d octets)", m.Size)}
	start := time.Now()
	k.inStep = false
	ending, err := k.pour(m)
	if err != nil {
		// Who hangs up on a message often says why, before.
		if !ending && !local(err) {
			k.allow(k.limits.Quit)
			if early, e := k.in.Next(); e == nil && early.Code >= 400 {
				k.broken, step.Reply = true, early
				return early, false, k.note(step, start, probe.Refusal(probe.StageMessage, early, 250))
			}
		}
		k.broken = true
		return probe.Reply{}, ending, k.note(step, start, k.failure(probe.StageMessage, err, k.limits.Block))
	}
	k.allow(k.limits.Final)
	step.Reply, err = k.in.Next()
	if err != nil {
		k.broken = true
		return step.Reply, true, k.note(step, start, k.failure(probe.StageMessage, err, k.limits.Final))
	}
	fault = probe.Refusal(probe.StageMessage, step.Reply, 250)
	if fault != nil && step.Reply.Code/100 == 2 {
		fault = nil // an unusual way to say yes (RFC 5321, 4.3.2: the first digit counts)
	}
	k.inStep, k.broken = step.Reply.Code != 421, step.Reply.Code == 421
	return step.Reply, fault != nil && fault.Kind == probe.Garbage, k.note(step, start, fault)
}

// errLocal is a fault of the message, and not of the connection.
type errLocal struct{ error }

func (e errLocal) Unwrap() error { return e.error }

func local(err error) bool {
	var own errLocal
	return errors.As(err, &own)
}

// pour writes the message and its end. ending tells that the end may have got out.
func (k *Conn) pour(m Mail) (ending bool, err error) {
	in, err := m.Open()
	if err != nil {
		return false, errLocal{err}
	}
	defer in.Close()
	to := &dots{out: bufio.NewWriterSize(patient{k}, 32<<10)}
	buffer := make([]byte, 32<<10)
	for {
		n, readErr := in.Read(buffer)
		if _, err := to.Write(buffer[:n]); err != nil {
			if errors.Is(err, ErrBareCR) || errors.Is(err, ErrBareLF) {
				err = errLocal{err}
			}
			return false, err
		}
		if readErr == io.EOF {
			break
		}
		if readErr != nil {
			return false, errLocal{readErr}
		}
	}
	if to.cr {
		return false, errLocal{ErrBareCR}
	}
	if err := to.out.Flush(); err != nil { // so that only the end is in doubt with what follows
		return false, err
	}
	if err := to.end(); err != nil {
		return false, err
	}
	return true, to.out.Flush()
}

// patient gives each piece of the message its time.
type patient struct{ k *Conn }

func (p patient) Write(b []byte) (int, error) {
	p.k.allow(p.k.limits.Block)
	return p.k.conn.Write(b)
}
