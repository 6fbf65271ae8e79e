package smtpscript

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// endOfData is what ends a message (RFC 5321, 4.1.1.4).
const endOfData = "\r\n.\r\n"

// maxData bounds a message. None that is meant for such a server is long.
const maxData = 64 << 10

// directEnds reads the words of !ends: lf.crlf, crlf.cr and the like.
func (s *Script) directEnds(words []string) error {
	if len(words) == 0 {
		return errors.New("!ends needs what ends a message, such as lf.crlf")
	}
	for _, word := range words {
		if strings.Trim(word, "crlf.") != "" {
			return fmt.Errorf("!ends does not know %q", word)
		}
		s.ends = append(s.ends, strings.NewReplacer("cr", "\r", "lf", "\n").Replace(word))
	}
	return nil
}

// takeData takes a message in and answers it. It reports whether the
// conversation goes on.
func (c *conversation) takeData() bool {
	tail := "\r\n" // the end of what was read
	for range maxData {
		octet, err := c.in.ReadByte()
		if err != nil {
			return false
		}
		if tail += string([]byte{octet}); len(tail) > len(endOfData)+1 {
			tail = tail[1:]
		}
		switch {
		case strings.HasSuffix(tail, endOfData), slices.ContainsFunc(c.ends, func(end string) bool { return strings.HasSuffix(tail, end) }):
			_, lines := c.replyTo("MESSAGE", "")
			return c.answerMessage(lines)
		case len(c.ends) > 0: // whatever else there is, is a part of the message
		case octet == '\n' && !strings.HasSuffix(tail, "\r\n"):
			return c.answerMessage([]string{"550 5.5.2 bare <LF> received"})
		case octet != '\n' && strings.HasSuffix(tail[:len(tail)-1], "\r"):
			return c.answerMessage([]string{"550 5.5.2 bare <CR> received"})
		}
	}
	return false
}

// answerMessage answers a message and forgets the rest of it that has come.
func (c *conversation) answerMessage(lines []string) bool {
	c.inMail, c.inRcpt = false, false
	c.in.Discard(c.in.Buffered())
	return !c.closeAfter["MESSAGE"] && c.reply("MESSAGE", lines)
}
