//go:build linux || darwin || freebsd

package local

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestPrograms(t *testing.T) {
	var p programs
	if out, err := p.Run(t.Context(), "echo", "a b", "$HOME"); err != nil || string(out) != "a b $HOME\n" {
		t.Errorf("echo: %q, %v", out, err)
	}
	if _, err := p.Run(t.Context(), "no-such-program-anywhere"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a program that is not there: %v", err)
	}
	if _, err := p.Run(t.Context(), "ls", "/nonexistent"); err == nil || !strings.Contains(err.Error(), "/nonexistent") {
		t.Errorf("a program that fails: %v", err)
	}
	if out, err := p.Run(t.Context(), "env"); err != nil || strings.Contains(string(out), "HOME=") || !strings.Contains(string(out), "LC_ALL=C") {
		t.Errorf("the environment: %q, %v", out, err)
	}
	if out, err := p.Run(t.Context(), "yes"); err != errLong || len(out) != maxOutput {
		t.Errorf("a program without end: %d octets, %v", len(out), err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := p.Run(ended, "sleep", "60"); err == nil {
		t.Error("it runs on after the end")
	}
}

func TestThis(t *testing.T) {
	sys := This()
	if d, err := sys.Room("/"); err != nil || d.Total == 0 || d.Free > d.Total {
		t.Errorf("room: %+v, %v", d, err)
	}
	if _, err := sys.Room("/nonexistent"); err == nil {
		t.Error("the room of nothing")
	}
	if from, err := sys.Route(netip.MustParseAddr("127.0.0.1")); err != nil || !from.IsLoopback() {
		t.Errorf("route: %v, %v", from, err)
	}
	if h := Read(t.Context(), sys, []string{"example.org"}); h == nil || len(h.Disks)+len(h.Unread(Disks)) == 0 {
		t.Errorf("this host: %+v", h)
	}
}

// TestDeadDisk: a file system on the network may never answer.
func TestDeadDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		gone := make(chan struct{})
		sys := System{Files: files("/var/mail/x", ""), Room: func(string) (Disk, error) {
			<-gone
			return Disk{}, nil
		}}
		start := time.Now()
		h := Read(t.Context(), sys, nil)
		if took := time.Since(start); took != maxRoom || len(h.Unread(Disks)) != 1 {
			t.Errorf("took %v: %q", took, h.Doubts)
		}
		close(gone)
	})
}
