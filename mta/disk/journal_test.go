package disk_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

const aWhile = 10 * time.Second // after which files are synced

// opened is a journal, started.
func opened(t *testing.T, m *disktest.Mem) (*disk.Journal, []disk.Record) {
	t.Helper()
	if err := m.Mkdir("/j"); err != nil {
		t.Fatal(err)
	}
	j, records, err := disk.OpenJournal(m, disk.NewDirs(m), "/j")
	if err == nil {
		err = j.Start()
	}
	if err != nil {
		t.Fatal(err)
	}
	return j, records
}

// killed is the records that the next process finds, if this one is killed now.
func killed(t *testing.T, m *disktest.Mem) []disk.Record {
	t.Helper()
	w := new(disktest.Mem)
	for name, octets := range m.Files() {
		w.Put(name, octets)
	}
	j, records := opened(t, w)
	if err := j.Close(); err != nil {
		t.Error(err)
	}
	if names := w.Names(); len(names) != 0 {
		t.Errorf("left %v", names)
	}
	return records
}

// TestJournal: what was put is there after a power cut until the files were synced,
// in order; then the journal is empty.
func TestJournal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		for n := range 3 {
			placed, err := j.Put(true, disk.Record{Name: fmt.Sprint(n), Octets: []byte("hello")}, disk.Record{Name: "old", Gone: true})
			if err != nil {
				t.Fatal(err)
			}
			placed()
		}
		for w := range m.PowerCuts() {
			next, records := opened(t, w)
			if len(records) != 6 || records[4].Name != "2" || string(records[4].Octets) != "hello" || !records[5].Gone {
				t.Errorf("%+v", records)
			}
			if err := next.Close(); err != nil {
				t.Error(err)
			}
			next, records = opened(t, w)
			if len(records) != 0 {
				t.Errorf("twice: %+v", records)
			}
			if err := next.Close(); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(aWhile)
		synctest.Wait()
		if records := killed(t, m); len(records) != 0 {
			t.Errorf("a while later: %+v", records)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if names := m.Names(); len(names) != 0 {
			t.Errorf("left %v", names)
		}
		if _, err := j.Put(true, disk.Record{Name: "late"}); !errors.Is(err, disk.ErrNoJournal) {
			t.Errorf("put behind the end: %v", err)
		}
	})
}

// TestJournalWaitsForFiles: a segment stays until all its files were written.
func TestJournalWaitsForFiles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		placed, err := j.Put(true, disk.Record{Name: "x"})
		if err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if len(killed(t, m)) == 0 {
			t.Error("gone before the file was written")
		}
		placed()
		synctest.Wait()
		if records := killed(t, m); len(records) != 0 {
			t.Errorf("left %v", records)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestJournalRoom: however much comes while the disk is slow, a journal stays as
// small as it can be read again; who waits gets in when there is room.
func TestJournalRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		const most = 1 << 20
		j.SetMost(most)
		m.Before = func(c disktest.Call) error {
			if c.Op == "syncfs" {
				time.Sleep(time.Hour)
			}
			return nil
		}
		big := disk.Record{Name: "x", Octets: make([]byte, 32<<10)}
		put := func(wait bool) error {
			placed, err := j.Put(wait, big)
			if err == nil {
				placed()
			}
			return err
		}
		if err := put(false); err != nil {
			t.Fatal(err)
		}
		time.Sleep(aWhile) // now the first segment is being synced
		taken := 0
		for range 2 * most / len(big.Octets) {
			if err := put(false); err == nil {
				taken += len(big.Octets)
			} else if !errors.Is(err, disk.ErrNoJournal) {
				t.Fatal(err)
			}
		}
		for range 100_000 {
			j.Note(disk.Record{Name: "x", Gone: true})
		}
		if taken < most || taken > most+most/2 {
			t.Errorf("%d octets were taken", taken)
		}
		begun := time.Now()
		if err := put(true); err != nil || time.Since(begun) < 50*time.Minute {
			t.Errorf("waited %v: %v", time.Since(begun), err)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
		if names := m.Names(); len(names) != 0 {
			t.Errorf("left %v", names)
		}
	})
}

// TestJournalShares: who puts at once shares a sync.
func TestJournalShares(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		placed, err := j.Put(false, disk.Record{Name: "first"}) // begins the segment
		if err != nil {
			t.Fatal(err)
		}
		placed()
		var syncs atomic.Int32
		m.Before = func(c disktest.Call) error {
			if c.Op == "sync" {
				syncs.Add(1)
				time.Sleep(10 * time.Millisecond)
			}
			return nil
		}
		var wg sync.WaitGroup
		for n := range 50 {
			wg.Go(func() {
				placed, err := j.Put(false, disk.Record{Name: fmt.Sprint(n)})
				if err != nil {
					t.Error(err)
					return
				}
				placed()
			})
		}
		wg.Wait()
		if syncs.Load() > 2 {
			t.Errorf("%d syncs", syncs.Load())
		}
		synctest.Wait()
		m.Before = nil
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestJournalStuck: where the files cannot be synced the journal keeps what it has,
// and goes on to take what may be about the same files, so that nothing older comes
// back.
func TestJournalStuck(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		var told error
		j.Trouble = func(err error) { told = err }
		m.Before = func(c disktest.Call) error {
			if c.Op == "syncfs" {
				return syscall.EIO
			}
			return nil
		}
		placed, err := j.Put(true, disk.Record{Name: "x", Octets: []byte("hello")})
		if err != nil {
			t.Fatal(err)
		}
		placed()
		time.Sleep(aWhile)
		synctest.Wait()
		if _, err := j.Put(false, disk.Record{Name: "new"}); !errors.Is(err, disk.ErrNoJournal) {
			t.Errorf("put: %v", err)
		}
		full := false
		m.Before = func(c disktest.Call) error {
			if c.Op == "write" && full {
				return syscall.ENOSPC
			}
			return nil
		}
		for _, text := range []string{"again", "torn", "at last"} {
			full = text == "torn"
			placed, err := j.Put(true, disk.Record{Name: "x", Octets: []byte(text)})
			if (err != nil) != full {
				t.Fatal(err)
			}
			if err == nil {
				placed()
			}
		}
		j.Note(disk.Record{Name: "z", Gone: true})
		if placed, err := j.Put(true, disk.Record{Name: "w"}); err != nil {
			t.Error(err)
		} else {
			placed()
		}
		if err := j.Close(); !errors.Is(err, syscall.EIO) || !errors.Is(told, syscall.EIO) {
			t.Errorf("close: %v; told of %v", err, told)
		}
		synctest.Wait()
		m.Before = nil
		next, records := opened(t, m)
		var list []string
		for _, r := range records {
			list = append(list, r.Name+" "+string(r.Octets))
		}
		if got := strings.Join(list, ", "); got != "x hello, x again, x at last, z , w " {
			t.Errorf("%s", got)
		}
		if err := next.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestJournalTorn: behind a write that failed nothing is written; who comes then
// waits until another segment can begin.
func TestJournalTorn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		var full atomic.Bool
		m.Before = func(c disktest.Call) error {
			switch {
			case c.Op == "syncfs":
				time.Sleep(time.Hour)
			case c.Op == "write" && full.Load():
				return io.ErrShortWrite
			}
			return nil
		}
		put := func(name string) error {
			placed, err := j.Put(true, disk.Record{Name: name})
			if err == nil {
				placed()
			}
			return err
		}
		if err := put("a"); err != nil {
			t.Fatal(err)
		}
		time.Sleep(aWhile) // now a is being synced
		if err := put("b"); err != nil {
			t.Fatal(err)
		}
		full.Store(true)
		if err := put("c"); !errors.Is(err, io.ErrShortWrite) {
			t.Errorf("a full disk: %v", err)
		}
		full.Store(false)
		begun := time.Now()
		if err := put("d"); err != nil || time.Since(begun) < 50*time.Minute {
			t.Errorf("after %v: %v", time.Since(begun), err)
		}
		for w := range m.PowerCuts() {
			next, records := opened(t, w)
			names := ""
			for _, r := range records {
				names += r.Name
			}
			if !strings.HasSuffix(names, "bd") {
				t.Errorf("records %q", names)
			}
			if err := next.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}
