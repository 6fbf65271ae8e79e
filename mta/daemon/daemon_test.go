package daemon

import (
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta"
	"github.com/maildoctor/maildoctor/mta/control"
	"github.com/maildoctor/maildoctor/mta/inbox"
	"github.com/maildoctor/maildoctor/mta/smtpd"
)

func annTo(to string) letter {
	return letter{smtpd.Submissions, "ann", "of ann", "ann@example.com", to, ""}
}

// TestAllTheWay: users submit, on both ports; what they send is signed and reaches
// another host; what others send lies in the mailbox with what was found out about
// it; and nobody relays.
func TestAllTheWay(t *testing.T) {
	w := newWorld(t, "  aliases: {sales: ann}").start()
	w.expect(w.send(annTo("bob@other.example")), "250")
	w.expect(w.send(letter{smtpd.Submission, "ben", "of ben", "whoever@example.com", "bob@other.example", ""}), "250")
	w.until("delivery", func() bool { return len(w.other.Messages()) == 2 })
	for _, m := range w.other.Messages() {
		for _, want := range []string{"DKIM-Signature: ", "d=example.com", "s=s1", "\r\nMessage-ID: <"} {
			if !strings.Contains(m.Data, want) {
				t.Errorf("no %q in\n%s", want, m.Data)
			}
		}
	}
	outside := letter{smtpd.MX, "", "", "bob@other.example", "ann@example.com", ""}
	w.expect(w.send(outside), "250")
	outside.to = "Sales+roses@EXAMPLE.com"
	w.expect(w.send(outside), "250")
	if got := w.in("ann@example.com"); len(got) != 2 || !strings.Contains(got[0], "\nAuthentication-Results: mail.example.com;") {
		t.Errorf("%q", got)
	}
	outside.to = "postmaster@mail.example.com"
	w.expect(w.send(outside), "250")
	if got := w.in("postmaster@example.com"); len(got) != 1 {
		t.Errorf("postmaster has %d messages", len(got))
	}
	for _, wrong := range []struct {
		letter
		want string
	}{
		{letter{smtpd.MX, "", "", "bob@other.example", "carol@example.com", ""}, "550 5.1.1"},
		{letter{smtpd.MX, "", "", "bob@other.example", "ann@mail.example.com", ""}, "550 5.1.1"},
		{letter{smtpd.MX, "", "", "bob@other.example", "eve@elsewhere.example", ""}, "550 5.7.1"},
		{letter{smtpd.Submission, "ann", "of ann", "ben@example.com", "bob@other.example", ""}, "553 5.7.1"},
		{letter{smtpd.Submission, "ben", "of ben", "ben@other.example", "bob@other.example", ""}, "553 5.7.1"},
		{letter{smtpd.Submission, "", "", "ann@example.com", "bob@other.example", ""}, "530 5.7.0"},
	} {
		w.expect(w.send(wrong.letter), wrong.want)
	}
	for _, l := range []letter{{user: "ann", password: "of ben"}, {user: "eve", password: "of ann"}, {user: "ann"}} {
		l.port = smtpd.Submissions
		if conn, err := w.connect(l); err == nil {
			conn.Close()
			t.Errorf("%s logs in with %q", l.user, l.password)
		}
	}
}

// TestBounce: who wrote what nobody takes is told, with the reply.
func TestBounce(t *testing.T) {
	w := newWorld(t)
	w.other.Answers = map[string]string{"RCPT": "550 5.1.1 nobody of that name"}
	w.start()
	w.expect(w.send(annTo("bob@other.example")), "250")
	w.until("a notice", func() bool { return len(w.in("ann@example.com")) == 1 })
	notice := w.in("ann@example.com")[0]
	for _, want := range []string{"Return-Path: <>\r\n", "DKIM-Signature: ", "Auto-Submitted: auto-replied", "550 5.1.1 nobody of that name", "Final-Recipient: rfc822; bob@other.example", "mailer-daemon@mail.example.com"} {
		if !strings.Contains(notice, want) {
			t.Errorf("no %q in\n%s", want, notice)
		}
	}
}

// TestReload: a changed file counts from now on, an open session goes on, and a
// file that is wrong changes nothing.
func TestReload(t *testing.T) {
	w := newWorld(t).start()
	session, err := w.connect(annTo(""))
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()

	w.write("maildoctor.yaml", file("  aliass: {}"))
	if _, err := w.Reload(t.Context()); err == nil || !strings.Contains(w.log.String(), "the settings stay as they are") {
		t.Errorf("a wrong file: %v", err)
	}
	outside := letter{smtpd.MX, "", "", "bob@other.example", "ann@example.com", ""}
	w.expect(w.send(outside), "250")

	text := strings.NewReplacer(
		"domains:\n", "domains:\n  example.net: {profile: standard}\n", "mailboxes: [ann]", "mailboxes: [carol]", "{ann: {password-file: ann.password}, ", "{carol: {password-file: carol.password}, ",
		"state: state", "state: elsewhere", `mx: "127.0.0.1:0"`, `mx: "127.0.0.2:0"`,
	).Replace(file("  dmarc: note"))
	w.write("carol.password", "of carol")
	w.write("maildoctor.yaml", text)
	client, err := control.Dial(t.Context(), filepath.Join(w.dir, "state", control.SocketName))
	if err != nil {
		t.Fatal(err)
	}
	done, err := client.Reload(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprint(done.Changed, done.Later); got != "[domains mailboxes users dmarc] [state listen]" {
		t.Errorf("reloaded: %s", got)
	}
	w.expect(w.send(outside), "550 5.1.1")
	outside.to = "carol@example.net"
	w.expect(w.send(outside), "250")
	w.expect(w.send(letter{smtpd.Submissions, "carol", "of carol", "carol@example.net", "bob@other.example", ""}), "250")
	if conn, err := w.connect(annTo("")); err == nil {
		conn.Close()
		t.Error("ann, who has gone, logs in")
	}
	w.write("carol.password", "of carol, now")
	if err := os.Chtimes(filepath.Join(w.dir, "carol.password"), time.Time{}, time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if done, err := client.Reload(t.Context()); err != nil || fmt.Sprint(done.Changed) != "[passwords]" {
		t.Errorf("a new password: %v, %v", done.Changed, err)
	}
	w.expect(w.send(letter{smtpd.Submissions, "carol", "of carol, now", "carol@example.net", "bob@other.example", ""}), "250")

	// The open session is there still, and knows that ann may write as nobody now.
	w.expect(post(session, annTo("bob@other.example")), "553 5.7.1")

	status, err := client.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if status.Hostname != "mail.example.com" || fmt.Sprint(status.Domains) != "[example.net example.com]" || len(status.Listeners) != 3 || status.Reloaded.IsZero() || len(status.Certs) != 1 {
		t.Errorf("%+v", status)
	}
}

// TestStopUnderLoad: whatever was answered with 250 when the server stops is in the
// queue of the next one, or was delivered, and nothing twice.
func TestStopUnderLoad(t *testing.T) {
	w := newWorld(t)
	w.other.Answers = map[string]string{".": "451 4.3.0 later"} // the queue keeps it
	w.start(func(o *mta.Options) { o.Queue.Grace = 1 })
	var mu sync.Mutex
	var taken []string
	var clients sync.WaitGroup
	for c := range 4 {
		clients.Go(func() {
			conn, err := w.connect(annTo(""))
			if err != nil {
				return
			}
			defer conn.Close()
			for n := range 10_000 {
				name := fmt.Sprintf("load-%d-%d", c, n)
				l := annTo("bob@other.example")
				l.header = "X-Name: " + name + "\r\n"
				reply := post(conn, l)
				if !strings.HasPrefix(reply, "250") {
					return
				}
				mu.Lock()
				taken = append(taken, name)
				mu.Unlock()
			}
		})
	}
	w.until("load", func() bool { mu.Lock(); defer mu.Unlock(); return len(taken) >= 40 })
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	clients.Wait()
	w.other.Answer(nil)
	w.start()
	if n := w.Server().Queue().Stats().Messages; n < len(taken) {
		t.Errorf("%d messages are queued, %d were taken", n, len(taken))
	}
	before := len(w.other.Messages())
	for _, e := range w.Server().Queue().List() {
		if err := w.Server().Queue().Retry(e.Envelope.ID); err != nil {
			t.Fatal(err)
		}
	}
	w.until("delivery", func() bool { n, _ := w.Server().Queue().Len(); return n == 0 })
	count := make(map[string]int)
	for _, m := range w.other.Messages()[before:] {
		_, rest, _ := strings.Cut(m.Data, "X-Name: ")
		name, _, _ := strings.Cut(rest, "\r\n")
		count[name]++
	}
	for _, name := range taken {
		if count[name] != 1 {
			t.Errorf("%s arrived %d times", name, count[name])
		}
	}
}

// TestTestMailbox: an address that is issued while the server runs takes mail, if
// the file lets it.
func TestTestMailbox(t *testing.T) {
	w := newWorld(t, "  test-mailbox: yes").start()
	tests, err := inbox.Open(filepath.Join(w.dir, "state", "inbox"), inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	address, err := tests.Issue("example.com", 0)
	if err != nil {
		t.Fatal(err)
	}
	outside := letter{smtpd.MX, "", "", "bob@other.example", address.Name, ""}
	w.expect(w.send(outside), "250")
	if got, err := tests.Messages(address); len(got) != 1 || err != nil {
		t.Errorf("%d messages, %v", len(got), err)
	}
	w.write("maildoctor.yaml", file("  test-mailbox: no"))
	if _, err := w.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.expect(w.send(outside), "550 5.1.1")
}

// TestQuota: a client hears at RCPT that the mailbox is full.
func TestQuota(t *testing.T) {
	w := newWorld(t, "  limits: {mailbox: 1MiB}")
	box := filepath.Join(w.dir, "state", "mail", "ann@example.com", "new")
	if err := os.MkdirAll(box, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(box, "1.large"), make([]byte, 1<<20), 0o600); err != nil {
		t.Fatal(err)
	}
	w.start()
	w.expect(w.send(letter{smtpd.MX, "", "", "bob@other.example", "ann@example.com", ""}), "452 4.2.2 The mailbox is full")
	w.expect(w.send(letter{smtpd.MX, "", "", "bob@other.example", "postmaster@example.com", ""}), "250")
}

// TestBound: where one address cannot be had, none is kept.
func TestBound(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	free, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	free.Close()
	w := newWorld(t)
	w.write("maildoctor.yaml", strings.NewReplacer(`mx: "127.0.0.1:0"`, fmt.Sprintf("mx: %q", free.Addr()), `submission: "127.0.0.1:0"`, fmt.Sprintf("submission: %q", taken.Addr())).Replace(file()))
	s, err := w.setup()
	if err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(taken.Addr().String())
	if _, err := Open(t.Context(), s, Options{}); err == nil || !strings.Contains(err.Error(), " listens at port "+port+" already") || runtime.GOOS == "linux" && !strings.Contains(err.Error(), fmt.Sprintf("(process %d)", os.Getpid())) {
		t.Errorf("%v", err)
	}
	again, err := net.Listen("tcp", free.Addr().String())
	if err != nil {
		t.Fatalf("the other address is still bound: %v", err)
	}
	again.Close()
}

// TestTwice: a second server over one state directory does not begin.
func TestTwice(t *testing.T) {
	w := newWorld(t).start()
	s, err := w.setup()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Open(t.Context(), s, Options{}); err == nil || !strings.Contains(err.Error(), "a mail server runs here already: process ") {
		t.Errorf("%v", err)
	}
}

// TestNewCertificate: a reload takes over certificate files that have changed, and
// files of other names; what cannot be used leaves those that there are.
func TestNewCertificate(t *testing.T) {
	w := newWorld(t).start()
	serial := func() string {
		t.Helper()
		conn, err := tls.Dial("tcp", w.Addr(smtpd.Submissions).String(), &tls.Config{RootCAs: w.ca.Roots(), ServerName: "mail.example.com"})
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		return fmt.Sprintf("%x", conn.ConnectionState().PeerCertificates[0].Signature)
	}
	first := serial()
	w.certificate("cert.pem", "key.pem")
	if _, err := w.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := serial()
	if second == first {
		t.Error("changed files are not taken over")
	}
	w.certificate("other.pem", "other.key")
	w.write("maildoctor.yaml", strings.Replace(file(), "cert: cert.pem, key: key.pem", "cert: other.pem, key: key.pem", 1))
	if _, err := w.Reload(t.Context()); err == nil || serial() != second {
		t.Errorf("a key that does not fit: %v", err)
	}
	w.write("maildoctor.yaml", strings.Replace(file(), "cert: cert.pem, key: key.pem", "cert: other.pem, key: other.key", 1))
	if done, err := w.Reload(t.Context()); err != nil || fmt.Sprint(done.Changed) != "[certificates]" || serial() == second {
		t.Errorf("other files: %v, %v", done, err)
	}
}
