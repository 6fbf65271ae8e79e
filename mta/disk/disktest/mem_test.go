package disktest

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// TestAlike has both file systems do the same, so that what is proved on the one
// holds for the other.
func TestAlike(t *testing.T) {
	for name, d := range map[string]disk.FS{"memory": new(Mem), "machine": disk.OS{}} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "a", "b")
			at := func(name string) string { return filepath.Join(dir, name) }
			must := func(err error) {
				t.Helper()
				if err != nil {
					t.Fatal(err)
				}
			}
			is := func(want, err error) {
				t.Helper()
				if !errors.Is(err, want) {
					t.Errorf("got %v, want %v", err, want)
				}
			}
			_, err := d.ReadDir(dir)
			is(fs.ErrNotExist, err)
			_, err = d.Create(at("x"))
			is(fs.ErrNotExist, err)
			must(d.Mkdir(dir))
			must(d.Mkdir(dir))
			must(d.Mkdir(at("sub")))
			must(disk.Write(d, at("x"), []byte("hello")))
			is(fs.ErrExist, disk.Write(d, at("x"), nil))
			must(disk.Write(d, at("y"), []byte("old")))
			must(d.Rename(at("x"), at("y"))) // replaces
			is(fs.ErrNotExist, d.Rename(at("x"), at("z")))
			is(fs.ErrNotExist, d.Remove(at("x")))
			must(disk.Gone(d.Remove(at("x"))))
			must(d.SyncDir(dir))
			got, err := disk.ReadFile(d, at("y"), 5)
			if string(got) != "hello" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			if _, err := disk.ReadFile(d, at("y"), 4); err == nil {
				t.Error("read more than it may")
			}
			_, err = disk.ReadFile(d, at("z"), 1)
			is(fs.ErrNotExist, err)
			f, err := d.Create(at("over"))
			must(err)
			for _, w := range []struct {
				text string
				at   int64
			}{{"hello", 0}, {"E", 1}, {"w it", 4}} {
				n, err := f.WriteAt([]byte(w.text), w.at)
				if must(err); n != len(w.text) {
					t.Errorf("wrote %d octets of %q", n, w.text)
				}
			}
			must(errors.Join(f.Sync(), f.Close()))
			if got, err := disk.ReadFile(d, at("over"), 9); string(got) != "hEllw it" || err != nil {
				t.Errorf("%q, %v", got, err)
			}
			must(d.Remove(at("over")))
			must(disk.Write(d, at("b"), nil))
			entries, err := d.ReadDir(dir)
			must(err)
			if want := []disk.Entry{{Name: "b"}, {Name: "sub", Dir: true}, {Name: "y", Size: 5}}; !slices.Equal(entries, want) {
				t.Errorf("%v", entries)
			}
			r, err := d.Open(at("y"))
			must(err)
			defer r.Close()
			_, err = r.Seek(3, io.SeekStart)
			must(err)
			if rest, err := io.ReadAll(r); string(rest) != "lo" || err != nil {
				t.Errorf("%q, %v", rest, err)
			}
			if free, err := d.Free(dir); free == 0 || err != nil {
				t.Errorf("%d free, %v", free, err)
			}
			volume, err := d.(disk.Volumes).Volume(dir)
			if !errors.Is(err, errors.ErrUnsupported) {
				must(err)
				must(volume.Sync())
				if here, err := volume.Holds(at("sub")); !here || err != nil {
					t.Errorf("a directory below is on another file system: %v", err)
				}
				must(volume.Close())
			}
			lock, err := d.Lock(at("lock"))
			must(err)
			_, err = d.Lock(at("lock"))
			if locked := new(disk.LockedError); !errors.As(err, &locked) || locked.PID == "" {
				t.Errorf("locked twice: %v", err)
			}
			must(lock.Close())
			lock, err = d.Lock(at("lock"))
			must(err)
			must(lock.Close())
		})
	}
}

// TestFailedWrite leaves no file.
func TestFailedWrite(t *testing.T) {
	for _, op := range []string{"create", "write", "sync", "close"} {
		m := new(Mem)
		if err := m.Mkdir("/d"); err != nil {
			t.Fatal(err)
		}
		m.Before = func(c Call) error {
			if c.Op == op {
				return syscall.ENOSPC
			}
			return nil
		}
		if err := disk.Write(m, "/d/x", []byte("hello")); !disk.IsFull(err) || len(m.Names()) != 0 {
			t.Errorf("%s: %v, %v", op, err, m.Names())
		}
	}
}

// after is the worlds that a power cut may leave, as text.
func after(m *Mem) []string {
	var all []string
	for w := range m.PowerCuts() {
		var files []string
		for name, octets := range w.Files() {
			files = append(files, name+"="+octets)
		}
		slices.Sort(files)
		all = append(all, strings.Join(files, " "))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func TestPowerCuts(t *testing.T) {
	m := new(Mem)
	check := func(what string, want ...string) {
		t.Helper()
		if got := after(m); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", what, got, want)
		}
	}
	m.Mkdir("/d")
	f, err := m.Create("/d/x")
	if err != nil {
		t.Fatal(err)
	}
	f.Write([]byte("ab"))
	check("nothing synced", "", "/d/x=", "/d/x=\x00\x00", "/d/x=\x00b", "/d/x=a", "/d/x=ab")
	f.Sync()
	check("octets synced", "", "/d/x=ab")
	m.SyncDir("/d")
	check("all synced", "/d/x=ab")
	f.Write([]byte("cd"))
	check("more written", "/d/x=ab", "/d/x=ab\x00\x00", "/d/x=ab\x00d", "/d/x=abc", "/d/x=abcd")
	f.Sync()
	f.WriteAt([]byte("BC"), 1)
	check("written over", "/d/x=aBCd", "/d/x=aBcd", "/d/x=abCd", "/d/x=abcd")
	f.WriteAt([]byte("DE"), 3)
	check("and beyond", "/d/x=aBCDE", "/d/x=aBCd", "/d/x=abcDE", "/d/x=abcd", "/d/x=abcd\x00")
	f.WriteAt([]byte("bcd"), 1)
	f.Sync()
	check("synced again", "/d/x=abcdE")
	m.Rename("/d/x", "/d/y")
	check("renamed", "/d/x=abcdE", "/d/y=abcdE")
	m.Remove("/d/y")
	check("removed", "", "/d/x=abcdE", "/d/y=abcdE")
	m.SyncDir("/d")
	check("in the end", "")
}

func TestIsFull(t *testing.T) {
	for err, want := range map[error]bool{
		&os.PathError{Op: "write", Err: syscall.ENOSPC}: true, syscall.EDQUOT: true, syscall.EIO: false, nil: false,
	} {
		if disk.IsFull(err) != want {
			t.Errorf("%v", err)
		}
	}
}
