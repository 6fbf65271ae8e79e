//go:build unix

package daemon

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/client/clienttest"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

// TestKilled: a server that is killed under load, three times, has lost nothing that
// it answered with 250, be it for a mailbox here or for another host.
func TestKilled(t *testing.T) {
	if dir := os.Getenv("MAILDOCTOR_KILLED"); dir != "" {
		killedChild(t, dir)
		return
	}
	w := newWorld(t)
	var mu sync.Mutex
	var taken []string
	for round := range 3 {
		c := exec.Command(os.Args[0], "-test.run=^TestKilled$")
		c.Env = append(os.Environ(), "MAILDOCTOR_KILLED="+w.dir)
		out, err := c.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		in, err := c.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		defer in.Close()
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		var mx, submissions string
		if _, err := fmt.Fscan(bufio.NewReader(out), &mx, &submissions); err != nil {
			t.Fatalf("the server does not begin: %v", err)
		}
		w.at = map[smtpd.Port]string{smtpd.MX: mx, smtpd.Submissions: submissions}
		var clients sync.WaitGroup
		for n, l := range []letter{{smtpd.MX, "", "", "bob@other.example", "ann@example.com", ""}, annTo("bob@other.example"), {smtpd.MX, "", "", "bob@other.example", "postmaster@example.com", ""}, annTo("eve@other.example")} {
			clients.Go(func() {
				conn, err := w.connect(l)
				if err != nil {
					return
				}
				defer conn.Close()
				for i := 0; ; i++ {
					name := fmt.Sprintf("kill-%d-%d-%d", round, n, i)
					l.header = "X-Name: " + name + "\r\n"
					if !strings.HasPrefix(post(conn, l), "250") {
						return
					}
					mu.Lock()
					taken = append(taken, name)
					mu.Unlock()
				}
			})
		}
		enough := 60 * (round + 1)
		w.until("load", func() bool { mu.Lock(); defer mu.Unlock(); return len(taken) >= enough })
		if err := c.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = c.Wait()
		clients.Wait()
	}
	w.at = nil
	w.start()
	for _, e := range w.Server().Queue().List() {
		if err := w.Server().Queue().Retry(e.Envelope.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.until("delivery", func() bool { n, _ := w.Server().Queue().Len(); return n == 0 })
	var have []string
	for _, m := range w.other.Messages() {
		have = append(have, nameOf(m.Data))
	}
	for _, text := range slices.Concat(w.in("ann@example.com"), w.in("postmaster@example.com")) {
		have = append(have, nameOf(text))
	}
	for _, name := range taken {
		if !slices.Contains(have, name) {
			t.Errorf("%s is lost", name)
		}
	}
	t.Logf("%d messages were taken, %d arrived", len(taken), len(have))
}

func nameOf(text string) string {
	_, rest, _ := strings.Cut(text, "X-Name: ")
	name, _, _ := strings.Cut(rest, "\r\n")
	return name
}

// killedChild serves until it is killed. Other hosts cannot be reached.
func killedChild(t *testing.T, dir string) {
	w := &world{t: t, dir: dir, ca: clienttest.NewCA(t, time.Now()), other: &clienttest.Host{}}
	w.read = func() (*Setup, error) { return nil, errors.New("no") }
	w.start(func(o *mta.Options) { o.Send.Client.Dial = clienttest.Network{}.Dial })
	fmt.Println(w.Addr(smtpd.MX), w.Addr(smtpd.Submissions))
	_, _ = io.Copy(io.Discard, os.Stdin) // or until the test that wants it killed has ended
}
