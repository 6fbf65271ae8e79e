package disk

import (
	"bytes"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"path/filepath"
	"sync"
	"time"
)

// A segment is a file of a journal. It begins with two heads, behind which stand
// batches of records. When the files that they are about have been synced it is not
// removed, but used again: a head with another use makes all that stands there void,
// and the next batches are written over it. So the file does not grow, and a sync
// has nothing to bring to the disk but their octets.
//
// The heads take turns, so that a power cut while one is written leaves the other:
// until the new one is on the disk the old batches count, and do no harm.
type segment struct {
	name string
	file File
	head segmentHead

	size    int64 // octets of the batches of this use
	written int64 // octets of the file: within them, nothing grows
	begun   time.Time
	// torn tells that a write failed: nothing may stand behind what is half a batch.
	torn bool
	// placing is the puts whose files are not yet written.
	placing sync.WaitGroup
}

// A segmentHead is 8 octets that say what the file is, then its numbers and their
// CRC-32C (4 octets).
type segmentHead struct {
	turn uint64 // how often the file was begun anew; the larger one counts
	use  uint64 // chance; see sealBatch
}

const (
	segmentMagic = "mdjrnl2\n"

	headSize = len(segmentMagic) + 8 + 8 + 4
	// headRoom is what a disk writes at once at most: a head that is torn harms
	// nothing else.
	headRoom  = 4096
	batchesAt = 2 * headRoom

	firstSize = 16 << 10 // octets of a new segment
	growMost  = 1 << 20  // octets by which it grows at once
)

// errNoSegment tells that a file is not what its name says, or was damaged.
var errNoSegment = errors.New("is no journal of this version, or its disk is damaged; what it holds may be nowhere else (to go on without that, move it away)")

func (h segmentHead) octets() []byte {
	b := append(make([]byte, 0, headSize), segmentMagic...)
	b = binary.LittleEndian.AppendUint64(b, h.turn)
	b = binary.LittleEndian.AppendUint64(b, h.use)
	return binary.LittleEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

// at is where the head stands.
func (h segmentHead) at() int64 { return int64(h.turn%2) * headRoom }

// next is a head that makes void what stands behind this one.
func (h segmentHead) next() segmentHead {
	var use [8]byte
	_, _ = rand.Read(use[:]) // never fails
	return segmentHead{h.turn + 1, binary.LittleEndian.Uint64(use[:])}
}

func parseHead(b []byte) (h segmentHead, ok bool) {
	if len(b) < headSize || !bytes.HasPrefix(b, []byte(segmentMagic)) {
		return segmentHead{}, false
	}
	h.turn, h.use = binary.LittleEndian.Uint64(b[8:]), binary.LittleEndian.Uint64(b[16:])
	return h, binary.LittleEndian.Uint32(b[24:]) == crc32.Checksum(b[:24], castagnoli)
}

// parseSegment reads the records of a segment; number is that of its first batch, 0
// if there is none.
func parseSegment(b []byte) (list []Record, number uint64, err error) {
	if len(b) < batchesAt {
		return nil, 0, errNoSegment
	}
	head, ok := parseHead(b)
	other, also := parseHead(b[headRoom:])
	switch {
	case !ok && !also:
		return nil, 0, errNoSegment
	case !ok || also && other.turn > head.turn:
		head = other
	}
	list, number = parseBatches(b[batchesAt:], head.use)
	return list, number, nil
}

// newSegment makes a segment. Its name is on the disk when it returns; until then
// there is none, and so none without a head.
func (j *Journal) newSegment(number uint64) (*segment, error) {
	seg := &segment{name: filepath.Join(j.dir, fmt.Sprint(journalName, number)), head: segmentHead{}.next()}
	unnamed := seg.name + unnamedExt
	var err error
	if seg.file, err = j.fs.Create(unnamed); err != nil {
		return nil, err
	}
	content := make([]byte, firstSize)
	copy(content[seg.head.at():], seg.head.octets())
	if _, err = seg.file.WriteAt(content, 0); err == nil {
		err = seg.file.Sync()
	}
	if err == nil {
		err = j.fs.Rename(unnamed, seg.name)
	}
	if err == nil {
		err = j.dirs.Sync(j.dir)
	}
	if err != nil {
		return nil, errors.Join(err, seg.file.Close(), Gone(j.fs.Remove(unnamed)), Gone(j.fs.Remove(seg.name)))
	}
	seg.written = firstSize
	return seg, nil
}

// write brings a batch to the disk.
func (s *segment) write(batch []byte, number uint64) error {
	sealBatch(batch, s.head.use, number)
	at := batchesAt + s.size
	if _, err := s.file.WriteAt(batch, at); err != nil {
		return err
	}
	if end := at + int64(len(batch)); end > s.written {
		s.written = end
		s.grow()
	}
	return s.file.Sync()
}

// zeroes are what a segment grows by.
var zeroes [64 << 10]byte

// grow writes ahead, so that the next batches do not each make the file longer. A
// small journal stays small. Whether it succeeds does not matter: then they do.
func (s *segment) grow() {
	for end := s.written + min(s.written, growMost); s.written < end; {
		n, err := s.file.WriteAt(zeroes[:min(end-s.written, int64(len(zeroes)))], s.written)
		if s.written += int64(n); err != nil {
			return
		}
	}
}

// renew makes a segment void, for good, and ready to be used again.
func (s *segment) renew() error {
	head := s.head.next()
	_, err := s.file.WriteAt(head.octets(), head.at())
	if err == nil {
		err = s.file.Sync()
	}
	if err == nil {
		s.head, s.size = head, 0
	}
	return err
}
