package spam_test

import (
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/maildoctor/maildoctor/mta/spam"
	"github.com/maildoctor/maildoctor/peertest"
)

// A real spamd, over TCP and over a socket, says what we read: of an ordinary mail,
// and of the one that every filter knows (GTUBE).
func TestRealSpamd(t *testing.T) {
	program := peertest.Program(t, "spamd")
	dir := peertest.Folder(t)
	address, socket := peertest.Address(t), filepath.Join(dir, "spamd.sock")
	overTCP, err := spam.ParseSpamd(address)
	if err != nil {
		t.Fatal(err)
	}
	overSocket, err := spam.ParseSpamd("unix:" + socket)
	if err != nil {
		t.Fatal(err)
	}
	// -L asks no network.
	cmd := exec.Command(program, "-L", "-x", "-m", "1", "-H", dir, "-s", "stderr", "-r", filepath.Join(dir, "pid"), "-i", address, "--socketpath="+socket)
	peertest.Unprivileged(t, cmd, dir)
	peertest.Start(t, cmd, func() error { return errors.Join(overTCP.Ping(t.Context()), overSocket.Ping(t.Context())) })
	const header = "From: a@example.org\r\nTo: b@example.net\r\nSubject: Dinner\r\nMessage-ID: <20261122.1@example.org>\r\nDate: Sun, 22 Nov 2026 11:00:00 +0000\r\n\r\n"
	for name, s := range map[string]*spam.Spamd{"TCP": overTCP, "socket": overSocket} {
		v, err := s.Judge(t.Context(), []byte(header+"Are you hungry yet? The soup is on the stove, and there is bread.\r\n"), spam.Envelope{})
		if err != nil || v.Spam || v.Threshold != 5 || len(v.Rules) == 0 || !v.Rules[0].Told || v.Rules[0].Text == "" {
			t.Errorf("%s: %s, %v", name, show(v), err)
		}
		test := header + "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X\r\n"
		v, err = s.Judge(t.Context(), []byte(test), spam.Envelope{})
		if err != nil || !v.Spam || v.Score < 900 || v.Rules[0].Name != "GTUBE" {
			t.Errorf("%s: %s, %v", name, show(v), err)
		}
		named, err := s.Symbols(t.Context(), []byte(test))
		if err != nil || len(named.Rules) != len(v.Rules) || !strings.Contains(show(named), "GTUBE=?") {
			t.Errorf("%s: SYMBOLS %s, REPORT %s, %v", name, show(named), show(v), err)
		}
	}
}
