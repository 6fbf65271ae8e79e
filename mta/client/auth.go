package client

import (
	"encoding/base64"
	"slices"
	"strings"

	"github.com/maildoctor/maildoctor/probe"
)

// Authenticate logs in with PLAIN (RFC 4616) or, where that is not offered, LOGIN.
// Without TLS whose certificate is trusted and names the host it refuses to, and
// sends nothing: both mechanisms show the password to whoever is there.
func (k *Conn) Authenticate(user, password string) *probe.Error {
	secure := k.session.TLS != nil && k.session.TLS.Trusted() && k.session.TLS.NameFault == ""
	mechanisms, _ := k.Offers("AUTH")
	offered := strings.Fields(strings.ToUpper(mechanisms))
	switch {
	case !secure:
		return k.wont("the password is sent over verified TLS only")
	case strings.Contains(user+password, "\x00"):
		return k.wont("user name or password hold a NUL")
	case slices.Contains(offered, "PLAIN"):
		return k.plain(user, password)
	case slices.Contains(offered, "LOGIN"):
		return k.login(user, password)
	}
	return k.wont("neither AUTH PLAIN nor AUTH LOGIN is offered")
}

func (k *Conn) wont(why string) *probe.Error {
	return &probe.Error{Stage: probe.StageAuth, Kind: probe.Invalid, Detail: why}
}

// hidden stands for what the transcript does not show.
const hidden = "***"

func (k *Conn) plain(user, password string) *probe.Error {
	secret := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
	text, shown := "AUTH PLAIN "+secret, "AUTH PLAIN "+hidden
	const most = 512 - len("\r\n") // octets of a command line (RFC 5321, 4.5.3.1.4)
	if len(text) > most {
		if _, err := k.ask(k.say("AUTH PLAIN", "", 334)); err != nil {
			return err
		}
		text, shown = secret, hidden
	}
	_, err := k.ask(k.say(text, shown, 235))
	return err
}

// login answers the two questions in their order, whatever they are in.
func (k *Conn) login(user, password string) *probe.Error {
	for _, turn := range []command{
		k.say("AUTH LOGIN", "", 334),
		k.say(base64.StdEncoding.EncodeToString([]byte(user)), hidden, 334),
		k.say(base64.StdEncoding.EncodeToString([]byte(password)), hidden, 235),
	} {
		if _, err := k.ask(turn); err != nil {
			return err
		}
	}
	return nil
}

func (k *Conn) say(text, shown string, want int) command {
	return command{stage: probe.StageAuth, text: text, shown: shown, limit: k.limits.Command, want: []int{want}}
}
