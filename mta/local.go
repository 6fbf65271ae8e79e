package mta

import (
	"bytes"
	"context"
	"errors"
	"io"
	"os"
	"strings"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// An Arrival is a message in a mailbox of ours.
type Arrival struct {
	From      string          // reverse-path; empty: the null one
	Rcpt      string          // the address it came for
	Box       string          // see Options.Box
	Folder    string          // Junk, or empty
	Name      string          // of its file in new/; empty with Test
	Test      bool            // it is in Options.Test, and in no mailbox
	Mail      *smtpd.Mail     // how it came; nil if it lay in the spool before
	Judgement judge.Judgement // zero if nobody judged it, as of mail of our own users
}

// Junk is the folder for mail that its author domain wants in quarantine.
const Junk = "Junk"

// box is the mailbox of an address.
func (s *Server) box(a smtpd.Address) string {
	if s.o.Box != nil {
		return s.o.Box(a)
	}
	domain := strings.ToLower(a.Domain)
	if domain == "" || domain[0] == '[' { // postmaster alone, or an address literal of ours
		domain = s.own.first()
	}
	return strings.ToLower(a.Local) + "@" + domain
}

// mailbox says at RCPT whether an address has a mailbox.
func (s *Server) mailbox(ctx context.Context, a smtpd.Address) error {
	if s.isTest(a) {
		return nil
	}
	if maildir.CheckName(s.box(a)) != nil {
		return smtpd.ErrNoMailbox
	}
	if s.o.Receive.Mailbox != nil {
		return s.o.Receive.Mailbox(ctx, a)
	}
	return nil
}

// store takes in what was received.
type store struct{ *Server }

// Accept implements [smtpd.Store]. Mail from outside goes into the mailboxes at
// once, so that its client hears of a full one and nobody has to be told later, who
// perhaps never wrote (backscatter). Mail of users goes to the spool.
func (s store) Accept(_ context.Context, m *smtpd.Mail, r io.Reader) error {
	if m.Session.User == "" && s.allHere(m.To) {
		return s.arrive(m, r)
	}
	_, err := s.queue.Accept(m.Envelope, r)
	return err
}

func (s store) allHere(to []smtpd.Address) bool {
	for _, a := range to {
		if !a.Literal.IsValid() && !s.own.has(a.Domain) {
			return false
		}
	}
	return true
}

// arrive delivers a message into the mailboxes of all its recipients, or of none.
func (s store) arrive(m *smtpd.Mail, r io.Reader) error {
	copies, err := hold(r, m.Envelope.Size, len(m.To), s.o.Receive.TempDir)
	if err != nil {
		return err
	}
	defer copies.close()
	a := Arrival{Mail: m, From: m.Envelope.From}
	a.Judgement, _ = m.Verdict.Detail.(judge.Judgement)
	if m.Verdict.Junk {
		a.Folder = Junk
	}
	var done []Arrival
	for i, to := range m.To {
		a.Box, a.Rcpt = s.box(to), m.Envelope.Rcpts[i].Addr
		in, err := s.deliverTo(to, a, copies.open())
		if err != nil {
			s.undo(done)
			return localReply(err)
		}
		done = append(done, in)
	}
	for _, a := range done {
		s.arrived(a)
	}
	return nil
}

// file puts a message into a Maildir.
func (s *Server) file(a Arrival, r io.Reader) (Arrival, error) {
	var err error
	a.Name, err = s.o.Mail.Deliver(maildir.Delivery{Box: a.Box, Folder: a.Folder, ReturnPath: a.From, DeliveredTo: a.Rcpt, Message: r})
	return a, err
}

func (s *Server) arrived(a Arrival) {
	if s.o.Arrived != nil {
		s.o.Arrived(a)
	}
}

// undo takes a message out of mailboxes again, as its client will send it again.
// What cannot be taken out is there twice then.
func (s store) undo(done []Arrival) {
	for _, a := range done {
		if a.Test { // whoever watches sees it twice then
			continue
		}
		_ = s.o.Mail.Remove(a.Box, maildir.Entry{Name: a.Name, Folder: a.Folder})
	}
}

// localReply is the answer to a failed delivery.
func localReply(err error) error {
	switch {
	case errors.Is(err, maildir.ErrFull):
		return &smtpd.Reply{Code: 452, Status: "4.2.2", Text: "the mailbox is full"}
	case errors.Is(err, maildir.ErrName):
		return &smtpd.Reply{Code: 550, Status: "5.1.1", Text: "no such mailbox"}
	}
	return err
}

// A copies opens a message once for each mailbox.
type copies struct {
	once io.Reader // for one
	mem  []byte
	file *os.File
	size int64
}

const inMemory = 1 << 20 // octets of a message for several mailboxes; larger ones are in a file

// hold keeps a message that is read more than once.
func hold(r io.Reader, size int64, times int, dir string) (*copies, error) {
	if times == 1 {
		return &copies{once: r}, nil
	}
	if size <= inMemory {
		mem, err := io.ReadAll(r)
		return &copies{mem: mem}, err
	}
	file, err := os.CreateTemp(dir, "maildoctor-")
	if err != nil {
		return nil, err
	}
	c := &copies{file: file}
	if c.size, err = io.Copy(file, r); err != nil {
		c.close()
		return nil, err
	}
	return c, nil
}

func (c *copies) open() io.Reader {
	switch {
	case c.once != nil:
		return c.once
	case c.file != nil:
		return io.NewSectionReader(c.file, 0, c.size)
	}
	return bytes.NewReader(c.mem)
}

func (c *copies) close() {
	if c.file != nil {
		c.file.Close()
		os.Remove(c.file.Name())
	}
}

// intoBox delivers a spooled message into one mailbox.
func (s *Server) intoBox(e spool.Envelope, rcpt string, r io.Reader) error {
	to := parse(rcpt)
	a, err := s.deliverTo(to, Arrival{From: e.From, Rcpt: rcpt, Box: s.box(to)}, r)
	if err == nil {
		s.arrived(a)
	}
	return err
}
