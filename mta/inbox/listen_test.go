package inbox_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/textproto"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk/disktest"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// serve begins a server of our own and returns where it listens.
func serve(t *testing.T) (*inbox.Boxes, string) {
	t.Helper()
	b, err := inbox.Open("/inbox", inbox.Options{FS: new(disktest.Mem)})
	if err != nil {
		t.Fatal(err)
	}
	cert, err := inbox.SelfSigned("mx.example.org", time.Now())
	if err != nil {
		t.Fatal(err)
	}
	s, err := b.Server(smtpd.Config{
		Hostname: "mx.example.org", Domains: []string{"example.org"}, GreetAfter: -1,
		TLS: func() *tls.Config { return &tls.Config{Certificates: []tls.Certificate{cert}} },
	})
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go s.Serve(l, smtpd.MX)
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	return b, l.Addr().String()
}

// A talk is one dialogue.
type talk struct {
	t    *testing.T
	conn net.Conn
	text *textproto.Conn
}

func dial(t *testing.T, address string) *talk {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	c := &talk{t, conn, textproto.NewConn(conn)}
	c.hear("220")
	return c
}

// say sends a line as it is, and hears the answer.
func (c *talk) say(line, code string) {
	c.t.Helper()
	if _, err := c.conn.Write([]byte(line)); err != nil {
		c.t.Fatal(err)
	}
	c.hear(code)
}

func (c *talk) hear(code string) {
	c.t.Helper()
	got, text, err := c.text.ReadResponse(0)
	if fmt.Sprint(got) != code {
		c.t.Fatalf("%d %s, %v; want %s", got, text, err, code)
	}
}

func TestServer(t *testing.T) {
	b, at := serve(t)
	a, err := b.Issue("example.org", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, at)
	c.say("EHLO client.example\r\n", "250")
	c.say("STARTTLS\r\n", "220")
	secure := tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true})
	if err := secure.Handshake(); err != nil {
		t.Fatal(err)
	}
	if state := secure.ConnectionState(); state.PeerCertificates[0].VerifyHostname("mx.example.org") != nil {
		t.Error("the certificate has another name")
	}
	c.conn, c.text = secure, textproto.NewConn(secure)
	c.say("EHLO client.example\r\n", "250")
	c.say("MAIL FROM:<ann@example.net>\n", "250") // noted
	c.say("RCPT TO:<postmaster@example.org>\r\n", "550")
	c.say("RCPT TO:<"+strings.ToUpper(a.Name[:25])+"@example.org>\r\n", "250")
	c.say("DATA\r\n", "354")
	c.say("Subject: x\r\n\r\na\nb\r\n.\r\n", "250")
	c.say("QUIT\r\n", "221")
	mails, err := b.Messages(a)
	if err != nil || len(mails) != 1 {
		t.Fatalf("%v, %v", mails, err)
	}
	m := mails[0]
	if !m.Session.TLS.Used || !m.Session.Has(smtpd.BareLF) || !m.Session.Has(smtpd.CommandBareLF) || m.From != "ann@example.net" || m.Session.HELO != "client.example" {
		t.Errorf("%+v", m)
	}
	if text, err := b.Text(m); err != nil || !strings.HasPrefix(string(text), "Received: from client.example ([127.0.0.1])") || !strings.HasSuffix(string(text), "Subject: x\r\n\r\na\nb\r\n") {
		t.Errorf("%q, %v", text, err)
	}
}

// TestServerFull: the client hears that it may try again.
func TestServerFull(t *testing.T) {
	b, at := serve(t)
	a, err := b.Issue("example.org", 0)
	if err != nil {
		t.Fatal(err)
	}
	c := dial(t, at)
	c.say("EHLO client.example\r\n", "250")
	for i := range inbox.MaxMessages + 1 {
		c.say("MAIL FROM:<>\r\n", "250")
		c.say("RCPT TO:<"+a.Name+">\r\n", "250")
		c.say("DATA\r\n", "354")
		if i < inbox.MaxMessages {
			c.say("Subject: x\r\n\r\n.\r\n", "250")
		} else {
			c.say("Subject: x\r\n\r\n.\r\n", "452")
		}
	}
}
