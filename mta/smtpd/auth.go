package smtpd

import (
	"encoding/base64"
	"errors"
	"strings"
	"unicode/utf8"
)

// mayLogIn reports whether AUTH is there now: under TLS only.
func (s *session) mayLogIn() bool {
	return s.seen.Port != MX && s.seen.TLS.Used && s.seen.User == ""
}

// auth answers AUTH (RFC 4954), with PLAIN (RFC 4616) and LOGIN.
func (s *session) auth(arg string) error {
	switch {
	case s.seen.Port == MX:
		return s.isBad(&Reply{502, "5.5.1", "Nobody logs in here: submission has ports of its own"}, BadCommand, "AUTH")
	case !s.seen.TLS.Used:
		return s.isBad(replyAuthTLS, WrongOrder, "AUTH") // and the password is out
	case !s.seen.Extended:
		return s.isBad(replyGreetFirst, WrongOrder, "AUTH")
	case s.seen.User != "":
		return s.isBad(&Reply{503, "5.5.1", "You have logged in already"}, WrongOrder, "AUTH")
	case s.tx != nil: // RFC 4954, 4
		return s.isBad(replyNested, WrongOrder, "AUTH")
	}
	mechanism, initial, given := strings.Cut(arg, " ")
	var user, password string
	var err error
	switch strings.ToUpper(mechanism) {
	case "PLAIN":
		user, password, err = s.authPlain(initial, given)
	case "LOGIN":
		user, password, err = s.authLogin(initial, given)
	default:
		return s.isBad(&Reply{504, "5.5.4", "The mechanisms are PLAIN and LOGIN"}, BadCommand, "AUTH "+mechanism)
	}
	var r *Reply
	switch {
	case errors.As(err, &r):
		return s.isBad(r, BadCommand, "AUTH "+mechanism)
	case err != nil:
		return err
	}
	return s.logIn(user, password)
}

// logIn asks the Authenticator.
func (s *session) logIn(user, password string) error {
	err := s.srv.c.Users.Authenticate(s.ctx, user, password)
	switch {
	case err == nil:
		s.seen.User = user
		s.reply(replyAuthenticated)
		return nil
	case !errors.Is(err, ErrCredentials):
		s.srv.log.Error("cannot authenticate", "client", s.seen.Remote, "user", user, "error", err)
		s.reply(&Reply{454, "4.7.0", "Cannot tell who you are now; try again later"})
		return nil
	}
	s.note(LoginFailed, 1, user)
	s.srv.gate.fine(s.seen.Remote.Addr())
	s.srv.log.Warn("login failed", "client", s.seen.Remote, "user", user)
	s.reply(&Reply{535, "5.7.8", "Wrong user or password"})
	if s.logins++; s.logins >= s.srv.limits.Logins {
		return s.over(&Reply{421, "4.7.0", "Too many failed logins"})
	}
	return nil
}

func (s *session) authPlain(initial string, given bool) (user, password string, err error) {
	if !given {
		if initial, err = s.challenge(""); err != nil {
			return "", "", err
		}
	}
	text, err := decode64(initial)
	if err != nil {
		return "", "", err
	}
	parts := strings.Split(text, "\x00") // authzid NUL authcid NUL passwd
	if len(parts) != 3 || parts[1] == "" || !utf8.ValidString(text) {
		return "", "", &Reply{501, "5.5.2", "Not the form of PLAIN (RFC 4616, 2)"}
	}
	if parts[0] != "" && parts[0] != parts[1] {
		return "", "", &Reply{535, "5.7.8", "Nobody acts for another user here"}
	}
	return parts[1], parts[2], nil
}

func (s *session) authLogin(initial string, given bool) (user, password string, err error) {
	if !given {
		if initial, err = s.challenge("Username:"); err != nil {
			return "", "", err
		}
	}
	if user, err = decode64(initial); err != nil {
		return "", "", err
	}
	answer, err := s.challenge("Password:")
	if err != nil {
		return "", "", err
	}
	if password, err = decode64(answer); err != nil {
		return "", "", err
	}
	if user == "" || !utf8.ValidString(user) {
		return "", "", &Reply{501, "5.5.2", "The user is missing"}
	}
	return user, password, nil
}

// challenge asks and returns the answer, still in Base64.
func (s *session) challenge(text string) (string, error) {
	s.reply(&Reply{334, "", base64.StdEncoding.EncodeToString([]byte(text))})
	line, err := s.readLine(maxAuth, s.commandDeadline())
	switch {
	case errors.Is(err, errLineTooLong): // RFC 4954, 4
		return "", &Reply{500, "5.5.6", "The answer is too long"}
	case errors.Is(err, errBareEnding):
		return "", replyBareEnding
	case err != nil:
		return "", err
	case string(line) == "*":
		return "", &Reply{501, "5.7.0", "Cancelled, as you wish"}
	}
	return string(line), nil
}

func decode64(s string) (string, error) {
	if s == "=" { // an empty initial response (RFC 4954, 4)
		return "", nil
	}
	text, err := base64.StdEncoding.DecodeString(s)
	if err != nil {
		return "", &Reply{501, "5.5.2", "Not Base64"}
	}
	return string(text), nil
}
