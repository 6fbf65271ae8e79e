package mta

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/dsn"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/record"
)

// here is the destination of recipients whose mailboxes are ours. No domain is
// called so.
const here = ""

// route is the destination of a recipient.
func (s *Server) route(_ spool.Envelope, r spool.Rcpt) string {
	a := parse(r.Addr)
	if a.Domain == "" || s.own.has(a.Domain) { // without a domain only postmaster comes in
		return here
	}
	for _, addr := range s.own.addresses() {
		if literal := "[" + addr.String() + "]"; a.Domain == literal || a.Domain == strings.Replace(literal, "[", "[ipv6:", 1) {
			return here
		}
	}
	return a.Domain
}

// deliver makes one attempt, for the queue.
func (s *Server) deliver(ctx context.Context, t queue.Transaction) []queue.Outcome {
	if t.Destination == here {
		return s.deliverHere(ctx, t)
	}
	job := deliver.Job{
		Destination: t.Destination, Failures: t.Unreached, From: t.Envelope.From,
		Open:     func() (io.ReadCloser, error) { return t.Open() },
		SMTPUTF8: t.Envelope.SMTPUTF8, RequireTLS: t.Envelope.RequireTLS,
		Ret: t.Envelope.Ret, EnvID: t.Envelope.EnvID, TLSOptional: tlsOptional(t),
	}
	for _, r := range t.Rcpts {
		job.Rcpts = append(job.Rcpts, client.Rcpt{Addr: r.Addr, Notify: r.Notify, ORcpt: r.ORcpt})
		job.Failures = max(job.Failures, r.Attempts-1) // the one under way is counted already
	}
	report := s.now.Load().sender.Deliver(ctx, job)
	if s.o.Attempted != nil {
		s.o.Attempted(t.Envelope, report)
	}
	outcomes := make([]queue.Outcome, 0, len(report.Results))
	reach := queue.Untold
	switch {
	case report.Reached():
		reach = queue.Reached
	case report.Bypassed():
		reach = queue.Bypassed
	case report.Unreached():
		reach = queue.Unreached
	}
	for _, r := range report.Results {
		o := outcome(r)
		o.Reach = reach
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// outcome is a result as the queue keeps it.
func outcome(r deliver.Result) queue.Outcome {
	o := queue.Outcome{Reply: spool.Reply{Code: r.Code, Enhanced: r.Enhanced, Text: r.Text, Host: record.Display(r.Host), At: time.Now()}}
	switch {
	case r.Status == deliver.Delivered:
		o.Kind, o.Passed = queue.Delivered, r.DSN
	case r.Status == deliver.Permanent:
		o.Kind = queue.Permanent
	case r.Maybe:
		o.Kind = queue.Maybe
	}
	return o
}

// tlsOptional reports whether a message says that it may go without TLS (RFC 8689, 5).
func tlsOptional(t queue.Transaction) bool {
	head, err := header(t.Open)
	if err != nil {
		return false
	}
	msg, _ := message.Parse(head)
	f, ok := msg.First("TLS-Required")
	return ok && strings.EqualFold(f.Unfolded(), "No")
}

// header is the beginning of a message, with all of its header.
func header(open func() (io.ReadSeekCloser, error)) ([]byte, error) {
	r, err := open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, message.MaxHeader+4))
}

// deliverHere delivers into our own mailboxes.
func (s *Server) deliverHere(ctx context.Context, t queue.Transaction) []queue.Outcome {
	var outcomes []queue.Outcome
	for _, r := range t.Rcpts {
		if ctx.Err() != nil {
			break // what is missing is tried again
		}
		err := s.mailbox(ctx, parse(r.Addr))
		if err == nil {
			err = s.intoMailbox(t, r.Addr)
		}
		outcomes = append(outcomes, s.localOutcome(err))
	}
	return outcomes
}

func (s *Server) intoMailbox(t queue.Transaction, rcpt string) error {
	r, err := t.Open()
	if err != nil {
		return err
	}
	defer r.Close()
	return s.intoBox(t.Envelope, rcpt, r)
}

// notify writes a delivery status notification and queues it, signed.
func (s *Server) notify(_ context.Context, n queue.Notice) error {
	head, err := header(func() (io.ReadSeekCloser, error) { return s.spool.Open(n.Envelope.ID) })
	if err != nil && !errors.Is(err, spool.ErrNone) {
		return err
	}
	kind := map[queue.NoticeKind]dsn.Kind{queue.Failure: dsn.Failed, queue.Delay: dsn.Delayed, queue.Success: dsn.Success}[n.Kind]
	notice := dsn.Notice{Kind: kind, Envelope: n.Envelope, Rcpts: n.Rcpts, Until: n.Until, Original: head, Host: s.o.Receive.Hostname, Now: s.o.Now()}
	e, text, err := notice.Compose()
	if err != nil {
		return err
	}
	_, err = s.Submit(e, text)
	return err
}

// localOutcome is what became of a delivery into a mailbox of ours.
func (s *Server) localOutcome(err error) queue.Outcome {
	reply := func(kind queue.Kind, code int, status, text string) queue.Outcome {
		return queue.Outcome{Kind: kind, Reply: spool.Reply{Code: code, Enhanced: status, Text: text, At: time.Now()}}
	}
	var said *smtpd.Reply
	switch {
	case err == nil:
		return reply(queue.Delivered, 250, "2.0.0", "in the mailbox")
	case errors.As(err, &said) && !said.Temporary():
		return reply(queue.Permanent, said.Code, said.Status, said.Text)
	case errors.Is(err, smtpd.ErrNoMailbox), errors.Is(err, maildir.ErrName):
		return reply(queue.Permanent, 550, "5.1.1", "no such mailbox here")
	case errors.Is(err, smtpd.ErrMailboxFull), errors.Is(err, maildir.ErrFull):
		return reply(queue.Temporary, 452, "4.2.2", "the mailbox is full")
	}
	return reply(queue.Temporary, 451, "4.3.0", err.Error())
}
