package smtpd

import (
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/mta/spool"
)

// transaction is a message that is being given to us.
type transaction struct {
	env  spool.Envelope
	from Address
	to   []Address

	size  int64     // as SIZE= said; 0: it did not
	begun time.Time // of the message; zero before DATA and BDAT
	bdat  bool      // it comes in chunks
	scan  scan
	bare  bare
	watch watch
	held  held
}

// mail answers MAIL.
func (s *session) mail(arg string) error {
	switch {
	case s.seen.HELO == "":
		return s.isBad(replyGreetFirst, WrongOrder, "MAIL")
	case s.tx != nil:
		return s.isBad(replyNested, WrongOrder, "MAIL")
	case s.seen.Port != MX && !s.seen.TLS.Used:
		s.reply(replyNeedTLS)
		return nil
	case s.seen.Port != MX && s.seen.User == "": // RFC 6409, 4.3
		s.reply(replyNeedAuth)
		return nil
	}
	p, params, r := s.parse(arg, "FROM:", "5.1.7")
	if r != nil {
		return s.isBad(r, BadCommand, "MAIL "+arg)
	}
	tx := &transaction{from: p.Address, watch: watch{limits: &s.srv.limits}, held: held{room: s.srv.room}}
	for _, param := range params {
		if r := s.mailParam(tx, param); r != nil {
			s.reply(r)
			return nil
		}
	}
	if r := s.sender(p, tx.env.SMTPUTF8); r != nil {
		s.reply(r)
		return nil
	}
	if s.srv.c.Room != nil {
		if err := s.srv.c.Room(s.seen.User, tx.size); err != nil {
			s.reply(s.storeReply("", err))
			return nil
		}
	}
	tx.env.From = p.Address.String()
	tx.env.Auth, tx.env.HELO, tx.env.Client = s.seen.User, s.seen.HELO, s.seen.Remote.Addr()
	if s.seen.TLS.Used {
		tx.env.TLS = s.seen.TLS.Version + " " + s.seen.TLS.Cipher
	}
	s.tx = tx
	s.reply(&Reply{250, "2.1.0", "Sender OK"})
	return nil
}

// sender judges a reverse-path.
func (s *session) sender(p path, utf8 bool) *Reply {
	switch {
	case !p.ascii && !utf8:
		return replyUTF8
	case !p.null && p.Domain == "":
		return &Reply{553, "5.1.7", "The sender address has no domain"}
	case s.seen.User != "" && !s.srv.c.Users.MaySend(s.seen.User, p.Address):
		return replyNotYours
	}
	return nil
}

// rcpt answers RCPT.
func (s *session) rcpt(arg string) error {
	switch {
	case s.tx == nil:
		return s.isBad(replyMailFirst, WrongOrder, "RCPT")
	case s.tx.bdat:
		return s.isBad(replyInChunks, WrongOrder, "RCPT")
	}
	p, params, r := s.parse(arg, "TO:", "5.1.3")
	if r != nil {
		return s.isBad(r, BadCommand, "RCPT "+arg)
	}
	var rcpt spool.Rcpt
	for _, param := range params {
		if r := s.rcptParam(&rcpt.Notify, &rcpt.ORcpt, param); r != nil {
			s.reply(r)
			return nil
		}
	}
	if len(s.tx.to) >= s.srv.limits.Recipients {
		s.reply(replyRecipients) // RFC 5321, 4.5.3.1.10
		return nil
	}
	addr, r := s.recipient(p)
	if r == nil {
		r = s.mailbox(addr)
	}
	if r != nil {
		s.srv.log.Info("recipient refused", "client", s.seen.Remote, "recipient", addr.String(), "reply", r)
		s.srv.answered(s.seen.Port, AtRecipient, r)
		s.reply(r)
		if s.refused++; s.refused >= s.srv.limits.Refused {
			return s.over(replyTooManyRefused)
		}
		return nil
	}
	s.reply(&Reply{250, "2.1.5", "Recipient OK"})
	if slices.Contains(s.tx.to, addr) { // one copy is enough
		return nil
	}
	rcpt.Addr = addr.String()
	s.tx.to = append(s.tx.to, addr)
	s.tx.env.Rcpts = append(s.tx.env.Rcpts, rcpt)
	return nil
}

// parse reads the path and the parameters of MAIL and RCPT.
func (s *session) parse(arg, keyword, status string) (path, []param, *Reply) {
	if len(arg) < len(keyword) || !strings.EqualFold(arg[:len(keyword)], keyword) {
		return path{}, nil, &Reply{501, "5.5.4", "What follows is " + keyword + "<address>"}
	}
	text := arg[len(keyword):]
	if strings.HasPrefix(text, " ") { // RFC 5321, 3.3: not allowed, and common
		s.note(LooseSyntax, 1, arg)
		text = strings.TrimLeft(text, " ")
	}
	p, rest, problem := parsePath(text)
	if problem != "" {
		return p, nil, &Reply{501, status, "Bad address: " + problem}
	}
	if p.route != "" {
		s.note(SourceRoute, 1, arg)
	}
	params, ok := parseParams(rest)
	if !ok {
		return p, nil, &Reply{501, "5.5.4", "Parameters are KEYWORD or KEYWORD=value, each once, behind a space"}
	}
	return p, params, nil
}

// recipient says whether mail is taken for a forward-path, and for which address.
// This is the rule that keeps the server from being an open relay.
func (s *session) recipient(p path) (Address, *Reply) {
	addr, own := p.Address, s.srv.own.Load()
	if addr.Domain == "" && strings.EqualFold(addr.Local, "postmaster") {
		addr.Domain = own.first // RFC 5321, 4.1.1.3
	}
	switch {
	case p.null || addr.Domain == "":
		return addr, &Reply{501, "5.1.3", "The recipient has no domain"}
	case !p.ascii && !s.tx.env.SMTPUTF8:
		return addr, replyUTF8
	case addr.Literal.IsValid() && !own.has(addr):
		s.note(Relaying, 1, addr.String())
		return addr, replyLiteral
	case !own.has(addr) && s.seen.User == "" && !s.srv.c.RelayAll:
		s.note(Relaying, 1, addr.String())
		return addr, replyRelay
	case p.route != "":
		return addr, replyRouted
	case own.has(addr) && strings.ContainsAny(addr.Local, "%!@"):
		// A rewriter behind us might take it for the address of somebody else.
		s.note(Relaying, 1, addr.String())
		return addr, replyIndirect
	}
	return addr, nil
}

// mailbox asks whether an address of our own takes mail.
func (s *session) mailbox(addr Address) *Reply {
	if s.srv.c.Mailbox == nil || !s.srv.own.Load().has(addr) {
		return nil
	}
	err := s.srv.c.Mailbox(s.ctx, addr)
	var r *Reply
	switch {
	case err == nil:
		return nil
	case errors.As(err, &r):
		return r
	case errors.Is(err, ErrNoMailbox):
		return replyNoMailbox
	case errors.Is(err, ErrMailboxFull):
		return replyMailboxFull
	}
	s.srv.log.Error("cannot tell whether there is a mailbox", "recipient", addr.String(), "error", err)
	return replyLater
}
