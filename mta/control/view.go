package control

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/replies"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// Bounds of what is told of one message.
const (
	listRcpts  = 3   // recipients of a message in a list
	showRcpts  = 200 // of one that is shown
	listText   = 400 // octets of a reply in a list
	showText   = 4096
	maxAddress = 1024
	maxHeader  = 64 << 10
)

// stateOf is where a message stands.
func stateOf(e queue.Entry) State {
	waiting, tried := false, false
	for _, r := range e.Envelope.Rcpts {
		if r.Status == spool.Waiting {
			waiting = true
			tried = tried || r.Reply != (spool.Reply{})
		}
	}
	switch {
	case e.Running:
		return Delivering
	case !waiting:
		return Telling
	case e.Envelope.Held:
		return Held
	case tried:
		return Deferred
	}
	return Queued
}

// view is a message with at most that many recipients, and octets of each reply.
func view(e queue.Entry, rcpts, text int) Message {
	env := e.Envelope
	m := Message{
		ID: env.ID, State: stateOf(e), From: cut(env.From, maxAddress), Received: env.Received, Size: env.Size, Next: e.Due, Total: len(env.Rcpts),
		Delayed: env.Delayed, Auth: cut(env.Auth, maxAddress), HELO: cut(env.HELO, maxAddress), TLS: cut(env.TLS, maxAddress), Until: e.Until, RequireTLS: env.RequireTLS,
		Recipients: []Recipient{},
	}
	if env.Client.IsValid() {
		m.Client = env.Client.String()
	}
	for _, r := range env.Rcpts {
		if r.Status == spool.Waiting {
			m.Waiting++
		}
	}
	for _, waiting := range []bool{true, false} {
		for _, r := range env.Rcpts {
			if len(m.Recipients) < rcpts && (r.Status == spool.Waiting) == waiting {
				m.Recipients = append(m.Recipients, recipient(r, text))
			}
		}
	}
	return m
}

func recipient(r spool.Rcpt, text int) Recipient {
	v := Recipient{Addr: cut(r.Addr, maxAddress), Status: string(r.Status), Attempts: r.Attempts, Tried: r.Tried, Maybe: r.Maybe}
	if r.Status == spool.Waiting {
		v.Next = r.Next
	}
	if r.Reply == (spool.Reply{}) {
		return v
	}
	v.Reply = &Reply{Code: r.Reply.Code, Enhanced: cut(r.Reply.Enhanced, 20), Text: cut(r.Reply.Text, text), Host: cut(r.Reply.Host, maxAddress), At: r.Reply.At}
	if m, ok := replies.Explain(replies.Reply{Host: r.Reply.Host, Code: r.Reply.Code, Enhanced: r.Reply.Enhanced, Text: r.Reply.Text}); ok {
		v.Reply.Kind, v.Reply.Plain, v.Reply.Do, v.Reply.Link = m.Kind.String(), m.Plain, m.Do, m.Link
	}
	return v
}

// cut is s in at most that many octets.
func cut(s string, most int) string {
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "…"
}

// page is the messages that fit a filter, behind the one with the ID after. entries
// are in the order of their IDs.
func page(entries []queue.Entry, f Filter, after string, limit int) Page {
	p := Page{Messages: []Message{}, Total: len(entries)}
	fits := f.compile()
	for _, e := range entries {
		if !fits(e) {
			continue
		}
		p.Matching++
		switch {
		case e.Envelope.ID <= after:
		case len(p.Messages) < limit:
			p.Messages = append(p.Messages, view(e, listRcpts, listText))
		case p.Next == "":
			p.Next = p.Messages[len(p.Messages)-1].ID
		}
	}
	return p
}

// aside counts what was moved out of the way in a spool.
func aside(dir string) Aside {
	bad := spool.BadDir(dir)
	entries, err := disk.OS{}.ReadDir(bad)
	if err != nil {
		return Aside{}
	}
	a := Aside{Dir: absolute(bad)}
	for _, e := range entries {
		if strings.HasSuffix(e.Name, ".note.txt") {
			a.Entries++
		}
	}
	if a.Entries == 0 {
		return Aside{}
	}
	return a
}

// absolute is a path that means the same to whoever reads it.
func absolute(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		return abs
	}
	return path
}

// find is the ID that begins so. entries are in the order of their IDs.
func find(entries []queue.Entry, start string) (string, *Fault) {
	start = strings.ToLower(strings.TrimSpace(start))
	if start == "" {
		return "", &Fault{codeInvalid, "an ID is missing"}
	}
	i, _ := slices.BinarySearchFunc(entries, start, func(e queue.Entry, id string) int { return cmp.Compare(e.Envelope.ID, id) })
	n := 0
	for n < 2 && i+n < len(entries) && strings.HasPrefix(entries[i+n].Envelope.ID, start) {
		n++
	}
	switch {
	case n == 0:
		return "", &Fault{codeNone, "no message " + quote(start) + " is in the queue"}
	case n > 1 && entries[i].Envelope.ID != start:
		return "", &Fault{codeAmbiguous, "several messages begin with " + quote(start) + ", such as " + entries[i].Envelope.ID + " and " + entries[i+1].Envelope.ID}
	}
	return entries[i].Envelope.ID, nil
}

// detail is all about one message.
func detail(e queue.Entry, dir string) Detail {
	d := Detail{Message: view(e, showRcpts, showText)}
	path, err := spool.File(dir, e.Envelope.ID)
	if err != nil {
		return d
	}
	d.Path = absolute(path)
	file, err := os.Open(path)
	if err != nil {
		return d // it has just gone
	}
	defer file.Close()
	head := make([]byte, maxHeader)
	n, err := io.ReadFull(file, head)
	d.Header, d.Cut = header(head[:n], err == nil)
	return d
}

// header is the header at the beginning of a message, in whole lines.
func header(head []byte, more bool) (fields []byte, isCut bool) {
	if bytes.HasPrefix(head, []byte("\r\n")) {
		return nil, false
	}
	if end := bytes.Index(head, []byte("\r\n\r\n")); end >= 0 {
		return head[:end+2], false
	}
	if !more {
		return head, false
	}
	return head[:bytes.LastIndexByte(head, '\n')+1], true
}
