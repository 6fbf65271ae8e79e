package probe

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// An Unended is a message that is begun and not ended: its head, and then one
// after the other what some hosts take for the end of a message and none should
// (RFC 5321, 2.3.8 and 4.1.1.4). A host that is in order waits for more, or
// refuses, and forgets the message when the connection is closed. One that is not
// accepts it: from there on nothing more is sent, so that one message at most
// comes of it, which is the head.
//
// What is sent consists of octets that no other host than this one reads: there
// is no second message in it, and no second envelope.
type Unended struct {
	To   string // the only recipient; ASCII only, without angle brackets
	Head string // header lines, an empty one, and text that explains itself, with CRLF
	// Endings are of CR, LF and dots, six octets at most. Those with a bare LF or
	// a bare CR are left out once the host has refused a message for such a one.
	Endings []string
}

// endOfData is what ends a message (RFC 5321, 4.1.1.4). It is never sent.
const endOfData = "\r\n.\r\n"

// maxEndings bounds how often a host is tried.
const maxEndings = 10

func (u Unended) valid() error {
	switch {
	case u.To == "" || u.Head == "":
		return errors.New("the message has no recipient, or no head")
	case len(u.Head) > 4096 || len(u.Endings) > maxEndings:
		return errors.New("the message is too long")
	case !strings.HasSuffix(u.Head, "\r\n") || strings.ContainsAny(strings.ReplaceAll(u.Head, "\r\n", ""), "\r\n"):
		return errors.New("the head of the message has lines without CRLF")
	case strings.HasPrefix(u.Head, ".") || strings.Contains(u.Head, "\n."):
		return errors.New("the head of the message has a line that begins with a dot")
	}
	for _, ending := range u.Endings {
		if len(ending) > 6 || strings.Trim(ending, "\r\n.") != "" || strings.Contains(ending, endOfData) || !bare(ending, '\r') && !bare(ending, '\n') {
			return fmt.Errorf("%q is no end to try", ending)
		}
	}
	return nil
}

// bare reports whether CR or LF stands in text without the other.
func bare(text string, which byte) bool {
	return strings.IndexByte(strings.ReplaceAll(text, "\r\n", ""), which) >= 0
}

// tryEndings begins the message and tries each ending. Where the host refuses it
// and is ready for another, that is tried by the endings that are left.
func (c *conversation) tryEndings() {
	rest := slices.Clone(c.session.Target.Unended.Endings)
	for len(rest) > 0 && c.wants(StageData) && c.beginData() {
		used, reply := c.tryIn(rest)
		switch {
		case reply.Code == 0, reply.Code == 421, reply.Code == 521: // RFC 5321, 3.8; RFC 7504, 3
			c.broken = true // no command would be understood within a message, or nobody is there
			return
		case reply.Code/100 < 4:
			return // one accident is proof enough
		}
		refused := rest[used-1]
		rest = slices.DeleteFunc(rest[used:], func(ending string) bool {
			return bare(refused, '\n') && bare(ending, '\n') || bare(refused, '\r') && bare(ending, '\r')
		})
		if len(rest) > 0 && !c.exchange(StageReset, "RSET", c.limits.Ending, 250) {
			return
		}
	}
}

// beginData gets as far as the head of the message, and reports whether the host
// takes what comes for more of it.
func (c *conversation) beginData() bool {
	u := c.session.Target.Unended
	ok := c.command(StageMail, "MAIL FROM:<>", 250) && c.command(StageRcpt, "RCPT TO:<"+u.To+">", 250, 251)
	if !ok || !c.command(StageData, "DATA", 354) {
		return false
	}
	now := time.Now()
	if c.prober.Now != nil {
		now = c.prober.Now()
	}
	c.line.allow(c.limits.Command)
	_, err := io.WriteString(c.conn, "Date: "+now.Format(time.RFC1123Z)+"\r\n"+u.Head)
	if err != nil {
		c.broken = true
		c.session.fail(Step{Stage: StageEnding, Err: c.fault(StageEnding, err, c.limits.Command)})
	}
	return err == nil
}

// tryIn sends endings within one message until one is answered. It returns how
// many it sent, and the answer, if there was one.
func (c *conversation) tryIn(endings []string) (used int, reply Reply) {
	for i, ending := range endings {
		if reply, ended := c.tryEnding(fmt.Sprintf("(%d)", i+1)+ending, ending); ended {
			return i + 1, reply
		}
	}
	reply, _ = c.tryEnding("", "") // a host may take its time to accept what it holds for complete
	return len(endings), reply
}

// tryEnding sends text that has the ending at its end and waits a little. It
// reports whether that was the end, of the message or of the conversation.
func (c *conversation) tryEnding(text, ending string) (reply Reply, ended bool) {
	start := time.Now()
	c.line.allow(c.limits.Ending)
	_, err := io.WriteString(c.conn, text)
	if err == nil {
		reply, err = c.in.next()
	}
	step := Step{Stage: StageEnding, Command: visible(ending), Reply: reply, Took: time.Since(start)}
	if err != nil {
		step.Err = c.fault(StageEnding, err, c.limits.Ending)
	}
	c.session.Steps = append(c.session.Steps, step)
	return reply, err == nil || step.Err.Kind != Timeout || c.ctx.Err() != nil
}

// visible is an ending as people write it: <LF>.<CR><LF>.
func visible(ending string) string {
	return strings.NewReplacer("\r", "<CR>", "\n", "<LF>").Replace(ending)
}
