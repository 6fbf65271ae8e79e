//go:build linux

package smtpd_test

import (
	"context"
	"fmt"
	"net"
	"net/smtp"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/peertest"
)

// listen runs the server of w on a socket, too.
func (w *world) listen(port smtpd.Port) string {
	w.t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		w.t.Fatal(err)
	}
	go w.server.Serve(l, port) // ends with the world
	return l.Addr().String()
}

// run runs a program that is to end well.
func run(t *testing.T, name string, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	peertest.Run(t, exec.CommandContext(ctx, peertest.Program(t, name), args...))
}

// TestPeersSwaks: swaks delivers with STARTTLS, submits with both mechanisms, and
// is nothing to note but where it asks for it.
func TestPeersSwaks(t *testing.T) {
	peertest.Program(t, "swaks")
	w := play(t, nil)
	mx, submission, submissions := w.listen(smtpd.MX), w.listen(smtpd.Submission), w.listen(smtpd.Submissions)
	common := []string{"--helo", "client.example", "--body", "first\n.\n..dots\n", "--to", "b@local.example"}
	for _, args := range [][]string{
		{"--server", mx, "--from", "a@sender.example"},
		{"--server", mx, "--from", "a@sender.example", "--tls"},
		{"--server", mx, "--from", "<>", "--tls", "--pipeline"},
		{"--server", mx, "--from", "a@sender.example", "--protocol", "SMTP"},
		{"--server", submission, "--from", "a@local.example", "--tls", "--auth", "PLAIN", "--au", "a@local.example", "--ap", "secret"},
		{"--server", submissions, "--from", "a@local.example", "--tlsc", "--auth", "LOGIN", "--au", "a@local.example", "--ap", "secret", "--pipeline"},
	} {
		run(t, "swaks", append(args, common...)...)
	}
	if w.store.count() != 6 {
		t.Fatalf("%d messages", w.store.count())
	}
	for i, with := range []string{"ESMTP", "ESMTPS", "ESMTPS", "SMTP", "ESMTPSA", "ESMTPSA"} {
		if text := w.store.texts[i]; !strings.Contains(text, " with "+with+" ") || !strings.Contains(text, "\r\n\r\nfirst\r\n.\r\n..dots\r\n") {
			t.Errorf("message %d is to come with %s:\n%s", i, with, text)
		}
	}
	for _, s := range w.sessions() {
		if len(s.Noted) != 0 {
			t.Errorf("noted: %v", s.Noted)
		}
	}
}

// TestPeersSMTPSource: the load generator of Postfix delivers each of its messages
// once.
func TestPeersSMTPSource(t *testing.T) {
	peertest.Program(t, "smtp-source")
	w := play(t, nil)
	mx := w.listen(smtpd.MX)
	run(t, "smtp-source", "-s", "5", "-l", "5120", "-m", "50", "-f", "a@sender.example", "-t", "b@local.example", mx)
	run(t, "smtp-source", "-d", "-s", "5", "-l", "5120", "-m", "50", "-f", "a@sender.example", "-t", "b@local.example", mx)
	if n := w.store.count(); n != 100 {
		t.Errorf("%d messages", n)
	}
	for _, text := range w.store.texts {
		if len(text) < 5120 {
			t.Fatalf("a message of %d octets:\n%s", len(text), text)
		}
	}
	for _, s := range w.sessions() {
		for _, n := range s.Noted {
			if n.Kind != smtpd.Vanished { // it leaves open connections at its end
				t.Errorf("noted: %v", n)
			}
		}
	}
}

const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
maillog_file = %[1]s/log
maillog_file_prefixes = %[1]s
myhostname = postfix.sender.example
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
mydestination =
alias_maps =
alias_database =
smtpd_peername_lookup = no
smtpd_relay_restrictions = permit_mynetworks, reject
smtp_dns_support_level = disabled
smtp_host_lookup = native
relayhost = [127.0.0.1]:%[2]s
smtp_tls_security_level = encrypt
`

const postfixMaster = `%[1]s inet n - n - - smtpd
smtp unix - - n - - smtp
relay unix - - n - - smtp
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// startPostfix runs a Postfix of its own that gives all mail to our port, and
// returns where it takes some.
func startPostfix(t *testing.T, port string) string {
	t.Helper()
	daemons, err := exec.Command(peertest.Program(t, "postconf"), "-h", "daemon_directory").Output()
	if err != nil {
		t.Fatal(err)
	}
	owner, err := user.Lookup("postfix")
	if err != nil || os.Getuid() != 0 {
		peertest.Missing(t, "Postfix runs as root only, and has a user of its own")
	}
	dir, err := os.MkdirTemp("", "maildoctor-peers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	etc := filepath.Join(dir, "etc")
	for _, sub := range []string{"", "etc", "queue", "data"} {
		if err := os.MkdirAll(filepath.Join(dir, sub), 0o755); err != nil {
			t.Fatal(err)
		}
		os.Chmod(filepath.Join(dir, sub), 0o755)
	}
	uid, _ := strconv.Atoi(owner.Uid)
	if err := os.Chown(filepath.Join(dir, "data"), uid, -1); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	for name, text := range map[string]string{"main.cf": fmt.Sprintf(postfixMain, dir, port), "master.cf": fmt.Sprintf(postfixMaster, address)} {
		if err := os.WriteFile(filepath.Join(etc, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := exec.Command(peertest.Program(t, "postfix"), "-c", etc, "check").CombinedOutput(); err != nil {
		t.Fatalf("postfix check: %v\n%s", err, out)
	}
	l.Close()
	master := exec.Command(filepath.Join(strings.TrimSpace(string(daemons)), "master"), "-c", etc, "-d", "-e", "300")
	master.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := master.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = syscall.Kill(-master.Process.Pid, syscall.SIGTERM)
		_ = master.Wait()
		if text, err := os.ReadFile(filepath.Join(dir, "log")); t.Failed() && err == nil {
			t.Logf("Postfix logged:\n%s", text[max(0, len(text)-4000):])
		}
	})
	eventually(t, "Postfix listens", func() bool {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return address
}

func eventually(t *testing.T, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for deadline := time.After(30 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("not after 30 s: %s", what)
		}
	}
}

// TestPeersPostfix: a real Postfix delivers to us under TLS; the octets arrive as
// they were, and there is nothing to note.
func TestPeersPostfix(t *testing.T) {
	peertest.Program(t, "postfix")
	w := play(t, nil)
	_, port, _ := net.SplitHostPort(w.listen(smtpd.MX))
	address := startPostfix(t, port)
	texts := []string{
		"Subject: plain\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\nhello\r\n",
		"Subject: dots\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n.\r\n..\r\n.x\r\n\r\n.\r\n",
		"Subject: 8-bit\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\nMIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n\xc3\xbc\r\n",
		"Subject: big\r\nDate: Sun, 22 Nov 2026 10:00:00 +0000\r\n\r\n" + strings.Repeat(strings.Repeat("0123456789", 7)+"\r\n", 30_000),
	}
	for _, text := range texts {
		if err := smtp.SendMail(address, nil, "a@sender.example", []string{"b@local.example", "c@local.example"}, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all has arrived", func() bool { return w.store.count() == len(texts) })
	for _, text := range texts {
		subject, body, _ := strings.Cut(text, "\r\n\r\n")
		subject, _, _ = strings.Cut(subject, "\r\n")
		found := false
		for i, got := range w.store.texts {
			if !strings.Contains(got, "\r\n"+subject+"\r\n") {
				continue
			}
			found = true
			if _, got, _ = strings.Cut(got, "\r\n\r\n"); got != body {
				t.Errorf("%s: %d octets came, %d were sent, or others", subject, len(got), len(body))
			}
			if e := w.store.mails[i].Envelope; e.HELO != "postfix.sender.example" || !strings.HasPrefix(e.TLS, "TLS 1.3") || len(e.Rcpts) != 2 {
				t.Errorf("%s: envelope %+v", subject, e)
			}
		}
		if !found {
			t.Errorf("%s did not arrive", subject)
		}
	}
	for _, s := range w.sessions() {
		for _, n := range s.Noted {
			if n.Kind != smtpd.Vanished {
				t.Errorf("noted: %v", n)
			}
		}
	}
}

// BenchmarkPeersSMTPSource is the load of Postfix's generator, 20 sessions with
// messages of 5 KiB, on a Store that throws away.
func BenchmarkPeersSMTPSource(b *testing.B) {
	program := peertest.Program(b, "smtp-source")
	for name, args := range map[string][]string{"reused": {"-d"}, "new": nil} {
		b.Run(name, func(b *testing.B) {
			address := serveDiscard(b)
			args := append(args, "-s", "20", "-l", "5120", "-m", strconv.Itoa(b.N), "-f", "a@sender.example", "-t", "b@local.example", address)
			if out, err := exec.CommandContext(b.Context(), program, args...).CombinedOutput(); err != nil {
				b.Fatalf("smtp-source: %v\n%s", err, out)
			}
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
