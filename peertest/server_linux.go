package peertest

import (
	"fmt"
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

// Address is host and port on loopback where nothing listens, over UDP or TCP,
// for a peer of this test: until the test ends no other gets it, nor one of
// another package that is tested at the same time. The port lies below those
// that the system gives to connections.
func Address(t testing.TB) string {
	t.Helper()
	for range 100 {
		address := fmt.Sprintf("127.0.0.1:%d", 10000+rand.IntN(22000))
		// A name in the abstract namespace of Unix sockets is free when its
		// process has ended, however it has.
		claim, err := net.Listen("unix", "@maildoctor-peer-"+address)
		if err != nil {
			continue
		}
		if free(address) {
			t.Cleanup(func() { claim.Close() })
			return address
		}
		claim.Close()
	}
	t.Fatal("no free port on 127.0.0.1")
	return ""
}

func free(address string) bool {
	udp, err := net.ListenPacket("udp", address)
	if err != nil {
		return false
	}
	defer udp.Close()
	tcp, err := net.Listen("tcp", address)
	if err != nil {
		return false
	}
	return tcp.Close() == nil
}

// A Server is a running server of somebody else's.
type Server struct {
	cmd  *exec.Cmd
	said output
	gone chan struct{}
}

// Start runs a server until the test ends, in a process group of its own, and
// returns when ready has no error; if that is nil, at once. All of the group
// ends with the test, and what the server said is shown if the test failed.
func Start(t testing.TB, cmd *exec.Cmd, ready func() error) *Server {
	t.Helper()
	s := &Server{cmd: cmd, gone: make(chan struct{})}
	cmd.Stdout, cmd.Stderr = &s.said, &s.said
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = new(syscall.SysProcAttr)
	}
	cmd.SysProcAttr.Setpgid = true
	cmd.SysProcAttr.Pdeathsig = syscall.SIGTERM // even where the test has no time for its cleanup
	cmd.WaitDelay = time.Second                 // for what left the group and keeps the output open
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(s.gone)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		// Not kindly: it has nothing to save, and would take its time.
		syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
		<-s.gone
		if t.Failed() {
			t.Logf("%s said:\n%s", s.name(), s.said.tail())
		}
	})
	if ready != nil {
		s.Await(t, ready)
	}
	return s
}

func (s *Server) name() string { return filepath.Base(s.cmd.Path) }

// patience is how long a server has to get ready.
const patience = 20 * time.Second

// Await polls until ready has no error. A server that ends meanwhile, or is not
// ready after 20 seconds, fails the test.
func (s *Server) Await(t testing.TB, ready func() error) {
	t.Helper()
	deadline, tick := time.After(patience), time.NewTicker(5*time.Millisecond)
	defer tick.Stop()
	for {
		err := ready()
		if err == nil {
			return
		}
		select {
		case <-s.gone:
			t.Fatalf("%s ended: %v", s.name(), s.cmd.ProcessState)
		case <-deadline:
			t.Fatalf("%s is not ready after %v: %v", s.name(), patience, err)
		case <-tick.C:
		}
	}
}

// Reload tells the server to read its configuration again.
func (s *Server) Reload() { s.cmd.Process.Signal(syscall.SIGHUP) }

// Listens is a server's being ready: it takes connections at address.
func Listens(address string) func() error {
	return func() error {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err
	}
}

// Unprivileged makes cmd run in dir as a user without other rights than to write
// there, if the test itself is root's.
func Unprivileged(t testing.TB, cmd *exec.Cmd, dir string) {
	t.Helper()
	cmd.Dir = dir
	Give(t, dir)
	if uid, gid, ok := nobody(t); ok {
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}}
	}
}

// Give makes files, or a directory, belong to the user of Unprivileged.
func Give(t testing.TB, files ...string) {
	t.Helper()
	uid, gid, ok := nobody(t)
	for _, file := range files {
		if !ok {
			return
		}
		if err := os.Chown(file, uid, gid); err != nil {
			t.Fatal(err)
		}
	}
}

// nobody is whom Unprivileged makes of root; false for anybody else.
func nobody(t testing.TB) (uid, gid int, root bool) {
	t.Helper()
	if os.Getuid() != 0 {
		return 0, 0, false
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		t.Fatal(err)
	}
	uid, _ = strconv.Atoi(nobody.Uid)
	gid, _ = strconv.Atoi(nobody.Gid)
	return uid, gid, true
}

// output is the end of what a server prints.
type output struct {
	mu   sync.Mutex
	text []byte
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if len(o.text) > 8*kept {
		o.text = append([]byte(nil), tail(o.text)...)
	}
	o.text = append(o.text, p...)
	return len(p), nil
}

func (o *output) tail() []byte {
	o.mu.Lock()
	defer o.mu.Unlock()
	return tail(o.text)
}
