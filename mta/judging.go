package mta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mailauth/authres"
	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// judging is the server's judge: mail from outside is authenticated, and mail of
// users is made ready and signed.
type judging struct{ *Server }

// Judge implements [smtpd.Judge].
func (s judging) Judge(ctx context.Context, m *smtpd.Mail, text smtpd.Message) (smtpd.Verdict, error) {
	if m.Session.User != "" {
		return s.submitted(m, text)
	}
	j, forged, err := s.authenticate(ctx, m, text)
	if err != nil {
		return smtpd.Verdict{}, err
	}
	if s.o.Judged != nil {
		s.o.Judged(m, j)
	}
	if s.refuses(m, j) {
		return smtpd.Verdict{}, refusal(j)
	}
	return smtpd.Verdict{
		Fields:  []byte(j.Results(s.o.Receive.Hostname).Field()),
		Without: forged,
		Junk:    s.now.Load().dmarc == Apply && j.Fate == judge.Quarantined,
		Detail:  j,
	}, nil
}

// patience is how long a message waits for room in memory. Its client waits ten
// minutes (RFC 5321, 4.5.3.2.6).
const patience = time.Minute

// large is the octets of a message whose memory is given back to the system at once,
// for the next one may need as much.
const large = 8 << 20

// authenticate judges a message as its client brought it, and tells where forged
// results stand in it. It waits for room in memory, and fails where that takes too
// long.
func (s judging) authenticate(ctx context.Context, m *smtpd.Mail, text smtpd.Message) (judge.Judgement, []smtpd.Span, error) {
	size := min(text.Size(), judged)
	waiting, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := s.memory.Acquire(waiting, size); err != nil {
		return judge.Judgement{}, nil, fmt.Errorf("no room to judge %d octets: %w", size, err)
	}
	defer s.memory.Release(size)
	if size >= large {
		defer debug.FreeOSMemory()
	}
	return s.inMemory(ctx, m, text, size)
}

// inMemory judges a message of that size.
func (s judging) inMemory(ctx context.Context, m *smtpd.Mail, text smtpd.Message, size int64) (judge.Judgement, []smtpd.Span, error) {
	raw := make([]byte, size)
	if _, err := text.ReadAt(raw, 0); err != nil && !errors.Is(err, io.EOF) {
		return judge.Judgement{}, nil, err
	}
	msg, _ := message.Parse(raw)
	_, forged := authres.Strip(msg, s.o.Receive.Hostname)
	e := judge.Envelope{Client: m.Session.Remote.Addr().Unmap(), HELO: m.Session.HELO, MailFrom: m.Envelope.From, Known: true}
	return s.o.Judge.Message(ctx, s.o.DNS, msg, e, s.o.Now()), spans(forged), nil
}

// refusal is what a client hears of mail that its author domain wants rejected
// (RFC 7372, 3.2; RFC 9989).
func refusal(j judge.Judgement) *smtpd.Reply {
	return &smtpd.Reply{Code: 550, Status: "5.7.26", Text: "rejected by the DMARC policy of the author domain: " + printable(j.Summary())}
}

// printable is text that a reply can hold: printable ASCII of one line.
func printable(text string) string {
	b := []byte(text)
	for i, c := range b {
		if c < ' ' || c > '~' {
			b[i] = '?'
		}
	}
	return string(b[:min(len(b), 400)])
}

// spans is where fields stand in their message.
func spans(fields []message.Field) []smtpd.Span {
	var list []smtpd.Span
	for _, f := range fields {
		list = append(list, smtpd.Span{From: int64(f.Offset), To: int64(f.Offset + len(f.Raw))})
	}
	return list
}
