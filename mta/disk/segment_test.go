package disk_test

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
	"github.com/maildoctor/maildoctor/mta/disk/disktest"
)

// A counter is a file /f/x whose changes go through a journal.
type counter struct {
	t *testing.T
	m *disktest.Mem
	j *disk.Journal
	f disk.File

	mu          sync.Mutex
	now, coming int // what the file says, and what it is to say
	worlds      int // that were judged
}

func newCounter(t *testing.T, m *disktest.Mem) *counter {
	t.Helper()
	j, _ := opened(t, m)
	err := m.Mkdir("/f")
	c := &counter{t: t, m: m, j: j}
	if err == nil {
		c.f, err = m.Create("/f/x")
	}
	if err == nil {
		_, err = c.f.WriteAt([]byte(text(0)), 0)
	}
	if err = errors.Join(err, c.f.Sync(), m.SyncDir("/f")); err != nil {
		t.Fatal(err)
	}
	return c
}

// text is the same length for all, so that what was written before fits where it
// must not.
func text(n int) string { return fmt.Sprintf("%-40d", n) }

// add counts on, by the journal or, while that is empty, without it.
func (c *counter) add(journal bool) {
	c.t.Helper()
	c.mu.Lock()
	c.coming++
	n := c.coming
	c.mu.Unlock()
	placed, err := c.f.Sync, error(nil)
	if journal {
		var done func()
		done, err = c.j.Put(true, disk.Record{Name: "x", Octets: []byte(text(n))})
		placed = func() error { done(); return nil }
	}
	if err == nil {
		_, err = c.f.WriteAt([]byte(text(n)), 0)
	}
	if err == nil {
		err = placed()
	}
	if err != nil {
		c.t.Fatal(err)
	}
	c.mu.Lock()
	c.now = n
	c.mu.Unlock()
}

// judge has the power go now.
func (c *counter) judge() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for w := range c.m.PowerCuts() {
		c.worlds++
		if n := readCounter(c.t, w); n < c.now || n > c.coming {
			c.t.Errorf("it was %d and was to be %d; after a power cut it is %d", c.now, c.coming, n)
		}
	}
}

// readCounter is what the next process reads. It leaves the disk as it found it.
func readCounter(t *testing.T, m *disktest.Mem) (n int) {
	t.Helper()
	j, records, err := disk.OpenJournal(m, disk.NewDirs(m), "/j")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Abandon(); err != nil {
		t.Error(err)
	}
	content := m.Files()["/f/x"]
	for _, r := range records {
		content = string(r.Octets)
	}
	if _, err := fmt.Sscan(content, &n); err != nil || content != text(n) {
		return -1
	}
	return n
}

// journalFiles is how many files the journal has.
func journalFiles(m *disktest.Mem) (n int) {
	for _, name := range m.Names() {
		if strings.HasPrefix(name, "/j/") {
			n++
		}
	}
	return n
}

// TestJournalUsedAgain loses power at every call while the segments are written over
// again and again, with more and with fewer records than before: what stood there
// never comes back.
func TestJournalUsedAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		c := newCounter(t, m)
		var begun atomic.Int32
		m.Before = func(call disktest.Call) error {
			c.judge()
			if call.Op == "create" && strings.HasPrefix(call.Name, "/j/") {
				begun.Add(1)
			}
			if call.Op == "syncfs" {
				time.Sleep(time.Second) // meanwhile more comes
			}
			return nil
		}
		for _, puts := range []int{3, 1, 2, 4, 1, 1, 2, 3, 1, 5, 4, 1, 2, 1, 3, 1} {
			for range puts {
				c.add(true)
			}
			time.Sleep(aWhile / 2) // now the files are being synced
			c.add(true)
			if n := journalFiles(m); n > 2 {
				t.Errorf("%d segments", n)
			}
			time.Sleep(aWhile)
			synctest.Wait()
			c.add(false)
		}
		if n := journalFiles(m); n != 2 || begun.Load() != 2 {
			t.Errorf("%d segments were made, %d are there", begun.Load(), n)
		}
		synctest.Wait()
		m.Before = nil
		c.judge()
		if err := c.j.Close(); err != nil {
			t.Error(err)
		}
		c.judge()
		if n := journalFiles(m); n != 0 {
			t.Errorf("%d segments are left", n)
		}
		if c.worlds < 900 {
			t.Errorf("only %d worlds", c.worlds)
		}
		t.Attr("crash|power_cuts", fmt.Sprint(c.worlds))
		t.Logf("%d worlds", c.worlds)
	})
}

// TestJournalCutTwice loses power when there is something in both segments, and again
// at every call while the next process starts.
func TestJournalCutTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		c := newCounter(t, m)
		c.add(true)
		time.Sleep(aWhile)
		synctest.Wait()
		m.Before = func(call disktest.Call) error {
			if call.Op == "syncfs" {
				time.Sleep(time.Hour)
			}
			return nil
		}
		c.add(true)
		time.Sleep(aWhile)
		c.add(true)
		if n := journalFiles(m); n != 2 {
			t.Fatalf("%d segments", n)
		}
		worlds := 0
		for first := range m.PowerCuts() {
			j, records, err := disk.OpenJournal(first, disk.NewDirs(first), "/j")
			if err != nil || len(records) != 2 {
				t.Fatalf("%v, %v", records, err)
			}
			if err := first.Rename("/f/x", "/f/old"); err != nil {
				t.Fatal(err)
			}
			if err := disk.Write(first, "/f/x", records[1].Octets); err != nil {
				t.Fatal(err)
			}
			judge := func() {
				for second := range first.PowerCuts() {
					if worlds++; readCounter(t, second) != 3 {
						t.Errorf("after the second power cut it is %d", readCounter(t, second))
					}
				}
			}
			first.Before = func(disktest.Call) error { judge(); return nil }
			if err := j.Start(); err != nil {
				t.Fatal(err)
			}
			judge()
			first.Before = nil
			if err := j.Close(); err != nil {
				t.Error(err)
			}
		}
		if err := c.j.Close(); err != nil {
			t.Error(err)
		}
		t.Attr("crash|power_cuts", fmt.Sprint(worlds))
		t.Logf("%d worlds", worlds)
	})
}

// TestJournalGrows: segments become as large as is needed, in few steps, and what is
// in them reads; then they do not grow any more.
func TestJournalGrows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := new(disktest.Mem)
		j, _ := opened(t, m)
		length := func() (sum, steps int) {
			last := map[string]int{}
			for range 40 {
				placed, err := j.Put(true, disk.Record{Name: "x", Octets: bytes.Repeat([]byte("x"), 24<<10)})
				if err != nil {
					t.Fatal(err)
				}
				placed()
				for name, octets := range m.Files() {
					if last[name] != len(octets) {
						last[name] = len(octets)
						steps++
					}
				}
			}
			for _, n := range last {
				sum += n
			}
			if n := len(killed(t, m)); n != 40 {
				t.Errorf("%d records", n)
			}
			time.Sleep(aWhile)
			synctest.Wait()
			return sum, steps
		}
		sum, steps := length()
		if sum < 900<<10 || sum > 2<<20 || steps > 8 {
			t.Errorf("%d octets in %d steps", sum, steps)
		}
		if again, steps := length(); again != sum || steps != 1 {
			t.Errorf("%d octets, then %d in %d steps", sum, again, steps)
		}
		if err := j.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestJournalForeign: a file that is called as a segment and is none is not passed
// over, as it may hold mail; one that was never finished does no harm.
func TestJournalForeign(t *testing.T) {
	for name, content := range map[string]string{
		"/j/.journal-1":                "",
		"/j/.journal-0000000000000002": "T\x00\x00\x00\x00",
		"/j/.journal-3":                strings.Repeat("\x00", 1<<14),
	} {
		m := new(disktest.Mem)
		m.Put(name, content)
		if _, _, err := disk.OpenJournal(m, disk.NewDirs(m), "/j"); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	m := new(disktest.Mem)
	m.Put("/j/.journal-1.new", "half a he")
	m.Put("/j/.journal-x", "another's")
	j, records := opened(t, m)
	if err := errors.Join(j.Close(), m.Remove("/j/.journal-x")); err != nil || len(records) != 0 || len(m.Names()) != 0 {
		t.Errorf("%v, %v, left %v", records, err, m.Names())
	}
}

// FuzzSegment: records are read back as they were written, whatever stood there
// before, and what is no segment is none.
func FuzzSegment(f *testing.F) {
	f.Add(disk.Segment(nil), "bob//1.M1.mx", []byte("hello"))
	f.Add(disk.Segment(nil, disk.Record{Name: "x"}, disk.Record{Name: "y", Octets: []byte("z")}, disk.Record{Name: "y", Gone: true}), "x", []byte{})
	f.Add([]byte{}, "", disk.Segment(nil, disk.Record{Name: "x"})[8<<10:])
	f.Fuzz(func(t *testing.T, stale []byte, name string, octets []byte) {
		if len(name) >= 1<<16 {
			return
		}
		if list, err := disk.ParseSegment(stale); err != nil && list != nil {
			t.Errorf("%v and %v", list, err)
		}
		want := []disk.Record{{Name: name, Octets: octets}, {Name: name, Gone: true}}
		b := disk.Segment(stale, want...)
		list, err := disk.ParseSegment(b)
		if err != nil || len(list) != 2 || list[0].Name != name || !bytes.Equal(list[0].Octets, octets) || !list[1].Gone {
			t.Errorf("%v: %v", list, err)
		}
		again := disk.Segment(b) // it is begun anew, and all of that is stale
		if list, err := disk.ParseSegment(again); err != nil || len(list) != 0 {
			t.Errorf("came back: %v, %v", list, err)
		}
	})
}
