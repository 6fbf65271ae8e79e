package mta

import (
	"io"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// A TestMailbox keeps mail for addresses that somebody watches to learn how his
// mail looks from here; package mta/inbox has one. Such mail is taken where it can
// be: a message for test addresses alone is kept in spite of bare CR or LF, and of a
// DMARC policy that would have it refused. It goes into no Maildir.
type TestMailbox interface {
	// Takes reports whether an address is one of them. It is asked for each recipient
	// of our domains, more than once.
	Takes(smtpd.Address) bool
	// Keep keeps a message with how it came. Errors are as those of an smtpd.Store, or
	// wrap maildir.ErrFull. Not to be kept: r.
	Keep(a Arrival, r io.Reader) error
}

// isTest reports whether an address is one of a test mailbox.
func (s *Server) isTest(a smtpd.Address) bool {
	return s.o.Test != nil && s.o.Test.Takes(a)
}

// allTests reports whether a message is for test addresses and nobody else.
func (s *Server) allTests(to []smtpd.Address) bool {
	for _, a := range to {
		if !s.isTest(a) {
			return false
		}
	}
	return len(to) > 0
}

// refuses reports whether a message is turned away by the policy of its author.
func (s *Server) refuses(m *smtpd.Mail, j judge.Judgement) bool {
	return s.now.Load().dmarc == Apply && j.Fate == judge.Rejected && !s.allTests(m.To)
}

// deliverTo puts a message into the mailbox of one address of ours.
func (s *Server) deliverTo(to smtpd.Address, a Arrival, r io.Reader) (Arrival, error) {
	if s.isTest(to) {
		a.Test = true
		return a, s.o.Test.Keep(a, r)
	}
	return s.file(a, r)
}
