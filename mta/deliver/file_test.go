package deliver

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/mailauth/mtasts"
	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

var day = time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC)

// learnt is a Store with one thing of each kind.
func learnt(t testing.TB, d disk.FS, path string) *Store {
	t.Helper()
	s, broken, err := openStore(d, path)
	if err != nil || broken != nil {
		t.Fatal(broken, err)
	}
	s.Reached("example.org.", Verified, day)
	s.SetSTS("example.net.", STSEntry{ID: "1", Policy: mtasts.Policy{Mode: mtasts.Enforce, MX: []string{"mx.example.net"}, MaxAge: 600, Extra: []mtasts.Field{{}}}, Expires: day.Add(time.Hour)})
	s.Take("google", "2026-11-22", 3, 50)
	return s
}

func knows(s *Store) string {
	level, at := s.Level("example.org.")
	sts := s.STS("example.net.")
	return fmt.Sprint(level, at.Equal(day), sts.ID, sts.Policy.Mode, sts.Policy.MX, s.octets, s.counted)
}

const all = "verified true1enforce[mx.example.net] 15 map[google:3]"

func TestOpenStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state", "memory.json")
	s := learnt(t, disk.OS{}, path)
	if knows(s) != all {
		t.Error(knows(s))
	}
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Error(info.Mode(), err)
	}
	again, broken, err := OpenStore(path)
	if err != nil || broken != nil {
		t.Fatal(broken, err)
	}
	if knows(again) != all {
		t.Error(knows(again))
	}
	os.Remove(path)
	if err := again.Save(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("what has not changed was written")
	}
	if !again.Take("google", "2026-11-22", 47, 50) || again.Take("google", "2026-11-22", 1, 50) {
		t.Error("the count of the day was lost")
	}
	if err := os.WriteFile(path+newExt, []byte("half of"), 0o600); err != nil { // of a process that was stopped
		t.Fatal(err)
	}
	if err := again.Save(); err != nil {
		t.Error(err)
	}
	if err := new(Store).Save(); err != nil {
		t.Error(err)
	}
}

func TestBrokenStore(t *testing.T) {
	whole := `{"levels": {"example.org.": {"Level": 2, "At": "2026-11-22T09:00:00Z"}}}`
	for name, text := range map[string]string{
		"empty": "", "half": whole[:len(whole)/2], "more": whole + "{", "zeros": strings.Repeat("\x00", 100), "another": `{"levels": [1]}`, "huge": strings.Repeat(" ", maxFile+1),
	} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "memory.json")
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			s, broken, err := OpenStore(path)
			if err != nil || broken == nil || !strings.Contains(broken.Error(), "kept as "+path+".broken") {
				t.Fatal(broken, err)
			}
			if level, _ := s.Level("example.org."); level != Clear {
				t.Error("half of it was read")
			}
			if kept, err := os.ReadFile(path + ".broken"); err != nil || string(kept) != text {
				t.Error("it was not kept", err)
			}
			s.Reached("example.org.", Encrypted, day)
			if err := s.Save(); err != nil {
				t.Fatal(err)
			}
			if s, broken, err = OpenStore(path); err != nil || broken != nil {
				t.Fatal(broken, err)
			}
			if level, _ := s.Level("example.org."); level != Encrypted {
				t.Error(level)
			}
		})
	}
	if _, _, err := OpenStore(t.TempDir()); err == nil {
		t.Error("a directory is a Store")
	}
}

// Whatever the disk does while the file is written, the old or the new one is there.
func TestSaveFails(t *testing.T) {
	for at := range 20 {
		m := new(disktest.Mem)
		if err := learnt(t, m, "/state/memory.json").Save(); err != nil {
			t.Fatal(err)
		}
		s, _, err := openStore(m, "/state/memory.json")
		if err != nil {
			t.Fatal(err)
		}
		s.Take("google", "2026-11-22", 1, 50)
		from, failed := -1, false
		m.Before = func(c disktest.Call) error {
			if from < 0 {
				from = c.N
			}
			if c.N-from == at {
				failed = true
				return syscall.ENOSPC
			}
			return nil
		}
		err = s.Save()
		m.Before = nil
		if failed && !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("call %d: %v", at, err)
		}
		again, broken, e := openStore(m, "/state/memory.json")
		if e != nil || broken != nil || again.counted["google"] < 3 {
			t.Fatal(at, broken, e)
		}
		if err := s.Save(); err != nil { // there is room again
			t.Error(err)
		}
		if again, _, _ = openStore(m, "/state/memory.json"); again.counted["google"] != 4 {
			t.Errorf("call %d: it was not written later", at)
		}
		if !failed {
			return
		}
	}
	t.Error("a Save does too much")
}

// Power may fail at any moment: then the old or the new one is there, and after Save
// the new one.
func TestSavePower(t *testing.T) {
	m := new(disktest.Mem)
	s := learnt(t, m, "/state/memory.json")
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	worlds := 0
	look := func(least int) {
		for w := range m.PowerCuts() {
			worlds++
			if s, broken, err := openStore(w, "/state/memory.json"); err != nil || broken != nil || s.counted["google"] < least {
				t.Fatal(broken, err)
			}
		}
	}
	look(3)
	s.Take("google", "2026-11-22", 1, 50)
	m.Before = func(disktest.Call) error { look(3); return nil }
	if err := s.Save(); err != nil {
		t.Fatal(err)
	}
	m.Before = nil
	look(4)
	if worlds < 20 {
		t.Error(worlds)
	}
}

func TestStoreBounds(t *testing.T) {
	s := new(Store)
	for i := range 2 * maxKept {
		name := fmt.Sprintf("d%d.example.", i)
		at := day.Add(time.Duration(i) * time.Second)
		s.Reached(name, Encrypted, at)
		s.Take(name, "2026-11-22", 1, 5)
		s.SetSTS(name, STSEntry{ID: "1", Expires: at})
		if len(s.levels) > maxKept || len(s.counted) > maxKept || len(s.sts) > maxKept || s.octets != len(s.sts) {
			t.Fatal(i, len(s.levels), len(s.counted), len(s.sts), s.octets)
		}
	}
	first, last := fmt.Sprintf("d%d.example.", maxKept-1), fmt.Sprintf("d%d.example.", 2*maxKept-1)
	for name, want := range map[string]Level{first: Clear, last: Encrypted} {
		if level, _ := s.Level(name); level != want || (s.STS(name).ID == "1") != (want == Encrypted) {
			t.Errorf("%s: %s", name, level)
		}
	}
	long := STSEntry{Policy: mtasts.Policy{MX: []string{strings.Repeat("x", maxPolicies/4)}}, Expires: day.AddDate(0, 0, 1)}
	for i := range 6 {
		s.SetSTS(fmt.Sprintf("long%d.example.", i), long)
	}
	if s.octets > maxPolicies || s.STS(last).ID != "" || len(s.STS("long5.example.").Policy.MX) != 1 {
		t.Error(s.octets)
	}
	for i := range 6 {
		s.Forget(fmt.Sprintf("long%d.example.", i))
	}
	if s.octets != len(s.sts) {
		t.Error(s.octets, len(s.sts))
	}
}

// What no Store has written is not believed.
func TestStoreNonsense(t *testing.T) {
	var s Store
	err := json.Unmarshal([]byte(`{"levels": {"EXAMPLE.org": {"Level": 2}, "": {"Level": 2}, "a.example.": {"Level": 7}, "b.example.": {"Level": 2}},
		"sts": {"a.example.": {"Policy": {"Mode": "never"}}, "b.example.": {"Policy": {"Mode": "enforce", "MaxAge": -1}}, "c.example.": {"Policy": {"Mode": "none"}}},
		"day": "someday", "counted": {"x": 1}}`), &s)
	if err != nil || len(s.levels) != 1 || len(s.sts) != 1 || s.counted != nil {
		t.Error(err, s.levels, s.sts, s.counted)
	}
}

func FuzzStore(f *testing.F) {
	raw, _ := json.Marshal(learnt(f, new(disktest.Mem), "/x/y"))
	f.Add(raw)
	f.Add([]byte(`{"sts": {"a.": {"ID": "x", "Policy": {"MX": ["a", "b"]}}}, "day": "2026-01-01", "counted": {"a": -5}}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		var s, again Store
		if json.Unmarshal(raw, &s) != nil {
			return
		}
		first, err := json.Marshal(&s)
		if err != nil {
			t.Skip("a time that JSON cannot hold")
		}
		if err := json.Unmarshal(first, &again); err != nil {
			t.Fatal(err)
		}
		if second, err := json.Marshal(&again); err != nil || string(second) != string(first) {
			t.Errorf("%s\n%s\n%v", first, second, err)
		}
		if s.octets != again.octets || s.octets < 0 || s.octets > maxPolicies {
			t.Error(s.octets, again.octets)
		}
	})
}
