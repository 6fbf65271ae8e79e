//go:build linux

package lab_test

import (
	"bytes"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program finds the program of a peer. Where it is missing the test is skipped,
// unless MAILDOCTOR_PEERS=1 says that the peers must be there.
func program(t *testing.T, name string) string {
	t.Helper()
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"} {
		if file := filepath.Join(dir, name); executable(file) {
			return file
		}
	}
	missing(t, name+" is not installed")
	return ""
}

func executable(file string) bool {
	info, err := os.Stat(file)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// missing skips the test, or fails it where the peers must be there.
func missing(t *testing.T, why string) {
	t.Helper()
	if os.Getenv("MAILDOCTOR_PEERS") == "1" {
		t.Fatal(why + ", and MAILDOCTOR_PEERS=1")
	}
	t.Skip(why + "; MAILDOCTOR_PEERS=1 makes this a failure")
}

// folder is a new directory that other users may enter: t.TempDir is not.
func folder(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "maildoctor-peers-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	return dir
}

// reserved is the addresses that were given to peers: no two get the same, even
// one after the other.
var reserved sync.Map

// reserve takes an address on loopback where nothing else listens, over UDP or
// TCP, until release gives it to a peer. Its port lies below those that the
// system gives to connections.
func reserve(t *testing.T) (address string, release func()) {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(12000))
		if _, again := reserved.LoadOrStore(address, true); again {
			continue // released, and about to be used
		}
		udp, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
		tcp, err := net.Listen("tcp", address)
		if err != nil {
			udp.Close()
			continue
		}
		return address, func() {
			udp.Close()
			tcp.Close()
		}
	}
	t.Fatal("no free port on 127.0.0.1")
	return "", nil
}

// unprivileged makes cmd run in dir as a user without other rights than to
// write there, if the test itself has them.
func unprivileged(t *testing.T, cmd *exec.Cmd, dir string) {
	t.Helper()
	cmd.Dir = dir
	if os.Getuid() != 0 {
		return
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(nobody.Uid)
	gid, _ := strconv.Atoi(nobody.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
}

// A peer is a running server of somebody else's.
type peer struct {
	name string
	cmd  *exec.Cmd
	log  output
	gone chan struct{}
}

// output is what a peer prints, for the test's own log if it fails.
type output struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.Write(p)
}

func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.buf.String()
}

// start runs cmd in a process group of its own until the test ends.
func start(t *testing.T, name string, cmd *exec.Cmd) *peer {
	t.Helper()
	p := &peer{name: name, cmd: cmd, gone: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &p.log, &p.log
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM // even where the test has no time for its cleanup
	cmd.WaitDelay = time.Second                 // for children that keep the output open
	if err := cmd.Start(); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	go func() {
		defer close(p.gone)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		p.stop()
		if t.Failed() {
			t.Logf("%s said:\n%s", name, tail(p.log.String(), 4000))
		}
	})
	return p
}

// await polls until ready has no error.
func (p *peer) await(t *testing.T, ready func() error) {
	t.Helper()
	const patience = 20 * time.Second
	deadline, tick := time.After(patience), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-p.gone:
			t.Fatalf("%s ended at once:\n%s", p.name, tail(p.log.String(), 4000))
		case <-deadline:
			t.Fatalf("%s is not ready after %v: %v", p.name, patience, err)
		case <-tick.C:
		}
	}
}

// stop ends the whole process group, kindly at first.
func (p *peer) stop() {
	group := -p.cmd.Process.Pid
	syscall.Kill(group, syscall.SIGTERM)
	select {
	case <-p.gone:
	case <-time.After(3 * time.Second):
	}
	syscall.Kill(group, syscall.SIGKILL)
	<-p.gone
}

func tail(s string, n int) string { return s[max(0, len(s)-n):] }

// copied is a copy of a program in dir. Nothing may be started meanwhile: a
// child that inherits the open file keeps it from being run.
func copied(t *testing.T, program, dir string) string {
	t.Helper()
	from, err := os.Open(program)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	name := filepath.Join(dir, filepath.Base(program))
	to, err := os.OpenFile(name, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(to, from); err != nil {
		t.Fatal(err)
	}
	if err := to.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

func write(t *testing.T, file, text string, mode os.FileMode) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), mode); err != nil {
		t.Fatal(err)
	}
}
