package inbox

import (
	"bytes"
	"context"
	"errors"
	"io"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// Server is a server that takes mail for test addresses and nothing else, where no
// other one runs: commands and messages with bare CR or LF are taken and noted, and
// nothing is judged. What c says of Store, Judge, Mailbox and Users does not count.
func (b *Boxes) Server(c smtpd.Config) (*smtpd.Server, error) {
	c.Store, c.Judge, c.Users, c.KeepBare = store{b}, nil, nil, true
	c.Mailbox = func(_ context.Context, a smtpd.Address) error {
		if !b.Takes(a) {
			return smtpd.ErrNoMailbox
		}
		return nil
	}
	return smtpd.New(c)
}

// store keeps what a server receives.
type store struct{ *Boxes }

// Accept implements [smtpd.Store].
func (s store) Accept(_ context.Context, m *smtpd.Mail, r io.Reader) error {
	text, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return err
	}
	for i := range m.To {
		err := s.Keep(mta.Arrival{From: m.Envelope.From, Rcpt: m.Envelope.Rcpts[i].Addr, Mail: m, Test: true}, bytes.NewReader(text))
		if errors.Is(err, ErrFull) {
			return &smtpd.Reply{Code: 452, Status: "4.2.2", Text: "the mailbox is full"}
		}
		if err != nil {
			return err
		}
	}
	return nil
}
