package cmd

import (
	"fmt"
	"io"
	"sync"
	"time"

	"golang.org/x/term"

	"github.com/maildoctor/maildoctor/mta/deliver"
	"github.com/maildoctor/maildoctor/probe"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/report"
)

// A sendTalk tells on standard error how far a conversation is: on a terminal in one
// line that is rewritten; and anywhere of each time that is waited.
type sendTalk struct {
	w     io.Writer
	width int // 0: no terminal

	mu    sync.Mutex
	drawn bool
}

func (a *app) sendTalk() *sendTalk {
	t := &sendTalk{w: a.err}
	if fd, tty := terminal(a.err); tty && a.env("TERM") != "dumb" {
		t.width = 80
		if n, _, err := term.GetSize(fd); err == nil && n > 0 {
			t.width = n
		}
	}
	return t
}

// step tells of a stage that has ended.
func (t *sendTalk) step(to probe.Target, step probe.Step) {
	if t.width == 0 {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	line := fmt.Sprintf("%s: %s", record.Display(to.Host), step.Stage)
	if to.Host == "" {
		line = fmt.Sprintf("%s: %s", to.Endpoint(), step.Stage)
	}
	line = report.Escape(line)
	fmt.Fprint(t.w, "\r\x1b[K"+line[:min(len(line), t.width-1)])
	t.drawn = true
}

// waiting tells that a message is put off.
func (t *sendTalk) waiting(until time.Time, because deliver.Result) {
	t.stop()
	fmt.Fprintf(t.w, "put off by %s with %d %s; trying again at %s (Ctrl-C ends it)\n",
		report.Escape(record.Display(because.Host)), because.Code, report.Escape(because.Enhanced), until.Local().Format("15:04:05"))
}

// stop takes the line away.
func (t *sendTalk) stop() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.drawn {
		fmt.Fprint(t.w, "\r\x1b[K")
		t.drawn = false
	}
}
