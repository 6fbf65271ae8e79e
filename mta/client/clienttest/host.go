// Package clienttest plays mail hosts for tests of who sends mail: each stage of a
// conversation can go wrong in every way that there is.
package clienttest

import (
	"bufio"
	"context"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"syscall"
	"time"
)

// Answers that are none.
const (
	Close   = "close"   // hang up
	Hang    = "hang"    // say nothing, until the other side gives up
	Garbage = "garbage" // what is not SMTP
	Drip    = "drip"    // one octet a second
	Endless = "endless" // a reply that never ends
	Huge    = "huge"    // a line that never ends
)

// A Host is a mail host. Its fields are not changed while it is talked to, but by
// Answer.
type Host struct {
	Name   string   // in greeting and EHLO; empty is mx.example.org
	Offers []string // EHLO keywords, besides STARTTLS where Cert is set
	// Answers replaces what is said to a command: "MAIL", "RCPT", "." for the end of the
	// message, "banner", "EHLO2" for that inside TLS. "RCPT a@example.org" is for one
	// recipient only.
	Answers map[string]string
	Cert    *tls.Certificate
	// Handshake is what comes in place of the TLS handshake: Close, Hang or Garbage.
	Handshake string
	Inject    string // sent behind the reply to STARTTLS

	mu       sync.Mutex
	messages []Message
	commands []string
	calls    int
}

// A Message is one that a host has taken to its end.
type Message struct {
	From  string   // the command
	Rcpts []string // commands that were accepted
	Data  string   // with dots stuffed, without the final line
	TLS   bool
	SNI   string
}

// Messages is what the host took to the end, whatever it said then.
func (h *Host) Messages() []Message {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]Message(nil), h.messages...)
}

// Commands is every line that was heard outside of messages.
func (h *Host) Commands() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.commands...)
}

// Answer changes what is said to commands from now on: see Answers.
func (h *Host) Answer(answers map[string]string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.Answers = answers
}

// said is what Answers has for a command.
func (h *Host) said(key string) (answer string, ok bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	answer, ok = h.Answers[key]
	return answer, ok
}

// Calls is how often the host was connected to.
func (h *Host) Calls() int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.calls
}

// Dial connects to the host, whatever the address.
func (h *Host) Dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go h.Serve(theirs)
	return ours, nil
}

// A Network is hosts by "address:port". Others refuse connections.
type Network map[string]*Host

// Dial connects to a host of the network; one that is nil does not answer.
func (n Network) Dial(ctx context.Context, network, address string) (net.Conn, error) {
	h, known := n[address]
	switch {
	case !known:
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	case h == nil:
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return h.Dial(ctx, network, address)
}

// A talk is one conversation of a host.
type talk struct {
	*Host
	raw, conn net.Conn
	in        *bufio.Reader
	message   Message
	secure    bool
}

// Serve holds one conversation, until either side hangs up.
func (h *Host) Serve(conn net.Conn) {
	defer conn.Close()
	h.mu.Lock()
	h.calls++
	h.mu.Unlock()
	t := &talk{Host: h, raw: conn, conn: conn, in: bufio.NewReader(conn)}
	if !t.say("banner", "220 "+t.name()+" ESMTP") {
		return
	}
	for {
		line, err := t.in.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		h.mu.Lock()
		h.commands = append(h.commands, line)
		h.mu.Unlock()
		if !t.command(line) {
			return
		}
	}
}

func (h *Host) name() string {
	if h.Name == "" {
		return "mx.example.org"
	}
	return h.Name
}

func (t *talk) command(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(line), " ")
	switch verb {
	case "EHLO":
		return t.ehlo()
	case "HELO":
		return t.say("HELO", "250 "+t.name())
	case "MAIL":
		t.message = Message{From: line, TLS: t.secure, SNI: t.message.SNI}
		return t.say("MAIL", "250 2.1.0 ok")
	case "RCPT":
		key := "RCPT"
		if addr, _, ok := strings.Cut(strings.TrimPrefix(line[min(len(line), 8):], "<"), ">"); ok {
			if own := "RCPT " + strings.TrimPrefix(addr, "<"); t.answer(own, "") != "" {
				key = own
			}
		}
		if answer := t.answer(key, ""); answer == "" || answer[0] == '2' {
			t.message.Rcpts = append(t.message.Rcpts, line)
		}
		return t.say(key, "250 2.1.5 ok")
	case "DATA":
		return t.say("DATA", "354 go on") && (!strings.HasPrefix(t.answer("DATA", "354"), "354") || t.data())
	case "STARTTLS":
		return t.startTLS()
	case "AUTH":
		return t.auth(line)
	case "QUIT":
		t.say("QUIT", "221 2.0.0 bye")
		return false
	}
	return t.say(verb, "250 2.0.0 ok")
}

func (t *talk) answer(key, usual string) string {
	if a, ok := t.said(key); ok {
		return a
	}
	return usual
}

func (t *talk) ehlo() bool {
	lines := append([]string{t.name()}, t.Offers...)
	if t.Cert != nil && !t.secure {
		lines = append(lines, "STARTTLS")
	}
	var usual strings.Builder
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		usual.WriteString("250" + sep + line + "\r\n")
	}
	key := "EHLO"
	if t.secure && t.answer("EHLO2", "") != "" {
		key = "EHLO2"
	}
	return t.say(key, strings.TrimSuffix(usual.String(), "\r\n"))
}

// data reads the message as the strictest of servers does.
func (t *talk) data() bool {
	var text strings.Builder
	for {
		line, err := t.in.ReadString('\n')
		if err != nil {
			return false
		}
		if line == ".\r\n" {
			break
		}
		text.WriteString(line)
	}
	t.message.Data = text.String()
	t.mu.Lock()
	t.messages = append(t.messages, t.message)
	t.mu.Unlock()
	return t.say(".", "250 2.0.0 taken")
}

func (t *talk) startTLS() bool {
	usual := "220 go on"
	if t.Cert == nil {
		usual = "502 5.5.1 what?"
	}
	goesOn := t.say("STARTTLS", usual)
	if !goesOn || !strings.HasPrefix(t.answer("STARTTLS", usual), "220") {
		return goesOn
	}
	if t.Handshake != "" {
		if t.Handshake == Garbage {
			t.in.ReadByte() // both write at once otherwise, and neither reads
		}
		return t.special(t.Handshake)
	}
	return t.handshake()
}

func (t *talk) handshake() bool {
	secure := tls.Server(t.raw, &tls.Config{SessionTicketsDisabled: true, GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		t.message.SNI = hello.ServerName
		return t.Cert, nil
	}})
	if secure.Handshake() != nil {
		return false
	}
	t.conn, t.in, t.secure = secure, bufio.NewReader(secure), true
	return true
}

// auth accepts what comes, after the steps that the mechanism has.
func (t *talk) auth(line string) bool {
	steps := 0
	switch words := strings.Fields(line); {
	case len(words) > 1 && words[1] == "LOGIN":
		steps = 2
	case len(words) == 2:
		steps = 1
	}
	for range steps {
		if !t.say("", "334 VXNlcm5hbWU6") {
			return false
		}
		if _, err := t.in.ReadString('\n'); err != nil {
			return false
		}
	}
	return t.say("AUTH", "235 2.7.0 welcome")
}

// say gives the answer that is set for key, else the usual one, and reports whether
// the conversation goes on.
func (t *talk) say(key, usual string) bool {
	text := t.answer(key, usual)
	if text == Close || text == Hang || text == Garbage || text == Drip || text == Endless || text == Huge {
		return t.special(text)
	}
	end := "\r\n"
	if key == "STARTTLS" {
		end += t.Inject
	}
	_, err := io.WriteString(t.conn, text+end)
	return err == nil && !strings.HasPrefix(text, "421") && (key != "banner" || text[0] == '2')
}

func (t *talk) special(what string) bool {
	switch what {
	case Close:
	case Hang:
		io.Copy(io.Discard, t.conn)
	case Garbage:
		io.WriteString(t.conn, "SSH-2.0-OpenSSH_9.2\r\n")
	case Drip:
		for {
			if _, err := io.WriteString(t.conn, "2"); err != nil {
				return false
			}
			time.Sleep(time.Second)
		}
	case Endless, Huge:
		text := "250-more\r\n"
		if what == Huge {
			text = strings.Repeat("2", 4096)
		}
		for {
			if _, err := io.WriteString(t.conn, text); err != nil {
				return false
			}
		}
	}
	return false
}
