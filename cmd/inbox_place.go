package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// An inboxPlace says where test addresses are kept, as it is given.
type inboxPlace struct {
	file      string
	fileGiven bool
	state     string
	domain    string
}

func (p *inboxPlace) flags(cmd *cobra.Command) {
	flags := cmd.Flags()
	flags.SortFlags = false
	fileFlag(cmd, &p.file)
	flags.StringVar(&p.state, "state", "", "the state `directory` of maildoctor mta run, not that\nof maildoctor.yaml")
}

// settle fills in what maildoctor.yaml says, if it is there.
func (p *inboxPlace) settle(a *app) error {
	_, err := os.Stat(p.file)
	if err != nil && !p.fileGiven && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if p.state != "" && p.domain != "" && !p.fileGiven { // it has nothing to say
		return nil
	}
	state, err := a.wanted(p.file)
	if err != nil {
		return err
	}
	server := state.Server()
	if p.state == "" && state.MTA != nil {
		p.state = server.State
		if !filepath.IsAbs(p.state) {
			p.state = filepath.Join(filepath.Dir(p.file), p.state)
		}
	}
	if p.domain == "" {
		if taken := state.Taken(server.Hostname); len(taken) > 0 {
			p.domain = record.Display(taken[0])
		}
	}
	return nil
}

// inboxDir is where addresses are, below a state directory.
func inboxDir(state string) string { return filepath.Join(state, "inbox") }

// existing is the state directory of a server here.
func (p *inboxPlace) existing() (string, error) {
	dir := p.state
	if dir == "" {
		dir = desired.DefaultState
	}
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", fmt.Errorf("there is no %s, so no maildoctor mta run has been here; name its directory with --state, or receive here with --listen :25", dir)
	case err != nil:
		return "", err
	case !info.IsDir():
		return "", usage(fmt.Errorf("--state %s is no directory", dir))
	}
	return dir, nil
}

// A testMailbox is where mail for an address comes in.
type testMailbox struct {
	boxes  *inbox.Boxes
	domain string
	state  string // directory; empty: what comes is gone with the process
	said   string // of the flags, for whoever looks later: " --state DIR"
	server *smtpd.Server
	at     net.Addr            // where it listens
	ended  chan *smtpd.Session // sessions that brought nothing
	temp   string              // to be removed
}

func (m *testMailbox) close() {
	if m.server != nil {
		ctx, cancel := context.WithTimeout(context.Background(), 2*time.Second)
		defer cancel()
		_ = m.server.Shutdown(ctx) // whoever has not ended by then is cut off
	}
	if m.temp != "" {
		_ = os.RemoveAll(m.temp)
	}
}

// openMailbox finds the server that takes the mail, or begins one.
func (a *app) openMailbox(ctx context.Context, f inboxFlags) (*testMailbox, error) {
	place := f.inboxPlace
	if err := place.settle(a); err != nil {
		return nil, err
	}
	if place.domain == "" {
		return nil, usage(errors.New("no domain given; name one whose mail comes to this host, as in --domain test.example.com"))
	}
	domain, err := record.ParseDomain(place.domain)
	if err != nil {
		return nil, usage(fmt.Errorf("--domain %q %w", place.domain, err))
	}
	m := &testMailbox{domain: strings.TrimSuffix(domain, ".")}
	if f.listen == "" {
		return m, m.join(ctx, place)
	}
	if err := m.begin(a, f); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// join uses the state directory of a server that runs.
func (m *testMailbox) join(ctx context.Context, place inboxPlace) error {
	dir, err := place.existing()
	if err != nil {
		return err
	}
	m.state = dir
	if dir != desired.DefaultState {
		m.said = " --state " + dir
	}
	if err := answers(ctx, filepath.Join(dir, "control.sock")); err != nil {
		return err
	}
	m.boxes, err = openBoxes(dir)
	return err
}

// openBoxes opens the addresses below a state directory.
func openBoxes(dir string) (*inbox.Boxes, error) {
	boxes, err := inbox.Open(inboxDir(dir), inbox.Options{})
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%s is for the user that maildoctor mta run runs as, and for root; run this as one of them (sudo)", inboxDir(dir))
	}
	return boxes, err
}

// answers makes sure that a server listens at its control socket.
func answers(ctx context.Context, socket string) error {
	conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(ctx, "unix", socket)
	if err == nil {
		return conn.Close()
	}
	if errors.Is(err, fs.ErrPermission) {
		return fmt.Errorf("%s is for the user that maildoctor mta run runs as, and for root; run this as one of them (sudo)", socket)
	}
	return fmt.Errorf("no mail server runs here: nobody answers at %s; start maildoctor mta run, or receive here with --listen :25", socket)
}

// begin begins a server of our own.
func (m *testMailbox) begin(a *app, f inboxFlags) (err error) {
	dir := f.state
	if dir == "" {
		if dir, err = os.MkdirTemp("", "maildoctor-inbox-"); err != nil {
			return err
		}
		m.temp = dir
	} else {
		m.state, m.said = dir, " --state "+dir
		if dir, err = f.inboxPlace.existing(); err != nil {
			return err
		}
	}
	if m.boxes, err = openBoxes(dir); err != nil {
		return err
	}
	hostname := f.hostname
	if hostname == "" {
		hostname = greetingName(m.domain)
	}
	config, err := ownTLS(f, hostname)
	if err != nil {
		return err
	}
	m.ended = make(chan *smtpd.Session, 16)
	m.server, err = m.boxes.Server(smtpd.Config{
		Hostname: hostname, Domains: []string{m.domain}, TLS: func() *tls.Config { return config }, GreetAfter: 300 * time.Millisecond,
		Limits: smtpd.Limits{MessageBytes: inbox.MaxSize, Sessions: 100},
		Ended: func(s *smtpd.Session) {
			select {
			case m.ended <- s:
			default: // nobody reads so many
			}
		},
	})
	if err != nil {
		return usage(fmt.Errorf("--hostname: %w", err))
	}
	l, err := net.Listen("tcp", f.listen)
	if err != nil {
		return cannotListen(f.listen, err)
	}
	m.at = l.Addr()
	go m.server.Serve(l, smtpd.MX)
	return nil
}

// greetingName is the name of this host, if it has a full one.
func greetingName(domain string) string {
	name, err := os.Hostname()
	if err != nil || !strings.Contains(name, ".") {
		return domain
	}
	if name, err = record.ParseDomain(name); err != nil {
		return domain
	}
	return strings.TrimSuffix(name, ".")
}

// ownTLS is the certificate that is shown. Old versions are taken too: that a client
// has no better one is worth telling.
func ownTLS(f inboxFlags, hostname string) (*tls.Config, error) {
	var cert tls.Certificate
	var err error
	if f.cert != "" {
		if cert, err = tls.LoadX509KeyPair(f.cert, f.key); err != nil {
			return nil, usage(fmt.Errorf("--cert, --key: %w", err))
		}
	} else if cert, err = inbox.SelfSigned(hostname, time.Now()); err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10}, nil
}

// cannotListen says what to do about a port that cannot be had.
func cannotListen(address string, err error) error {
	var wrong *net.AddrError
	var unknown *net.DNSError
	switch {
	case errors.As(err, &wrong), errors.As(err, &unknown):
		return usage(fmt.Errorf("--listen %q is no address to listen at; give one such as :25 or 192.0.2.25:25", address))
	case errors.Is(err, syscall.EADDRINUSE):
		return fmt.Errorf("--listen %s: the port is taken, so another mail server runs here; stop it for a while, or leave out --listen if it is maildoctor mta run", address)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("--listen %s: a port below 1024 needs privileges; run this with sudo, or once: sudo setcap cap_net_bind_service=+ep %s", address, program())
	case errors.Is(err, syscall.EADDRNOTAVAIL):
		return fmt.Errorf("--listen %s: this host has no such address", address)
	}
	return fmt.Errorf("--listen %s: %w", address, err)
}

// program is the path of this one.
func program() string {
	if path, err := os.Executable(); err == nil {
		return report.Escape(path)
	}
	return "maildoctor"
}
