package client

import (
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// A command is one to send, and the codes with which it succeeds.
type command struct {
	stage probe.Stage
	text  string // empty: the host has the word
	shown string // in the transcript, where that is not text
	limit time.Duration
	want  []int
}

// exchange sends a command, if it is not empty, and takes the reply.
func (k *Conn) exchange(stage probe.Stage, text string, limit time.Duration, want ...int) *probe.Error {
	_, err := k.ask(command{stage: stage, text: text, limit: limit, want: want})
	return err
}

// ask is a command alone.
func (k *Conn) ask(cmd command) (probe.Reply, *probe.Error) {
	answers := k.askAll(cmd)
	return answers[0].Reply, answers[0].Err
}

// An answer is what came back on a command.
type answer struct {
	Reply probe.Reply
	Err   *probe.Error
}

// askAll sends commands, all at once, and takes their replies, each within its
// limit. After the first that is not answered, or with which the host closes the
// channel, the others have its fate; they are not taken down.
func (k *Conn) askAll(list ...command) []answer {
	start := time.Now()
	answers := make([]answer, 0, len(list))
	k.allow(list[0].limit)
	k.inStep = false
	err := k.write(list)
	for _, cmd := range list {
		step := probe.Step{Stage: cmd.stage, Command: cmd.text}
		if cmd.shown != "" {
			step.Command = cmd.shown
		}
		if err == nil {
			k.allow(cmd.limit)
			step.Reply, err = k.in.Next()
		}
		var fault *probe.Error
		if err != nil {
			fault = k.failure(cmd.stage, err, cmd.limit)
			k.broken = true
		} else {
			fault = probe.Refusal(cmd.stage, step.Reply, cmd.want...)
			k.broken = step.Reply.Code == 421 // the host has closed the channel (RFC 5321, 3.8)
		}
		answers = append(answers, answer{step.Reply, k.note(step, start, fault)})
		start = time.Now()
		if k.broken {
			break
		}
	}
	k.inStep = !k.broken
	last := answers[len(answers)-1]
	for len(answers) < len(list) {
		answers = append(answers, last)
	}
	return answers
}

func (k *Conn) write(list []command) error {
	var text strings.Builder
	for _, cmd := range list {
		if cmd.text != "" {
			text.WriteString(cmd.text + "\r\n")
		}
	}
	if text.Len() == 0 {
		return nil
	}
	_, err := io.WriteString(k.conn, text.String())
	return err
}

// Hello says EHLO and, where a host does not know that, HELO (RFC 5321, 3.2).
func (k *Conn) Hello() *probe.Error {
	stage := probe.StageEHLO
	if k.session.TLS != nil && !k.session.Target.ImplicitTLS {
		stage = probe.StageEHLO2
	}
	name := k.client.Name
	if name == "" {
		name = literal(k.Local())
	}
	before := k.session.Err
	err := k.exchange(stage, "EHLO "+name, k.limits.Command, 250)
	if err == nil || err.Kind != probe.Permanent || !k.Open() {
		return err
	}
	if k.exchange(stage, "HELO "+name, k.limits.Command, 250) != nil {
		return err // what it has against EHLO says more
	}
	k.session.Err = before // HELO did, so nothing went wrong
	return nil
}

// ServerName is what the host calls itself: the first word of its reply to EHLO or
// HELO, else of its greeting.
func (k *Conn) ServerName() string {
	for i := len(k.session.Steps) - 1; i >= 0; i-- {
		step := k.session.Steps[i]
		switch step.Stage {
		case probe.StageEHLO, probe.StageEHLO2, probe.StageBanner:
			if texts := step.Reply.Texts(); step.Err == nil && len(texts) > 0 {
				name, _, _ := strings.Cut(texts[0], " ")
				return name
			}
		}
	}
	return ""
}
