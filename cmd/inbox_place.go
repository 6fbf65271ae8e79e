package cmd

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"net/smtp"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/maildoctor/maildoctor/desired"
	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// inboxPlaceFlags adds the flags that say where test addresses are kept.
func inboxPlaceFlags(cmd *cobra.Command, f *serverFlags) {
	fileFlag(cmd, &f.file)
	cmd.Flags().StringVar(&f.state, "state", "", "the state `directory` of maildoctor mta run, in place\nof --file")
	_ = cmd.MarkFlagDirname("state")
}

// existing makes sure that there is a state directory.
func existing(dir string) error {
	info, err := os.Stat(dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("there is no %s, so no maildoctor mta run has been here; name its directory with --state, or receive here with --listen :25", dir)
	case err != nil:
		return err
	case !info.IsDir():
		return usage(fmt.Errorf("--state %s is no directory", dir))
	}
	return nil
}

// A testMailbox is where mail for an address comes in.
type testMailbox struct {
	boxes  *inbox.Boxes
	domain string
	port   string // of a server that runs; empty: it is our own
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
	m := &testMailbox{}
	if f.domain != "" {
		domain, err := record.ParseDomain(f.domain)
		if err != nil {
			return nil, usage(fmt.Errorf("--domain %q %w", f.domain, err))
		}
		m.domain = strings.TrimSuffix(domain, ".")
	}
	if f.listen == "" {
		return m, m.join(ctx, a, f.serverFlags)
	}
	if m.domain == "" {
		return nil, usage(errors.New("no domain given; name one whose mail comes to this host, as in --domain test.example.com"))
	}
	if err := m.begin(f); err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

// join uses the state directory of a server that runs.
func (m *testMailbox) join(ctx context.Context, a *app, f serverFlags) error {
	dir, err := a.stateDir(f)
	if err == nil {
		err = existing(dir)
	}
	if err != nil {
		return err
	}
	f.state = dir
	client, _, err := a.server(ctx, f)
	var none *control.NotRunningError
	if errors.As(err, &none) {
		return fmt.Errorf("%w, and --listen :25 receives without one", err)
	}
	if err != nil {
		return err
	}
	defer client.Close()
	status, err := client.Status(ctx)
	if err != nil {
		return err
	}
	if err := m.settle(status); err != nil {
		return err
	}
	m.keptIn(dir)
	m.boxes, err = openBoxes(dir)
	return err
}

// settle chooses the domain and the port of a server that runs.
func (m *testMailbox) settle(s control.Status) error {
	switch {
	case m.domain == "" && len(s.Domains) > 0:
		m.domain = strings.TrimSuffix(record.Canonical(s.Domains[0]), ".")
	case !slices.ContainsFunc(s.Domains, func(name string) bool { return record.Canonical(name) == record.Canonical(m.domain) }):
		return usage(fmt.Errorf("--domain %s: the mail server takes mail for %s; maildoctor.yaml says for whom", m.domain, strings.Join(s.Domains, ", ")))
	}
	for _, l := range s.Listeners {
		if l.Port == smtpd.MX.String() {
			m.port = l.Address
			return nil
		}
	}
	return errors.New("the mail server listens on no mx port, so no mail can come from elsewhere; see listen under mta in maildoctor.yaml")
}

// keptIn notes where mail is kept, for whoever looks later.
func (m *testMailbox) keptIn(dir string) {
	m.state = dir
	if dir != desired.DefaultState {
		m.said = " --state " + dir
	}
}

// takes makes sure that the server takes mail for a fresh address, by asking it as
// a client does.
func (m *testMailbox) takes(address inbox.Address) error {
	if m.port == "" { // it is our own
		return nil
	}
	host, port, err := net.SplitHostPort(m.port)
	if err != nil {
		return err
	}
	if ip, err := netip.ParseAddr(host); err != nil || ip.IsUnspecified() {
		host = "localhost"
	}
	conn, err := net.DialTimeout("tcp", net.JoinHostPort(host, port), 10*time.Second)
	if err != nil {
		return fmt.Errorf("the mail server does not answer: %w", err)
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		return err
	}
	c, err := smtp.NewClient(conn, m.domain)
	if err == nil {
		err = c.Hello("localhost")
	}
	if err == nil {
		err = c.Mail("")
	}
	if err != nil {
		return fmt.Errorf("the mail server does not answer as one: %w", err)
	}
	err = c.Rcpt(address.Name)
	_ = c.Quit() // the answer to RCPT is what counts
	if err != nil {
		return fmt.Errorf("the mail server takes no mail for test addresses (%w); say test-mailbox: true under mta in maildoctor.yaml, then systemctl reload maildoctor, or send it SIGHUP", err)
	}
	return nil
}

// inboxDir is where addresses are, below a state directory.
func inboxDir(state string) string { return filepath.Join(state, "inbox") }

// local reports whether only this machine can reach the mailbox.
func (m *testMailbox) local() bool {
	at := m.port
	if m.at != nil {
		at = m.at.String()
	}
	addr, err := netip.ParseAddrPort(at)
	return err == nil && addr.Addr().IsLoopback()
}

// openBoxes opens the addresses below a state directory.
func openBoxes(dir string) (*inbox.Boxes, error) {
	boxes, err := inbox.Open(inboxDir(dir), inbox.Options{})
	if errors.Is(err, fs.ErrPermission) {
		err = fmt.Errorf("%s is for the user that maildoctor mta run runs as, and for root; run this as one of them (sudo)", inboxDir(dir))
	}
	return boxes, err
}

// begin begins a server of our own.
func (m *testMailbox) begin(f inboxFlags) (err error) {
	dir := f.state
	if dir == "" {
		if dir, err = os.MkdirTemp("", "maildoctor-inbox-"); err != nil {
			return err
		}
		m.temp = dir
	} else {
		if err := existing(dir); err != nil {
			return err
		}
		m.keptIn(dir)
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
