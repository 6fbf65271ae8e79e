package spam

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
)

// Bounds of the header of a reply.
const (
	maxLine   = 4 << 10
	maxFields = 100
)

// A reply is an answer of spamd: a line, header fields, a body.
type reply struct {
	words  string            // behind the code: "EX_OK"
	fields map[string]string // by name in lower case
	body   string
}

// readReply reads "SPAMD/1.1 0 EX_OK", fields up to an empty line, and the body:
// as long as Content-length says, or up to the end. A code other than 0 is an
// error in the words of spamd.
func readReply(r io.Reader) (reply, error) {
	b := bufio.NewReaderSize(io.LimitReader(r, MaxReply+1), maxLine)
	out := reply{fields: make(map[string]string)}
	first, err := line(b)
	if err != nil {
		return out, err
	}
	if err := out.status(first); err != nil {
		return out, err
	}
	if out.words == "PONG" { // a PING is answered by the one line
		return out, nil
	}
	for {
		text, err := line(b)
		if err != nil {
			return out, err
		}
		if text == "" {
			break
		}
		name, value, ok := strings.Cut(text, ":")
		if !ok || len(out.fields) == maxFields {
			return out, fmt.Errorf("its reply has the line %.80q in its header", text)
		}
		out.fields[strings.ToLower(strings.TrimSpace(name))] = strings.TrimSpace(value)
	}
	return out, out.read(b)
}

// line reads one line, without its end.
func line(b *bufio.Reader) (string, error) {
	text, err := b.ReadSlice('\n')
	switch {
	case errors.Is(err, bufio.ErrBufferFull):
		return "", fmt.Errorf("its reply has a line of more than %d octets", maxLine)
	case errors.Is(err, io.EOF):
		return "", fmt.Errorf("its reply ends in the middle: %w", io.ErrUnexpectedEOF)
	case err != nil:
		return "", err
	}
	return strings.TrimRight(string(text), "\r\n"), nil
}

// status reads the first line.
func (r *reply) status(text string) error {
	protocol, rest, ok := strings.Cut(text, " ")
	code, words, _ := strings.Cut(rest, " ")
	n, err := strconv.Atoi(code)
	switch {
	case !ok || !strings.HasPrefix(protocol, "SPAMD/") || err != nil:
		return fmt.Errorf("it does not speak the protocol of spamd; it answers %.80q", text)
	case n != 0:
		return fmt.Errorf("it answers %d: %.200q", n, words)
	}
	r.words = words
	return nil
}

// read reads the body.
func (r *reply) read(b io.Reader) error {
	length, told := r.fields["content-length"]
	if !told {
		body, err := io.ReadAll(b)
		r.body = string(body)
		if err == nil && len(body) > MaxReply-maxLine {
			err = fmt.Errorf("its reply has more than %d octets", MaxReply)
		}
		return err
	}
	n, err := strconv.Atoi(length)
	if err != nil || n < 0 || n > MaxReply {
		return fmt.Errorf("its reply has the length %.40q, and %d octets are read at most", length, MaxReply)
	}
	body, err := io.ReadAll(io.LimitReader(b, int64(n)))
	r.body = string(body)
	if err == nil && len(body) < n {
		err = fmt.Errorf("its reply ends after %d of %d octets: %w", len(body), n, io.ErrUnexpectedEOF)
	}
	return err
}

// verdict reads the field "Spam: True ; 15.0 / 5.0".
func (r reply) verdict() (v Verdict, err error) {
	field, ok := r.fields["spam"]
	word, numbers, found := strings.Cut(field, ";")
	score, threshold, both := strings.Cut(numbers, "/")
	if !ok || !found || !both {
		return v, fmt.Errorf("its reply has no score, but %.80q", field)
	}
	switch strings.ToLower(strings.TrimSpace(word)) {
	case "true", "yes":
		v.Spam = true
	case "false", "no":
	default:
		return v, fmt.Errorf("its reply does not say whether it is spam, but %.80q", field)
	}
	if v.Score, err = points(score); err != nil {
		return v, err
	}
	v.Threshold, err = points(threshold)
	return v, err
}

// symbols reads the names of rules, with commas between them.
func symbols(body string) (list []Rule) {
	for name := range strings.SplitSeq(body, ",") {
		if name = strings.TrimSpace(name); isName(name) && len(list) < MaxRules {
			list = append(list, Rule{Name: name})
		}
	}
	return sorted(list)
}

// rules reads the table of a report as SpamAssassin ships it: the points, the name
// and the description, which goes on in lines that begin with blanks. It begins
// behind a line of dashes.
func rules(body string) (list []Rule) {
	in := false
	for text := range strings.Lines(body) {
		text = strings.TrimRight(text, "\r\n")
		if !in {
			in = strings.HasPrefix(strings.TrimSpace(text), "---- ---")
			continue
		}
		if r, ok := ruleLine(text); ok && len(list) < MaxRules {
			list = append(list, r)
			continue
		}
		more := strings.TrimSpace(text)
		if more == "" || len(list) == 0 || !strings.HasPrefix(text, "   ") {
			if more == "" && len(list) > 0 {
				break
			}
			continue
		}
		last := &list[len(list)-1]
		last.Text = short(last.Text + " " + more)
	}
	return sorted(list)
}

// ruleLine reads " 1.3 RCVD_ILLEGAL_IP        Received: contains illegal IP".
func ruleLine(text string) (Rule, bool) {
	number, rest, ok := strings.Cut(strings.TrimLeft(text, " "), " ")
	if !ok || strings.Trim(number, "-+.0123456789") != "" {
		return Rule{}, false
	}
	value, err := points(number)
	name, words, _ := strings.Cut(strings.TrimLeft(rest, " "), " ")
	if err != nil || !isName(name) {
		return Rule{}, false
	}
	return Rule{Name: name, Points: value, Told: true, Text: short(words)}, true
}

// isName reports whether text can be the name of a rule.
func isName(text string) bool {
	return text != "" && len(text) <= 100 && strings.Trim(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
