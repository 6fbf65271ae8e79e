package maildir

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"flag"
	"fmt"
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
)

// crashDir tells a process that it is the one to be killed, and where it works.
const crashDir = "MAILDOCTOR_TEST_CRASH_DIR"

var crashes = flag.Int("crashes", 3, "how often TestCrash kills the process under load")

func TestMain(m *testing.M) {
	if dir := os.Getenv(crashDir); dir != "" {
		victim(dir)
	}
	os.Exit(m.Run())
}

// victim delivers until it is killed, and says on standard output what.
func victim(dir string) {
	s := &Store{Dir: dir, Host: "mx", JournalSize: 16 << 10}
	if _, err := s.Begin(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	var wg sync.WaitGroup
	var count atomic.Int64
	for range 8 {
		wg.Go(func() {
			for {
				n := fmt.Sprintf("%d.%d", os.Getpid(), count.Add(1))
				if _, err := s.Deliver(Delivery{Box: "bob", Message: strings.NewReader(crashMail(n))}); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				os.Stdout.WriteString(n + "\n") // one write: the 250
			}
		})
	}
	wg.Wait()
}

func crashMail(n string) string {
	return n + "\r\n" + strings.Repeat("line "+n+" of a message that must not be lost\r\n", 1+len(n)*7)
}

// TestCrash kills a process that delivers with a journal, at random and again and
// again: every message that it said it has is there, whole and once.
func TestCrash(t *testing.T) {
	dir := t.TempDir()
	taken, recovered, lost, twice, again := 0, 0, 0, 0, 0
	there := map[string]int{}
	for range *crashes {
		said := crash(t, dir)
		again += usedAgain(t, dir)
		s := &Store{Dir: dir, Host: "mx"}
		n, err := s.Begin()
		if err != nil {
			t.Fatal(err)
		}
		recovered += n
		taken += len(said)
		clear(there)
		files, _ := filepath.Glob(filepath.Join(dir, "bob", "new", "*"))
		for _, file := range files {
			octets, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			_, text, _ := strings.Cut(string(octets), "\r\n") // Return-Path
			n, _, _ := strings.Cut(text, "\r\n")
			if text != crashMail(n) {
				t.Errorf("message %s is not whole", n)
			}
			there[n]++
		}
		for _, n := range said {
			switch {
			case there[n] == 0:
				lost++
			case there[n] > 1:
				twice++
			}
			if there[n] != 1 {
				t.Errorf("message %s is there %d times", n, there[n])
			}
		}
		if err := s.End(); err != nil {
			t.Error(err)
		}
	}
	for _, figure := range []struct {
		what string
		n    int
	}{{"killed", *crashes}, {"accepted", taken}, {"lost", lost}, {"delivered_twice", twice}, {"out_of_the_journal", recovered}, {"journal_used_again", again}} {
		t.Attr("crash|"+figure.what, fmt.Sprint(figure.n))
	}
	t.Logf("%d crashes, %d messages taken, all there and once, %d of them out of the journal, which was used again %d times; %d in all", *crashes, taken, recovered, again, len(there))
	if again == 0 {
		t.Log("no journal was used again: the disk was too slow")
	}
}

// usedAgain is how often the segments of the journal were written over.
func usedAgain(t *testing.T, dir string) (sum int) {
	t.Helper()
	files, _ := filepath.Glob(filepath.Join(dir, ".journal-[0-9]"))
	for _, file := range files {
		octets, err := os.ReadFile(file)
		if err != nil || len(octets) < 4096+16 {
			t.Fatalf("%s has %d octets: %v", file, len(octets), err)
		}
		turns := max(binary.LittleEndian.Uint64(octets[8:]), binary.LittleEndian.Uint64(octets[4096+8:]))
		sum += int(turns) - 1
	}
	return sum
}

// crash runs a victim for a moment, and returns what it said it had taken.
func crash(t *testing.T, dir string) (taken []string) {
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
	var timer *time.Timer
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break
		}
		taken = append(taken, strings.TrimSpace(line))
		if timer == nil { // it is under way
			timer = time.AfterFunc(time.Duration(20+rand.IntN(200))*time.Millisecond, func() { child.Process.Signal(syscall.SIGKILL) })
		}
	}
	child.Wait() // an error: it was killed
	if stderr.Len() > 0 || len(taken) == 0 {
		t.Fatalf("%d messages taken; %s", len(taken), &stderr)
	}
	return taken
}
