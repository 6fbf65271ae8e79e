package lab

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/mta/spool"
	"github.com/maildoctor/maildoctor/resolve"
	"github.com/maildoctor/maildoctor/scenario/smtpscript"
)

// A Letter is one message that is to go from one mail server to another, both on
// loopback. What they know of each other the DNS tells them.
type Letter struct {
	From, To string     // mailboxes; the domain of To is the receiver's
	Text     []byte     // header and body
	Client   netip.Addr // the address from which the receiver sees it come
	HELO     string     // the name of the sending host
	Keys     []mta.Key  // that sign it; nil for none
	// Holder is the name of the receiving host, in its greeting.
	Holder string
	// TLS is what that host shows, to a sender that trusts whom this machine trusts;
	// nil: a certificate for whatever name the sender asks for, which that trusts.
	TLS func() *tls.Config

	DNS resolve.Resolver // of both
	// Security is asked about DANE; nil: the sender does not know of it.
	Security deliver.Security
	// HTTP fetches the MTA-STS policy; nil: none is looked for.
	HTTP deliver.Fetcher
	// Refuse says why an address must not be connected to; nil: any may be.
	Refuse func(netip.Addr) string
}

// A Posted is what became of a Letter.
type Posted struct {
	Attempt   deliver.Report   // the sender's conversations, with what became of the recipient
	Judgement *judge.Judgement // the receiver's; nil if the message did not come so far
	Stored    *Stored          // nil if it did not get into a mailbox
	Took      time.Duration
}

// A Stored is a message in the receiver's mailbox.
type Stored struct {
	Folder string // empty: the inbox
	Text   []byte
}

// Post sends a letter: the sender signs and queues it and makes one attempt, the
// receiver judges it and puts it into a mailbox. Whichever mail host the sender
// chooses, it is the receiver whom it reaches. The error says that the trial itself
// could not be made.
func (l *Lab) Post(ctx context.Context, letter Letter) (p Posted, err error) {
	start := time.Now()
	dir, err := os.MkdirTemp("", "maildoctor-lab-")
	if err != nil {
		return p, err
	}
	defer os.RemoveAll(dir)
	to, at, err := l.receiver(dir, letter, &p)
	if err != nil {
		return p, err
	}
	attempted := make(chan deliver.Report, 1)
	from, err := l.sender(dir, letter, at, attempted)
	if err == nil {
		e := spool.Envelope{From: letter.From, Rcpts: []spool.Rcpt{{Addr: letter.To}}}
		_, err = from.Submit(e, letter.Text)
		if err == nil {
			select {
			case p.Attempt = <-attempted:
			case <-ctx.Done():
				err = ctx.Err()
			}
		}
		end(from)
	}
	end(to) // now p is nobody else's
	p.Took = time.Since(start)
	return p, err
}

// end ends a server whose clients have gone.
func end(s *mta.Server) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
	defer cancel()
	_ = s.Close(ctx) // its mail is thrown away
}

// receiver is the server of the recipient's domain, and where it listens.
func (l *Lab) receiver(dir string, letter Letter, p *Posted) (*mta.Server, string, error) {
	boxes := &maildir.Store{Dir: filepath.Join(dir, "mail"), Host: "lab"}
	config := letter.TLS
	if config == nil {
		config = func() *tls.Config { return &tls.Config{GetCertificate: l.certificate(letter.Holder), Time: l.Clock()} }
	}
	s, _, err := mta.Open(mta.Options{
		Receive: smtpd.Config{
			Hostname: letter.Holder, Domains: []string{domainOf(letter.To)}, GreetAfter: -1,
			TLS: config,
		},
		Send: deliver.Sender{DNS: letter.DNS}, DNS: letter.DNS, Mail: boxes,
		SpoolDir: filepath.Join(dir, "in"), Spool: spool.Options{MinFree: 1},
		Judged: func(_ *smtpd.Mail, j judge.Judgement) { p.Judgement = &j },
		Arrived: func(a mta.Arrival) {
			text, _ := read(boxes, a)
			p.Stored = &Stored{Folder: a.Folder, Text: text}
		},
	})
	if err != nil {
		return nil, "", err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		end(s)
		return nil, "", err
	}
	go s.Serve(smtpd.SeenAs(listener, netip.AddrPortFrom(letter.Client, 40025)), smtpd.MX)
	return s, listener.Addr().String(), nil
}

// certificate issues one for the name that is asked for.
func (l *Lab) certificate(other string) func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	return func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		name := hello.ServerName
		if name == "" {
			name = other
		}
		cert, err := l.CA.Issue(smtpscript.Certificate{Names: []string{name}})
		return &cert, err
	}
}

func read(boxes *maildir.Store, a mta.Arrival) ([]byte, error) {
	r, err := boxes.Open(a.Box, maildir.Entry{Name: a.Name, Folder: a.Folder})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// sender is the server that the letter is submitted to; its mail hosts are all at
// one place.
func (l *Lab) sender(dir string, letter Letter, at string, attempted chan<- deliver.Report) (*mta.Server, error) {
	send := deliver.Sender{DNS: letter.DNS, Security: letter.Security, HTTP: letter.HTTP, Refuse: letter.Refuse, Memory: new(deliver.Store), Now: l.Clock()}
	if send.Refuse == nil {
		send.Refuse = func(netip.Addr) string { return "" }
	}
	send.Client.Name, send.Client.Now = letter.HELO, l.Clock()
	if letter.TLS == nil {
		send.Client.Roots = l.CA.Pool()
	}
	send.Client.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		addr, err := netip.ParseAddrPort(address)
		if err != nil || addr.Port() != 25 {
			return nil, fmt.Errorf("no mail host at %s", address)
		}
		return new(net.Dialer).DialContext(ctx, network[:3], at)
	}
	s, _, err := mta.Open(mta.Options{
		Receive: smtpd.Config{Hostname: letter.HELO, Domains: []string{"sender.invalid"}},
		Send:    send, DNS: letter.DNS, Mail: &maildir.Store{Dir: filepath.Join(dir, "none")},
		SpoolDir: filepath.Join(dir, "out"), Spool: spool.Options{MinFree: 1}, Keys: letter.Keys,
		Attempted: func(_ spool.Envelope, r deliver.Report) {
			select {
			case attempted <- r:
			default: // the first one counts
			}
		},
	})
	return s, err
}

func domainOf(mailbox string) string { return mailbox[strings.LastIndexByte(mailbox, '@')+1:] }
