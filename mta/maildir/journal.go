package maildir

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// A journal has many deliveries share one sync. What is delivered is written into
// it, one behind the other, and synced; the file in the mailbox is written too, and
// the system brings it to the disk when it likes. A while later one call syncs all
// that, and the journal begins anew. After a power cut, or a crash, the next Begin
// writes again what is in the journal and not in the mailboxes.
type journal struct {
	fs   disk.FS
	dir  string
	dirs *disk.Dirs
	vol  disk.Volume
	lock io.Closer
	most int64 // octets of a segment; then deliveries go without the journal

	wake, ended chan struct{} // the latter is closed when run has returned
	number      uint64        // of the last segment; run's own

	mu      sync.Mutex
	next    *batch // that takes whoever comes now
	spare   []byte // for the next batch
	now     *segment
	older   *segment // whose messages are being synced
	closing bool
	broken  error // the journal is no longer used; what is in it stays
}

// A batch is deliveries that wait for one sync.
type batch struct {
	records []byte
	names   []record // of the deliveries, without octets
	seg     *segment
	done    chan struct{}
	err     error
}

// A segment is a file of a journal.
type segment struct {
	name  string
	file  disk.File
	size  int64
	begun time.Time
	// torn tells that a write failed: nothing may stand behind what is half a record.
	torn bool
	// placing is the deliveries that are in the segment and not yet under their name.
	placing sync.WaitGroup
}

const (
	journalName = ".journal-" // and a number
	lockName    = ".journal.lock"

	segmentAge  = 5 * time.Second // then its messages are synced
	segmentSize = 8 << 20         // octets; then, too
	segmentMost = 32 << 20        // see journal.most
	batchMost   = 2 << 20         // octets that wait
)

// errDirect tells that a delivery has to sync its own file.
var errDirect = errors.New("not by the journal")

// put writes a record of a delivery, and returns when it outlives a power cut. The
// caller brings the message to its name, and then calls placed.
func (j *journal) put(r record) (placed func(), err error) {
	j.mu.Lock()
	if j.broken != nil || j.closing || j.now != nil && j.now.size > j.most || j.next != nil && len(j.next.records)+r.size() > batchMost {
		j.mu.Unlock()
		return nil, errDirect
	}
	b := j.queue()
	b.records = r.append(b.records)
	r.octets = nil
	b.names = append(b.names, r)
	j.mu.Unlock()
	j.wakeUp()
	<-b.done
	if b.err != nil {
		return nil, b.err
	}
	return b.seg.placing.Done, nil
}

// queue is the batch that takes whoever comes now.
func (j *journal) queue() *batch {
	if j.next == nil {
		j.next = &batch{records: j.spare[:0], done: make(chan struct{})}
		j.spare = nil
	}
	return j.next
}

// remove notes that a message is gone again, so that it does not come back. It does
// not wait until that is on the disk, and if there is no room it is not noted.
func (j *journal) remove(r record) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.broken != nil || j.closing || j.now == nil && j.older == nil {
		return // it is in no segment
	}
	if b := j.queue(); len(b.records) < batchMost && (j.now == nil || j.now.size <= j.most) {
		b.records = r.append(b.records)
	}
}

func (j *journal) wakeUp() {
	select {
	case j.wake <- struct{}{}:
	default:
	}
}

// run writes batches and syncs segments until the journal is closed.
func (j *journal) run() {
	defer close(j.ended)
	timer := time.NewTimer(segmentAge)
	defer timer.Stop()
	for {
		select {
		case <-j.wake:
		case <-timer.C:
		}
		j.mu.Lock()
		b := j.next
		j.next = nil
		j.mu.Unlock()
		if b != nil {
			j.write(b)
		}
		j.turn()
		j.mu.Lock()
		idle := j.next == nil && j.older == nil && (j.now == nil || j.broken != nil)
		over := j.closing && idle
		j.mu.Unlock()
		if over {
			return
		}
		if timer.Stop(); !idle {
			timer.Reset(segmentAge)
		}
	}
}

// write brings a batch to the disk, and tells those who wait for it.
func (j *journal) write(b *batch) {
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

func (j *journal) written(b *batch, seg *segment) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if b.seg = seg; b.err == nil {
		seg.placing.Add(len(b.names))
		seg.size += int64(len(b.records))
	} else {
		// Whether it is on the disk nobody knows. The next segment says that it does not
		// count.
		seg.torn = true
		undo := j.queue()
		for _, r := range b.names {
			r.kind = removed
			undo.records = r.append(undo.records)
		}
		j.wakeUp()
	}
	if j.spare == nil && cap(b.records) <= batchMost {
		j.spare = b.records
	}
}

// segment is the one to write to.
func (j *journal) segment() (*segment, error) {
	j.mu.Lock()
	seg := j.now
	j.mu.Unlock()
	switch {
	case seg != nil && seg.torn: // and the one before it is not yet done with
		return nil, errDirect
	case seg != nil:
		return seg, nil
	}
	j.number++
	seg = &segment{name: filepath.Join(j.dir, journalName+fmt.Sprintf("%016d", j.number)), begun: time.Now()}
	var err error
	if seg.file, err = j.fs.Create(seg.name); err != nil {
		return nil, err
	}
	if err := j.dirs.Sync(j.dir); err != nil {
		return nil, errors.Join(err, seg.file.Close(), disk.Gone(j.fs.Remove(seg.name)))
	}
	j.mu.Lock()
	j.now = seg
	j.mu.Unlock()
	return seg, nil
}

// turn begins a new segment if it is time, and has the messages of the old one
// synced.
func (j *journal) turn() {
	j.mu.Lock()
	seg := j.now
	due := seg != nil && j.older == nil && j.broken == nil && (j.closing || seg.torn || seg.size >= segmentSize || time.Since(seg.begun) >= segmentAge)
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
			// What is in the segment may be nowhere else: it stays for the next Begin.
			j.broken = fmt.Errorf("%s: %w", seg.name, err)
		}
		j.mu.Unlock()
		j.wakeUp()
	}()
}

// close syncs what was delivered and ends the journal.
func (j *journal) close() error {
	j.mu.Lock()
	j.closing = true
	j.mu.Unlock()
	j.wakeUp()
	<-j.ended
	var err error
	if j.now != nil { // it is broken
		err = j.now.file.Close()
	}
	return errors.Join(j.broken, err, j.vol.Close(), j.lock.Close())
}

// segments is the segments in a directory, in order.
func segments(d disk.FS, dir string) (names []string, last uint64, err error) {
	entries, err := d.ReadDir(dir)
	for _, e := range entries {
		digits, ok := strings.CutPrefix(e.Name, journalName)
		number, failed := strconv.ParseUint(digits, 10, 64)
		if ok && failed == nil && !e.Dir {
			names = append(names, filepath.Join(dir, e.Name))
			last = max(last, number)
		}
	}
	return names, last, err
}
