package client_test

import (
	"bytes"
	"context"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/client"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/probe"
)

// What a strict server reads back is the message, and one message only.
func FuzzDots(f *testing.F) {
	for _, seed := range []string{body, "", ".", ".\r\n", "\r\n.\r\n", "a", "a\n.\n", "\r\n..\r\n.\r\nRSET\r\n"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		h := &clienttest.Host{}
		answers, _ := deliver(t.Context(), &client.Client{Dial: h.Dial, Name: "out.example.net"}, mail(string(raw), "b@example.org"))
		_, lookErr := client.Look(bytes.NewReader(raw))
		if (answers[0].Err == nil) != (lookErr == nil) {
			t.Fatalf("sent: %v, looked at: %v", answers[0].Err, lookErr)
		}
		got := h.Messages()
		if lookErr != nil {
			if len(got) != 0 {
				t.Fatalf("%q went out", got[0].Data)
			}
			return
		}
		var back strings.Builder
		for line := range strings.Lines(got[0].Data) {
			back.WriteString(strings.TrimPrefix(line, "."))
		}
		want := string(raw)
		if want != "" && !strings.HasSuffix(want, "\r\n") {
			want += "\r\n"
		}
		if len(got) != 1 || back.String() != want {
			t.Fatalf("%d messages, %q, want %q", len(got), back.String(), want)
		}
	})
}

// Whatever a host says, and in whatever pieces: every recipient has an answer, and
// none is called delivered whose message was not sent to the end and answered so.
func FuzzHost(f *testing.F) {
	f.Add([]byte("220 mx\r\n\x00250-mx\r\n250 PIPELINING\r\n\x00250 ok\r\n250 ok\r\n550 no\r\n\x00354 go\r\n\x00\x00250 taken\r\n\x00221 bye\r\n"), false)
	f.Add([]byte("220 mx\r\n\x00250 mx\r\n\x00250 ok\r\n\x00250 ok\r\n\x00550 no\r\n\x00354 go\r\n\x00\x00421 bye\r\n"), false)
	f.Add([]byte("220 mx\r\n250 mx\r\n250 ok\r\n250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n"), true)
	f.Add([]byte("554 no\r\n"), true)
	f.Add([]byte("220-\r\n220 \x00250 STARTTLS\r\n\x00220 go\r\n\x00\x16\x03\x01"), true)
	f.Fuzz(func(t *testing.T, script []byte, atOnce bool) {
		host := &scripted{script: bytes.Split(script, []byte{0}), atOnce: atOnce}
		const short = 100 * time.Millisecond
		limits := client.Limits{Connect: short, Banner: short, TLS: short, Command: short, Data: short, Block: short, Final: short, Quit: short}
		answers, session := deliver(t.Context(), &client.Client{Dial: host.dial, Name: "out.example.net", Limits: limits}, mail(body, "b@example.org", "c@example.org"))
		if len(session.Steps) == 0 || answers == nil && session.Err == nil {
			t.Fatalf("no answers, and no reason: %+v", session)
		}
		for _, a := range answers {
			if a.Err == nil && (a.Maybe || a.Stage != probe.StageMessage || a.Reply.Code/100 != 2 || !strings.Contains(host.heard(), "\r\n.\r\n")) {
				t.Fatalf("delivered: %+v, heard %q", a, host.heard())
			}
			if a.Maybe && a.Stage != probe.StageMessage {
				t.Fatalf("perhaps delivered: %+v", a)
			}
		}
	})
}

// A scripted host says one piece after each that it hears, or all at once, and
// hangs up at the end.
type scripted struct {
	script [][]byte
	atOnce bool
	mu     sync.Mutex
	said   bytes.Buffer
}

func (s *scripted) dial(context.Context, string, string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		if s.atOnce {
			go func() {
				theirs.Write(bytes.Join(s.script, nil))
				theirs.Close()
			}()
			s.hear(theirs)
			return
		}
		for _, piece := range s.script {
			if _, err := theirs.Write(piece); err != nil || !s.hear1(theirs) {
				return
			}
		}
	}()
	return ours, nil
}

func (s *scripted) hear(conn net.Conn) {
	for s.hear1(conn) {
	}
}

func (s *scripted) hear1(conn net.Conn) bool {
	buffer := make([]byte, 64<<10)
	n, err := conn.Read(buffer)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.said.Write(buffer[:n])
	return err == nil
}

func (s *scripted) heard() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}
