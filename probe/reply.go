package probe

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of what a host may say. A reply line has at most 512 octets
// (RFC 5321, 4.5.3.1.5); many servers' banners and EHLO lines are longer.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
	maxReplies    = 128 << 10 // octets of all replies of one conversation
)

// A Reply is one SMTP reply (RFC 5321, 4.2).
type Reply struct {
	Code     int      // 0 where no line was one of a reply
	Enhanced string   // "5.7.1" where the reply has an enhanced code (RFC 2034, RFC 3463)
	Lines    []string // as received, without line ends; the last may be cut off
}

// Texts is what the lines say after their codes.
func (r Reply) Texts() []string {
	texts := make([]string, 0, len(r.Lines))
	for _, line := range r.Lines {
		if len(line) < 4 {
			texts = append(texts, "")
			continue
		}
		texts = append(texts, line[4:])
	}
	return texts
}

// String is the lines joined, octet for octet.
func (r Reply) String() string { return strings.Join(r.Lines, " / ") }

// quoted is String with its control octets escaped, and cut off where it is long.
func (r Reply) quoted() string {
	const most = 200
	said := r.String()
	if len(said) > most {
		return strconv.Quote(said[:most]) + "…"
	}
	return strconv.Quote(said)
}

// errGarbage is what came back instead of a reply.
type errGarbage struct{ why string }

func (e errGarbage) Error() string { return e.why }

// replies reads the replies of one connection. It trusts no length.
type replies struct {
	in     *bufio.Reader
	budget int
}

func newReplies(r io.Reader, budget int) *replies {
	return &replies{in: bufio.NewReaderSize(r, maxReplyLine), budget: budget}
}

// next reads one reply. With an error it returns what came before it, half a
// line included; the error is an errGarbage or that of the connection.
func (r *replies) next() (Reply, error) {
	var reply Reply
	for {
		line, err := r.line()
		if line != "" || err == nil {
			reply.Lines = append(reply.Lines, line)
		}
		if err != nil {
			return reply, err
		}
		code, more, err := parseLine(line)
		if err == nil && reply.Code != 0 && code != reply.Code { // RFC 5321, 4.2.1
			err = errGarbage{fmt.Sprintf("a reply that begins with %d goes on with %d", reply.Code, code)}
		}
		if err == nil && more && len(reply.Lines) >= maxReplyLines {
			err = errGarbage{fmt.Sprintf("a reply of more than %d lines", maxReplyLines)}
		}
		if err != nil {
			return reply, err
		}
		reply.Code = code
		if !more {
			reply.Enhanced = enhanced(line)
			return reply, nil
		}
	}
}

// line reads one line without its end. A bare LF ends it too.
func (r *replies) line() (string, error) {
	raw, err := r.in.ReadSlice('\n')
	r.budget -= len(raw)
	line := strings.TrimSuffix(strings.TrimSuffix(string(raw), "\n"), "\r")
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return line, errGarbage{fmt.Sprintf("a line of more than %d octets", maxReplyLine)}
	case err == nil && r.budget < 0:
		return line, errGarbage{fmt.Sprintf("more than %d octets of replies", maxReplies)}
	}
	return line, err
}

// parseLine takes a reply line apart: its code, and whether more lines follow
// (RFC 5321, 4.2 and 4.2.1). A code alone is tolerated, as 4.2 asks. Refusals with
// codes that the grammar does not have, such as 571, are common, and 4.3.2 has
// clients go by the first digit.
func parseLine(line string) (code int, more bool, err error) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || line[1] < '0' || line[1] > '9' || line[2] < '0' || line[2] > '9' ||
		line[0] < '4' && line[1] > '5' {
		return 0, false, errGarbage{"a line that does not begin with a reply code"}
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3 || line[3] == ' ':
		return code, false, nil
	case line[3] == '-':
		return code, true, nil
	}
	return 0, false, errGarbage{"a reply code with neither a space nor a hyphen after it"}
}

// enhanced is the enhanced status code at the start of a reply's text: one of
// the class of the reply code, with parts of at most three digits (RFC 3463, 2).
func enhanced(line string) string {
	if len(line) < 4 {
		return ""
	}
	word, _, _ := strings.Cut(line[4:], " ")
	parts := strings.Split(word, ".")
	if len(parts) != 3 || parts[0] != line[:1] {
		return ""
	}
	for _, part := range parts[1:] {
		if len(part) < 1 || len(part) > 3 || strings.Trim(part, "0123456789") != "" {
			return ""
		}
	}
	return word
}
