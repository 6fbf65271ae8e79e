// Package spool keeps accepted mail until it is delivered, whatever happens in
// between: a crash, a power cut, a full or failing disk.
//
// An entry is two files, ID.eml with the octets as they were given, which are never
// rewritten, and ID.env.json with the Envelope, which is replaced at once or not at
// all. The envelope's coming to its name is the commit: a message without one was
// never accepted, and is removed at the next start. What is broken is moved to
// bad/ with a note, never deleted. All is for the owner alone: files have mode 0600,
// directories 0700. A lock keeps a second process out.
//
// It knows files only. When and where to deliver is the queue's to say.
package spool

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/maildoctor/maildoctor/mta/disk"
)

// ErrFull tells that there is no room for a message now: too many, too many
// octets, or too little free disk. SMTP has 452 4.3.1 for it (RFC 3463, 3.4).
var ErrFull = errors.New("the spool is full")

// ErrNone tells that there is no such entry.
var ErrNone = errors.New("no such message in the spool")

// Options bound a spool. The zero value is meant for use.
type Options struct {
	FS          disk.FS // nil: that of the machine
	MaxMessages int     // 0: 20,000
	MaxBytes    int64   // of all messages; 0: 8 GiB
	MinFree     uint64  // octets that stay free on the disk; 0: 256 MiB
	// Journal has entries share their syncs by a journal in the directory: accepting
	// one costs a part of a sync, and is as safe. For a server; what somebody does now
	// and then is quicker without.
	Journal bool
	// JournalSize is the octets of the journal after which the files are synced, if that
	// is not due already; 0: 8 MiB.
	JournalSize int64
	// Trouble is told when the disk fails the journal: what was accepted is safe in it,
	// and the next start needs it. nil: nobody is.
	Trouble func(error)
}

func (o Options) withDefaults() Options {
	if o.FS == nil {
		o.FS = disk.OS{}
	}
	if o.MaxMessages == 0 {
		o.MaxMessages = 20_000
	}
	if o.MaxBytes == 0 {
		o.MaxBytes = 8 << 30
	}
	if o.MinFree == 0 {
		o.MinFree = 256 << 20
	}
	return o
}

// A Spool is a directory of messages. Its methods may be called at the same time,
// but not two of them for one ID.
type Spool struct {
	dir   string
	fs    disk.FS
	opts  Options
	lock  io.Closer
	names *disk.Dirs // makes the names in dir outlive a power cut

	journal *disk.Journal // nil: each file is synced by itself

	committing atomic.Int32 // drafts that are being synced

	mu    sync.Mutex
	sizes map[string]int64 // octets of each entry, and of each draft
	bytes int64            // their sum
}

// Open opens the spool in dir, which is made if it is not there, and says what it
// found. It fails with a *disk.LockedError if another process has it open.
func Open(dir string, o Options) (*Spool, Found, error) {
	o = o.withDefaults()
	s := &Spool{dir: dir, fs: o.FS, opts: o, names: disk.NewDirs(o.FS), sizes: map[string]int64{}}
	found, err := s.open()
	if err != nil {
		return nil, Found{}, fmt.Errorf("spool %s: %w", dir, err)
	}
	return s, found, nil
}

func (s *Spool) open() (Found, error) {
	if err := s.fs.Mkdir(filepath.Join(s.dir, badDir)); err != nil {
		return Found{}, err
	}
	if err := s.fs.SyncDir(s.dir); err != nil { // bad/ itself
		return Found{}, err
	}
	lock, err := s.fs.Lock(s.path(lockName))
	if err != nil {
		return Found{}, err
	}
	s.lock = lock
	if err := s.openJournal(); err != nil {
		return Found{}, errors.Join(err, lock.Close())
	}
	found, err := s.load()
	if err != nil {
		return Found{}, errors.Join(err, s.Close())
	}
	return found, nil
}

// Close lets another process open the spool. What was accepted is safe without it.
func (s *Spool) Close() error {
	var err error
	if s.journal != nil {
		err = s.journal.Close()
	}
	return errors.Join(err, s.lock.Close())
}

func (s *Spool) path(name string) string { return filepath.Join(s.dir, name) }

// Usage is the number of messages and their octets, those being written too.
func (s *Spool) Usage() (messages int, octets int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.sizes), s.bytes
}

// Open opens a message for reading.
func (s *Spool) Open(id string) (io.ReadSeekCloser, error) {
	if !isID(id) {
		return nil, fmt.Errorf("%q: %w", id, ErrNone)
	}
	return s.fs.Open(s.path(id + messageExt))
}

// Update replaces the envelope of an entry. When it returns nil the new one
// outlives a power cut; after an error it is the old or the new one.
func (s *Spool) Update(e Envelope) error {
	if !s.has(e.ID) {
		return fmt.Errorf("%q: %w", e.ID, ErrNone)
	}
	if err := s.update(e); err != nil {
		return fmt.Errorf("envelope of %s: %w", e.ID, asFull(err))
	}
	return nil
}

func (s *Spool) update(e Envelope) error {
	text, err := encode(e)
	if err != nil {
		return err
	}
	done, err := s.inJournal(func() error { return s.rewrite(e.ID, text) }, disk.Record{Name: e.ID + envelopeExt, Octets: text})
	if done {
		return err
	}
	if err := s.writeEnvelope(e); err != nil {
		return err
	}
	if err := s.placeEnvelope(e.ID); err != nil {
		return err
	}
	return s.names.Sync(s.dir)
}

// writeEnvelope writes an envelope that has not come to its name. When it fails
// there is none.
func (s *Spool) writeEnvelope(e Envelope) error {
	text, err := encode(e)
	if err != nil {
		return err
	}
	name := s.path(e.ID + envelopeExt + newExt)
	err = disk.Write(s.fs, name, text)
	if errors.Is(err, fs.ErrExist) { // an earlier try failed, and could not undo it
		if err = s.fs.Remove(name); err == nil {
			err = disk.Write(s.fs, name, text)
		}
	}
	return err
}

// placeEnvelope brings to its name what writeEnvelope wrote.
func (s *Spool) placeEnvelope(id string) error {
	name := s.path(id + envelopeExt)
	if err := s.fs.Rename(name+newExt, name); err != nil {
		return errors.Join(err, disk.Gone(s.fs.Remove(name+newExt)))
	}
	return nil
}

// Remove removes an entry. The envelope goes first, for good, and then the message:
// a power cut in between leaves what load takes for never accepted. After an error
// the entry, or some of it, may be there still, and can be removed again.
func (s *Spool) Remove(id string) error {
	if !s.has(id) {
		return fmt.Errorf("%q: %w", id, ErrNone)
	}
	if err := s.remove(id); err != nil {
		return fmt.Errorf("removing %s: %w", id, err)
	}
	s.forget(id)
	return nil
}

func (s *Spool) remove(id string) error {
	both := func() error {
		if err := disk.Gone(s.fs.Remove(s.path(id + envelopeExt))); err != nil {
			return err
		}
		return disk.Gone(s.fs.Remove(s.path(id + messageExt)))
	}
	if done, err := s.inJournal(both, goneRecords(id)...); done {
		return err
	}
	if err := disk.Gone(s.fs.Remove(s.path(id + envelopeExt))); err != nil {
		return err
	}
	if err := s.names.Sync(s.dir); err != nil {
		return err
	}
	return disk.Gone(s.fs.Remove(s.path(id + messageExt)))
}

func (s *Spool) has(id string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.sizes[id]
	return ok
}

func (s *Spool) forget(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.bytes -= s.sizes[id]
	delete(s.sizes, id)
}

// asFull has a full disk be a full spool.
func asFull(err error) error {
	if disk.IsFull(err) {
		return errors.Join(ErrFull, err)
	}
	return err
}
