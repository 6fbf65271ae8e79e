package probe_test

import (
	"bufio"
	"context"
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/probe"
)

// FuzzConverse talks to a server that says anything: first greeting, then one
// answer to each line it is sent. Answers are parted by 0xFE. The conversation
// ends within its total time, in order, and never asks to send a message.
func FuzzConverse(f *testing.F) {
	f.Add([]byte("220 mx\r\n\xfe250-mx\r\n250 STARTTLS\r\n\xfe220 go\r\n\xfe\x16\x03\x03\x00\x02\x02\x28"))
	f.Add([]byte("220 mx\r\n\xfe502 no\r\n\xfe250 mx\r\n\xfe250 2.1.0 ok\r\n\xfe354 go ahead\r\n\xfe221 bye\r\n"))
	f.Add([]byte("220 mx\r\n\xfe250-mx\r\n250-PIPELINING\r\n250 EXPN\r\n\xfe250 ok\r\n\xfe550 no\r\n421 bye\r\n\xfe250 ok\r\n\xfe\xfe252 who\r\n\xfe250 x\r\n"))
	f.Add([]byte("421 no\r\n"))
	f.Add([]byte("220-\x1b[2J\r\n220"))
	f.Add([]byte("220 mx\r\n\xfe250-mx\r\n250-SIZE\r\n250 starttls\r\n\xfe220 go\r\n250 more\r\n"))
	f.Fuzz(func(t *testing.T, said []byte) {
		synctest.Test(t, func(t *testing.T) {
			answers := strings.Split(string(said), "\xfe")
			var heard []string
			prober := &probe.Prober{Dial: func(context.Context, string, string) (net.Conn, error) {
				client, server := net.Pipe()
				go parrot(server, answers, &heard)
				return client, nil
			}}
			target := target
			to("postmaster@example.org", "abuse@example.org")(&target)
			target.Verify = "postmaster"
			start := time.Now()
			s := prober.Converse(t.Context(), target)
			if took := time.Since(start); took > probe.DefaultTimeouts().Total+time.Second {
				t.Errorf("took %v", took)
			}
			synctest.Wait()
			if slices.ContainsFunc(heard, func(line string) bool { return strings.HasPrefix(strings.ToUpper(line), "DATA") }) {
				t.Errorf("sent %q", heard)
			}
			for i, step := range s.Steps {
				if i > 0 && step.Stage < s.Steps[i-1].Stage {
					t.Errorf("stage %v after %v", step.Stage, s.Steps[i-1].Stage)
				}
			}
			s.Evidence()
		})
	})
}

// parrot gives its answers, one to each line, and then hangs up.
func parrot(conn net.Conn, answers []string, heard *[]string) {
	defer conn.Close()
	in := bufio.NewReader(conn)
	for _, answer := range answers {
		if _, err := conn.Write([]byte(answer)); err != nil {
			return
		}
		line, err := in.ReadString('\n')
		if err != nil {
			return
		}
		*heard = append(*heard, strings.TrimSpace(line))
	}
}
