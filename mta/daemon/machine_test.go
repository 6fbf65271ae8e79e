package daemon

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/resolve"
)

// TestHanded: sockets of systemd are taken by their names, or by their ports.
func TestHanded(t *testing.T) {
	if os.Getenv("MAILDOCTOR_HANDED") != "" {
		handedChild(t)
		return
	}
	if runtime.GOOS == "windows" {
		t.Skip("there is no systemd")
	}
	var files []*os.File
	var addrs []string
	for range 2 {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		f, err := l.(*net.TCPListener).File()
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		files, addrs = append(files, f), append(addrs, l.Addr().String())
	}
	for names, want := range map[string]string{
		"mx:submissions": fmt.Sprintf("mx=%s submissions=%s", addrs[0], addrs[1]),
		"mx:mx":          fmt.Sprintf("mx=%s mx=%s", addrs[0], addrs[1]),
		"mx:unknown":     "it is not known what the socket of systemd at " + addrs[1] + " is for",
		"mx:submission":  "systemd hands over a socket for submission, " + addrs[1] + ", and listen in the file has none",
	} {
		c := exec.Command(os.Args[0], "-test.run=^TestHanded$", "-test.v")
		c.Env = append(os.Environ(), "MAILDOCTOR_HANDED="+names)
		c.ExtraFiles = files
		out, err := c.CombinedOutput()
		if err != nil || !strings.Contains(string(out), want) {
			t.Errorf("%s: %v, want %s in\n%s", names, err, want, out)
		}
	}
}

// handedChild says what it was given.
func handedChild(t *testing.T) {
	env := map[string]string{"LISTEN_FDS": "2", "LISTEN_PID": strconv.Itoa(os.Getpid()), "LISTEN_FDNAMES": os.Getenv("MAILDOCTOR_HANDED")}
	given, err := handed(func(name string) string { return env[name] })
	if err != nil {
		fmt.Println(err)
		return
	}
	list, err := bind(t.Context(), []Socket{{smtpd.MX, ":25"}, {smtpd.Submissions, "127.0.0.1:0"}}, given)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, b := range list {
		fmt.Printf("%s=%s ", b.Port, b.Listener.Addr())
	}
	fmt.Println()
}

func TestNotHanded(t *testing.T) {
	for _, env := range []map[string]string{{}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}, {"LISTEN_FDS": "x", "LISTEN_PID": strconv.Itoa(os.Getpid())}, {"LISTEN_FDS": "1000000", "LISTEN_PID": strconv.Itoa(os.Getpid())}} {
		if given, err := handed(func(name string) string { return env[name] }); len(given) > 0 || err != nil {
			t.Errorf("%v: %v, %v", env, given, err)
		}
	}
	for name, want := range map[string]string{":25": "mx", "192.0.2.1:587": "submission", "[::1]:465": "submissions", ":26": ""} {
		addr, err := net.ResolveTCPAddr("tcp", name)
		if err != nil {
			t.Fatal(err)
		}
		if got := portName("unknown", addr); got != want {
			t.Errorf("%s is for %q, want %q", name, got, want)
		}
	}
}

// TestNotify: the service manager hears when the server is ready, reloads and stops.
func TestNotify(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("there is no systemd")
	}
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	w := newWorld(t)
	w.env = map[string]string{"NOTIFY_SOCKET": path}
	w.start()
	heard := func(want ...string) {
		t.Helper()
		_ = l.SetReadDeadline(time.Now().Add(10 * time.Second))
		b := make([]byte, 4096)
		n, err := l.Read(b)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range want {
			if !strings.Contains(string(b[:n]), line) {
				t.Errorf("heard %q, want %s", b[:n], line)
			}
		}
	}
	heard("READY=1", "STATUS=mail.example.com, 0 messages in the queue")
	if _, err := w.Reload(t.Context()); err != nil {
		t.Fatal(err)
	}
	heard("RELOADING=1")
	heard("READY=1")
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	heard("STOPPING=1")
	notifier(path + "/gone").tell("READY=1") // nobody listens, and that is no trouble
	notifier("").tell("READY=1")
}

// TestLog: what clients say stands in the log escaped, and no secret does.
func TestLog(t *testing.T) {
	w := newWorld(t).start()
	w.expect(w.send(annTo("bob@other.example")), "250")
	w.until("delivery", func() bool { return strings.Contains(w.log.String(), "msg=delivery") })
	if conn, err := w.connect(letter{port: smtpd.Submissions, user: "ann", password: "not of ann"}); err == nil {
		conn.Close()
	}
	conn, err := net.Dial("tcp", w.Addr(smtpd.MX).String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "EHLO a\x1b[2Jb\r\nEHLO \xff\xfe.example\r\nEHLO x.example\r\nMAIL FROM:<a@\x1b]0;x.example>\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<\"a\x1b[31m\"@example.com>\r\nRCPT TO:<carol@example.com>\r\nQUIT\r\n")
	if _, err := io.ReadAll(conn); err != nil {
		t.Error(err)
	}
	conn.Close()
	if err := w.stop(); err != nil {
		t.Fatal(err)
	}
	text := w.log.String()
	for i, line := range strings.Split(text, "\n") {
		if strings.ContainsFunc(line, func(r rune) bool { return r < ' ' || r == 0x7f || r == 0xfffd }) {
			t.Errorf("line %d has control characters: %q", i+1, line)
		}
	}
	for _, want := range []string{"recipient=bob@other.example status=delivered host=mx.other.example", "msg=\"recipient refused\"", "msg=\"oddities of a client\"", "msg=listening port=mx", "msg=stopped queued=0", "login failed"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %s in\n%s", want, text)
		}
	}
	for _, secret := range []string{"of ann", "of ben", benHash, "b2YgYW5u"} {
		if strings.Contains(text, secret) {
			t.Errorf("%q stands in the log", secret)
		}
	}
	if clipped := clip(strings.Repeat("ü", 500)); len(clipped) > maxLogged+len("…") || strings.ContainsRune(clipped, 0xfffd) {
		t.Errorf("%q", clipped)
	}
}

// silence answers nothing.
type silence struct{ asked *int }

func (s silence) Exchange(context.Context, resolve.Question) ([]byte, error) {
	*s.asked++
	return nil, &resolve.Error{Kind: resolve.Timeout}
}

// TestProofs: what was learnt of zones does not count for ever.
func TestProofs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked int
		p := NewProofs(t.Context(), silence{&asked}, resolve.SecureOptions{})
		ask := func() int {
			before := asked
			if _, err := p.Secure(t.Context(), resolve.Ask("example.org.", "MX")); err == nil {
				t.Error("what nobody answered is secure")
			}
			synctest.Wait()
			return asked - before
		}
		if ask() == 0 {
			t.Error("nothing is asked")
		}
		if n := ask(); n != 0 {
			t.Errorf("%d questions for what is known", n)
		}
		time.Sleep(proofsLast)
		if ask() == 0 {
			t.Error("nothing is asked a minute later")
		}
	})
}
