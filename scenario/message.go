package scenario

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"

	"github.com/maildoctor/maildoctor/message"
)

// The sections of a message: as it stands, and as strings of Go.
const (
	plainMessage  = "message"
	quotedMessage = "message/quoted"
)

// message reads the section of a message; ok is false for others.
func (s *Scenario) message(name, body string) (ok bool, err error) {
	switch name {
	case plainMessage:
		s.Message = message.ToCRLF([]byte(body))
	case quotedMessage:
		s.Message, err = unquote(body)
	case envelopeSection:
		s.Given, err = readEnvelope(body)
	default:
		return false, nil
	}
	return true, err
}

// unquote joins the strings that stand on the lines of body, in double quotes.
func unquote(body string) ([]byte, error) {
	raw := []byte{}
	n := 0
	for line := range strings.Lines(body) {
		n++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		text, err := strconv.Unquote(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: want a string in double quotes", n)
		}
		raw = append(raw, text...)
	}
	return raw, nil
}

// quoteMessage is what unquote reads as raw, a line of it on a line each.
func quoteMessage(raw []byte) [][]byte {
	var lines [][]byte
	for line := range bytes.Lines(raw) {
		lines = append(lines, strconv.AppendQuote(nil, string(line)))
	}
	return lines
}
