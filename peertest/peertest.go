// Package peertest lets tests ask real programs of others (a peer: named, knotd,
// Postfix, a zone checker) what they make of what maildoctor does. It finds the
// programs, runs servers until the test ends, and shows what they said if it
// fails. Where a program is missing the test is skipped, unless
// MAILDOCTOR_PEERS=1 says that the peers must be there.
//
// It is for tests only. What a server is told, and what it means that it is
// ready, is for the test that knows the server; fakes are not peers.
package peertest

import (
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// Program finds the program of a peer, whatever PATH says: servers are in sbin.
func Program(t testing.TB, name string) string {
	t.Helper()
	file := find(name)
	if file == "" {
		Missing(t, name+" is not installed")
	}
	return file
}

func find(name string) string {
	for _, dir := range []string{"/usr/sbin", "/usr/local/sbin", "/usr/bin", "/usr/local/bin"} {
		file := filepath.Join(dir, name)
		if info, err := os.Stat(file); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
			return file
		}
	}
	return ""
}

// Missing skips the test, or fails it where the peers must be there.
func Missing(t testing.TB, why string) {
	t.Helper()
	if os.Getenv("MAILDOCTOR_PEERS") == "1" {
		t.Fatal(why + ", and MAILDOCTOR_PEERS=1")
	}
	t.Skip(why + "; MAILDOCTOR_PEERS=1 makes this a failure")
}

// Works tries a command that tells whether a peer is there, such as the import of
// a module, and finds it Missing where that fails.
func Works(t testing.TB, peer string, command ...string) {
	t.Helper()
	if exec.Command(command[0], command[1:]...).Run() != nil {
		Missing(t, peer+" is not installed")
	}
}

// Copy is a copy of the program of a peer. Where AppArmor holds a program to its
// own directories it does so by path, and would not let it read a test's.
func Copy(t testing.TB, name string) string {
	t.Helper()
	program := Program(t, name)
	file := filepath.Join(Folder(t), name)
	// A child that inherits the file while it is open for writing would keep it
	// from being run (ETXTBSY), so none is started meanwhile.
	syscall.ForkLock.RLock()
	defer syscall.ForkLock.RUnlock()
	if err := copied(file, program); err != nil {
		t.Fatal(err)
	}
	return file
}

func copied(to, from string) error {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_WRONLY|os.O_EXCL, 0o755)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	if closed := out.Close(); err == nil {
		err = closed
	}
	return err
}

// Folder is a new directory that other users may enter: t.TempDir is not.
func Folder(t testing.TB) string {
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

// Write writes a file that peers may read.
func Write(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// Run runs a program to its end, which must be a good one, and returns what it
// printed.
func Run(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	said, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%s: %v\n%s", strings.Join(cmd.Args, " "), err, tail(said))
	}
	return string(said)
}

// CheckZone has the checkers of BIND, NSD and Knot DNS look at the file of a zone
// as strictly as they can; a warning fails the test, too.
func CheckZone(t testing.TB, zone, file string) {
	t.Helper()
	zone = strings.TrimSuffix(zone, ".")
	missing := ""
	for _, args := range [][]string{
		{"named-checkzone", "-i", "local", "-k", "fail", "-m", "fail", "-M", "fail", "-n", "fail", "-r", "fail", "-S", "fail", "-W", "warn", zone, file},
		{"nsd-checkzone", zone, file},
		{"kzonecheck", "-o", zone, file},
	} {
		program := find(args[0])
		if program == "" {
			missing = args[0]
			continue
		}
		said, err := exec.CommandContext(t.Context(), program, args[1:]...).CombinedOutput()
		if err != nil || strings.Contains(strings.ToLower(string(said)), "warning") {
			text, _ := os.ReadFile(file)
			t.Errorf("%s of %s: %v\n%s\n%s", args[0], zone, err, tail(said), text)
		}
	}
	if missing != "" {
		Missing(t, missing+" is not installed")
	}
}

// kept bounds how much of what a peer prints is shown: its end, in octets.
const kept = 8000

func tail(text []byte) []byte { return text[max(0, len(text)-kept):] }
