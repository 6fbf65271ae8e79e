package spam

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Spamd is a daemon of SpamAssassin.
type Spamd struct {
	Network string        // "tcp" or "unix"
	Address string        // HOST:PORT, or the path of a socket
	Time    time.Duration // for one question; 0: the constant Time
	// Dial connects; nil: as net.Dialer does.
	Dial func(ctx context.Context, network, address string) (net.Conn, error)
}

// DefaultSpamdPort is where spamd listens unless told otherwise.
const DefaultSpamdPort = "783"

// ParseSpamd reads "HOST", "HOST:PORT" or "unix:PATH".
func ParseSpamd(text string) (*Spamd, error) {
	if path, ok := strings.CutPrefix(text, "unix:"); ok {
		if !filepath.IsAbs(path) {
			return nil, fmt.Errorf("%q: the path of a socket is absolute, as in unix:/run/spamd.sock", text)
		}
		return &Spamd{Network: "unix", Address: path}, nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = strings.Trim(text, "[]"), DefaultSpamdPort
	}
	if n, err := strconv.ParseUint(port, 10, 16); host == "" || err != nil || n == 0 || strings.ContainsAny(host, "/ @") {
		return nil, fmt.Errorf("%q is no host; give one as in 127.0.0.1:783 or unix:/run/spamd.sock", text)
	}
	return &Spamd{Network: "tcp", Address: net.JoinHostPort(host, port)}, nil
}

func (s *Spamd) String() string { return "SpamAssassin at " + s.Address }

// Ping asks whether spamd is there and works.
func (s *Spamd) Ping(ctx context.Context) error {
	r, err := s.ask(ctx, "PING", nil)
	if err == nil && r.words != "PONG" {
		err = fmt.Errorf("it answers %.80q to PING, and not PONG", r.words)
	}
	return err
}

// Check asks for the score alone.
func (s *Spamd) Check(ctx context.Context, message []byte) (Verdict, error) {
	r, err := s.ask(ctx, "CHECK", message)
	if err != nil {
		return Verdict{}, err
	}
	return r.verdict()
}

// Symbols asks for the score and the names of the rules.
func (s *Spamd) Symbols(ctx context.Context, message []byte) (Verdict, error) {
	r, err := s.ask(ctx, "SYMBOLS", message)
	if err != nil {
		return Verdict{}, err
	}
	v, err := r.verdict()
	v.Rules = symbols(r.body)
	return v, err
}

// Judge asks for the report, and for the names of the rules where that is not
// written as SpamAssassin ships it. The envelope spamd reads from the header.
func (s *Spamd) Judge(ctx context.Context, message []byte, _ Envelope) (Verdict, error) {
	r, err := s.ask(ctx, "REPORT", message)
	if err != nil {
		return Verdict{}, err
	}
	v, err := r.verdict()
	if v.Rules = rules(r.body); err != nil || len(v.Rules) > 0 {
		return v, err
	}
	named, err := s.Symbols(ctx, message)
	if err != nil {
		return v, nil // the score is known all the same
	}
	return named, nil
}

// ask sends one request; message is nil for one without.
func (s *Spamd) ask(ctx context.Context, command string, message []byte) (reply, error) {
	if len(message) > MaxMessage {
		return reply{}, tooLarge(len(message))
	}
	ctx, cancel := bounded(ctx, s.Time)
	defer cancel()
	dial := s.Dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	conn, err := dial(ctx, s.Network, s.Address)
	if err != nil {
		return reply{}, late(ctx, err)
	}
	defer conn.Close()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	head := command + " SPAMC/1.5\r\n"
	if message != nil {
		head += fmt.Sprintf("Content-length: %d\r\n", len(message))
	}
	_, sent := conn.Write([]byte(head + "\r\n"))
	if sent == nil && len(message) > 0 {
		_, sent = conn.Write(message)
	}
	if half, ok := conn.(interface{ CloseWrite() error }); ok && sent == nil {
		_ = half.CloseWrite() // as spamc does; some wait for it
	}
	r, err := readReply(conn)
	if errors.Is(err, io.ErrUnexpectedEOF) && sent != nil { // it may have refused before it read all
		err = sent
	}
	return r, late(ctx, err)
}
