package feedback

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/message"
)

const (
	maxLetters = 1_000_000 // of one mbox
	maxPart    = 64 << 20  // octets of one attachment
)

// letter reads one mail.
func (w *walker) letter(p place, r io.Reader) {
	raw, err := io.ReadAll(io.LimitReader(r, message.MaxSize+1))
	if err != nil {
		w.refuse(p, err)
		return
	}
	w.mail(p, raw)
}

// mbox reads mails one by one: each begins with a line "From " behind an empty one.
func (w *walker) mbox(p place, r io.Reader) {
	lines := bufio.NewReaderSize(r, 64<<10)
	var raw []byte
	n, empty, fresh := 0, true, true
	for !w.stopped {
		line, err := lines.ReadSlice('\n')
		if fresh && empty && bytes.HasPrefix(line, []byte("From ")) {
			w.nth(p, n, raw)
			if n++; n > maxLetters {
				w.refuse(p, fmt.Errorf("it holds more than %d mails", maxLetters))
				return
			}
			raw = raw[:0]
		} else if len(raw) <= message.MaxSize {
			raw = append(raw, line...)
		}
		empty = fresh && len(bytes.TrimRight(line, "\r\n")) == 0
		fresh = err != bufio.ErrBufferFull
		if err != nil && err != bufio.ErrBufferFull {
			w.nth(p, n, raw)
			if err != io.EOF {
				w.refuse(p, err)
			}
			return
		}
	}
}

// nth reads the n-th mail of an mbox, from 1.
func (w *walker) nth(p place, n int, raw []byte) {
	if n == 0 || w.stopped {
		return
	}
	inner := p.inside(fmt.Sprintf("message %d", n))
	inner.named = false
	w.mail(inner, bytes.Clone(raw)) // what was read of it may be held while the next is
}

// mail reads the reports that are attached to a mail.
func (w *walker) mail(p place, raw []byte) {
	if len(raw) > message.MaxSize {
		w.refuse(p, fmt.Errorf("a mail of more than %d MiB", message.MaxSize>>20))
		return
	}
	m, _ := message.Parse(raw)
	parts, _ := m.Parts()
	found := false
	for i, part := range parts {
		if part.Multipart() || part.Enclosed() {
			continue
		}
		body, err := part.Decoded(maxPart + 1)
		if !carries(part, body) {
			continue
		}
		found = true
		inner := p.inside(nameOf(part))
		inner.mail, inner.named = carrier(parts, i), true
		switch {
		case len(body) > maxPart:
			w.refuse(inner, fmt.Errorf("an attachment of more than %d MiB", maxPart>>20))
		case err != nil && len(body) == 0:
			w.refuse(inner, fmt.Errorf("its transfer encoding is broken: %w", err))
		default:
			w.content(inner, bytes.NewReader(body), nil)
		}
		if w.stopped {
			return
		}
	}
	if found {
		return
	}
	reason := "a mail without a report"
	if slices.ContainsFunc(parts, func(part message.Part) bool { return part.Type == "message/feedback-report" }) {
		reason = "a failure report on one message (RFC 9991), not an aggregate report"
	}
	w.refuse(p, &strangeError{reason})
}

func nameOf(part message.Part) string {
	if part.Filename != "" {
		return plainName(part.Filename)
	}
	if name := part.Params["name"]; name != "" {
		return plainName(name)
	}
	if part.Path == "" {
		return "its body"
	}
	return "part " + part.Path
}

// carries reports whether a part of a mail looks like a report.
func carries(part message.Part, body []byte) bool {
	name := strings.ToLower(nameOf(part))
	switch sniff(body[:min(len(body), 512)]) {
	case isXML:
		return bytes.Contains(body[:min(len(body), 4096)], []byte("feedback")) || strings.HasSuffix(name, ".xml") || looksUTF16(body)
	case isJSON:
		return strings.Contains(part.Type, "tlsrpt") || strings.HasSuffix(name, ".json") || part.Type == "application/json"
	case isGzip, isZip:
		return true
	}
	for _, kind := range []string{"gzip", "zip", "tlsrpt"} {
		if strings.HasPrefix(part.Type, "application/") && strings.Contains(part.Type, kind) && part.Filename != "" {
			return true // though it is none: it is said so
		}
	}
	return false
}

// looksUTF16 reports whether text begins with the mark of UTF-16.
func looksUTF16(body []byte) bool {
	return bytes.HasPrefix(body, []byte("\xfe\xff")) || bytes.HasPrefix(body, []byte("\xff\xfe"))
}

// carrier is what the mail says of itself that holds part i: the innermost.
func carrier(parts []message.Part, i int) *Mail {
	at := parts[i].Parent
	for at > 0 && !parts[at].Enclosed() {
		at = parts[at].Parent
	}
	if at > 0 && at+1 < len(parts) { // the header of an enclosed message stands at its child or itself
		return mailOf(parts[at].Fields)
	}
	return mailOf(parts[0].Fields)
}

func mailOf(fields []message.Field) *Mail {
	m := &message.Message{Fields: fields}
	mail := &Mail{Subject: short(m.Text("Subject"))}
	mail.From, _ = m.Author().Domain()
	for _, f := range m.All("DKIM-Signature") {
		d := domain(tag(f.Unfolded(), "d"))
		if d != "" && len(mail.Signers) < maxInside && !slices.Contains(mail.Signers, d) {
			mail.Signers = append(mail.Signers, d)
		}
	}
	if f, ok := m.First("Authentication-Results"); ok {
		mail.DMARC = method(f.Unfolded(), "dmarc")
	}
	return mail
}

func short(text string) string {
	if len(text) > maxText {
		return strings.ToValidUTF8(text[:maxText], "")
	}
	return text
}

// tag is the value of a tag in a tag list (RFC 6376, 3.2).
func tag(list, name string) string {
	for part := range strings.SplitSeq(list, ";") {
		key, value, _ := strings.Cut(part, "=")
		if strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return ""
}

// method is the result of a method in Authentication-Results (RFC 8601, 2.2).
func method(value, name string) string {
	for part := range strings.SplitSeq(value, ";") {
		key, rest, ok := strings.Cut(part, "=")
		if !ok || strings.ToLower(strings.TrimSpace(key)) != name {
			continue
		}
		rest = strings.TrimLeft(rest, " \t")
		end := strings.IndexFunc(rest, func(r rune) bool { return r < 'A' || r > 'z' })
		if end < 0 {
			end = len(rest)
		}
		return strings.ToLower(rest[:end])
	}
	return ""
}
