package lab

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"io"
	"net"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// An act is what a receiver does in place of what is right.
type act int

const (
	behave  act = iota
	answer      // with what Fault.says, and does not do what it was told
	silence     // says nothing any more
	drip        // one octet at a time
	hangUp      // without a word
	garble      // says what is no reply
	flood       // a reply without an end
	overrun     // a line without an end
	cut         // hangs up in the middle of the message
	strip       // takes STARTTLS out of what it offers, as those do who sit in between
	show        // another certificate
	rename      // calls itself as the sender does
	inject      // puts a reply behind that to STARTTLS, in clear text
	// What follows is done when the message has been taken.
	forget // hangs up in place of the reply
	muffle // does not reply
	mumble // says what is no reply
)

// A front stands before a mail host that behaves, and misbehaves in its place. It
// speaks TLS for that host.
type front struct {
	net.Listener
	behind string // where the mail host listens
	fault  Fault
	helo   string           // of the sender
	cert   *tls.Certificate // that is right; nil: no STARTTLS
	other  *tls.Certificate // with the act show

	mu     sync.Mutex
	visits int
	heard  []hearing
}

// A hearing is a transaction that a client began.
type hearing struct {
	secure bool // inside TLS
	wrong  bool // in a conversation in which the front did not do what is right
}

// serve holds conversations until the listener is closed.
func (f *front) serve() {
	for {
		conn, err := f.Accept()
		if err != nil {
			return
		}
		f.mu.Lock()
		visit := f.visits
		f.visits++
		f.mu.Unlock()
		go f.talk(conn, f.fault.act != behave && (f.fault.times == 0 || visit < f.fault.times))
	}
}

// met is how often the front was connected to, and the transactions that it heard.
func (f *front) met() (visits int, heard []hearing) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.visits, f.heard
}

// longest bounds a conversation of a front.
const longest = 30 * time.Second

// A talk is one conversation of a front.
type talk struct {
	*front
	wrong  bool // this time
	raw    net.Conn
	conn   net.Conn // raw or, later, TLS over it
	in     *bufio.Reader
	back   net.Conn // to the host behind
	said   *bufio.Reader
	secure bool
}

func (f *front) talk(conn net.Conn, wrong bool) {
	defer conn.Close()
	back, err := net.Dial("tcp", f.behind)
	if err != nil {
		return
	}
	defer back.Close()
	end := time.Now().Add(longest)
	conn.SetDeadline(end)
	back.SetDeadline(end)
	t := &talk{front: f, wrong: wrong, raw: conn, conn: conn, in: bufio.NewReader(conn), back: back, said: bufio.NewReader(back)}
	if !t.pass(probe.StageBanner, "") {
		return
	}
	for {
		line, err := t.in.ReadString('\n')
		if err != nil || !t.command(line) {
			return
		}
	}
}

// command does one, and reports whether the conversation goes on.
func (t *talk) command(line string) bool {
	verb, _, _ := strings.Cut(strings.ToUpper(strings.TrimSpace(line)), " ")
	switch verb {
	case "EHLO":
		return t.pass(probe.StageEHLO, line)
	case "STARTTLS":
		return t.startTLS()
	case "MAIL":
		t.mu.Lock()
		t.heard = append(t.heard, hearing{t.secure, t.wrong})
		t.mu.Unlock()
		return t.pass(probe.StageMail, line)
	case "RCPT":
		return t.pass(probe.StageRcpt, line)
	case "DATA":
		return t.pass(probe.StageData, line)
	}
	return t.pass(probe.StageQuit, line)
}

// acts is what is done at a stage of this conversation.
func (t *talk) acts(stage probe.Stage) act {
	if t.wrong && t.fault.at == stage {
		return t.fault.act
	}
	return behave
}

// pass hands a command to the host behind and its reply to the client, or does
// what the fault is.
func (t *talk) pass(stage probe.Stage, line string) bool {
	do := t.acts(stage)
	if t.fault.both && strings.Contains(line, "<"+second) {
		do = behave
	}
	switch do {
	case behave, strip, rename:
	default:
		return t.misbehave(do)
	}
	if _, err := io.WriteString(t.back, line); err != nil {
		return false
	}
	reply, ok := t.reply()
	if !ok {
		return false
	}
	if stage == probe.StageEHLO {
		reply = t.offers(reply)
	}
	if t.acts(stage) == rename {
		reply = strings.Replace(reply, reply[4:4+strings.IndexAny(reply[4:], " \r")], t.helo, 1)
	}
	if _, err := io.WriteString(t.conn, reply); err != nil {
		return false
	}
	if stage == probe.StageData && strings.HasPrefix(reply, "354") {
		return t.message()
	}
	return !strings.HasPrefix(reply, "221") && !strings.HasPrefix(reply, "421")
}

// reply is all lines of one of the host behind.
func (t *talk) reply() (string, bool) {
	var all strings.Builder
	for {
		line, err := t.said.ReadString('\n')
		all.WriteString(line)
		if err != nil || len(line) < 4 {
			return "", false
		}
		if line[3] != '-' {
			return all.String(), true
		}
	}
}

// offers adds STARTTLS to a reply to EHLO, where it belongs.
func (t *talk) offers(reply string) string {
	if t.cert == nil || t.secure || t.acts(probe.StageEHLO) == strip || !strings.HasPrefix(reply, "250-") {
		return reply
	}
	first, rest, _ := strings.Cut(reply, "\r\n")
	return first + "\r\n250-STARTTLS\r\n" + rest
}

// startTLS does the handshake in place of the host behind, which goes on as if
// nothing had been (RFC 3207, 4.2): the client says EHLO again.
func (t *talk) startTLS() bool {
	if t.cert == nil {
		return t.pass(probe.StageSTARTTLS, "STARTTLS\r\n")
	}
	ready := "220 2.0.0 go ahead\r\n"
	switch do := t.acts(probe.StageSTARTTLS); do {
	case behave:
	case inject:
		ready += "250-mx.evil.test\r\n250 PIPELINING\r\n"
	default:
		return t.misbehave(do)
	}
	if _, err := io.WriteString(t.conn, ready); err != nil {
		return false
	}
	cert := t.cert
	switch do := t.acts(probe.StageTLS); do {
	case behave:
	case show:
		cert = t.other
	default:
		if do == garble {
			t.in.ReadByte() // both would write at once otherwise
		}
		return t.misbehave(do)
	}
	secure := tls.Server(t.raw, &tls.Config{Certificates: []tls.Certificate{*cert}, SessionTicketsDisabled: true})
	if secure.Handshake() != nil {
		return false
	}
	t.conn, t.in, t.secure = secure, bufio.NewReader(secure), true
	return true
}

// message hands over a message, which is small, and the reply to it.
func (t *talk) message() bool {
	do := t.acts(probe.StageMessage)
	var text bytes.Buffer
	for {
		line, err := t.in.ReadBytes('\n')
		text.Write(line)
		switch {
		case err != nil:
			return false
		case do == cut:
			return false
		case string(line) != ".\r\n":
			continue
		}
		break
	}
	switch do {
	case behave, forget, muffle, mumble:
	default: // nobody gets to see it
		t.back.Close()
		return t.misbehave(do)
	}
	if _, err := t.back.Write(text.Bytes()); err != nil {
		return false
	}
	reply, ok := t.reply()
	if !ok {
		return false
	}
	switch do {
	case forget:
		return false
	case muffle:
		return t.misbehave(silence)
	case mumble:
		return t.misbehave(garble)
	}
	_, err := io.WriteString(t.conn, reply)
	return err == nil
}

// between is how long a front that drips waits.
const between = 20 * time.Millisecond

// misbehave does what no receiver should, and reports whether the conversation
// goes on.
func (t *talk) misbehave(do act) bool {
	switch do {
	case answer:
		_, err := io.WriteString(t.conn, t.fault.says+"\r\n")
		return err == nil && t.leave()
	case silence:
		io.Copy(io.Discard, t.conn)
	case drip:
		for {
			if _, err := io.WriteString(t.conn, "2"); err != nil {
				return false
			}
			time.Sleep(between)
		}
	case garble:
		io.WriteString(t.conn, "SSH-2.0-OpenSSH_9.2\r\n")
		io.Copy(io.Discard, t.conn)
	case flood:
		t.pour("250-more\r\n")
	case overrun:
		t.pour("2")
	}
	return false
}

func (t *talk) pour(text string) {
	piece := strings.Repeat(text, 400)
	for {
		if _, err := io.WriteString(t.conn, piece); err != nil {
			return
		}
	}
}

// leave goes on after an answer that is no yes: as ever where the client may try
// something else, else until it takes its leave.
func (t *talk) leave() bool {
	switch {
	case strings.HasPrefix(t.fault.says, "421"):
		return false
	case t.fault.at == probe.StageEHLO, t.fault.at == probe.StageSTARTTLS, t.fault.both:
		return true
	}
	for {
		line, err := t.in.ReadString('\n')
		if err != nil {
			return false
		}
		if strings.EqualFold(strings.TrimSpace(line), "QUIT") {
			io.WriteString(t.conn, "221 2.0.0 bye\r\n")
			return false
		}
		if _, err := io.WriteString(t.conn, "503 5.5.1 not after that\r\n"); err != nil {
			return false
		}
	}
}
