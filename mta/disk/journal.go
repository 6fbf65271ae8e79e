package disk

import (
	"errors"
	"fmt"
	"sync"
	"time"
)

// A Journal has many small files share one sync. What is to be in them is written
// into the journal, one behind the other, and synced; then the files are written,
// and the system brings them to the disk when it likes. A while later one call syncs
// all of them, and the journal is written over. What it holds when it is opened its
// owner brings to the files again: a crash, or a power cut, came between.
//
// It has two segments, of which one is written while the files of the other are
// synced, and more only if its disk fails. Closing it removes them.
//
// Its methods may be called at the same time.
type Journal struct {
	// Trouble is told when the disk does not take the files, and the journal is not
	// emptied any more; nil: nobody is. It is set before Start.
	Trouble func(error)
	// Size is the octets after which the files are synced, if that is not due already;
	// 0: 8 MiB. It is set before Start.
	Size int64

	fs   FS
	dir  string
	dirs *Dirs
	vol  Volume
	left []string // segments that were there when it was opened, the oldest first

	wake, ended chan struct{} // the latter is closed when run has returned
	number      uint64        // of the last batch; run's own
	made        uint64        // number of the last segment; run's own

	mu      sync.Mutex
	most    int64  // octets of a segment; then nothing more is put in
	next    *batch // that takes whoever comes now
	spare   []byte // for the next batch
	now     *segment
	older   *segment      // whose files are being synced
	free    []*segment    // void, and ready to be used
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
	octets []byte // as in the segment; see batchHead
	puts   int    // how many wait
	seg    *segment
	done   chan struct{}
	err    error
}

const (
	journalName = ".journal-" // and a number
	unnamedExt  = ".new"      // while it is made

	segmentAge  = 5 * time.Second // then its files are synced
	segmentSize = 8 << 20         // see Journal.Size
	segmentMost = 32 << 20        // see Journal.most
	batchMost   = 2 << 20         // octets that wait
	keptMost    = 128 << 20       // octets of a journal that is stuck
)

// ErrNoJournal tells that a journal does not take something: there is no room, it
// was closed, or its disk failed and nobody wanted to wait. Whoever wants it safe has
// to sync the file itself.
var ErrNoJournal = errors.New("not by the journal")

// Holds reports whether a directory is on the file system that the journal syncs.
func (j *Journal) Holds(dir string) (bool, error) { return j.vol.Holds(dir) }

// Put writes records, and returns when they outlive a power cut. The caller then
// does to the files what they say, and calls placed. If there is no room it waits
// for some, or else fails with ErrNoJournal: then no earlier record may be about the
// files. After another error nobody knows whether the records are in the journal.
func (j *Journal) Put(wait bool, records ...Record) (placed func(), err error) {
	on, err := j.Queue(wait, records...)
	if err != nil {
		return nil, err
	}
	return on.Wait()
}

// A Queued is records on their way to the disk.
type Queued struct{ batch *batch }

// Wait is the rest of Put. It must be called.
func (q Queued) Wait() (placed func(), err error) {
	<-q.batch.done
	if q.batch.err != nil {
		return nil, q.batch.err
	}
	return q.batch.seg.placing.Done, nil
}

// Queue is Put up to where it waits for the disk. Its error is that of Put. Until
// Wait has returned the caller may make the files, but not give them their names.
func (j *Journal) Queue(wait bool, records ...Record) (Queued, error) {
	size := 0
	for _, r := range records {
		size += r.size()
	}
	j.mu.Lock()
	for j.stuck == nil && !j.closing && j.full(size) {
		if !wait || size > batchMost {
			j.mu.Unlock()
			return Queued{}, ErrNoJournal
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
		return Queued{}, ErrNoJournal
	}
	if j.stuck != nil && j.kept+int64(size) > keptMost {
		err := fmt.Errorf("the journal is full and cannot be emptied: %w", j.stuck)
		j.mu.Unlock()
		return Queued{}, err
	}
	b := j.queue()
	for _, r := range records {
		b.octets = r.append(b.octets)
	}
	b.puts++
	j.mu.Unlock()
	j.wakeUp()
	return Queued{b}, nil
}

// full reports whether there is no room for that many octets.
func (j *Journal) full(size int) bool {
	return j.now != nil && j.now.size > j.most || j.next != nil && len(j.next.octets)+size > batchMost || size > batchMost
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
			b.octets = r.append(b.octets)
		}
	}
}

// queue is the batch that takes whoever comes now.
func (j *Journal) queue() *batch {
	if j.next == nil {
		j.next = &batch{octets: append(j.spare[:0], make([]byte, batchHead)...), done: make(chan struct{})}
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
		j.number++
		b.err = seg.write(b.octets, j.number)
		j.written(b, seg)
	}
	close(b.done)
}

func (j *Journal) written(b *batch, seg *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b.seg = seg; b.err == nil {
		seg.placing.Add(b.puts)
		seg.size += int64(len(b.octets))
		if j.stuck != nil {
			j.kept += int64(len(b.octets))
		}
	} else {
		seg.torn = true // whether it is on the disk nobody knows
	}
	if j.spare == nil && cap(b.octets) <= batchMost {
		j.spare = b.octets
	}
}

// segment is the one to write to.
func (j *Journal) segment() (seg *segment, err error) {
	j.mu.Lock()
	seg = j.now
	if seg == nil && len(j.free) > 0 {
		seg, j.free = j.free[0], j.free[1:]
	}
	j.mu.Unlock()
	if seg == nil {
		j.made++
		if seg, err = j.newSegment(j.made); err != nil {
			return nil, err
		}
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.now == nil {
		j.now, seg.begun = seg, time.Now()
	}
	return seg, nil
}

// turn begins a new segment if it is time, and has the files of the old one synced,
// unless the journal is stuck.
func (j *Journal) turn() {
	j.mu.Lock()
	seg := j.now
	if j.stuck != nil {
		if seg != nil && (seg.torn || seg.size >= j.Size) {
			_ = seg.file.Close() // what was put into it was synced
			j.now = nil
		}
		j.mu.Unlock()
		return
	}
	due := seg != nil && j.older == nil && (j.closing || seg.torn || seg.size >= j.Size || time.Since(seg.begun) >= segmentAge)
	if due {
		j.older, j.now = seg, nil
	}
	j.mu.Unlock()
	if !due {
		return
	}
	go j.settle(seg)
}

// settle syncs the files of a segment, and then does away with what it holds.
func (j *Journal) settle(seg *segment) {
	seg.placing.Wait()
	err := j.vol.Sync()
	switch {
	case err != nil:
	case seg.torn: // its place on the disk may be bad
		err = j.remove(seg)
	default:
		err = seg.renew()
	}
	j.mu.Lock()
	if j.older = nil; err != nil {
		// What is in the segment may be nowhere else: it stays for the next time.
		err = fmt.Errorf("%s stays, as its files could not be synced: %w", seg.name, err)
		j.stuck, j.kept = err, j.kept+seg.size
		if j.now != nil {
			j.kept += j.now.size
		}
		_ = seg.file.Close()
	} else if !seg.torn {
		j.free = append(j.free, seg)
	}
	j.mu.Unlock()
	if err != nil && j.Trouble != nil {
		j.Trouble(err)
	}
	j.wakeUp()
}

// remove removes segments, for good.
func (j *Journal) remove(segs ...*segment) (err error) {
	for _, seg := range segs {
		err = errors.Join(err, seg.file.Close(), j.fs.Remove(seg.name))
	}
	return errors.Join(err, j.dirs.Sync(j.dir))
}

// Close syncs the files, and ends and removes the journal. An error tells that some
// of them may be safe in the journal only, until it is opened again.
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
	if len(j.free) > 0 {
		err = errors.Join(err, j.remove(j.free...))
	}
	return errors.Join(j.stuck, err, j.vol.Close())
}
