package cmd

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/maildoctor/maildoctor/message"
	"github.com/maildoctor/maildoctor/mta/compose"
	"github.com/maildoctor/maildoctor/mta/testmail"
)

// testSubject and testText are what a message says of itself that nobody wrote.
const (
	testSubject = "Test message"
	testText    = "This is a test message, sent with maildoctor to see whether mail arrives.\nIf you did not expect it, you can delete it.\n"
)

// compose writes the message, or reads the one that is to be sent as it is.
func (f sendFlags) compose(a *app) (testmail.Mail, error) {
	var m testmail.Mail
	if len(f.to) == 0 {
		return m, errors.New("no recipient given; name one with --to")
	}
	if len(f.to) > testmail.MaxRcpts {
		return m, fmt.Errorf("--to is given %d times, and %d is the most; this is for tests, not for mailings", len(f.to), testmail.MaxRcpts)
	}
	var to []compose.Address
	for _, text := range f.to {
		rcpt, err := compose.ParseAddress(text)
		if err != nil {
			return m, fmt.Errorf("--to %q %w", text, err)
		}
		to, m.Rcpts = append(to, rcpt), append(m.Rcpts, rcpt.Path())
	}
	if f.messageFile != "" {
		return m, f.ready(a, &m)
	}
	if f.from == "" {
		return m, errors.New("no sender given; name one with --from")
	}
	from, err := compose.ParseAddress(f.from)
	if err != nil {
		return m, fmt.Errorf("--from %q %w", f.from, err)
	}
	m.From = from.Path()
	letter := compose.Message{From: from, To: to, Subject: f.subject, Date: time.Now()}
	if letter.Text, err = a.bodyOf("--text", f.textFile); err != nil {
		return m, err
	}
	if letter.HTML, err = a.bodyOf("--html", f.htmlFile); err != nil {
		return m, err
	}
	if f.textFile == "" && f.htmlFile == "" {
		letter.Text = testText
	}
	m.Text, err = letter.Bytes()
	return m, err
}

// ready reads a message that is to be sent as it is. Its sender is --from, else its
// From field.
func (f sendFlags) ready(a *app, m *testmail.Mail) error {
	if f.textFile != "" || f.htmlFile != "" || f.subjectGiven {
		return errors.New("--message is sent as it is; leave out --subject, --text and --html")
	}
	text, err := a.readAll(f.messageFile, message.MaxSize)
	if err != nil {
		return fmt.Errorf("--message %s: %w", f.messageFile, err)
	}
	msg, _ := message.Parse(text)
	if len(msg.Fields) == 0 || msg.Cut {
		return fmt.Errorf("--message %s is no mail that can be sent: it has no header, or too large a one", f.messageFile)
	}
	m.Text = text
	if f.from == "" {
		author := msg.Author()
		if len(author.Addresses) == 0 {
			return errors.New("the message has no From field with an address; name the sender with --from")
		}
		f.from = author.Addresses[0].Text
	}
	from, err := compose.ParseAddress(f.from)
	if err != nil {
		return fmt.Errorf("the sender %q %w", f.from, err)
	}
	m.From = from.Path()
	return nil
}

// bodyOf is what a file holds; nothing where none is named.
func (a *app) bodyOf(flag, path string) (string, error) {
	if path == "" {
		return "", nil
	}
	text, err := a.readAll(path, compose.MaxBody)
	if err != nil {
		return "", fmt.Errorf("%s %s: %w", flag, path, err)
	}
	return string(text), nil
}

// readAll reads a file, or standard input, of at most most octets.
func (a *app) readAll(path string, most int64) ([]byte, error) {
	var text []byte
	var err error
	if path == "-" {
		text, err = io.ReadAll(io.LimitReader(a.in, most+1))
	} else {
		text, err = readBounded(path, most)
	}
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("it has more than %d octets", most)
	}
	return text, err
}
