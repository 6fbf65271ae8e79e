package scenario

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/maildoctor/maildoctor/checks"
	"github.com/maildoctor/maildoctor/judge"
)

// envelopeSection says how the message came, in place of what its header shows.
const envelopeSection = "envelope"

// readEnvelope reads the lines of an envelope section.
func readEnvelope(body string) (*judge.Given, error) {
	var g judge.Given
	n := 0
	for line := range strings.Lines(body) {
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		key, value, ok := strings.Cut(line, ":")
		value = strings.TrimSpace(value)
		var err error
		switch {
		case !ok:
			err = fmt.Errorf("want KEY: VALUE")
		case key == "client":
			g.Client, err = netip.ParseAddr(value)
		case key == "helo":
			g.HELO, err = unquoted(value)
		case key == "mail-from":
			g.MailFrom, err = unquoted(value)
		case key == "received":
			g.Received, err = strconv.Atoi(value)
		case key == "at":
			g.At, err = time.Parse(time.RFC3339Nano, value)
		default:
			err = fmt.Errorf("no such line: %q", key)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
	}
	return &g, nil
}

// unquoted is a string of Go in double quotes, or the text as it is.
func unquoted(text string) (*string, error) {
	if strings.HasPrefix(text, `"`) {
		s, err := strconv.Unquote(text)
		return &s, err
	}
	text = strings.TrimSuffix(strings.TrimPrefix(text, "<"), ">")
	return &text, nil
}

// writeEnvelope is what readEnvelope reads as g.
func writeEnvelope(g judge.Given) (lines [][]byte) {
	add := func(key, value string) { lines = append(lines, []byte(key+": "+value)) }
	if g.Received != 0 {
		add("received", strconv.Itoa(g.Received))
	}
	if g.Client.IsValid() {
		add("client", g.Client.String())
	}
	if g.HELO != nil {
		add("helo", strconv.Quote(*g.HELO))
	}
	if g.MailFrom != nil {
		add("mail-from", strconv.Quote(*g.MailFrom))
	}
	if !g.At.IsZero() {
		add("at", g.At.Format(time.RFC3339Nano))
	}
	return lines
}

// envelope is the section about how the message came. It is wanted, and be it
// empty, where checks knew the envelope and nobody noted what was given of it.
func (r *Recorder) envelope(env *checks.Env) (lines [][]byte, wanted bool) {
	if r.given == nil {
		return writeEnvelope(givenOf(env)), env.Envelope != judge.Envelope{}
	}
	lines = writeEnvelope(*r.given)
	return lines, len(lines) > 0
}

// givenOf is what of an envelope the header of the message does not show.
func givenOf(env *checks.Env) (g judge.Given) {
	e := env.Envelope
	shown, err := judge.EnvelopeOf(env.Message, 0)
	if err != nil {
		return g
	}
	if e.Client != shown.Envelope.Client {
		g.Client = e.Client
	}
	if e.HELO != shown.Envelope.HELO {
		g.HELO = &e.HELO
	}
	if e.Known && (!shown.Envelope.Known || e.MailFrom != shown.Envelope.MailFrom) {
		g.MailFrom = &e.MailFrom
	}
	return g
}
