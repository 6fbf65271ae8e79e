package queue

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/maildir"
	"github.com/maildoctor/maildoctor/mta/spool"
)

// crashDir tells a process that it is the one to be killed, and where it works.
const crashDir = "MAILDOCTOR_TEST_CRASH_DIR"

// crashJournal has the spool use a journal.
const crashJournal = "MAILDOCTOR_TEST_CRASH_JOURNAL"

var crashes = flag.Int("crashes", 3, "how often TestCrash kills the process under load")

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// crashMail is a message whose octets can be checked by themselves.
func crashMail(n string) string {
	body := strings.Repeat("line "+n+" of a message that must not be lost\r\n", 1+len(n)*7)
	return fmt.Sprintf("Subject: %s\r\nX-Sum: %x\r\n\r\n%s", n, sha256.Sum256([]byte(body)), body)
}

// checkCrashMail returns the name of a message, if it is whole.
func checkCrashMail(octets []byte) (string, error) {
	at := bytes.Index(octets, []byte("Subject: "))
	if at < 0 {
		return "", errors.New("no subject")
	}
	n, _, _ := strings.Cut(string(octets[at+len("Subject: "):]), "\r\n")
	if string(octets[at:]) != crashMail(n) {
		return n, fmt.Errorf("message %s is not whole", n)
	}
	return n, nil
}

// crashQueue is a queue on the disk that delivers into a Maildir.
func crashQueue(dir string) (*Queue, *spool.Spool, spool.Found, error) {
	s, found, err := spool.Open(filepath.Join(dir, "spool"), spool.Options{MinFree: 1, Journal: os.Getenv(crashJournal) != "", JournalSize: 16 << 10})
	if err != nil {
		return nil, nil, found, err
	}
	mail := &maildir.Store{Dir: filepath.Join(dir, "mail")}
	return New(Options{Spool: s, Deliver: func(_ context.Context, t Transaction) []Outcome {
		r, err := t.Open()
		if err != nil {
			return nil
		}
		defer r.Close()
		if _, err := mail.Deliver(maildir.Delivery{Box: "bob", ReturnPath: t.Envelope.From, Message: r}); err != nil {
			return []Outcome{{Kind: Temporary, Reply: spool.Reply{Text: err.Error()}}}
		}
		return []Outcome{{Kind: Delivered}}
	}}, found.Entries), s, found, nil
}

// victim accepts and delivers until it is killed. It says on standard output what it
// has accepted.
func victim(dir string) {
	q, _, _, err := crashQueue(dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	go q.Run(context.Background())
	var wg sync.WaitGroup
	var count atomic.Int64
	for range 8 {
		wg.Go(func() {
			for {
				n := fmt.Sprintf("%d.%d", os.Getpid(), count.Add(1))
				e := spool.Envelope{From: "ann@example.org", Received: time.Now(), Rcpts: []spool.Rcpt{{Addr: "bob@example.net"}}}
				if _, err := q.Accept(e, strings.NewReader(crashMail(n))); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				os.Stdout.WriteString(n + "\n") // one write: the 250
			}
		})
	}
	wg.Wait()
}

// TestCrash kills a process that accepts and delivers, at random and again and
// again: every message that it said it has is there, whole, and is delivered in the
// end.
func TestCrash(t *testing.T) {
	t.Run("synced", crashed)
	t.Run("with a journal", func(t *testing.T) {
		t.Setenv(crashJournal, "1")
		crashed(t)
	})
}

func crashed(t *testing.T) {
	dir := t.TempDir()
	accepted := map[string]bool{}
	unfinished := 0
	for range *crashes {
		for _, n := range crash(t, dir) {
			accepted[n] = true
		}
		there := inMaildir(t, dir)
		q, s, found, err := crashQueue(dir)
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Broken) > 0 {
			t.Errorf("broken: %+v", found.Broken)
		}
		unfinished += found.Unfinished
		for _, e := range q.List() {
			there[inSpool(t, s, e.Envelope.ID)]++
		}
		for n := range accepted {
			if there[n] == 0 {
				t.Errorf("message %s was accepted, and is lost", n)
			}
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
	}
	there := finish(t, dir)
	twice := 0
	for n := range accepted {
		if there[n] == 0 {
			t.Errorf("message %s was accepted, and was not delivered", n)
		}
		if there[n] > 1 {
			twice++
		}
	}
	lost := 0
	for n := range accepted {
		if there[n] == 0 {
			lost++
		}
	}
	for _, figure := range []struct {
		what string
		n    int
	}{{"killed", *crashes}, {"accepted", len(accepted)}, {"lost", lost}, {"delivered_twice", twice}, {"never_accepted,_dropped", unfinished}} {
		t.Attr("crash|"+figure.what, fmt.Sprint(figure.n))
	}
	t.Logf("%d crashes, %d messages accepted, all delivered, %d of them twice, %d unfinished ones dropped", *crashes, len(accepted), twice, unfinished)
}

// crash runs a victim for a moment, and returns what it said it had accepted.
func crash(t *testing.T, dir string) (accepted []string) {
	t.Helper()
	child := exec.Command(os.Args[0])
	child.Env = append(os.Environ(), crashDir+"="+dir)
	var stderr bytes.Buffer
	child.Stderr = &stderr
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewReader(out)
	kill := func() { child.Process.Signal(syscall.SIGKILL) }
	var timer *time.Timer
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		accepted = append(accepted, strings.TrimSpace(line))
		if timer == nil { // it is under way
			timer = time.AfterFunc(time.Duration(20+rand.IntN(200))*time.Millisecond, kill)
		}
	}
	child.Wait() // an error: it was killed
	if stderr.Len() > 0 || len(accepted) == 0 {
		t.Fatalf("%d messages accepted; %s", len(accepted), &stderr)
	}
	return accepted
}

func inSpool(t *testing.T, s *spool.Spool, id string) string {
	t.Helper()
	r, err := s.Open(id)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	octets, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	n, err := checkCrashMail(octets)
	if err != nil {
		t.Error(err)
	}
	return n
}

// inMaildir counts the messages that were delivered.
func inMaildir(t *testing.T, dir string) map[string]int {
	t.Helper()
	mail := &maildir.Store{Dir: filepath.Join(dir, "mail")}
	entries, err := mail.List("bob")
	if err != nil {
		t.Fatal(err)
	}
	there := map[string]int{}
	for _, e := range entries {
		octets, err := os.ReadFile(filepath.Join(dir, "mail", "bob", "new", e.Name))
		if err != nil {
			t.Fatal(err)
		}
		n, err := checkCrashMail(octets)
		if err != nil {
			t.Error(err)
		}
		there[n]++
	}
	return there
}

// finish delivers what is left, and counts what was delivered in all.
func finish(t *testing.T, dir string) map[string]int {
	t.Helper()
	q, s, _, err := crashQueue(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	emptied := make(chan struct{})
	var once sync.Once
	q.o.Observe = func(Event) {
		if n, _ := q.Len(); n == 0 {
			once.Do(func() { close(emptied) })
		}
	}
	list := q.List()
	for _, e := range list {
		if err := q.Retry(e.Envelope.ID); err != nil {
			t.Fatal(err)
		}
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { q.Run(ctx); close(done) }()
	if len(list) > 0 {
		select {
		case <-emptied:
		case <-time.After(time.Minute):
			t.Error("the queue does not get empty")
		}
	}
	cancel()
	<-done
	return inMaildir(t, dir)
}
