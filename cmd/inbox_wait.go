package cmd

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/diagnosis"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/report"
)

// printAddress prints a fresh address: it is what whoever waits needs first.
func (a *app) printAddress(o *output, address inbox.Address) error {
	if o.format.value == "json" {
		return report.IssuedJSON(a.out, report.TestAddress{Address: address.Name, Made: address.Made, Until: address.Until})
	}
	_, err := fmt.Fprintln(a.out, address.Name)
	return err
}

// mind tells of what keeps mail from coming, as far as it is seen from here.
func (a *app) mind(ctx context.Context, m *testMailbox, reader inboxReader) {
	if m.local() { // a trial on this machine
		return
	}
	looking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	way, err := inbox.Find(looking, reader.world.asks(), m.domain)
	if err != nil {
		return // it may come all the same
	}
	if text := way.Mind(here()); text != "" {
		fmt.Fprintln(a.err, "Mind: "+report.Escape(text))
	}
}

// await waits for mails and shows each as it comes, or all of them at the end in a
// file. It returns what there is to judge.
func (a *app) await(ctx context.Context, f inboxFlags, m *testMailbox, address inbox.Address, reader inboxReader) ([]diagnosis.Report, error) {
	limited, cancel := context.WithTimeout(ctx, time.Duration(f.timeout))
	defer cancel()
	line := a.waiting(m, f.count)
	defer line.stop()
	watch := m.boxes.Watch(address)
	var pages []report.Message
	for len(pages) < f.count {
		mail, err := watch.Next(limited)
		if err != nil {
			err = m.ending(ctx, err, address, len(pages), f)
			return nil, errors.Join(err, line.show(f.output, pages, f.output.path != ""))
		}
		page, err := reader.read(ctx, m.boxes, mail)
		if err != nil {
			return nil, err
		}
		pages = append(pages, page)
		line.count(len(pages))
		if err := line.show(f.output, pages[len(pages)-1:], f.output.path == ""); err != nil {
			return nil, err
		}
	}
	line.stop()
	var reports []diagnosis.Report
	for _, page := range pages {
		reports = append(reports, foundIn(page))
	}
	return reports, line.show(f.output, pages, f.output.path != "")
}

// ending is why no more mail is waited for.
func (m *testMailbox) ending(ctx context.Context, err error, address inbox.Address, came int, f inboxFlags) error {
	later := "nobody takes mail for the address any more"
	if m.port != "" {
		later = fmt.Sprintf("the address takes mail until %s; maildoctor inbox show %s%s shows what came", address.Until.Format(time.RFC3339), address.Name, m.said)
	} else if m.state != "" {
		later = fmt.Sprintf("maildoctor inbox show %s%s shows what came; nobody takes mail for it any more", address.Name, m.said)
	}
	what := "no mail came"
	if came > 0 {
		what = fmt.Sprintf("%d of %d mails came", came, f.count)
	}
	switch {
	case ctx.Err() != nil:
		return &codeError{exitInterrupted, fmt.Errorf("interrupted; %s", later)}
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s within %s; %s", what, time.Duration(f.timeout), later)
	case errors.Is(err, inbox.ErrGone):
		return fmt.Errorf("%s, and the time of the address is over", what)
	}
	return err
}

// A waitLine is a line on a terminal that tells how long nothing has come. Without
// a terminal only what happens is told.
type waitLine struct {
	a     *app
	tty   bool
	width int
	want  int

	came   chan int
	calls  chan func()
	done   chan struct{}
	ended  chan struct{}
	closed bool
	shown  int // pages
}

// waiting begins one, and tells meanwhile of clients that bring nothing.
func (a *app) waiting(m *testMailbox, want int) *waitLine {
	w := &waitLine{a: a, want: want, width: 80, came: make(chan int), calls: make(chan func()), done: make(chan struct{}), ended: make(chan struct{})}
	fd, tty := terminal(a.err)
	if w.tty = tty && a.env("TERM") != "dumb"; w.tty {
		if n, _, err := term.GetSize(fd); err == nil && n > 0 {
			w.width = n
		}
	}
	if m.at != nil {
		fmt.Fprintf(a.err, "Listening at %s for as long as this waits.\n", m.at)
	}
	go w.run(m.ended)
	return w
}

func (w *waitLine) run(ended <-chan *smtpd.Session) {
	defer close(w.ended)
	tick := time.NewTicker(time.Second)
	defer tick.Stop()
	start, came, strangers := time.Now(), 0, 0
	draw := func() {
		if w.tty {
			text := fmt.Sprintf("waiting for mail: %d of %d came, %s", came, w.want, time.Since(start).Round(time.Second))
			fmt.Fprint(w.a.err, "\r\x1b[K"+text[:min(len(text), max(0, w.width-1))])
		}
	}
	draw()
	for {
		select {
		case <-w.done:
			w.clear()
			return
		case came = <-w.came:
		case call := <-w.calls:
			w.clear()
			call()
		case s := <-ended:
			text := nothingBrought(s)
			if text == "" || strangers > maxStrangers {
				break
			}
			if strangers++; strangers > maxStrangers {
				text = "More clients that bring nothing are not told of."
			}
			w.clear()
			fmt.Fprintln(w.a.err, report.Escape(text))
		case <-tick.C:
		}
		draw()
	}
}

// maxStrangers is how many clients that bring nothing are told of: port 25 of the
// internet has many.
const maxStrangers = 20

func (w *waitLine) clear() {
	if w.tty {
		fmt.Fprint(w.a.err, "\r\x1b[K")
	}
}

func (w *waitLine) count(n int) { w.came <- n }

// stop takes the line away.
func (w *waitLine) stop() {
	if !w.closed {
		w.closed = true
		close(w.done)
		<-w.ended
	}
}

// show prints pages where the line is not, if it is time to.
func (w *waitLine) show(o *output, pages []report.Message, now bool) error {
	if !now || len(pages) == 0 {
		return nil
	}
	var err error
	printing := func() {
		err = o.print(func(out io.Writer) error { return printPages(out, o, pages, w.shown) })
		w.shown += len(pages)
	}
	if w.closed {
		printing()
		return err
	}
	done := make(chan struct{})
	w.calls <- func() { printing(); close(done) }
	<-done
	return err
}

// printPages prints pages, after those that stand there.
func printPages(out io.Writer, o *output, pages []report.Message, before int) error {
	for i, page := range pages {
		if o.format.value == "json" {
			if err := report.MessageJSON(out, page); err != nil {
				return err
			}
			continue
		}
		if before+i > 0 {
			if _, err := fmt.Fprintln(out); err != nil {
				return err
			}
		}
		if err := report.MessageText(out, page, o.text()); err != nil {
			return err
		}
	}
	return nil
}

// nothingBrought tells of a client that came and brought no message; empty if it
// brought one.
func nothingBrought(s *smtpd.Session) string {
	if s.Accepted > 0 {
		return ""
	}
	who := s.Remote.Addr().String()
	if s.HELO != "" {
		who += fmt.Sprintf(" (%.100q)", s.HELO)
	}
	var why []string
	for _, n := range s.Noted {
		if text := map[smtpd.NoteKind]string{
			smtpd.HandshakeFailed: "the TLS handshake failed",
			smtpd.Relaying:        "it asked for another address",
			smtpd.Vanished:        "it left without QUIT",
			smtpd.TimedOut:        "it was too slow",
			smtpd.BadCommand:      "it sent a bad command",
			smtpd.EarlyTalk:       "it spoke before it was greeted",
		}[n.Kind]; text != "" {
			if n.Detail != "" {
				text += fmt.Sprintf(" (%.80q)", n.Detail)
			}
			why = append(why, text)
		}
	}
	if len(why) == 0 {
		why = append(why, "it ended the session")
	}
	return fmt.Sprintf("%s came and brought no mail: %s.", who, strings.Join(why, ", "))
}
