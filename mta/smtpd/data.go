package smtpd

import (
	"errors"
	"os"
	"strconv"
	"strings"
	"time"
)

// errSlow tells that a message did not come in its time.
var errSlow = errors.New("the message came too slowly")

// data answers DATA.
func (s *session) data(arg string) error {
	var refusal *Reply
	kind := WrongOrder
	switch {
	case arg != "":
		refusal, kind = replyNoArgument, BadCommand
	case s.tx == nil:
		refusal = replyMailFirst
	case len(s.tx.to) == 0: // RFC 2920, 3.1: it may come with recipients that were all refused
		refusal = replyNoRecipients
	case s.tx.bdat:
		refusal = replyInChunks
	}
	if refusal != nil && s.buffered() > 0 {
		s.reply(refusal)
		return s.outOfStep("DATA") // it may be the message, and is not to be read as commands
	}
	switch refusal {
	case nil:
	case replyNoRecipients:
		s.reply(refusal)
		return nil
	default:
		return s.isBad(refusal, kind, "DATA")
	}
	s.reply(replyGoAhead)
	s.tx.begun = time.Now()
	if err := s.flush(s.commandDeadline()); err != nil {
		return err
	}
	var text undot
	for ended := false; !ended; {
		if err := s.moreData(); err != nil {
			return err
		}
		var n int
		n, ended = text.feed(s.buf[s.r:s.w], s.tx.take)
		s.r += n
	}
	s.tx.bare = text.bare
	return s.finish()
}

// take keeps the next octets of the message, unless it will be refused.
func (tx *transaction) take(p []byte) {
	tx.watch.feed(p)
	if tx.watch.fault == nil {
		tx.held.write(p)
	}
	if tx.watch.fault != nil || tx.held.err != nil {
		tx.held.close() // others need the room
	}
}

// moreData waits for octets of the message, as long as it is in its time.
func (s *session) moreData() error {
	if s.buffered() > 0 {
		return nil
	}
	err := s.more(earlier(s.dataDeadline(), s.commandDeadline()))
	if errors.Is(err, os.ErrDeadlineExceeded) && time.Now().Before(s.end) {
		return errSlow
	}
	return err
}

// dataDeadline is when the message has to be there, or the next octet at least.
func (s *session) dataDeadline() time.Time {
	l, tx := s.srv.limits, s.tx
	whole := tx.begun.Add(l.Data)
	if l.DataRate == 0 {
		return whole
	}
	earned := time.Duration(min(tx.watch.size/int64(l.DataRate), 1<<32)) * time.Second
	return earlier(whole, tx.begun.Add(l.DataGrace+earned))
}

// bdat answers BDAT (RFC 3030, 2). The chunk is read in any case: it follows the
// command without an answer in between.
func (s *session) bdat(arg string) error {
	size, last, ok := parseBDAT(arg)
	if !ok {
		s.reply(&Reply{501, "5.5.4", "What follows is the size of the chunk, and LAST with the last one"})
		return s.outOfStep("BDAT " + arg)
	}
	var refusal *Reply
	switch {
	case s.tx == nil:
		refusal = replyMailFirst
	case len(s.tx.to) == 0:
		refusal = replyNoRecipients
	}
	if refusal != nil {
		if err := s.skip(size); err != nil {
			return err
		}
		if refusal == replyNoRecipients {
			s.reply(refusal)
			return nil
		}
		return s.isBad(refusal, WrongOrder, "BDAT")
	}
	if err := s.chunk(size); err != nil {
		return err
	}
	tx := s.tx
	switch {
	case last:
		tx.scan.end()
		tx.bare = tx.scan.bare
		return s.finish()
	case tx.watch.fault != nil: // no use to send the rest
		return s.finish()
	}
	s.reply(&Reply{250, "2.0.0", strconv.FormatInt(size, 10) + " octets taken"})
	return nil
}

// chunk reads the octets of a chunk into the message.
func (s *session) chunk(size int64) error {
	tx := s.tx
	if !tx.bdat {
		tx.bdat, tx.begun = true, time.Now()
	}
	for size > 0 {
		if err := s.moreData(); err != nil {
			return err
		}
		p := s.buf[s.r:s.w]
		p = p[:min(int64(len(p)), size)]
		tx.scan.feed(p)
		tx.take(p)
		s.r += len(p)
		size -= int64(len(p))
	}
	return nil
}

// skip reads a chunk that nobody wants.
func (s *session) skip(size int64) error {
	whole := time.Now().Add(s.srv.limits.Data)
	for size > 0 {
		if err := s.more(earlier(whole, s.commandDeadline())); err != nil {
			return err
		}
		n := min(int64(s.buffered()), size)
		s.r += int(n)
		size -= n
	}
	return nil
}

func parseBDAT(arg string) (size int64, last, ok bool) {
	number, word, more := strings.Cut(arg, " ")
	if more && !strings.EqualFold(word, "LAST") || !isDigits(number) {
		return 0, false, false
	}
	size, err := strconv.ParseInt(number, 10, 64)
	return size, more, err == nil
}
