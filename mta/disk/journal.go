package disk

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// A Journal has many small files share one sync. What is to be in them is written
// into the journal, one behind the other, and synced; then the files are written,
// and the system brings them to the disk when it likes. A while later one call syncs
// all of them, and the journal begins anew. What it holds when it is opened its
// owner brings to the files again: a crash, or a power cut, came between.
//
// Its methods may be called at the same time.
type Journal struct {
	// Trouble is told when the disk does not take the files, and the journal is not
	// emptied any more; nil: nobody is. It is set before Start.
	Trouble func(error)

	fs   FS
	dir  string
	dirs *Dirs
	vol  Volume
	left []string // segments that were there when it was opened

	wake, ended chan struct{} // the latter is closed when run has returned
	number      uint64        // of the last segment; run's own

	mu      sync.Mutex
	most    int64  // octets of a segment; then nothing more is put in
	next    *batch // that takes whoever comes now
	spare   []byte // for the next batch
	now     *segment
	older   *segment      // whose files are being synced
	room    chan struct{} // closed when there may be room again; nil: nobody waits
	closing bool
	// stuck tells that files could not be synced. What is in the journal stays there
	// for the next start, which brings it to the files: so all changes of a file that
	// it is about have to go on to go through it.
	stuck error
	kept  int64 // octets of segments that stay
}

// A batch is records that wait for one sync.
type batch struct {
	records []byte
	puts    int // how many wait
	seg     *segment
	done    chan struct{}
	err     error
}

// A segment is a file of a journal.
type segment struct {
	name  string
	file  File
	size  int64
	begun time.Time
	// torn tells that a write failed: nothing may stand behind what is half a record.
	torn bool
	// placing is the puts whose files are not yet written.
	placing sync.WaitGroup
}

const (
	journalName = ".journal-" // and a number

	segmentAge  = 5 * time.Second // then its files are synced
	segmentSize = 8 << 20         // octets; then, too
	segmentMost = 32 << 20        // see Journal.most
	batchMost   = 2 << 20         // octets that wait
	keptMost    = 128 << 20       // octets of a journal that is stuck
)

// ErrNoJournal tells that a journal does not take something: there is no room, it
// was closed, or its disk failed and nobody wanted to wait. Whoever wants it safe has
// to sync the file itself.
var ErrNoJournal = errors.New("not by the journal")

// OpenJournal opens the journal in a directory, which its owner has locked, and
// returns what is in it, the oldest first: of two records of one file the later one
// counts. It is used after Start. Where the system cannot sync a file system the
// error is errors.ErrUnsupported.
func OpenJournal(fs FS, dirs *Dirs, dir string) (*Journal, []Record, error) {
	volumes, ok := fs.(Volumes)
	if !ok {
		return nil, nil, errors.ErrUnsupported
	}
	vol, err := volumes.Volume(dir)
	if err != nil {
		return nil, nil, err
	}
	j := &Journal{fs: fs, dir: dir, dirs: dirs, vol: vol, most: segmentMost, wake: make(chan struct{}, 1), ended: make(chan struct{})}
	records, err := j.read()
	if err != nil {
		return nil, nil, errors.Join(fmt.Errorf("journal: %w", err), vol.Close())
	}
	return j, records, nil
}

// read reads the segments of the directory.
func (j *Journal) read() (all []Record, err error) {
	entries, err := j.fs.ReadDir(j.dir)
	if err != nil {
		return nil, err
	}
	for _, e := range entries { // by name, and so by age
		digits, ok := strings.CutPrefix(e.Name, journalName)
		number, failed := strconv.ParseUint(digits, 10, 64)
		if !ok || failed != nil || e.Dir {
			continue
		}
		name := filepath.Join(j.dir, e.Name)
		octets, err := ReadFile(j.fs, name, segmentMost+3*batchMost)
		if err != nil {
			return nil, err
		}
		all = append(all, parseRecords(octets)...)
		j.left, j.number = append(j.left, name), max(j.number, number)
	}
	return all, nil
}

// Start begins to take records. Its owner has brought to the files what was there
// before; now it need not be kept any longer.
func (j *Journal) Start() error {
	if len(j.left) > 0 { // what was whole already needed not be on the disk
		err := j.vol.Sync()
		for _, name := range j.left {
			if err == nil {
				err = j.fs.Remove(name)
			}
		}
		if err == nil {
			err = j.dirs.Sync(j.dir)
		}
		if err != nil {
			return fmt.Errorf("journal: %w", err)
		}
		j.left = nil
	}
	go j.run()
	return nil
}

// Abandon gives up a journal that was not started. It stays as it was.
func (j *Journal) Abandon() error { return j.vol.Close() }

// Holds reports whether a directory is on the file system that the journal syncs.
func (j *Journal) Holds(dir string) (bool, error) { return j.vol.Holds(dir) }

// Put writes records, and returns when they outlive a power cut. The caller then
// does to the files what they say, and calls placed. If there is no room it waits
// for some, or else fails with ErrNoJournal: then no earlier record may be about the
// files. After another error nobody knows whether the records are in the journal.
func (j *Journal) Put(wait bool, records ...Record) (placed func(), err error) {
	size := 0
	for _, r := range records {
		size += r.size()
	}
	j.mu.Lock()
	for j.stuck == nil && !j.closing && j.full(size) {
		if !wait || size > batchMost {
			j.mu.Unlock()
			return nil, ErrNoJournal
		}
		if j.room == nil {
			j.room = make(chan struct{})
		}
		room := j.room
		j.mu.Unlock()
		<-room
		j.mu.Lock()
	}
	if j.closing || j.stuck != nil && !wait {
		j.mu.Unlock()
		return nil, ErrNoJournal
	}
	if j.stuck != nil && j.kept+int64(size) > keptMost {
		err := fmt.Errorf("the journal is full and cannot be emptied: %w", j.stuck)
		j.mu.Unlock()
		return nil, err
	}
	b := j.queue()
	for _, r := range records {
		b.records = r.append(b.records)
	}
	b.puts++
	j.mu.Unlock()
	j.wakeUp()
	<-b.done
	if b.err != nil {
		return nil, b.err
	}
	return b.seg.placing.Done, nil
}

// full reports whether there is no room for that many octets.
func (j *Journal) full(size int) bool {
	return j.now != nil && j.now.size > j.most || j.next != nil && len(j.next.records)+size > batchMost || size > batchMost
}

// Note writes records that need not be safe at once. Where there is no room, they
// are not written.
func (j *Journal) Note(records ...Record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.closing || j.stuck == nil && j.now == nil && j.older == nil {
		return // no earlier record is about the file
	}
	for _, r := range records {
		if !j.full(r.size()) && j.kept+int64(r.size()) <= keptMost {
			b := j.queue()
			b.records = r.append(b.records)
		}
	}
}

// queue is the batch that takes whoever comes now.
func (j *Journal) queue() *batch {
	if j.next == nil {
		j.next = &batch{records: j.spare[:0], done: make(chan struct{})}
		j.spare = nil
	}
	return j.next
}

func (j *Journal) wakeUp() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// run writes batches and syncs segments until the journal is closed.
func (j *Journal) run() {
	defer close(j.ended)
	timer := time.NewTimer(segmentAge)
	defer timer.Stop()
	for {
		select {
		case <-j.wake:
		case <-timer.C:
		}
		j.turn()
		if b := j.take(); b != nil {
			j.write(b)
		}
		j.turn()
		j.mu.Lock()
		idle := j.next == nil && j.older == nil && (j.now == nil || j.stuck != nil)
		over := j.closing && idle
		if j.room != nil {
			close(j.room)
			j.room = nil
		}
		j.mu.Unlock()
		if over {
			return
		}
		if timer.Stop(); !idle {
			timer.Reset(segmentAge)
		}
	}
}

// take is the batch to write; nil if there is none, or if it has to wait: behind a
// record that is perhaps torn nothing is written, and there is no third segment.
func (j *Journal) take() *batch {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.now != nil && j.now.torn {
		return nil
	}
	b := j.next
	j.next = nil
	return b
}

// write brings a batch to the disk, and tells those who wait for it.
func (j *Journal) write(b *batch) {
	var seg *segment
	if seg, b.err = j.segment(); b.err == nil {
		_, b.err = seg.file.Write(b.records)
		if b.err == nil {
			b.err = seg.file.Sync()
		}
		j.written(b, seg)
	}
	close(b.done)
}

func (j *Journal) written(b *batch, seg *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b.seg = seg; b.err == nil {
		seg.placing.Add(b.puts)
		seg.size += int64(len(b.records))
		if j.stuck != nil {
			j.kept += int64(len(b.records))
		}
	} else {
		seg.torn = true // whether it is on the disk nobody knows
	}
	if j.spare == nil && cap(b.records) <= batchMost {
		j.spare = b.records
	}
}

// segment is the one to write to.
func (j *Journal) segment() (*segment, error) {
	j.mu.Lock()
	seg := j.now
	j.mu.Unlock()
	if seg != nil {
		return seg, nil
	}
	j.number++
	seg = &segment{name: filepath.Join(j.dir, journalName+fmt.Sprintf("%016d", j.number)), begun: time.Now()}
	var err error
	if seg.file, err = j.fs.Create(seg.name); err != nil {
		return nil, err
	}
	if err := j.dirs.Sync(j.dir); err != nil {
		return nil, errors.Join(err, seg.file.Close(), Gone(j.fs.Remove(seg.name)))
	}
	j.mu.Lock()
	j.now = seg
	j.mu.Unlock()
	return seg, nil
}

// turn begins a new segment if it is time, and has the files of the old one synced,
// unless the journal is stuck.
func (j *Journal) turn() {
	j.mu.Lock()
	seg := j.now
	if j.stuck != nil {
		if seg != nil && (seg.torn || seg.size >= segmentSize) {
			_ = seg.file.Close() // what was put into it was synced
			j.now = nil
		}
		j.mu.Unlock()
		return
	}
	due := seg != nil && j.older == nil && (j.closing || seg.torn || seg.size >= segmentSize || time.Since(seg.begun) >= segmentAge)
	if due {
		j.older, j.now = seg, nil
	}
	j.mu.Unlock()
	if !due {
		return
	}
	err := seg.file.Close()
	go func() {
		seg.placing.Wait()
		if err == nil {
			err = j.vol.Sync()
		}
		if err == nil {
			err = errors.Join(j.fs.Remove(seg.name), j.dirs.Sync(j.dir))
		}
		j.mu.Lock()
		if j.older = nil; err != nil {
			// What is in the segment may be nowhere else: it stays for the next time.
			err = fmt.Errorf("%s stays, as its files could not be synced: %w", seg.name, err)
			j.stuck, j.kept = err, j.kept+seg.size
			if j.now != nil {
				j.kept += j.now.size
			}
		}
		j.mu.Unlock()
		if err != nil && j.Trouble != nil {
			j.Trouble(err)
		}
		j.wakeUp()
	}()
}

// Close syncs the files and ends the journal. An error tells that some of them are
// safe in the journal only, until it is opened again.
func (j *Journal) Close() error {
	j.mu.Lock()
	j.closing = true
	j.mu.Unlock()
	j.wakeUp()
	<-j.ended
	var err error
	if j.now != nil { // it is stuck
		err = j.now.file.Close()
	}
	return errors.Join(j.stuck, err, j.vol.Close())
}
