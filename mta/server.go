// Package mta is the mail server: it joins what receives, judges, keeps, delivers
// and notifies.
//
// Mail for its own domains is judged (SPF, iprev, DKIM, ARC, DMARC), gets one
// Authentication-Results field, and goes into a Maildir before the client hears
// 250. Mail that users submit is signed, spooled, and delivered by the queue; when
// that fails for good its sender, and nobody else, is told. The parts know nothing
// of each other; what depends on more than one of them is decided here.
package mta

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/semaphore"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/resolve"
)

// DMARC says what becomes of mail that fails DMARC.
type DMARC int

const (
	// Apply does what the author domain asks for: p=reject is refused with 550 5.7.26
	// (RFC 7372, 3.2), p=quarantine goes to Junk.
	Apply DMARC = iota
	// Note delivers everything. The result stands in Authentication-Results.
	Note
)

// Options say what a server is.
type Options struct {
	// Receive is how mail is received. Its Store and Judge are the server's own; its
	// Mailbox is asked for addresses that can have a mailbox at all.
	Receive smtpd.Config
	// Send is how mail leaves; it has to have a resolver. An empty Client.Name is that
	// of Receive.Hostname.
	Send deliver.Sender
	// Queue says when delivery is tried. Its Spool, Deliver, Route and Notify are the
	// server's own.
	Queue queue.Options

	SpoolDir string // for mail that is to be delivered elsewhere
	Spool    spool.Options
	Mail     *maildir.Store // of the mailboxes here
	// Box names the mailbox of an address of ours; nil: local@domain in lower case.
	Box func(smtpd.Address) string

	Test TestMailbox // nil: none

	// DNS is asked to judge mail; a judgement takes what Judge allows, by default 5 s.
	DNS   resolve.Resolver
	Judge judge.Limits
	DMARC DMARC

	// Keys sign what users submit and what the server writes itself. A message is
	// signed with all keys of one domain: that of its author, else the nearest above it.
	Keys []Key

	Now func() time.Time // nil: time.Now; when signatures are judged, and notices written

	// Judged is told of each message from outside, refused or not, Arrived of each
	// message in a mailbox, and Attempted of each attempt to deliver. They must be
	// quick; nil: nobody is.
	Judged    func(*smtpd.Mail, judge.Judgement)
	Arrived   func(Arrival)
	Attempted func(spool.Envelope, deliver.Report)
}

// A Server is a mail server. It is open from Open to Close.
type Server struct {
	o      Options
	smtp   *smtpd.Server
	spool  *spool.Spool
	queue  *queue.Queue
	now    atomic.Pointer[settings]
	own    domains
	memory *semaphore.Weighted // octets of messages that are judged at this moment

	stop    context.CancelFunc // of the queue
	running sync.WaitGroup
	once    sync.Once
}

// judged bounds the octets of messages that are in memory to be judged. It is above
// what one message may have.
const judged = 64 << 20

// Open opens the spool, and begins to deliver what is in it. It says what it found
// there. Mail comes in by Serve and Submit.
func Open(o Options) (*Server, spool.Found, error) {
	if o.Mail == nil || o.DNS == nil || o.SpoolDir == "" || o.Send.DNS == nil {
		return nil, spool.Found{}, errors.New("mta: Options need Mail, DNS, SpoolDir and Send.DNS")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{o: o, memory: semaphore.NewWeighted(judged)}
	s.own.set(o.Receive.Domains, o.Receive.Addresses)
	send := o.Send
	if send.Client.Name == "" {
		send.Client.Name = o.Receive.Hostname
	}
	if err := checkKeys(o.Keys); err != nil {
		return nil, spool.Found{}, err
	}
	s.now.Store(&settings{keys: o.Keys, dmarc: o.DMARC, sender: &send})
	c := o.Receive
	c.Store, c.Judge, c.Mailbox, c.Room = store{s}, judging{s}, s.mailbox, s.room
	if o.Test != nil {
		c.KeepBareFor = s.allTests
	}
	var err error
	if s.smtp, err = smtpd.New(c); err != nil {
		return nil, spool.Found{}, err
	}
	var found spool.Found
	if s.spool, found, err = spool.Open(o.SpoolDir, o.Spool); err != nil {
		return nil, found, fmt.Errorf("mta: %w", err)
	}
	q := o.Queue
	q.Spool, q.Deliver, q.Route, q.Notify = s.spool, s.deliver, s.route, s.notify
	s.queue = queue.New(q, found.Entries)
	var ctx context.Context
	ctx, s.stop = context.WithCancel(context.Background())
	s.running.Go(func() { s.queue.Run(ctx) })
	return s, found, nil
}

// Serve takes mail in; see [smtpd.Server.Serve].
func (s *Server) Serve(l net.Listener, port smtpd.Port) error { return s.smtp.Serve(l, port) }

// Sessions is the number of clients that are connected.
func (s *Server) Sessions() int { return s.smtp.Sessions() }

// Queue is what waits to be delivered.
func (s *Server) Queue() *queue.Queue { return s.queue }

// Own changes the domains and addresses that mail is taken for; see
// [smtpd.Server.Own].
func (s *Server) Own(names []string, addresses []netip.Addr) error {
	if err := s.smtp.Own(names, addresses); err != nil {
		return err
	}
	s.own.set(names, addresses)
	return nil
}

// Close ends the server: clients finish their transactions and deliveries theirs
// while ctx lasts, and queue.Options.Grace, then they are cut off. What was accepted
// is in the spool or a mailbox. It returns the error of ctx if clients were cut off.
func (s *Server) Close(ctx context.Context) error {
	var err error
	s.once.Do(func() {
		err = s.smtp.Shutdown(ctx)
		s.stop()
		s.running.Wait()
		s.now.Load().sender.Pool.Close()
		err = errors.Join(err, s.spool.Close())
	})
	return err
}
