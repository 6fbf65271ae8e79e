package inbox

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// A Mail is a message that was kept, with how it came. What the client said is
// hostile text.
type Mail struct {
	ID      string
	Address string    // it came for
	At      time.Time // when it was taken
	Size    int64     // octets, with our own fields on top
	From    string    // reverse-path without angle brackets; empty: the null one

	// Session is the dialogue as it was at the end of the message. It is nil where a
	// user of the same host wrote: then the message came out of the queue.
	Session    *smtpd.Session
	Message    int // its ordinal in the session, from 1
	Given      smtpd.Given
	Rcpts      int    // recipients of the message
	Body       string // BODY of MAIL (RFC 6152); empty if it was not said
	SMTPUTF8   bool   // RFC 6531
	RequireTLS bool   // RFC 8689
}

// Envelope is what judging the message needs to know.
func (m Mail) Envelope() judge.Envelope {
	e := judge.Envelope{MailFrom: m.From, Known: true}
	if m.Session != nil {
		e.Client, e.HELO = m.Session.Remote.Addr().Unmap().WithZone(""), m.Session.HELO
	}
	return e
}

// mailOf is an arrival as it is kept, but for its size.
func mailOf(a mta.Arrival, address string, now time.Time) Mail {
	m := Mail{Address: address, At: now.UTC(), From: a.From}
	if a.Mail == nil {
		m.ID = newID(now)
		return m
	}
	e := a.Mail.Envelope
	m.ID, m.At, m.Session, m.Message, m.Given = a.Mail.ID, e.Received.UTC(), a.Mail.Session, a.Mail.Message, a.Mail.Given
	m.Rcpts, m.Body, m.SMTPUTF8, m.RequireTLS = len(e.Rcpts), e.Body, e.SMTPUTF8, e.RequireTLS
	if !isID(m.ID) {
		m.ID = newID(now)
	}
	return m
}

// newID is an ID for a message that came without one.
func newID(now time.Time) string {
	var chance [4]byte
	_, _ = rand.Read(chance[:]) // never fails
	return fmt.Sprintf("%d-%s", now.UnixMilli(), hex.EncodeToString(chance[:]))
}

// Keep keeps a message for an address. When it returns nil the message outlives a
// power cut. The error is ErrGone, ErrFull, a *smtpd.Reply for what is too big, or
// that of the file system; after one there is no message.
func (b *Boxes) Keep(a mta.Arrival, r io.Reader) error {
	address, err := b.Find(a.Rcpt)
	if err != nil {
		return gone(err)
	}
	b.keeping.Lock()
	defer b.keeping.Unlock()
	if err := b.room(address); err != nil {
		return err
	}
	m := mailOf(a, address.Name, b.now())
	name := address.local() + "." + m.ID
	if m.Size, err = b.writeText(name+textExt, r); err != nil {
		return full(err)
	}
	text, err := m.encode()
	if err == nil {
		err = b.write(name+mailExt, text)
	}
	if err != nil {
		return errors.Join(full(err), disk.Gone(b.fs.Remove(b.path(name+textExt))))
	}
	return nil
}

// gone is what a client hears whose recipient has gone since RCPT.
func gone(err error) error {
	if errors.Is(err, ErrGone) {
		return errors.Join(err, smtpd.ErrNoMailbox, &smtpd.Reply{Code: 550, Status: "5.1.1", Text: "the time of this test address is over"})
	}
	return err
}

func full(err error) error {
	if disk.IsFull(err) {
		return errors.Join(ErrFull, err)
	}
	return err
}

// room says what keeps one more message from being kept.
func (b *Boxes) room(a Address) error {
	entries, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return err
	}
	messages, octets := 0, int64(0)
	for _, e := range entries {
		switch f := parseName(e.Name); f.kind {
		case mailFile:
			if f.local == a.local() {
				messages++
			}
		case textFile, unfinished:
			octets += e.Size
		}
	}
	switch {
	case messages >= MaxMessages:
		return fmt.Errorf("%s has %d messages: %w", a.Name, messages, ErrFull)
	case octets >= b.max:
		return fmt.Errorf("all test addresses have %d octets: %w", octets, ErrFull)
	}
	return nil
}

// writeText makes the file of a message.
func (b *Boxes) writeText(name string, r io.Reader) (size int64, err error) {
	fresh := b.path(name + newExt)
	f, err := b.fs.Create(fresh)
	if err != nil {
		return 0, err
	}
	size, err = io.Copy(struct{ io.Writer }{f}, io.LimitReader(r, MaxSize+1))
	if err == nil && size > MaxSize {
		err = &smtpd.Reply{Code: 552, Status: "5.3.4", Text: fmt.Sprintf("a test address takes messages of %d octets at most", MaxSize)}
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return 0, errors.Join(err, disk.Gone(b.fs.Remove(fresh)))
	}
	return size, b.settle(name)
}

// Messages are those of an address, the oldest first. What does not read is left
// out; Sweep sets it aside.
func (b *Boxes) Messages(a Address) ([]Mail, error) {
	entries, err := b.fs.ReadDir(b.dir)
	if err != nil {
		return nil, fmt.Errorf("test mailbox: %w", err)
	}
	var list []Mail
	for _, e := range entries {
		f := parseName(e.Name)
		if f.kind != mailFile || f.local != a.local() {
			continue
		}
		if m, err := b.readMail(f); err == nil {
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(x, y Mail) int { return cmp.Or(x.At.Compare(y.At), cmp.Compare(x.ID, y.ID)) })
	return list, nil
}

func (b *Boxes) readMail(f file) (Mail, error) {
	text, err := disk.ReadFile(b.fs, b.path(f.local+"."+f.id+mailExt), maxMail)
	if err != nil {
		return Mail{}, err
	}
	return decodeMail(f, text)
}

// Text is the octets of a message, as a mailbox would have them: with our own
// fields on top.
func (b *Boxes) Text(m Mail) ([]byte, error) {
	local := Address{Name: m.Address}.local()
	text, err := disk.ReadFile(b.fs, b.path(local+"."+m.ID+textExt), MaxSize)
	if err != nil {
		return nil, fmt.Errorf("test mailbox: %w", err)
	}
	return text, nil
}
