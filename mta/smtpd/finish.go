package smtpd

import (
	"errors"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// finish answers the end of a message: it is taken, or refused, and the
// transaction is over.
func (s *session) finish() error {
	tx := s.tx
	s.seen.Messages++
	tx.watch.end()
	s.noteMessage(tx)
	id := spool.NewID(time.Now())
	r := s.decide(tx, id)
	if r == nil {
		s.seen.Accepted++
		r = &Reply{250, "2.0.0", "OK, taken as " + id}
	}
	s.srv.log.Info("message", "id", id, "client", s.seen.Remote, "helo", s.seen.HELO, "user", s.seen.User,
		"from", tx.env.From, "recipients", len(tx.to), "size", tx.watch.size, "reply", r)
	s.reset()
	s.srv.answered(s.seen.Port, AtMessage, r)
	s.reply(r)
	return nil
}

// noteMessage notes what is odd about the octets of a message.
func (s *session) noteMessage(tx *transaction) {
	note := func(kind NoteKind, n int) {
		if n > 0 {
			s.seen.note(kind, n, s.seen.Messages, "")
		}
	}
	note(BareLF, tx.bare.lf)
	note(BareCR, tx.bare.cr)
	note(NUL, tx.watch.nul)
	if tx.watch.longest > 998 { // RFC 5322, 2.1.1
		note(LongLine, 1)
	}
	if tx.watch.eightBit && tx.env.Body != "8BITMIME" && !tx.env.SMTPUTF8 {
		note(Undeclared8Bit, 1)
	}
	if tx.watch.eightBitHeader && !tx.env.SMTPUTF8 {
		note(UndeclaredUTF8, 1)
	}
}

// decide is nil if the message was stored.
func (s *session) decide(tx *transaction, id string) *Reply {
	switch {
	case tx.watch.fault != nil:
		return tx.watch.fault
	case tx.bare != (bare{}) && !s.keepsBare(tx):
		return replyBare
	case tx.held.err != nil:
		return s.storeReply(id, tx.held.err)
	}
	now := time.Now()
	tx.env.ID, tx.env.Received = id, now
	m := &Mail{ID: id, Envelope: tx.env, From: tx.from, To: tx.to, Session: s.seen.copied(), Message: s.seen.Messages,
		Given: Given{Size: tx.size, Octets: tx.watch.size, Chunked: tx.bdat, Begun: tx.begun}}
	if s.srv.c.Judge != nil {
		verdict, err := s.srv.c.Judge.Judge(s.ctx, m, &tx.held)
		if err != nil {
			return s.storeReply(id, err)
		}
		m.Verdict = verdict
	}
	text := splice(append(m.Verdict.Fields[:len(m.Verdict.Fields):len(m.Verdict.Fields)], received(&s.seen, m, s.srv.c.Hostname, now)...), &tx.held, m.Verdict.Without)
	m.Envelope.Size = text.size
	if err := s.srv.c.Store.Accept(s.srv.base, m, text); err != nil {
		return s.storeReply(id, err)
	}
	return nil
}

// keepsBare reports whether a message is taken in spite of its bare CR or LF.
func (s *session) keepsBare(tx *transaction) bool {
	return s.srv.c.KeepBare || s.srv.c.KeepBareFor != nil && s.srv.c.KeepBareFor(tx.to)
}

// storeReply is what the client hears of an error of Judge and Store.
func (s *session) storeReply(id string, err error) *Reply {
	var r *Reply
	switch {
	case errors.As(err, &r):
		if r.Code/100 != 4 && r.Code/100 != 5 {
			return replyRefused
		}
		return r
	case errors.Is(err, spool.ErrFull):
		s.srv.log.Error("no room for a message", "id", id, "error", err)
		return replyFull
	}
	s.srv.log.Error("message not stored", "id", id, "error", err)
	return replyLater
}
