package ledger

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/record"
	"github.com/maildoctor/maildoctor/zonefile"
)

const zone = "example.org."

var (
	taken = time.Date(2026, 11, 22, 10, 15, 0, 0, time.UTC)
	old   = record.Record{Name: zone, Type: "TXT", TTL: 300, Data: "v=spf1 -all"}
	fresh = record.Record{Name: zone, Type: "TXT", TTL: 300, Data: "v=spf1 mx -all"}
	other = record.Record{Name: zone, Type: "TXT", TTL: 300, Data: `verification "of" somebody; else` + "\xff"}
	dmarc = record.Record{Name: "_dmarc." + zone, Type: "TXT", TTL: 300, Data: "v=DMARC1; p=none"}
)

func change() plan.Plan {
	p, _ := plan.Make([]record.Record{old, other}, []plan.Wish{
		{Edit: record.Set(record.SPF(zone), fresh)}, {Edit: record.Set(record.DMARC(zone), dmarc)},
	}, plan.Given{Zone: zone, TTLs: true})
	return p
}

func TestDir(t *testing.T) {
	if runtime.GOOS == "windows" || runtime.GOOS == "darwin" {
		t.Skip("the paths are those of Unix")
	}
	tests := []struct {
		env  map[string]string
		want string
	}{
		{map[string]string{"MAILDOCTOR_STATE_DIR": "here", "HOME": "/home/anna"}, "here"},
		{map[string]string{"XDG_STATE_HOME": "/state", "HOME": "/home/anna"}, "/state/maildoctor"},
		{map[string]string{"XDG_STATE_HOME": "relative", "HOME": "/home/anna"}, "/home/anna/.local/state/maildoctor"},
		{map[string]string{"HOME": "/home/anna"}, "/home/anna/.local/state/maildoctor"},
	}
	for _, tt := range tests {
		if got, err := Dir(func(name string) string { return tt.env[name] }); got != tt.want || err != nil {
			t.Errorf("of %v: %q, %v; want %q", tt.env, got, err, tt.want)
		}
	}
	if _, err := Dir(func(string) string { return "" }); err == nil || !strings.Contains(err.Error(), "MAILDOCTOR_STATE_DIR") {
		t.Errorf("without a home directory: %v", err)
	}
}

func TestKeep(t *testing.T) {
	l := At(filepath.Join(t.TempDir(), "state"))
	s := plan.NewSnapshot(zone, "cloudflare", taken, []record.Record{old, other}, change())
	first, err := l.Keep(s)
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.Keep(s) // in the same second
	if err != nil || second == first {
		t.Fatalf("%s after %s, %v", second, first, err)
	}
	s.Taken = taken.Add(time.Minute)
	third, err := l.Keep(s)
	if err != nil {
		t.Fatal(err)
	}
	paths, err := l.Snapshots("Example.ORG")
	if err != nil || len(paths) != 3 || paths[0] != third || paths[1] != second || paths[2] != first {
		t.Errorf("snapshots %q, %v", paths, err)
	}
	read, err := Open(first)
	if err != nil || !read.Taken.Equal(taken) || len(read.Records) != 2 || len(read.Plan.Changes) != 2 {
		t.Errorf("read back: %+v, %v", read, err)
	}
	text, err := os.Open(strings.TrimSuffix(first, snapshotSuffix) + zoneSuffix)
	if err != nil {
		t.Fatal(err)
	}
	defer text.Close()
	records, err := zonefile.Read(text, zone)
	if err != nil || len(records) != 2 || record.Sorted(records)[1] != record.Sorted(read.Records)[1] {
		t.Errorf("the zone file: %v, %v", records, err)
	}
	if zones, err := l.Zones(); err != nil || len(zones) != 1 || zones[0] != "example.org" {
		t.Errorf("zones %q, %v", zones, err)
	}
	if err := l.Drop(third); err != nil {
		t.Fatal(err)
	}
	if paths, _ := l.Snapshots(zone); len(paths) != 2 {
		t.Errorf("after one was dropped: %q", paths)
	}
	if entries, _ := filepath.Glob(filepath.Join(l.of(zone), ".new-*")); len(entries) > 0 {
		t.Errorf("left over: %q", entries)
	}
}

// What is kept is for the user alone.
func TestPrivate(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("no such modes")
	}
	l := At(filepath.Join(t.TempDir(), "state"))
	if _, err := l.Keep(plan.NewSnapshot(zone, "", taken, []record.Record{old}, change())); err != nil {
		t.Fatal(err)
	}
	if err := l.Note(zone, change().Changes, true); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(l.Path(), func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err == nil && info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has the mode %v", path, info.Mode())
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestPrune(t *testing.T) {
	l := At(t.TempDir())
	for i := range MostSnapshots + 3 {
		if _, err := l.Keep(plan.NewSnapshot(zone, "", taken.Add(time.Duration(i)*time.Second), nil, change())); err != nil {
			t.Fatal(err)
		}
	}
	paths, err := l.Snapshots(zone)
	if err != nil || len(paths) != MostSnapshots || !strings.Contains(paths[len(paths)-1], "101503Z") {
		t.Errorf("%d snapshots, the oldest %s, %v", len(paths), paths[len(paths)-1], err)
	}
}

func TestMade(t *testing.T) {
	l := At(t.TempDir())
	made, err := l.Made(zone)
	if err != nil || made.Has(fresh) {
		t.Fatalf("nothing was made: %v, %v", made, err)
	}
	if err := l.Note(zone, change().Changes, true); err != nil {
		t.Fatal(err)
	}
	made, err = l.Made(zone)
	if err != nil || !made.Has(fresh) || !made.Has(dmarc) || made.Has(old) || made.Has(other) {
		t.Errorf("made %v, %v", made, err)
	}
	changed := dmarc
	if changed.Data += "; sp=none"; made.Has(changed) {
		t.Error("a record that somebody changed is still ours")
	}
	if changed = dmarc; changed.TTL == 60 || !made.Has(record.Record{Name: dmarc.Name, Type: "TXT", TTL: 60, Data: dmarc.Data}) {
		t.Error("a TTL makes it another record")
	}
	if err := l.Note(zone, change().Invert().Changes, false); err != nil {
		t.Fatal(err)
	}
	made, err = l.Made(zone)
	if err != nil || made.Has(fresh) || made.Has(dmarc) || made.Has(old) {
		t.Errorf("what was brought back is not ours: %v, %v", made, err)
	}
	if err := l.Save(zone, madeFile, []byte("{")); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Made(zone); err == nil {
		t.Error("a broken list was read")
	}
}

// A name of a zone, whatever is in it, stays inside of the ledger.
func TestOf(t *testing.T) {
	l := At("dir")
	for name, want := range map[string]string{
		"Example.org.": "example.org", "2/0.0.192.in-addr.arpa.": "2%2f0.0.192.in-addr.arpa", `..`: "%2e", ".": "%2e", `a\000b.`: "a%5c000b",
	} {
		if got := filepath.Base(l.of(name)); got != want {
			t.Errorf("%q is kept in %q, want %q", name, got, want)
		}
	}
	if _, err := l.Load(zone, "rotation.json"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a file that is not there: %v", err)
	}
}
