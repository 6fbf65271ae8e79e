//go:build linux

package lab_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/maildoctor/maildoctor/peertest"
)

// insideEnv tells a test that it runs in namespaces of its own.
const insideEnv = "MAILDOCTOR_PEERS_INSIDE"

// Capabilities (linux/capability.h).
const (
	capNetBindService = 10
	capNetAdmin       = 12
	capSysAdmin       = 21
)

// inside runs the calling test once more, in a network and a mount namespace of
// its own, and reports whether this is that run. There port 25 and port 53 are
// free, documentation addresses are local, and /etc/resolv.conf is what the test
// makes of it, without anything outside being touched: some programs ask the
// system's resolver and port 25 only.
//
// Where the kernel forbids such namespaces the test is skipped, whatever
// MAILDOCTOR_PEERS says: no package could help that.
func inside(t *testing.T) bool {
	t.Helper()
	if os.Getenv(insideEnv) == "1" {
		arrange(t)
		return true
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v", "-test.parallel=8", "-test.timeout=110s")
	cmd.Env = append(os.Environ(), insideEnv+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET | syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	if os.Getuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		// Not as root there either: programs of Postfix that find themselves root
		// want to become another user, of whom such a namespace does not know.
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getuid(), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: os.Getgid(), HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{capNetBindService, capNetAdmin, capSysAdmin}
	}
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		if errors.Is(err, fs.ErrPermission) || errors.Is(err, syscall.EINVAL) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.ENOSYS) {
			t.Skipf("this kernel, or this container, allows no namespace of one's own: %v", err)
		}
		t.Fatal(err)
	}
	switch err := cmd.Wait(); {
	case err != nil:
		t.Errorf("in a namespace of its own it ends with %v:\n%s", err, out.String())
	case strings.Contains(out.String(), "--- SKIP: "+t.Name()):
		t.Skipf("in a namespace of its own it was skipped:\n%s", out.String())
	case !strings.Contains(out.String(), "--- PASS: "+t.Name()):
		t.Errorf("in a namespace of its own it did not run:\n%s", out.String())
	default:
		t.Log(out.String())
	}
	return false
}

// arrange makes the namespace ready: loopback is up and has 192.0.2.0/24, and
// 127.0.0.1 resolves. Without the right to that the test is skipped.
func arrange(t *testing.T) {
	t.Helper()
	resolv := t.TempDir() + "/resolv.conf"
	peertest.Write(t, resolv, "nameserver 127.0.0.1\noptions edns0 trust-ad\n")
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_DGRAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer syscall.Close(fd)
	steps := []struct {
		what string
		do   func() error
	}{
		{"mounts of one's own", func() error { return syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, "") }},
		{"a resolv.conf of one's own", func() error { return syscall.Mount(resolv, "/etc/resolv.conf", "", syscall.MS_BIND, "") }},
		{"loopback", func() error {
			return ioctl(fd, syscall.SIOCSIFFLAGS, "lo", func(data []byte) { data[0] = syscall.IFF_UP | syscall.IFF_RUNNING | syscall.IFF_LOOPBACK })
		}},
		{"documentation addresses", func() error {
			return ioctl(fd, syscall.SIOCSIFADDR, "lo:0", func(data []byte) {
				data[0] = syscall.AF_INET // struct sockaddr_in: family, port, address
				copy(data[4:], net.IPv4(192, 0, 2, 1).To4())
			})
		}},
	}
	for _, step := range steps {
		if err := step.do(); err != nil {
			t.Skipf("%s cannot be had here: %v", step.what, err)
		}
	}
}

// ioctl changes a network interface; fill writes the union of struct ifreq. Both
// fields that are written begin with their low octet, so the machine has to as well.
func ioctl(fd int, request uintptr, name string, fill func(data []byte)) error {
	var ifreq [40]byte // struct ifreq: a name of 16 octets, then 24
	copy(ifreq[:15], name)
	fill(ifreq[16:])
	if _, _, errno := syscall.Syscall(syscall.SYS_IOCTL, uintptr(fd), request, uintptr(unsafe.Pointer(&ifreq))); errno != 0 {
		return errno
	}
	return nil
}
