package cmd

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/judge"
	"github.com/maildoctor/maildoctor/message"
)

// given is what the flags say of how the mail came.
func (f messageFlags) given() (g judge.Given, err error) {
	if f.received < 0 || f.set("received") && f.received == 0 {
		return g, errors.New("--received counts the Received fields from the top, from 1")
	}
	g.Received = f.received
	if f.set("client") {
		addr, err := netip.ParseAddr(strings.Trim(strings.TrimSpace(f.client), "[]"))
		if err != nil {
			return g, fmt.Errorf("--client %q is no IP address; give one as in 192.0.2.25 or 2001:db8::25", f.client)
		}
		g.Client = addr.Unmap().WithZone("")
	}
	if f.set("helo") {
		name := strings.TrimSpace(f.name)
		g.HELO = &name
	}
	if f.set("mail-from") {
		sender := strings.TrimSuffix(strings.TrimPrefix(strings.TrimSpace(f.mailFrom), "<"), ">")
		if sender != "" && !strings.Contains(sender, "@") {
			return g, fmt.Errorf("--mail-from %q is no address; give one as in bounce@example.com, or <> for the null one", f.mailFrom)
		}
		g.MailFrom = &sender
	}
	if f.set("at") {
		if g.At, err = time.Parse(time.RFC3339, f.at); err != nil {
			return g, fmt.Errorf("--at %q is no time; give one as in 2026-01-31T12:00:00Z", f.at)
		}
	}
	return g, nil
}

// A letter is a saved mail and what is given of how it came.
type letter struct {
	*message.Message
	given    judge.Given
	now      time.Time
	recorded bool // it is that of a recording, and so was judged before
}

// read reads the file, or standard input, or what a recording holds, with what the
// flags say of it.
func (f messageFlags) read(a *app, args []string, played *player) (l letter, err error) {
	l.now = a.clock()
	if len(args) == 0 && played != nil {
		if played.scenario.Message == nil {
			return l, fmt.Errorf("--replay %s holds no message; name its file", f.replay)
		}
		l.Message, _ = message.Parse(played.scenario.Message)
		l.now, l.recorded = played.scenario.Now, true
		if played.scenario.Given != nil {
			l.given = *played.scenario.Given
		}
	} else if l.Message, err = a.readMessage(args); err != nil {
		return l, err
	}
	given, err := f.given()
	l.given = l.given.Over(given)
	return l, err
}

// arrival is how it came, and when.
func (l letter) arrival() (judge.Arrival, error) {
	arrival, err := l.given.Arrival(l.Message, l.now)
	if err != nil {
		err = fmt.Errorf("--received %d: %w", l.given.Received, err)
	}
	return arrival, err
}

// readMessage reads the file, or standard input.
func (a *app) readMessage(args []string) (*message.Message, error) {
	if len(args) == 0 {
		return nil, errors.New("no message given; name a file, as in maildoctor message mail.eml, or give - to read standard input")
	}
	r := a.in
	if args[0] != "-" {
		file, err := os.Open(args[0])
		if err != nil {
			return nil, err
		}
		defer file.Close()
		r = file
	}
	m, _, err := message.Read(r)
	if err == nil && len(m.Fields) == 0 {
		err = fmt.Errorf("%s is no mail: it has no header; save the mail with its header (.eml)", inputName(args[0]))
	}
	return m, err
}

func inputName(path string) string {
	if path == "-" {
		return "standard input"
	}
	return path
}
