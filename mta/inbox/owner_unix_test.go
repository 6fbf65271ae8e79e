//go:build unix

package inbox_test

import (
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/maildoctor/maildoctor/mta/inbox"
)

// What the superuser writes belongs to whom the directory belongs to: the server,
// which has to read it.
func TestOwner(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only the superuser writes for others")
	}
	state := t.TempDir()
	const uid = 12345
	if err := os.Chown(state, uid, uid); err != nil {
		t.Skip(err)
	}
	b, err := inbox.Open(filepath.Join(state, "inbox"), inbox.Options{})
	if err != nil {
		t.Fatal(err)
	}
	a, err := b.Issue("example.org", 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"inbox", filepath.Join("inbox", a.Name[:25]+".address.json")} {
		info, err := os.Stat(filepath.Join(state, name))
		if err != nil {
			t.Fatal(err)
		}
		if s, ok := info.Sys().(*syscall.Stat_t); ok && (s.Uid != uid || s.Gid != uid) {
			t.Errorf("%s belongs to %d:%d", name, s.Uid, s.Gid)
		}
	}
}
