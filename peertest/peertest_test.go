//go:build linux

package peertest_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/peertest"
)

// What a server started ends with it, and both are gone when the test is over.
func TestStart(t *testing.T) {
	file := filepath.Join(t.TempDir(), "child")
	t.Run("server", func(t *testing.T) {
		cmd := exec.Command("/bin/sh", "-c", "trap '' TERM INT; sleep 600 & echo $! >"+file+"; wait")
		peertest.Start(t, cmd, func() error {
			if text, err := os.ReadFile(file); err != nil || !strings.HasSuffix(string(text), "\n") {
				return errors.New("there is no child yet")
			}
			return nil
		})
	})
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	child, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		t.Fatal(err)
	}
	for range 200 { // the last steps of a killed process are its own
		status, err := os.ReadFile("/proc/" + strconv.Itoa(child) + "/stat")
		if err != nil || strings.Fields(string(status))[2] == "Z" { // whoever adopts it buries it
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Error("the child still runs")
}

// No two peers have one address while both are there; later it may come again.
func TestAddress(t *testing.T) {
	seen := make(map[string]bool)
	for range 200 {
		address := peertest.Address(t)
		if seen[address] {
			t.Fatalf("%s twice", address)
		}
		seen[address] = true
	}
}

// A copy can be run while others are made.
func TestCopy(t *testing.T) {
	for range 4 {
		t.Run("copy", func(t *testing.T) {
			t.Parallel()
			for range 10 {
				peertest.Run(t, exec.Command(peertest.Copy(t, "true")))
			}
		})
	}
}

// Who is root becomes somebody else, who may write in the folder.
func TestUnprivileged(t *testing.T) {
	cmd := exec.Command("/bin/sh", "-c", "id -u; echo x >file")
	dir := peertest.Folder(t)
	peertest.Unprivileged(t, cmd, dir)
	if said := peertest.Run(t, cmd); said == "0\n" {
		t.Error("it runs as root")
	}
	info, err := os.Stat(filepath.Join(dir, "file"))
	if err != nil || info.Sys().(*syscall.Stat_t).Uid == 0 {
		t.Errorf("%v %v", info, err)
	}
}

// A program that is missing skips the test, or fails it.
func TestMissing(t *testing.T) {
	for value, want := range map[string]string{"": "skip", "1": "fail"} {
		t.Setenv("MAILDOCTOR_PEERS", value)
		r := &recorder{TB: t}
		func() {
			defer func() { recover() }()
			peertest.Program(r, "no-such-peer")
		}()
		if r.what != want || !strings.Contains(r.why, "no-such-peer is not installed") {
			t.Errorf("MAILDOCTOR_PEERS=%s: %s %q", value, r.what, r.why)
		}
	}
}

// A recorder is told how a test ends.
type recorder struct {
	testing.TB
	what, why string
}

func (r *recorder) Skip(args ...any)  { r.end("skip", args) }
func (r *recorder) Fatal(args ...any) { r.end("fail", args) }

func (r *recorder) end(what string, args []any) {
	r.what, r.why = what, args[0].(string)
	panic(r)
}
