package cmd_test

import (
	"context"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/queue"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// queueOf DIR is a state directory with four messages in its spool: for gmail.com,
// deferred; a notice, held; for example.net, twice.
func queueOf(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: queueof DIR")
	}
	s, _, err := spool.Open(filepath.Join(ts.MkAbs(args[0]), "spool"), spool.Options{MinFree: 1})
	ts.Check(err)
	defer s.Close()
	now := time.Now()
	waiting := func(addr string) []spool.Rcpt {
		return []spool.Rcpt{{Addr: addr, Status: spool.Waiting, Next: now.Add(90*time.Minute + 30*time.Second)}}
	}
	slow := waiting("bob@gmail.com")
	slow[0].Attempts, slow[0].Tried = 3, now.Add(-time.Hour)
	slow[0].Reply = spool.Reply{Code: 421, Enhanced: "4.7.28", Text: "unusual rate of unsolicited mail\x1b[31m", Host: "gmail-smtp-in.l.google.com", At: now}
	for _, e := range []spool.Envelope{
		{ID: "01aa0000000000aa", From: "ann@sender.example", Auth: "ann", Rcpts: append(slow, waiting("eve@gmail.com")...)},
		{ID: "01ab0000000000aa", Held: true, Rcpts: waiting("ann@elsewhere.example")},
		{ID: "01ac0000000000aa", From: "ann@sender.example", Rcpts: waiting("bob@example.net")},
		{ID: "01ad0000000000aa", From: "ben@sender.example", Rcpts: waiting("bob@example.net")},
	} {
		e.Received = now.Add(-3 * time.Hour)
		_, err := s.Accept(e, strings.NewReader("From: ann@sender.example\r\nSubject: a test\r\n\r\nsecret body\r\n"))
		ts.Check(err)
	}
}

// controlled DIR runs a server over a state directory, in which every attempt fails.
func controlled(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: controlled DIR")
	}
	state := ts.MkAbs(args[0])
	s, found, err := spool.Open(filepath.Join(state, "spool"), spool.Options{MinFree: 1})
	ts.Check(err)
	q := queue.New(queue.Options{Spool: s, Deliver: func(context.Context, queue.Transaction) []queue.Outcome { return nil }}, found.Entries)
	l, err := control.Listen(filepath.Join(state, control.SocketName))
	ts.Check(err)
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan error)
	go func() {
		served <- control.Serve(ctx, l, control.Host{
			Queue: q, SpoolDir: filepath.Join(state, "spool"),
			Status: func() control.Status { return control.Status{Hostname: "mx.sender.example", Since: time.Now()} },
			Reload: func(context.Context) (control.Reloaded, error) {
				return control.Reloaded{Changed: []string{"domains"}}, nil
			},
		})
	}()
	ts.Defer(func() {
		stop()
		<-served
		s.Close()
	})
}
