package zone

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/maildoctor/maildoctor/peertest"
	"github.com/maildoctor/maildoctor/plan"
	"github.com/maildoctor/maildoctor/providers"
	"github.com/maildoctor/maildoctor/record"
)

// florist is a zone file as people keep them.
const florist = `; zone of the flower shop - keep the serial up to date!
$TTL 1h
@               IN SOA  ns1.example.net. hostmaster.example.net. (
                        2026112201 ; serial YYYYMMDDnn
                        7200 3600 1209600
                        3600 )     ; negative TTL
                IN NS   ns1.example.net.
                IN NS   ns2.example.net.

; --- mail ---
                IN MX   10 mail            ; the old machine
                IN TXT  "v=spf1 a -all"    ; who may send
                IN TXT  "google-site-verification=abc"
mail            IN A    192.0.2.25
_dmarc     300  IN TXT  ( "v=DMARC1; "     ; policy
                          "p=none" )
www             IN CNAME @
`

func open(t *testing.T, path string) *Provider {
	t.Helper()
	p, err := Open(t.Context(), "example.org", Options{Path: path, Now: clock})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// planOf is a plan for what is there.
func planOf(t *testing.T, p *Provider, edits ...record.Edit) plan.Plan {
	t.Helper()
	reading, err := p.Read(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var wishes []plan.Wish
	for _, e := range edits {
		wishes = append(wishes, plan.Wish{Edit: e})
	}
	made, conflicts := plan.Make(reading.Records, wishes, reading.Given(p))
	if len(conflicts) > 0 {
		t.Fatal(conflicts)
	}
	return made
}

func content(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// What a plan is not about stays, down to the blanks; back again, all but the
// serial is as it was.
func TestWrite(t *testing.T) {
	path := put(t, "db.example.org", florist)
	p := open(t, path)
	todo := planOf(t, p,
		record.Set(record.SPF("example.org"), record.TXT("example.org", "v=spf1 mx -all")),
		record.Set(record.MXSet("example.org"), record.MX("example.org", 10, "mail.example.org"), record.MX("example.org", 20, "mx.example.net")),
		record.Set(record.DMARC("example.org"), record.TXT("_dmarc.example.org", "v=DMARC1; p=reject")),
		record.Set(record.DKIMKey("s1", "example.org"), record.TXT("s1._domainkey.example.org", "v=DKIM1; p=")))
	if err := p.Write(t.Context(), todo); err != nil {
		t.Fatal(err)
	}
	want := strings.NewReplacer(
		"2026112201", "2026112202",
		"; the old machine\n", "; the old machine\n                IN MX   20 mx.example.net.\n",
		`"v=spf1 a -all" `, `"v=spf1 mx -all" `,
		`( "v=DMARC1; "     ; policy
                          "p=none" )`, `( "v=DMARC1; p=reject"     ; policy
                          )`,
		"CNAME @\n", "CNAME @\ns1._domainkey   IN TXT \"v=DKIM1; p=\"\n",
	).Replace(florist)
	if got := content(t, path); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("%v %v", info.Mode(), err)
	}
	if left, _ := os.ReadDir(filepath.Dir(path)); len(left) != 1 {
		t.Errorf("left behind: %v", left)
	}
	check(t, path)
	var stale *providers.StaleError
	if err := p.Write(t.Context(), todo); !errors.As(err, &stale) || content(t, path) != want {
		t.Errorf("a second time: %v", err)
	}
	back := planOf(t, p, todo.Invert().Edits()...)
	if err := p.Write(t.Context(), back); err != nil {
		t.Fatal(err)
	}
	check(t, path)
}

// check lets the servers that are installed look at a zone file.
func check(t *testing.T, path string) {
	t.Helper()
	t.Run("peers", func(t *testing.T) { peertest.CheckZone(t, "example.org", path) })
}

// A symbolic link stays one, and leads to the edited file.
func TestWriteThroughLink(t *testing.T) {
	path := put(t, "db.example.org", florist)
	link := filepath.Join(t.TempDir(), "link")
	if err := os.Symlink(path, link); err != nil {
		t.Skip(err)
	}
	p := open(t, link)
	if err := p.Write(t.Context(), planOf(t, p, record.Set(record.SPF("example.org")))); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Lstat(link); err != nil || info.Mode()&fs.ModeSymlink == 0 || strings.Contains(content(t, path), "v=spf1") {
		t.Errorf("%v %v\n%s", info.Mode(), err, content(t, path))
	}
}

// What is not the file to edit.
func TestOpenRefuses(t *testing.T) {
	for name, tt := range map[string]struct {
		prepare func(dir string) string
		want    string
	}{
		"nothing":     {func(string) string { return "" }, "no zone file is named"},
		"missing":     {func(dir string) string { return filepath.Join(dir, "missing\x1b[2J") }, "no such file"},
		"a directory": {func(dir string) string { return dir }, "is a directory"},
		"no regular file": {func(string) string {
			return os.DevNull
		}, "is no regular file"},
		"signed": {func(dir string) string {
			return file(dir, "zone", florist+"@ RRSIG A 13 2 3600 20261220000000 20261120000000 1 example.org. AAAA\n")
		}, "zone:18: an RRSIG record"},
		"a journal": {func(dir string) string {
			file(dir, "zone.jnl", "")
			return file(dir, "zone", florist)
		}, "rndc freeze example.org"},
		"not readable": {func(dir string) string { return file(dir, "zone", florist+"x A nonsense\n") }, "zone:18: A: "},
		"included":     {func(dir string) string { return file(dir, "zone", florist+"$INCLUDE /etc/hosts\n") }, "only files in the directory of the zone file are read"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Open(t.Context(), "example.org", Options{Path: tt.prepare(t.TempDir())})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.ContainsAny(err.Error(), "\x1b\n") {
				t.Errorf("%q, want %q in it", err, tt.want)
			}
		})
	}
}

func file(dir, name, text string) string {
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		panic(err)
	}
	return path
}

// Records of other zones are not read, as servers do not, and stay where they are.
func TestReadLeavesOutOtherZones(t *testing.T) {
	path := put(t, "db.example.org", florist+"ns1.example.net. A 192.0.2.53\n@ NS ns1.example.net.\n")
	p := open(t, path)
	reading, err := p.Read(t.Context(), nil)
	if err != nil || len(reading.Records) != 9 {
		t.Errorf("%d records, %v", len(reading.Records), err)
	}
	if err := p.Write(t.Context(), planOf(t, p, record.Set(record.SPF("example.org")))); err != nil {
		t.Error(err)
	}
	if !strings.Contains(content(t, path), "ns1.example.net. A 192.0.2.53\n") {
		t.Error(content(t, path))
	}
}

// Writers wait for each other, in whatever process they are: each finds what the
// one before wrote.
func TestWritersTakeTurns(t *testing.T) {
	path := put(t, "db.example.org", florist)
	var wait sync.WaitGroup
	for _, name := range []string{"a", "b", "c", "d"} {
		wait.Go(func() {
			p, err := Open(t.Context(), "example.org", Options{Path: path, Now: clock})
			if err != nil {
				t.Error(err)
				return
			}
			todo := plan.Plan{Zone: "example.org.", Changes: []plan.Change{{
				Slot:  record.Slot{Name: name + ".example.org.", Type: "TXT"},
				After: []record.Record{record.TXT(name+".example.org", "x")},
			}}}
			if err := p.Write(t.Context(), todo); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if got := content(t, path); strings.Count(got, "IN TXT \"x\"\n") != 4 || !strings.Contains(got, "2026112205") {
		t.Error(got)
	}
}

// Who cannot have the lock writes nothing.
func TestWriteWaits(t *testing.T) {
	path := put(t, "db.example.org", florist)
	p := open(t, path)
	todo := planOf(t, p, record.Set(record.SPF("example.org")))
	unlock, err := tryLock(path)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 3*pause)
	defer cancel()
	if err := p.Write(ctx, todo); !errors.Is(err, errBusy) || content(t, path) != florist {
		t.Errorf("%v\n%s", err, content(t, path))
	}
	unlock()
	if err := p.Write(t.Context(), todo); err != nil {
		t.Error(err)
	}
}

// An editor that saves while a plan is carried out is not overwritten.
func TestWriteNoticesOthers(t *testing.T) {
	path := put(t, "db.example.org", florist)
	p := open(t, path)
	todo := planOf(t, p, record.Set(record.SPF("example.org")))
	saves := 0
	p.now = func() time.Time {
		if saves++; saves == 1 {
			file(filepath.Dir(path), "db.example.org", florist+"; saved meanwhile\n")
		}
		return now
	}
	if err := p.Write(t.Context(), todo); err != nil {
		t.Fatal(err)
	}
	if got := content(t, path); !strings.HasSuffix(got, "; saved meanwhile\n") || strings.Contains(got, "v=spf1") || saves != 2 {
		t.Errorf("%d\n%s", saves, got)
	}
}

// What may not be written is a denial, with what to do, and nothing is left behind.
func TestDenied(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write anywhere")
	}
	path := put(t, "db.example.org", florist)
	p := open(t, path)
	todo := planOf(t, p, record.Set(record.SPF("example.org")))
	for _, mode := range []struct {
		path string
		mode fs.FileMode
	}{{path, 0o440}, {filepath.Dir(path), 0o550}} {
		if err := os.Chmod(mode.path, mode.mode); err != nil {
			t.Fatal(err)
		}
		err := p.Write(t.Context(), todo)
		if !errors.Is(err, providers.ErrDenied) || content(t, path) != florist {
			t.Errorf("%v", err)
		}
		if err := os.Chmod(mode.path, mode.mode|0o200); err != nil {
			t.Fatal(err)
		}
	}
}

func TestNext(t *testing.T) {
	p := open(t, put(t, "db.example.org", florist))
	for _, want := range []string{"rndc reload example.org", "nsd-control reload example.org", "knotc zone-reload example.org"} {
		if !strings.Contains(p.Next(), want) {
			t.Errorf("%q is not in %q", want, p.Next())
		}
	}
}
