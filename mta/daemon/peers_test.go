//go:build linux

package daemon

import (
	"context"
	"encoding/pem"
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mta/smtpd"
	"github.com/maildoctor/maildoctor/peertest"
)

// TestPeersSwaks: swaks submits over both ports, verifies the certificate, and is
// turned away with a wrong password or a sender that is not its own.
func TestPeersSwaks(t *testing.T) {
	swaks := peertest.Program(t, "swaks")
	w := newWorld(t).start()
	w.write("ca.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.ca.Issue(t, "x.example").Certificate[1]})))
	run := func(port smtpd.Port, args ...string) int {
		t.Helper()
		host, number, err := net.SplitHostPort(w.Addr(port).String())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		args = append([]string{"--server", host, "--port", number, "--to", "bob@other.example", "--from", "ann@example.com", "--helo", "laptop.example.com",
			"--tls-verify", "--tls-ca-path", filepath.Join(w.dir, "ca.pem"), "--tls-sni", "mail.example.com"}, args...)
		out, err := exec.CommandContext(ctx, swaks, args...).CombinedOutput()
		var code *exec.ExitError
		if err != nil && !errors.As(err, &code) {
			t.Fatal(err)
		}
		if code == nil {
			return 0
		}
		t.Logf("%s", out)
		return code.ExitCode()
	}
	for _, c := range []struct {
		port smtpd.Port
		args []string
		want int // of swaks(1)
	}{
		{smtpd.Submission, []string{"--tls", "--auth", "PLAIN", "--au", "ann", "--ap", "of ann"}, 0},
		{smtpd.Submission, []string{"--tls", "--auth", "LOGIN", "--au", "ben", "--ap", "of ben", "--from", "sales@example.com"}, 0},
		{smtpd.Submissions, []string{"--tlsc", "--auth", "PLAIN", "--au", "ann", "--ap", "of ann"}, 0},
		{smtpd.Submissions, []string{"--tlsc", "--auth", "PLAIN", "--au", "ann", "--ap", "of ben"}, 28},
		{smtpd.Submission, []string{"--auth", "PLAIN", "--au", "ann", "--ap", "of ann"}, 28}, // AUTH is not offered in clear
		{smtpd.Submissions, []string{"--tlsc", "--auth", "PLAIN", "--au", "ann", "--ap", "of ann", "--from", "ben@example.com"}, 23},
		{smtpd.MX, []string{"--tls"}, 24},
		{smtpd.MX, []string{"--tls", "--to", "ann@example.com", "--from", "bob@other.example"}, 0},
	} {
		if got := run(c.port, c.args...); got != c.want {
			t.Errorf("%s %v: swaks ends with %d, want %d", c.port, c.args, got, c.want)
		}
	}
	w.until("delivery", func() bool { return len(w.other.Messages()) == 3 })
	if got := w.in("ann@example.com"); len(got) != 1 {
		t.Errorf("%d messages for ann", len(got))
	}
}

// TestPeersUnit: systemd finds nothing wrong with the unit, nor with how much it may.
func TestPeersUnit(t *testing.T) {
	analyze := peertest.Program(t, "systemd-analyze")
	text, err := os.ReadFile("../../packaging/systemd/maildoctor-mta.service")
	if err != nil {
		t.Fatal(err)
	}
	unit := filepath.Join(t.TempDir(), "maildoctor-mta.service")
	there := strings.ReplaceAll(string(text), "/usr/local/bin/maildoctor", os.Args[0]) // a program that is there
	if err := os.WriteFile(unit, []byte(there), 0o644); err != nil {
		t.Fatal(err)
	}
	for _, args := range [][]string{
		{"verify", unit},
		{"security", "--offline=true", "--threshold=20", unit}, // tenths; what listens to the internet has 16 at the least
	} {
		out, err := exec.Command(analyze, args...).CombinedOutput()
		if err != nil || args[0] == "verify" && len(out) > 0 {
			t.Errorf("systemd-analyze %s: %v\n%s", args[0], err, out)
		}
	}
}
