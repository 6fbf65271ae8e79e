package smtpscript

import (
	"bufio"
	"cmp"
	"crypto/tls"
	"io"
	"net"
	"slices"
	"strings"
	"time"
)

const (
	maxCommand      = 2048             // octets of a command line; RFC 5321, 4.5.3.1.4 has 512
	maxCommands     = 1000             // remembered, over all conversations
	maxConversation = 30 * time.Minute // so that a client that went away holds nothing
	maxFarewell     = 5 * time.Second  // for the client to read the last word
)

// Options is the world that a conversation is held in.
type Options struct {
	// CA issues the server's certificate. Without one STARTTLS is not offered.
	CA *CA
}

// Serve holds one conversation and closes conn. It returns when the client has
// quit or gone, when the script says so, or after half an hour.
func (s *Script) Serve(conn net.Conn, o Options) {
	conn.SetDeadline(time.Now().Add(maxConversation))
	raw := newInbox(conn)
	defer raw.Close()
	c := &conversation{Script: s, ca: o.CA, raw: raw, out: raw, in: bufio.NewReaderSize(raw, maxCommand)}
	s.mu.Lock()
	c.index = len(s.sent)
	s.sent = append(s.sent, nil)
	s.mu.Unlock()
	c.hold()
}

type conversation struct {
	*Script
	ca     *CA
	raw    *inbox
	out    io.Writer
	in     *bufio.Reader
	index  int
	inTLS  bool
	inMail bool // MAIL was accepted
	inRcpt bool // and a recipient
	reject bool // the greeting was 5yz
}

// hold greets and answers until the conversation is over.
func (c *conversation) hold() {
	if c.closeAtOnce || c.implicitTLS && !c.silent && !c.startTLS() || !c.greet() {
		return
	}
	for {
		line, ok := c.read()
		if !ok {
			return
		}
		verb, _, _ := strings.Cut(line, " ")
		verb = strings.ToUpper(verb)
		if c.silent {
			continue
		}
		if c.protocol() != smtp {
			if !c.attend(line) {
				return
			}
			continue
		}
		if !c.answer(verb, line) {
			return
		}
	}
}

func (c *conversation) greet() bool {
	if c.silent {
		return true
	}
	c.reject = len(c.greeting) > 0 && strings.HasPrefix(c.greeting[0], "5")
	return c.reply(greeting, c.greeting) && !c.closeAfter[greeting]
}

// read returns the next command line, without its line end.
func (c *conversation) read() (string, bool) {
	raw, err := c.in.ReadSlice('\n')
	if err != nil {
		return "", false
	}
	line := strings.TrimRight(string(raw), "\r\n")
	c.mu.Lock()
	defer c.mu.Unlock()
	total := 0
	for _, lines := range c.sent {
		total += len(lines)
	}
	if total < maxCommands {
		c.sent[c.index] = append(c.sent[c.index], line)
	}
	return line, true
}

// answer answers one command and reports whether the conversation goes on.
func (c *conversation) answer(verb, line string) bool {
	key, lines := c.replyTo(verb, line)
	if c.closeAfter[key] || c.closeAfter[verb] {
		return false
	}
	if !c.reply(key, lines) {
		return false
	}
	switch {
	case verb == "QUIT":
		return false
	case verb == "MAIL":
		c.inMail = strings.HasPrefix(lines[0], "250")
		c.inRcpt = false
	case verb == "RCPT":
		c.inRcpt = c.inRcpt || c.inMail && strings.HasPrefix(lines[0], "250")
	case verb == "DATA" && strings.HasPrefix(lines[0], "354"):
		return c.takeData()
	case verb == "RSET" || verb == "EHLO" || verb == "HELO":
		c.inMail, c.inRcpt = false, false
	case verb == "STARTTLS" && strings.HasPrefix(lines[0], "220"):
		return c.startTLS()
	}
	return true
}

// replyTo is the reply to a command, and the key under which the script speaks of it.
func (c *conversation) replyTo(verb, line string) (key string, lines []string) {
	key = verb
	if verb == "EHLO" && c.inTLS {
		key = "EHLO2"
	}
	if _, rest, ok := strings.Cut(line, ":"); ok && (verb == "MAIL" || verb == "RCPT") {
		path, _, _ := strings.Cut(strings.TrimSpace(rest), " ")
		if lines, ok := c.replies[verb+" "+strings.ToLower(path)]; ok {
			return key, lines
		}
	}
	if lines, ok := c.replies[key]; ok {
		return key, lines
	}
	if c.reject && verb != "QUIT" {
		return key, []string{"503 5.5.1 bad sequence of commands"} // RFC 5321, 3.1
	}
	if lines, ok := c.replies["EHLO"]; ok && key == "EHLO2" {
		return key, withoutSTARTTLS(lines)
	}
	return key, c.standard(verb, line)
}

// standard is the reply of a well-behaved server.
func (c *conversation) standard(verb, line string) []string {
	switch verb {
	case "EHLO":
		lines := []string{"250-" + c.Host(), "250-PIPELINING", "250-SIZE 10240000", "250-STARTTLS", "250 8BITMIME"}
		if c.inTLS || !c.hasTLS() {
			return withoutSTARTTLS(lines)
		}
		return lines
	case "HELO":
		return []string{"250 " + c.Host()}
	case "STARTTLS":
		if c.inTLS || !c.hasTLS() {
			return []string{"502 5.5.1 command not implemented"}
		}
		return []string{"220 2.0.0 ready to start TLS"}
	case "MAIL":
		return []string{"250 2.1.0 sender ok"}
	case "RCPT":
		if !c.inMail {
			return []string{"503 5.5.1 MAIL first"} // RFC 5321, 4.1.4
		}
		if strings.HasSuffix(strings.ToLower(line), "@example.com>") { // nobody's domain (RFC 2606, 3)
			return []string{"554 5.7.1 relay access denied"}
		}
		return []string{"250 2.1.5 recipient ok"}
	case "RSET", "NOOP":
		return []string{"250 2.0.0 ok"}
	case "VRFY":
		return []string{"252 2.5.0 cannot verify"}
	case "EXPN":
		return []string{"502 5.5.1 command not implemented"}
	case "DATA":
		if !c.inRcpt {
			return []string{"503 5.5.1 RCPT first"} // RFC 5321, 3.3
		}
		return []string{"354 go ahead"}
	case "MESSAGE":
		return []string{"250 2.0.0 taken, and forgotten"}
	case "QUIT":
		return []string{"221 2.0.0 bye"}
	}
	return []string{"500 5.5.2 command not recognized"}
}

func (c *conversation) hasTLS() bool { return !c.noSTARTTLS && (c.ca != nil || c.tlsFail) }

// withoutSTARTTLS is an EHLO reply that does not offer STARTTLS, as it is once
// TLS is there (RFC 3207, 4.2).
func withoutSTARTTLS(lines []string) []string {
	rest := slices.DeleteFunc(slices.Clone(lines), func(line string) bool {
		return len(line) > 4 && strings.EqualFold(strings.TrimSpace(line[4:]), "STARTTLS")
	})
	if len(rest) == 0 {
		return lines
	}
	if last := rest[len(rest)-1]; len(last) > 4 {
		rest[len(rest)-1] = last[:3] + " " + last[4:]
	}
	return rest
}

// reply sends lines as the script wants them sent, and reports whether the
// conversation goes on.
func (c *conversation) reply(key string, lines []string) bool {
	if !c.raw.wait(c.delays[key]) {
		return false
	}
	if c.floods[key] {
		return c.flood()
	}
	closing := strings.HasPrefix(lines[0], "421") // RFC 5321, 3.8
	text := []byte(strings.Join(lines, "\r\n") + "\r\n")
	if c.drip == 0 {
		_, err := c.out.Write(text)
		return err == nil && !closing
	}
	for i := range text {
		if !c.raw.wait(c.drip) {
			return false
		}
		if _, err := c.out.Write(text[i : i+1]); err != nil {
			return false
		}
	}
	return !closing
}

// flood sends one line until the client hangs up.
func (c *conversation) flood() bool {
	chunk := []byte("220 ")
	for {
		if _, err := c.out.Write(chunk); err != nil {
			return false
		}
		chunk = floodwater
	}
}

var floodwater = []byte(strings.Repeat("flood ", 200))

// startTLS does the handshake and reports whether it succeeded.
func (c *conversation) startTLS() bool {
	if c.tlsFail {
		c.in.Peek(1) // the client's hello, or what comes could be taken for a part of the reply
		c.raw.Write([]byte("this is not a TLS record\r\n"))
		c.raw.wait(maxFarewell) // hanging up at once could take it back
		return false
	}
	if c.ca == nil {
		return false
	}
	groups := c.tlsGroups
	if len(groups) == 0 {
		groups = Groups()
	}
	secure := tls.Server(c.raw, &tls.Config{
		GetCertificate: c.certificate, MinVersion: max(c.tlsVersion, c.tlsOldest), MaxVersion: c.tlsVersion,
		CipherSuites: c.tlsSuites, CurvePreferences: groups,
	})
	if secure.Handshake() != nil {
		return false
	}
	// It is never closed by itself: the alert could wait for a client that has gone.
	c.out, c.in, c.inTLS = secure, bufio.NewReaderSize(secure, maxCommand), true
	return true
}

// certificate is what the script says or, if that gives no names, one for the
// host that the client asks for (SNI), else for that of the greeting.
func (c *conversation) certificate(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
	want := c.cert
	if len(want.Names) == 0 {
		want.Names = []string{cmp.Or(hello.ServerName, c.Host())}
	}
	cert, err := c.ca.Issue(want)
	return &cert, err
}
