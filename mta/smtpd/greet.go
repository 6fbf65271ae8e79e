package smtpd

import (
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"
)

// greet answers EHLO and HELO (RFC 5321, 4.1.1.1).
func (s *session) greet(extended bool, arg string) error {
	if arg == "" || !isASCII(arg) || strings.ContainsAny(arg, " ") {
		return s.isBad(&Reply{501, "5.5.4", "The name of the client is missing, or has characters that no name has"}, BadCommand, arg)
	}
	s.reset() // RFC 5321, 4.1.4
	s.seen.HELO, s.seen.Extended = arg, extended
	if !isName(arg) {
		s.note(BadHELO, 1, arg)
	}
	if !extended {
		s.reply(&Reply{250, "", s.srv.c.Hostname})
		return nil
	}
	s.reply(&Reply{250, "", strings.Join(append([]string{s.srv.c.Hostname}, s.extensions()...), "\n")})
	return nil
}

// isName reports whether s is a domain or an address literal.
func isName(s string) bool {
	if strings.HasPrefix(s, "[") {
		_, ok := parseLiteral(s)
		return ok
	}
	return isHostname(s)
}

// extensions is what is offered now.
func (s *session) extensions() []string {
	l := s.srv.limits
	list := []string{"PIPELINING", "ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "CHUNKING"}
	if l.MessageBytes < never {
		list = append(list, fmt.Sprintf("SIZE %d", l.MessageBytes))
	} else {
		list = append(list, "SIZE 0") // no limit (RFC 1870, 4)
	}
	if l.Recipients < never {
		list = append(list, fmt.Sprintf("LIMITS RCPTMAX=%d", l.Recipients)) // RFC 9422
	}
	switch {
	case !s.seen.TLS.Used && s.seen.TLS.Offered:
		list = append(list, "STARTTLS")
	case s.mayLogIn():
		list = append(list, "AUTH PLAIN LOGIN")
	}
	if s.srv.c.Offer.DSN {
		list = append(list, "DSN")
	}
	if s.srv.c.Offer.RequireTLS && s.seen.TLS.Used { // RFC 8689, 2
		list = append(list, "REQUIRETLS")
	}
	return list
}

// startTLS answers STARTTLS (RFC 3207).
func (s *session) startTLS(arg string) error {
	switch {
	case s.srv.c.TLS == nil:
		return s.isBad(replyNotHere, BadCommand, "STARTTLS")
	case s.seen.TLS.Used:
		return s.isBad(&Reply{503, "5.5.1", "TLS is on already"}, WrongOrder, "STARTTLS")
	case arg != "":
		return s.isBad(replyNoArgument, BadCommand, "STARTTLS")
	}
	if s.buffered() > 0 { // whoever sent it did not send it under TLS (CVE-2011-0411)
		s.note(PipelinedTLS, 1, s.drop())
	}
	config := s.srv.c.TLS()
	if config == nil {
		s.reply(replyNoTLS)
		return nil
	}
	s.reply(replyReadyTLS)
	if err := s.flush(s.commandDeadline()); err != nil {
		return err
	}
	if err := s.handshakeWith(config); err != nil {
		return errOver // nothing more is said in clear
	}
	s.reset()
	s.seen.HELO, s.seen.Extended = "", false // RFC 3207, 4.2
	return nil
}

// handshake begins TLS on a port that has it from the first octet.
func (s *session) handshake() error {
	config := s.srv.c.TLS()
	if config == nil {
		return errors.New("no certificate")
	}
	return s.handshakeWith(config)
}

// maxHandshake is how long a handshake may take.
const maxHandshake = time.Minute

func (s *session) handshakeWith(config *tls.Config) error {
	conn := tls.Server(s.raw, config)
	err := s.raw.SetDeadline(earlier(time.Now().Add(maxHandshake), s.end))
	if err == nil {
		err = conn.HandshakeContext(s.ctx)
	}
	if err != nil {
		s.note(HandshakeFailed, 1, err.Error())
		return err
	}
	s.use(conn)
	state := conn.ConnectionState()
	s.seen.TLS = TLS{Offered: true, Used: true, Version: tls.VersionName(state.Version), Cipher: tls.CipherSuiteName(state.CipherSuite), Name: state.ServerName}
	return nil
}
